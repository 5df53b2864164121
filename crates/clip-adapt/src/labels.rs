//! Labels, their prompts, and the features of their texts, computed once for each label set.

use burn::tensor::Tensor;
use clip_model::clip::{Clip, normalise};
use clip_model::config::TEXTS_AT_ONCE;
use clip_model::lora::Adapter;
use clip_model::tokenizer::Tokenizer;

use crate::error::{Error, Result};
use crate::report::Warning;

/// Labels whose texts are encoded at a time.
pub(crate) const CHUNK_LABELS: usize = TEXTS_AT_ONCE;
/// Where a template takes the label.
const PLACE: &str = "{}";

/// Checked labels and their prompts, as token ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompts {
    /// The labels, without surrounding white space.
    pub labels: Vec<String>,
    /// The template, in which `{}` stands for the label.
    pub template: String,
    /// The token ids of each prompt.
    pub ids: Vec<Vec<u32>>,
    /// One for each label whose prompt had to be cut.
    pub warnings: Vec<Warning>,
}

impl Prompts {
    /// Checks the labels, and makes them into token ids.
    ///
    /// # Errors
    /// [`Error::LabelsNone`], [`Error::LabelEmpty`], [`Error::LabelDuplicate`], [`Error::TemplateInvalid`].
    pub fn new(labels: &[String], template: &str, tokenizer: &Tokenizer, context_length: usize) -> Result<Self> {
        let labels = check(labels)?;
        if !template.contains(PLACE) {
            return Err(Error::TemplateInvalid {
                template: template.to_owned(),
            });
        }
        let mut ids = Vec::with_capacity(labels.len());
        let mut warnings = Vec::new();
        for label in &labels {
            let tokens = tokenizer.encode(&template.replace(PLACE, label), context_length);
            if tokens.truncated {
                warnings.push(Warning {
                    code: "label-cut".to_owned(),
                    message: format!(
                        "\"{label}\" is longer than the {context_length} tokens that the model reads: its end was cut off"
                    ),
                });
            }
            ids.push(tokens.ids);
        }
        Ok(Self {
            labels,
            template: template.to_owned(),
            ids,
            warnings,
        })
    }
}

fn check(labels: &[String]) -> Result<Vec<String>> {
    if labels.is_empty() {
        return Err(Error::LabelsNone);
    }
    let mut seen = std::collections::HashMap::with_capacity(labels.len());
    let mut checked = Vec::with_capacity(labels.len());
    for (index, label) in labels.iter().enumerate() {
        let label = label.trim();
        let position = index + 1;
        if label.is_empty() {
            return Err(Error::LabelEmpty { position });
        }
        if let Some(first) = seen.insert(label, position) {
            return Err(Error::LabelDuplicate {
                label: label.to_owned(),
                first,
                second: position,
            });
        }
        checked.push(label.to_owned());
    }
    Ok(checked)
}

/// Encodes the prompts of a label set, a chunk at a time.
pub struct TextEncoder {
    prompts: Prompts,
    features: Vec<Tensor<2>>,
    done: usize,
}

/// A label set whose text features are there.
#[derive(Debug, Clone)]
pub struct LabelSet {
    /// Labels and prompts.
    pub prompts: Prompts,
    /// `[labels, projection]`, normalised.
    pub features: Tensor<2>,
}

impl TextEncoder {
    /// An encoder that has encoded nothing yet.
    #[must_use]
    pub fn new(prompts: Prompts) -> Self {
        Self {
            prompts,
            features: Vec::new(),
            done: 0,
        }
    }

    /// How many labels are encoded, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.prompts.ids.len())
    }

    /// Encodes the next chunk, through adapters where there are some.
    ///
    /// # Errors
    /// Those of [`clip_model::text::TextTower::forward`].
    pub fn advance(&mut self, clip: &Clip, adapter: Option<&Adapter>) -> Result<()> {
        let rest = self.prompts.ids.get(self.done..).unwrap_or_default();
        let chunk = rest.get(..CHUNK_LABELS).unwrap_or(rest);
        if !chunk.is_empty() {
            let features = match adapter {
                Some(adapter) => clip.text.forward_adapted(chunk, adapter)?,
                None => clip.text.forward(chunk)?,
            };
            self.features.push(normalise(features));
            self.done += chunk.len();
        }
        Ok(())
    }

    /// What it encodes.
    #[must_use]
    pub fn prompts(&self) -> &Prompts {
        &self.prompts
    }

    /// The encoded set, once all of it is.
    #[must_use]
    pub fn set(&self) -> Option<LabelSet> {
        let (done, labels) = self.progress();
        (done == labels).then(|| LabelSet {
            prompts: self.prompts.clone(),
            features: Tensor::cat(self.features.clone(), 0),
        })
    }
}

/// The normalised mean of normalised features `[labels, projection]` of several templates; of one, itself.
///
/// # Errors
/// [`Error::LabelsNone`] where there are none.
pub(crate) fn mean_features(features: Vec<Tensor<2>>) -> Result<Tensor<2>> {
    let count = features.len();
    let sum = features
        .into_iter()
        .reduce(|sum, part| sum + part)
        .ok_or(Error::LabelsNone)?;
    Ok(if count == 1 { sum } else { normalise(sum / count as f64) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(labels: &[&str], template: &str) -> Result<Prompts> {
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        Prompts::new(&labels, template, &Tokenizer::new(), 77)
    }

    #[test]
    fn bad_labels_are_named() {
        assert!(matches!(prompts(&[], "{}"), Err(Error::LabelsNone)));
        assert!(matches!(
            prompts(&["cat", " \t"], "{}"),
            Err(Error::LabelEmpty { position: 2 })
        ));
        let error = prompts(&["cat", "dog", " cat "], "{}").unwrap_err();
        assert!(
            matches!(
                &error,
                Error::LabelDuplicate {
                    first: 1,
                    second: 3,
                    ..
                }
            ),
            "{error}"
        );
        assert!(matches!(
            prompts(&["cat"], "a photo"),
            Err(Error::TemplateInvalid { .. })
        ));
    }

    #[test]
    fn a_label_too_long_is_cut_and_the_caller_told() {
        let long = "very ".repeat(100);
        let prompts = prompts(&["cat", &long], "a photo of a {}.").unwrap();
        assert_eq!(prompts.ids[1].len(), 77);
        assert_eq!(prompts.ids[1].last(), prompts.ids[0].last(), "the end token is kept");
        assert_eq!(prompts.warnings.len(), 1);
        assert_eq!(prompts.warnings[0].code, "label-cut");
    }

    #[test]
    fn markup_and_emoji_are_text_like_any_other() {
        let prompts = prompts(&["<b>cat</b>", "🐈", "{}"], "a photo of a {}.").unwrap();
        assert_eq!(prompts.labels, ["<b>cat</b>", "🐈", "{}"]);
        assert!(prompts.ids.iter().all(|ids| ids.len() > 2));
    }
}
