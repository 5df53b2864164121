//! OFTTA: optimisation-free test-time adaptation (Wang et al., IMWUT 2024, arXiv 2310.18562), for one picture.
//!
//! Published for convolutional networks on motion sensors, it does two things, neither with a gradient.
//!
//! **Prototype adjustment**: confident features, with the label that the model gives them, join the
//! classifier's weights as supports of their label. Here the supports are the picture's own views, and they vouch for
//! labels in a term of their own (Tip-Adapter's and TDA's form): features of pictures are so much nearer to each other
//! (cosines of 0.7 to 0.9) than to those of texts (0.2 to 0.3) that a prototype of both would be the picture's, whatever
//! the text says.
//!
//! ```text
//! l'_c = l_c + prototype_weight * sum over c's supports of omega_i exp(-sharpness (1 - f_0 . f_i))
//! ```
//!
//! with `omega_i` as one over the view's rank of confidence, all of them summing to 1. The centre view doesn't vouch
//! for itself, so a single view is classified as without adaptation.
//!
//! **Normalisation mix** (exponential decay test-time normalization): batch normalisation with statistics between the source's and the batch's, shallow
//! layers trusting the batch (source's share 0.1), deep ones the source (0.99). A vision transformer has no batch
//! normalisation, so this can't be transferred as it is. What is here, if statistics of source pictures are given, is the
//! same correction of the class token before each block of the tail, the views being the batch: [`mix`].

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::adaptation::tail_share;
use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureStep, plain_tail};
use super::{MethodDescription, MethodKind, Paper, Setting};
use crate::error::Result;
use crate::features::selection::by_confidence;
use crate::features::{FeatureSet, argmax, dot, entropy_of, softmax};
use crate::options::{OptionDescription, Options, read};
use crate::report::Warning;
use crate::source::SourceStatistics;

/// The source's share in the first block's mix and in the last one's; geometric in between.
const SOURCE_SHARE: [f64; 2] = [0.1, 0.99];

/// Settings of OFTTA.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OfttaOptions {
    /// Most supports of a label, the most confident.
    pub supports: usize,
    /// The weight of the supports' term.
    pub prototype_weight: f64,
    /// How fast a support's voice fades with its distance.
    pub sharpness: f64,
    /// Whether class tokens are normalised anew, if there are statistics of source pictures.
    pub normalisation_mix: bool,
    /// Number of the last blocks before which they are.
    pub layers: usize,
}

impl Default for OfttaOptions {
    fn default() -> Self {
        Self {
            supports: 25,
            prototype_weight: 2.0,
            sharpness: 5.0,
            normalisation_mix: false,
            layers: 3,
        }
    }
}

/// The centre view's logits with its supports, `[labels]`, and each view's weight as a support, `[views]`.
#[must_use]
pub fn adjust(features: &FeatureSet, options: OfttaOptions) -> (Vec<f64>, Vec<f64>) {
    let order = by_confidence(features.entropies());
    let mut supports = vec![0_usize; features.labels()];
    let mut weights = vec![0.0; features.views()];
    let mut kept = Vec::with_capacity(order.len());
    for (place, view) in order.into_iter().filter(|&view| view > 0).enumerate() {
        let label = argmax(features.logits(view)).unwrap_or_default();
        if supports[label] < options.supports {
            supports[label] += 1;
            weights[view] = 1.0 / (place + 1) as f64;
            kept.push((view, label));
        }
    }
    let sum: f64 = weights.iter().sum();
    let mut logits = features.logits(0).to_vec();
    for (view, label) in kept {
        weights[view] /= sum;
        let cosine = dot(features.view(0), features.view(view));
        let affinity = (-options.sharpness * (1.0 - cosine)).exp();
        logits[label] += options.prototype_weight * weights[view] * affinity;
    }
    (logits, weights)
}

/// The share of the source's statistics in block `block` of `layers`.
#[must_use]
pub fn source_share(block: usize, layers: usize) -> f64 {
    let [first, last] = SOURCE_SHARE;
    let depth = block as f64 / layers.saturating_sub(1).max(1) as f64;
    first * (last / first).powf(depth)
}

/// Normalises class tokens `[views, width]` with mixed statistics instead of the source's: with
/// `mean = a mean_source + (1 - a) mean_views` and the deviation likewise,
/// `x' = (x - mean) / deviation * deviation_source + mean_source`. `source_mean` and `source_deviation` are
/// `[1, width]`; `a` is `source_share`. One view is its own mean and stays as it is, wherever the source varies.
#[must_use]
pub fn mix(
    class_tokens: Tensor<2>,
    source_mean: Tensor<2>,
    source_deviation: Tensor<2>,
    source_share: f64,
) -> Tensor<2> {
    let batch_share = 1.0 - source_share;
    let batch_mean = class_tokens.clone().mean_dim(0);
    let spread = class_tokens.clone() - batch_mean.clone();
    let batch_deviation = spread.powi_scalar(2).mean_dim(0).sqrt();
    let mean = source_mean.clone() * source_share + batch_mean * batch_share;
    let deviation = source_deviation.clone() * source_share + batch_deviation * batch_share;
    // A channel that never varies is shifted only.
    let still = deviation.clone().equal_elem(0.0);
    let ratio = (source_deviation / deviation.mask_fill(still.clone(), 1.0)).mask_fill(still, 1.0);
    (class_tokens - mean) * ratio + source_mean
}

/// Features `[views, projection]`, a chunk each, with the normalisation mix before each block from `first_block` on; the
/// views of all chunks are one batch. `source` has the mean and the deviation `[1, width]` of the class token that comes out of
/// each block of the tower.
fn mixed_tail(
    setting: &Setting,
    first_block: usize,
    chunks: &[Tensor<3>],
    source: &[(Tensor<2>, Tensor<2>)],
) -> Vec<Tensor<2>> {
    let vision = &setting.clip.vision;
    let layers = vision.layers();
    let mut chunks = chunks.to_vec();
    for block in first_block..layers {
        // Before the first block every class token is the same.
        if let Some((mean, deviation)) = block.checked_sub(1).and_then(|before| source.get(before)) {
            let class_tokens = chunks.iter().map(class_token).collect();
            let share = source_share(block, layers);
            let mixed = mix(Tensor::cat(class_tokens, 0), mean.clone(), deviation.clone(), share);
            let mut first = 0;
            for chunk in &mut chunks {
                let [views, tokens, width] = chunk.dims();
                let class_tokens = mixed.clone().narrow(0, first, views).reshape([views, 1, width]);
                let others = chunk.clone().narrow(1, 1, tokens - 1);
                *chunk = Tensor::cat(vec![class_tokens, others], 1);
                first += views;
            }
        }
        for chunk in &mut chunks {
            *chunk = vision.through_block(chunk.clone(), block, None);
        }
    }
    chunks
        .iter()
        .map(|chunk| vision.project(vision.read_class_token(chunk, layers)))
        .collect()
}

/// `[views, tokens, width]` to `[views, width]`.
fn class_token(tokens: &Tensor<3>) -> Tensor<2> {
    let [views, _, width] = tokens.dims();
    tokens.clone().narrow(1, 0, 1).reshape([views, width])
}

/// The source's statistics, where the normalisation mix is asked for and can be made.
fn mixing_statistics<'a>(setting: &'a Setting, options: &Options) -> Option<&'a SourceStatistics> {
    let is_asked_for = read::<OfttaOptions>(options).is_ok_and(|options| options.normalisation_mix);
    setting.statistics.as_deref().filter(|_| is_asked_for)
}

/// The method, as it is found by its name.
pub struct Oftta;

impl FeatureMethod for Oftta {
    fn description(&self) -> MethodDescription {
        let default = OfttaOptions::default();
        MethodDescription {
            name: "oftta",
            title: "OFTTA",
            paper: Some(Paper {
                authors: "Shuoyuan Wang, Jindong Wang, Huajun Xi, Bob Zhang, Lei Zhang, Hongxin Wei",
                title: "Optimization-Free Test-Time Adaptation for Cross-Person Activity Recognition",
                year: 2024,
                url: "https://arxiv.org/abs/2310.18562",
            }),
            summary: "Confident views vouch for the labels they are taken for, by how near the picture's centre view lies to them; nothing is trained.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options: vec![
                OptionDescription::integer(
                    "supports",
                    "Supports",
                    "Most views that vouch for a label: the most confident.",
                    default.supports as u64,
                    [0, 4096],
                ),
                OptionDescription::number(
                    "prototype_weight",
                    "Weight",
                    "How much the supports count beside the text. Not the paper's, which has no text: TDA's value.",
                    default.prototype_weight,
                    [0.0, 1e3],
                ),
                OptionDescription::number(
                    "sharpness",
                    "Sharpness",
                    "How fast a support's voice fades with its distance. TDA's value.",
                    default.sharpness,
                    [0.0, 1e3],
                ),
                OptionDescription::flag(
                    "normalisation_mix",
                    "Normalisation mix",
                    "Whether the class token is normalised with statistics between the source's and the views', the deeper the block the more with the source's. Needs statistics of source pictures.",
                    default.normalisation_mix,
                ),
                OptionDescription::integer(
                    "layers",
                    "Blocks",
                    "Number of the last vision blocks before which the normalisation mix acts.",
                    default.layers as u64,
                    [1, 128],
                ),
            ],
        }
    }

    fn first_block(&self, options: &Options, layers: usize) -> usize {
        match read::<OfttaOptions>(options) {
            Ok(options) if options.normalisation_mix => layers.saturating_sub(options.layers),
            _ => layers,
        }
    }

    fn encoding_passes(&self, setting: &Setting, options: &Options, layers: usize) -> f64 {
        if mixing_statistics(setting, options).is_none() {
            return 0.0;
        }
        tail_share(self.first_block(options, layers), layers)
    }

    fn encode(
        &self,
        setting: &Setting,
        options: &Options,
        first_block: usize,
        tokens: &[Tensor<3>],
    ) -> Result<Vec<Tensor<2>>> {
        let Some(statistics) = mixing_statistics(setting, options) else {
            return Ok(plain_tail(setting, first_block, tokens));
        };
        let width = setting.clip.config.vision.transformer.width;
        let device = setting.clip.device.tensor_device();
        let upload = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [1, width]), device);
        let source: Vec<_> = statistics
            .blocks
            .iter()
            .map(|block| {
                // The class token is the first.
                let mean = block.token_mean.iter().take(width).copied().collect();
                let deviation = block
                    .token_variance
                    .iter()
                    .take(width)
                    .map(|variance| variance.sqrt())
                    .collect();
                (upload(mean), upload(deviation))
            })
            .collect();
        Ok(mixed_tail(setting, first_block, tokens, &source))
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let options = read::<OfttaOptions>(options)?;
        let (logits, view_weights) = adjust(input.features, options);
        let probabilities = softmax(&logits);
        Ok(FeatureComputation::Whole(FeatureStep {
            loss: entropy_of(&probabilities),
            view_weights,
            view_logits: None,
            probabilities,
        }))
    }

    fn warnings(&self, statistics: Option<&SourceStatistics>, options: &Options) -> Vec<Warning> {
        let is_mixed = read::<OfttaOptions>(options).is_ok_and(|options| options.normalisation_mix);
        if !is_mixed || statistics.is_some() {
            return Vec::new();
        }
        vec![Warning {
            code: "statistics-missing".to_owned(),
            message: "the normalisation mix needs statistics of source pictures (clip-ttl stats): it was left out"
                .to_owned(),
        }]
    }
}
