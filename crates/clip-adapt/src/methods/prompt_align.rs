//! PromptAlign's loss (arXiv 2311.01459) as an addition to TTL and to TPT.
//!
//! PromptAlign trains the prompts of MaPLe in both towers on TPT's loss plus the distance of the visual tokens' mean and
//! variance from those of the model's training pictures. Its numbers come from prompts that were trained on labelled
//! ImageNet, which this project doesn't have: here the distance ([`super::alignment`]) is added to TTL's loss, where it
//! moves the adapters, or to TPT's, where it is only reported: the context of the texts doesn't move a visual token.

use std::sync::Arc;

use clip_model::clip::Clip;
use serde::{Deserialize, Serialize};

use super::adaptation::Adaptation;
use super::alignment::Alignment;
use super::tpt::{TptOptions, TptRun};
use super::ttl::{Encoder, Predict, Ttl, TtlOptions};
use super::{Method, MethodDescription, MethodKind, Paper, Setting};
use crate::error::{Error, Result};
use crate::options::{OptionDescription, Options, read};

/// The name in the list of methods.
const NAME: &str = "prompt-align";
/// With TPT, the outputs of so many last blocks are looked at.
const TPT_PLACES: usize = 3;

/// What the alignment is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Base {
    Ttl,
    Tpt,
}

/// Settings of the alignment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct AlignmentOptions {
    base: Base,
    alignment_weight: f64,
    alignment_selection: f64,
    #[serde(default)]
    templates: Vec<String>,
}

/// PromptAlign in the list of methods.
pub struct PromptAlignMethod;

impl Method for PromptAlignMethod {
    fn description(&self) -> MethodDescription {
        let mut options = vec![
            OptionDescription::choice(
                "base",
                "Added to",
                "The method whose loss it is added to; with tpt it is only reported, since texts move no visual token.",
                "ttl",
                &["ttl", "tpt"],
            ),
            OptionDescription::number(
                "alignment_weight",
                "Weight of the alignment",
                "How much the distance from the source's statistics counts in the loss.",
                100.0,
                [0.0, 1e6],
            ),
            OptionDescription::number(
                "alignment_selection",
                "Aligned views",
                "The share of the views that is aligned, the most confident; with tpt the loss is of these too.",
                0.1,
                [0.0, 1.0],
            ),
        ];
        options.extend(TtlOptions::descriptions());
        MethodDescription {
            name: NAME,
            title: "PromptAlign",
            paper: Some(Paper {
                authors: "Jameel Hassan, Hanan Gani, Noor Hussein, Muhammad Uzair Khattak, Muzammal Naseer, Fahad Shahbaz Khan, Salman Khan",
                title: "Align Your Prompts: Test-Time Prompting with Distribution Alignment for Zero-Shot Generalization",
                year: 2023,
                url: "https://arxiv.org/abs/2311.01459",
            }),
            summary: "Adds to TTL's loss how far the mean and variance of the visual tokens lie from those of source pictures.",
            kind: MethodKind::Gradient,
            needs_statistics: true,
            options,
        }
    }

    fn trains_adapter(&self) -> bool {
        true
    }

    fn check(&self, options: &Options, clip: &Clip) -> Result<()> {
        let ttl: TtlOptions = read(options)?;
        ttl.check(clip)?;
        let AlignmentOptions { base, templates, .. } = read(options)?;
        let unfit = match base {
            Base::Ttl if ttl.encoder == Encoder::Text => ("encoder", "vision or both: visual tokens are aligned"),
            Base::Tpt if ttl.predict != Predict::Centre => ("predict", "centre with the base tpt"),
            Base::Tpt if !templates.is_empty() => ("templates", "none with the base tpt: it trains the words of one"),
            _ => return Ok(()),
        };
        let (option, range) = unfit;
        Err(Error::OptionInvalid {
            option: option.to_owned(),
            value: options.get(option).map(ToString::to_string).unwrap_or_default(),
            range: range.to_owned(),
        })
    }

    fn begin(&self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        let statistics = setting.require_statistics(NAME)?;
        let AlignmentOptions {
            base,
            alignment_weight,
            alignment_selection,
            ..
        } = read(options)?;
        let ttl: TtlOptions = read(options)?;
        let clip = Arc::clone(&setting.clip);
        let layers = clip.vision.layers();
        let first_block = match base {
            Base::Ttl => ttl.first_block(&clip),
            Base::Tpt => layers.saturating_sub(TPT_PLACES),
        };
        let alignment = Alignment::new(
            &statistics,
            first_block,
            alignment_weight,
            alignment_selection,
            clip.device.tensor_device(),
        );
        Ok(match base {
            Base::Ttl => {
                let seed = setting.seed;
                Box::new(Ttl::new(clip, setting.into_texts(), &ttl, Some(alignment), seed)?)
            }
            Base::Tpt => {
                let options = TptOptions {
                    steps: ttl.steps,
                    selection: alignment_selection,
                    optimizer: ttl.optimizer,
                };
                Box::new(TptRun::new(&setting, options, 0.0, Some(alignment), first_block)?)
            }
        })
    }
}
