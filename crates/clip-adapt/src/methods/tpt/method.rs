//! TPT in the list of methods, and its options.

use serde::{Deserialize, Serialize};

use super::TptRun;
use crate::error::Result;
use crate::methods::adaptation::Adaptation;
use crate::methods::{Method, MethodDescription, MethodKind, Paper, Setting};
use crate::optimizer::AdamWSettings;
use crate::options::{MAX_STEPS, OptionDescription, Options, adamw_descriptions, read};

/// Settings of TPT. The defaults are the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TptOptions {
    /// Number of updates.
    pub steps: usize,
    /// The share of the views that the loss is of, the most confident at the first step.
    pub selection: f64,
    /// The optimiser's.
    #[serde(flatten)]
    pub optimizer: AdamWSettings,
}

impl TptOptions {
    pub(super) fn descriptions() -> Vec<OptionDescription> {
        let mut all = vec![
            OptionDescription::integer("steps", "Steps", "Number of updates.", 1, [0, MAX_STEPS as u64]),
            OptionDescription::number(
                "selection",
                "Selection",
                "The share of the views that the loss is of: the most confident at the first step.",
                0.1,
                [0.0, 1.0],
            ),
        ];
        all.extend(adamw_descriptions());
        all
    }
}

/// TPT in the list of methods.
pub struct TptMethod;

impl Method for TptMethod {
    fn description(&self) -> MethodDescription {
        MethodDescription {
            name: "tpt",
            title: "TPT",
            paper: Some(Paper {
                authors: "Manli Shu, Weili Nie, De-An Huang, Zhiding Yu, Tom Goldstein, Anima Anandkumar, Chaowei Xiao",
                title: "Test-Time Prompt Tuning for Zero-Shot Generalization in Vision-Language Models",
                year: 2022,
                url: "https://arxiv.org/abs/2209.07511",
            }),
            summary: "Trains the words around the label on the entropy of the most confident views' mean prediction.",
            kind: MethodKind::Gradient,
            needs_statistics: false,
            options: TptOptions::descriptions(),
        }
    }

    fn takes_templates(&self) -> bool {
        false
    }

    fn begin(&self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        let first_block = setting.clip.vision.layers();
        Ok(Box::new(TptRun::new(&setting, read(options)?, 0.0, None, first_block)?))
    }
}
