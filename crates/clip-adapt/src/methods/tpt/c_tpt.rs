//! C-TPT in the list of methods.

use serde::Deserialize;

use super::{TptOptions, TptRun};
use crate::error::Result;
use crate::methods::adaptation::Adaptation;
use crate::methods::{Method, MethodDescription, MethodKind, Paper, Setting};
use crate::options::{OptionDescription, Options, read};

/// C-TPT in the list of methods.
pub struct CTptMethod;

#[derive(Deserialize)]
struct CTptOptions {
    dispersion_weight: f64,
    #[serde(flatten)]
    tpt: TptOptions,
}

impl Method for CTptMethod {
    fn description(&self) -> MethodDescription {
        let mut options = TptOptions::descriptions();
        options.push(OptionDescription::number(
            "dispersion_weight",
            "Weight of the dispersion",
            "How much the text features' mean distance from their mean counts: 20 for natural shifts, 50 for fine-grained labels.",
            20.0,
            [0.0, 1e4],
        ));
        MethodDescription {
            name: "c-tpt",
            title: "C-TPT",
            paper: Some(Paper {
                authors: "Hee Suk Yoon, Eunseop Yoon, Joshua Tian Jin Tee, Mark Hasegawa-Johnson, Yingzhen Li, Chang D. Yoo",
                title: "C-TPT: Calibrated Test-Time Prompt Tuning for Vision-Language Models via Text Feature Dispersion",
                year: 2024,
                url: "https://arxiv.org/abs/2403.14119",
            }),
            summary: "TPT that also keeps the labels' text features apart, so that its probabilities mean more.",
            kind: MethodKind::Gradient,
            needs_statistics: false,
            options,
        }
    }

    fn takes_templates(&self) -> bool {
        false
    }

    fn begin(&self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        let CTptOptions { dispersion_weight, tpt } = read(options)?;
        let first_block = setting.clip.vision.layers();
        Ok(Box::new(TptRun::new(
            &setting,
            tpt,
            dispersion_weight,
            None,
            first_block,
        )?))
    }
}
