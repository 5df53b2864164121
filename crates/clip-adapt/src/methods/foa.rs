//! FOA: test-time adaptation with forward passes only (Niu et al., ICML 2024, arXiv 2404.01650), for one
//! picture.
//!
//! A few prompt tokens beside the picture's are sought by an evolution strategy, [`crate::features::cma_es`], that minimises
//!
//! ```text
//! fitness = sum_i H_i + alignment_weight * sum_l (||mean_l - source mean_l||^2 + ||std_l - source std_l||^2) * views / 64
//! ```
//!
//! over the most confident views: their entropies, and how far the class token after each block, as the next layer norm
//! reads it, lies from what it is for source pictures. No gradient is taken, so the weights may be quantised and the
//! device need not differentiate. Afterwards the class token is shifted towards the source's mean ("back-to-source activation shifting").
//!
//! Published for a stream of batches that share one search; here the batch is one picture's views, and the search starts
//! anew with each picture. To make that affordable the prompts enter before the last blocks instead of the first, behind
//! which everything is computed once. The views of one picture are alike, so their mean is mostly what the picture
//! shows: the published shift of the whole difference would shift the picture away, a tenth of it is the default (which is
//! also what the published running mean would do after its first batch, had it begun at the source).

mod adaptation;
mod search;

use clip_model::clip::Clip;
use serde::{Deserialize, Serialize};

use adaptation::PromptAdaptation;
pub use search::{ClassStatistics, PromptSearch};

use super::adaptation::Adaptation;
use super::{Method, MethodDescription, MethodKind, Paper, Setting};
use crate::error::Result;
use crate::options::{MAX_STEPS, OptionDescription, Options, invalid, read};

/// Settings of FOA. The defaults are the paper's where it has them and they suit a single picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FoaOptions {
    /// Generations of the search.
    pub generations: usize,
    /// Number of the last vision blocks, before which the prompts enter.
    pub layers: usize,
    /// The share of the views that the fitness is of: the most confident without prompts.
    pub selection: f64,
    /// Number of prompt tokens.
    pub prompt_tokens: usize,
    /// Candidates of a generation; 0 for `4 + floor(3 ln dimensions)`.
    pub population: usize,
    /// The width of the first generation.
    pub sigma: f64,
    /// The weight of the distance to the source's statistics.
    pub alignment_weight: f64,
    /// By how much of its distance to the source's mean the class token is shifted.
    pub shift: f64,
}

impl Default for FoaOptions {
    fn default() -> Self {
        Self {
            generations: 4,
            layers: 3,
            selection: 0.1,
            prompt_tokens: 3,
            population: 0,
            sigma: 1.0,
            alignment_weight: 0.4,
            shift: 0.1,
        }
    }
}

/// The method, as it is found by its name.
pub struct Foa;

impl Method for Foa {
    fn description(&self) -> MethodDescription {
        let default = FoaOptions::default();
        MethodDescription {
            name: "foa",
            title: "FOA",
            paper: Some(Paper {
                authors: "Shuaicheng Niu, Chunyan Miao, Guohao Chen, Pengcheng Wu, Peilin Zhao",
                title: "Test-Time Model Adaptation with Only Forward Passes",
                year: 2024,
                url: "https://arxiv.org/abs/2404.01650",
            }),
            summary: "An evolution strategy seeks prompt tokens that make the confident views certain and keep activations where those of source pictures are; no gradient is taken.",
            kind: MethodKind::Forward,
            needs_statistics: false,
            options: option_descriptions(default),
        }
    }

    fn check(&self, options: &Options, clip: &Clip) -> Result<()> {
        let layers = read::<FoaOptions>(options)?.layers;
        if layers <= clip.vision.layers() {
            return Ok(());
        }
        let range = format!("from 1 to {}, the model's vision blocks", clip.vision.layers());
        Err(invalid("layers", layers, range))
    }

    fn begin(&'static self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        Ok(Box::new(PromptAdaptation::new(read(options)?, setting)))
    }
}

fn option_descriptions(default: FoaOptions) -> Vec<OptionDescription> {
    vec![
        OptionDescription::integer(
            "generations",
            "Generations",
            "Generations of the search. The paper makes one for each batch, and goes on with the next batch.",
            default.generations as u64,
            [0, MAX_STEPS as u64],
        )
        .paper(1),
        OptionDescription::integer(
            "population",
            "Population",
            "Candidates of a generation, two at least; 0 for 4 + floor(3 ln dimensions).",
            default.population as u64,
            [0, 10_000],
        ),
        OptionDescription::integer(
            "prompt_tokens",
            "Prompt tokens",
            "Number of tokens that are sought.",
            default.prompt_tokens as u64,
            [1, 64],
        ),
        OptionDescription::number(
            "sigma",
            "First width",
            "The standard deviation of the first generation.",
            default.sigma,
            [1e-6, 1e3],
        ),
        OptionDescription::integer(
            "layers",
            "Blocks",
            "Number of the last vision blocks, before which the prompts enter. The paper's enter before the first.",
            default.layers as u64,
            [1, 128],
        ),
        OptionDescription::number(
            "selection",
            "Share of views",
            "The share of the views that the fitness is of: the most confident without prompts. The paper's is of its whole batch.",
            default.selection,
            [0.0, 1.0],
        )
        .paper(1.0),
        OptionDescription::number(
            "alignment_weight",
            "Alignment",
            "The weight of the distance to the activations of source pictures, where there are statistics of them.",
            default.alignment_weight,
            [0.0, 1e6],
        ),
        OptionDescription::number(
            "shift",
            "Activation shift",
            "By how much of its distance to the source's mean the class token is shifted at the end, where there are statistics.",
            default.shift,
            [0.0, 10.0],
        )
        .paper(1.0),
    ]
}
