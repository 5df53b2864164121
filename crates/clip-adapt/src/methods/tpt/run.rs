//! A run of TPT or C-TPT over one picture: the choice of views, updates a chunk of labels at a time, and what each reports.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::Clip;
use clip_model::tokenizer::Tokenizer;

use super::{Tpt, TptOptions, dispersion};
use crate::error::{Error, Result};
use crate::features::selection::most_confident;
use crate::labels::Prompts;
use crate::methods::Setting;
use crate::methods::adaptation::{Adaptation, LocalFuture, Outcome, Passes, Piece, Prediction, Update, tail_share};
use crate::methods::alignment::Alignment;
use crate::methods::tail::gather;
use crate::options::{MAX_STEPS, invalid};
use crate::readback::read_rows;
use crate::report::ViewsState;

/// A run of TPT or C-TPT.
pub struct TptRun {
    clip: Arc<Clip>,
    prompts: Prompts,
    options: TptOptions,
    dispersion_weight: f64,
    first_block: usize,
    /// Only where an alignment needs them.
    tokens: Vec<Tensor<3>>,
    alignment: Option<Alignment>,
    /// `[views, projection]` of each chunk.
    features: Vec<Tensor<2>>,
    /// `[tokens, width]`
    initial: Tensor<2>,
    /// `[labels, projection]` with the context as it is first.
    initial_text: Tensor<2>,
    tuned: Option<Tuned>,
    steps_allowed: usize,
    steps_done: usize,
    passes: Passes,
}

/// What is there once the first update has begun.
struct Tuned {
    tpt: Tpt,
    /// `[labels, projection]` with the context as it is.
    text: Tensor<2>,
    under_way: Option<Stage>,
}

/// Where an update stands.
enum Stage {
    /// The gradient goes back to the context, a chunk of labels at a time.
    Back {
        /// Chunks that are done.
        done: usize,
        /// Towards the labels' features, `[labels, projection]`.
        gradient: Box<Tensor<2>>,
    },
    /// The context has moved, and the labels are encoded with it.
    Forward {
        /// The features of the chunks that are.
        encoded: Vec<Tensor<2>>,
    },
}

impl TptRun {
    /// A context that begins as the words of the template before the label.
    ///
    /// # Errors
    /// [`Error::TemplateWithoutContext`] where there are none.
    pub fn new(
        setting: &Setting,
        options: TptOptions,
        dispersion_weight: f64,
        alignment: Option<Alignment>,
        first_block: usize,
    ) -> Result<Self> {
        let clip = Arc::clone(&setting.clip);
        let Some(prompts) = setting.prompts.first().cloned() else {
            return Err(Error::LabelsNone);
        };
        let initial = initial_context(&clip, &prompts)?;
        Ok(Self {
            clip,
            prompts,
            options,
            dispersion_weight,
            first_block,
            tokens: Vec::new(),
            alignment,
            features: Vec::new(),
            initial,
            initial_text: setting.text_features.clone(),
            tuned: None,
            steps_allowed: options.steps,
            steps_done: 0,
            passes: Passes::default(),
        })
    }

    fn views(&self) -> usize {
        self.features.iter().map(|chunk| chunk.dims()[0]).sum()
    }

    fn untuned(&self) -> Tpt {
        Tpt::new(
            Arc::clone(&self.clip),
            self.prompts.ids.clone(),
            Tensor::cat(self.features.clone(), 0),
            self.initial.clone(),
            self.options.optimizer,
            self.dispersion_weight,
        )
    }

    /// The choice of views.
    async fn tune(&mut self) -> Result<Tuned> {
        let views = self.views().max(1) as f64;
        let mut tpt = self.untuned();
        let text = self.initial_text.clone();
        let rows = read_rows(vec![tpt.logits(text.clone())], "selecting views").await?;
        tpt.select(&rows, self.options.selection);
        if let Some(alignment) = &mut self.alignment {
            alignment.set_views(gather(&self.tokens, tpt.selected()));
            for chunk in 0..alignment.chunks() {
                alignment.add_means(&self.clip.vision, chunk, None);
            }
            for chunk in 0..alignment.chunks() {
                alignment.add_variances(&self.clip.vision, chunk, None);
            }
            let layers = self.clip.vision.layers();
            self.passes.forward += 2.0 * tail_share(self.first_block, layers) * tpt.selected().len() as f64 / views;
        }
        Ok(Tuned {
            tpt,
            text,
            under_way: None,
        })
    }

    async fn advance(&mut self) -> Result<Option<Piece<Update>>> {
        if self.steps_done >= self.steps_allowed {
            return Ok(None);
        }
        let mut tuned = match self.tuned.take() {
            Some(tuned) => tuned,
            None => self.tune().await?,
        };
        let stage = tuned.under_way.take().unwrap_or_else(|| Stage::Back {
            done: 0,
            gradient: Box::new(tuned.tpt.text_gradient(tuned.text.clone())),
        });
        let chunks = tuned.tpt.chunks();
        let (stage, done) = match stage {
            Stage::Back { done, gradient } => {
                tuned.tpt.accumulate(done, &gradient)?;
                let done = done + 1;
                if done < chunks {
                    (Stage::Back { done, gradient }, done)
                } else {
                    tuned.tpt.update();
                    (Stage::Forward { encoded: Vec::new() }, done)
                }
            }
            Stage::Forward { mut encoded } => {
                encoded.push(tuned.tpt.encode_chunk(encoded.len())?);
                let done = chunks + encoded.len();
                (Stage::Forward { encoded }, done)
            }
        };
        let piece = match stage {
            Stage::Forward { encoded } if encoded.len() >= chunks => {
                let text = Tensor::cat(encoded, 0);
                Piece::Whole(self.complete_update(&mut tuned, text).await?)
            }
            stage => {
                tuned.under_way = Some(stage);
                Piece::Part {
                    done: self.views() * done / (2 * chunks),
                    total: self.views(),
                }
            }
        };
        self.tuned = Some(tuned);
        Ok(Some(piece))
    }

    /// `text` `[labels, projection]`: with the context after the update.
    async fn complete_update(&mut self, tuned: &mut Tuned, text: Tensor<2>) -> Result<Update> {
        let before = std::mem::replace(&mut tuned.text, text);
        // Everything that the step says comes back in one reading.
        let logits = tuned.tpt.logits(before.clone());
        let prediction = tuned.tpt.logits(tuned.text.clone()).narrow(0, 0, 1);
        let (views, prediction) = self.state(&tuned.tpt, before, logits, Some(prediction)).await?;
        self.steps_done += 1;
        Ok(Update {
            views,
            prediction,
            adapter_norms: Vec::new(),
        })
    }

    /// What the views say, from their logits with the text features `text`, and the prediction from the centre view's logits,
    /// which are the first of these where they aren't given.
    async fn state(
        &self,
        tpt: &Tpt,
        text: Tensor<2>,
        logits: Tensor<2>,
        centre: Option<Tensor<2>>,
    ) -> Result<(ViewsState, Prediction)> {
        let labels = self.prompts.labels.len();
        let mut tensors = vec![dispersion(text).reshape([1, 1])];
        let alignment = self.alignment.as_ref().and_then(Alignment::value);
        let aligned = alignment.is_some();
        tensors.extend(alignment);
        let given = centre.is_some();
        tensors.extend(centre);
        tensors.push(logits);
        let mut values = read_rows(tensors, "adaptation step").await?.into_iter();
        let dispersion = values.next().unwrap_or_default();
        let alignment = if aligned {
            values.next().unwrap_or_default()
        } else {
            0.0
        };
        let centre: Vec<f32> = values.by_ref().take(if given { labels } else { 0 }).collect();
        let rows: Vec<f32> = values.collect();
        let centre = if given {
            &centre
        } else {
            rows.get(..labels).unwrap_or_default()
        };
        let weight = self.alignment.as_ref().map_or(0.0, Alignment::weight);
        let terms = weight * f64::from(alignment) - self.dispersion_weight * f64::from(dispersion);
        let views = ViewsState::of(&rows, labels, |entropies| {
            let selected = if tpt.selected().is_empty() {
                most_confident(entropies, self.options.selection)
            } else {
                tpt.selected().to_vec()
            };
            let mut weights = vec![0.0; entropies.len()];
            let mut chosen = Vec::with_capacity(selected.len() * labels);
            for &view in &selected {
                if let Some(weight) = weights.get_mut(view) {
                    *weight = 1.0 / selected.len() as f64;
                }
                chosen.extend_from_slice(rows.get(view * labels..(view + 1) * labels).unwrap_or_default());
            }
            (weights, crate::entropy::marginal_entropy(&chosen, labels) + terms)
        });
        Ok((views, Prediction::of_logits(centre)))
    }

    async fn look(&self) -> Result<Outcome> {
        let untuned;
        let (tpt, text) = if let Some(tuned) = &self.tuned {
            (&tuned.tpt, tuned.text.clone())
        } else {
            untuned = self.untuned();
            (&untuned, self.initial_text.clone())
        };
        let logits = tpt.logits(text.clone());
        let (views, prediction) = self.state(tpt, text, logits, None).await?;
        Ok(Outcome { views, prediction })
    }
}

impl Adaptation for TptRun {
    fn first_block(&self) -> usize {
        self.first_block
    }

    fn push(&mut self, tokens: Tensor<3>) {
        let features = self.clip.vision.tail(tokens.clone(), self.first_block, None);
        self.features.push(features);
        if self.alignment.is_some() {
            self.tokens.push(tokens);
        }
    }

    fn step(&mut self) -> LocalFuture<'_, Result<Option<Piece<Update>>>> {
        Box::pin(self.advance())
    }

    fn finish(&mut self) -> LocalFuture<'_, Result<Piece<Outcome>>> {
        Box::pin(async move { Ok(Piece::Whole(self.look().await?)) })
    }

    fn predict(&self) -> LocalFuture<'_, Result<Prediction>> {
        Box::pin(async move { Ok(self.look().await?.prediction) })
    }

    fn extend(&mut self, steps: usize) -> Result<()> {
        let steps = self.steps_done.saturating_add(steps);
        if steps > MAX_STEPS {
            return Err(invalid("steps", steps, format!("from 0 to {MAX_STEPS}")));
        }
        self.steps_allowed = steps;
        Ok(())
    }

    fn reset(&mut self) {
        self.tuned = None;
        self.steps_done = 0;
        self.steps_allowed = 0;
        self.passes = Passes::default();
    }

    fn steps(&self) -> usize {
        self.steps_allowed
    }

    fn passes(&self) -> Passes {
        self.passes
    }
}

/// The embeddings `[tokens, width]` of the template's tokens before the label, of those that all prompts share.
fn initial_context(clip: &Clip, prompts: &Prompts) -> Result<Tensor<2>> {
    let missing = || Error::TemplateWithoutContext {
        template: prompts.template.clone(),
    };
    let before = prompts.template.split("{}").next().unwrap_or_default();
    // Without the start token and the end token.
    let ids = Tokenizer::new().encode(before, clip.text.context_length()).ids;
    let ids = ids.get(1..ids.len().saturating_sub(1)).unwrap_or_default();
    let shared = prompts.ids.iter().map(|prompt| {
        // At least one token of the label, or the end token, stays.
        let rest = prompt.get(1..prompt.len().saturating_sub(1)).unwrap_or_default();
        rest.iter().zip(ids).take_while(|(a, b)| a == b).count()
    });
    let count = shared.min().unwrap_or_default();
    let width = clip.config.text.transformer.width;
    let mut values = Vec::with_capacity(count * width);
    for &id in ids.iter().take(count) {
        clip.text
            .token_embedding()
            .append_row(id as usize, &mut values)
            .ok_or_else(missing)?;
    }
    if values.is_empty() {
        return Err(missing());
    }
    Ok(Tensor::from_data(
        TensorData::new(values, [count, width]),
        clip.device.tensor_device(),
    ))
}
