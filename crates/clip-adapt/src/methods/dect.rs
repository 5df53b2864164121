//! DecT: decoder tuning (Cui et al., "Decoder Tuning", ACL 2023, arXiv 2212.08408), for one picture without
//! labels.
//!
//! Published for language models behind an interface: the model is asked once for each example, and everything after
//! works on its answers. Of the trained head, what needs no label remains, on the output side alone:
//!
//! ```text
//! l'_c = l_c - calibration_weight (b_c - mean b) + prototype_weight scale (r_c - ||f_0 - z_c||)
//! ```
//!
//! **Calibration**: `b_c` is the mean logit of pictures without content, what the model prefers before it has seen
//! anything. It is subtracted; dividing, as with a language model's probabilities, makes no sense for similarities.
//! **Prototypes**: `z_c` is the mean of the views' features, each weighted by its probability of `c` among the views'
//! (the published code leaves its prototypes random), and the radius `r_c` the mean distance to it with the same weights,
//! as the published radius begins. Both compare pictures with pictures.

use clip_model::picture::Picture;
use serde::{Deserialize, Serialize};

use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureStep};
use super::{MethodDescription, MethodKind, Paper};
use crate::error::Result;
use crate::features::content_free::content_free_pictures;
use crate::features::{FeatureSet, add_scaled, dot, entropy_of, log_softmax, softmax};
use crate::options::{OptionDescription, Options, read};

/// Settings of DecT.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DectOptions {
    /// How much of the bias that pictures without content show is subtracted.
    pub calibration_weight: f64,
    /// The weight of the prototypes' score.
    pub prototype_weight: f64,
}

impl Default for DectOptions {
    fn default() -> Self {
        Self {
            calibration_weight: 1.0,
            prototype_weight: 1.0,
        }
    }
}

/// What the model prefers without content: the mean logits of such pictures, minus their mean over the labels.
/// `content_free` is `[pictures, width]`, rows of length 1.
#[must_use]
pub fn bias(features: &FeatureSet, content_free: &[f64]) -> Vec<f64> {
    let labels = features.labels();
    let rows = features.logits_between(content_free, features.text());
    let pictures = (rows.len() / labels).max(1) as f64;
    let mut bias = vec![0.0; labels];
    for row in rows.chunks_exact(labels) {
        add_scaled(&mut bias, 1.0 / pictures, row);
    }
    let mean = bias.iter().sum::<f64>() / labels as f64;
    bias.iter_mut().for_each(|value| *value -= mean);
    bias
}

/// The centre view's calibrated logits with the prototypes' score, `[labels]`.
#[must_use]
pub fn decode(features: &FeatureSet, bias: &[f64], options: DectOptions) -> Vec<f64> {
    let mut decoded = features.logits(0).to_vec();
    add_scaled(&mut decoded, -options.calibration_weight, bias);
    let views = features.views();
    let distances = features.squared_distances();
    let mut weights = vec![0.0; views];
    for (label, logit) in decoded.iter_mut().enumerate() {
        for (view, weight) in weights.iter_mut().enumerate() {
            *weight = features.log_probabilities(view)[label];
        }
        log_softmax(&mut weights);
        weights.iter_mut().for_each(|weight| *weight = weight.exp());
        // Distances to a weighted mean z, without computing it: ||f_i - z||^2 = sum_j w_j D_ij - 1/2 sum_jk w_j w_k D_jk,
        // since the weights sum to 1.
        let mut from_views: Vec<f64> = distances.chunks_exact(views).map(|row| dot(row, &weights)).collect();
        let spread = dot(&from_views, &weights) / 2.0;
        from_views
            .iter_mut()
            .for_each(|square| *square = (*square - spread).max(0.0).sqrt());
        let radius = dot(&from_views, &weights);
        let centre = from_views.first().copied().unwrap_or_default();
        *logit += options.prototype_weight * features.scale() * (radius - centre);
    }
    decoded
}

/// The method, as it is found by its name.
pub struct DecoderTuning;

impl FeatureMethod for DecoderTuning {
    fn description(&self) -> MethodDescription {
        let default = DectOptions::default();
        MethodDescription {
            name: "dect",
            title: "DecT",
            paper: Some(Paper {
                authors: "Ganqu Cui, Wentao Li, Ning Ding, Longtao Huang, Zhiyuan Liu, Maosong Sun",
                title: "Decoder Tuning: Efficient Language Understanding as Decoding",
                year: 2023,
                url: "https://arxiv.org/abs/2212.08408",
            }),
            summary: "Subtracts what the model answers to pictures without content, and adds how near the picture lies to the views of each label; nothing is trained.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options: vec![
                OptionDescription::number(
                    "calibration_weight",
                    "Calibration",
                    "How much of the preference that pictures without content show is subtracted.",
                    default.calibration_weight,
                    [0.0, 100.0],
                ),
                OptionDescription::number(
                    "prototype_weight",
                    "Prototypes",
                    "The weight of the distance to each label's views.",
                    default.prototype_weight,
                    [0.0, 100.0],
                ),
            ],
        }
    }

    fn further_pictures(&self, picture: &Picture, side: u32, options: &Options) -> Result<Vec<Picture>> {
        if read::<DectOptions>(options)?.calibration_weight > 0.0 {
            Ok(content_free_pictures(picture, side)?.into())
        } else {
            Ok(Vec::new())
        }
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let features = input.features;
        let bias = bias(features, input.further);
        let probabilities = softmax(&decode(features, &bias, read(options)?));
        Ok(FeatureComputation::Whole(FeatureStep {
            loss: entropy_of(&probabilities),
            view_weights: vec![1.0; features.views()],
            view_logits: None,
            probabilities,
        }))
    }
}
