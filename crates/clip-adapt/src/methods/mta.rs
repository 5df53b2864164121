//! MTA: mean shift over the views with learned inlierness (Zanella and Ben Ayed, "On the test-time zero-shot
//! generalization of vision-language models", CVPR 2024, arXiv 2405.02266).
//!
//! The picture's feature is the mode `m` of the views' features under a Gaussian kernel, in which each view counts by
//! its inlierness `y_p`: how near it lies to the mode, and how well its prediction agrees with those of other inliers.
//! With `K_p = exp(-||f_p - m||^2 / (2 h_p^2))` and `w_pq = softmax(l_p) . softmax(l_q)` the two are improved in turn:
//!
//! ```text
//! y = softmax_p((K_p + lambda_q sum_q w_pq y_q) / lambda_y)
//! m = norm(sum_p y_p K_p f_p / sum_p y_p K_p)
//! ```
//!
//! The bandwidth is the view's own: `h_p^2` is half the mean squared distance to its nearest neighbours. Nothing is
//! selected by a threshold, and nothing has a gradient.

use serde::{Deserialize, Serialize};

use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureStep};
use super::{MethodDescription, MethodKind, Paper};
use crate::error::Result;
use crate::features::{FeatureSet, add_scaled, dot, entropy_of, log_softmax, softmax, squared_distance};
use crate::options::{OptionDescription, Options, read};

/// Settings of MTA. The defaults are the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MtaOptions {
    /// The part of the other views that are a view's nearest neighbours.
    pub bandwidth_fraction: f64,
    /// The weight of the inlierness scores' entropy: the larger, the more equally views count.
    pub lambda_y: f64,
    /// The weight of agreement between predictions.
    pub lambda_q: f64,
    /// Rounds, and in each the most repetitions of either improvement.
    pub iterations: usize,
    /// A change of smaller Euclidean norm ends the repetitions.
    pub tolerance: f64,
}

impl Default for MtaOptions {
    fn default() -> Self {
        Self {
            bandwidth_fraction: 0.3,
            lambda_y: 0.2,
            lambda_q: 4.0,
            iterations: 5,
            tolerance: 1e-6,
        }
    }
}

/// Where the views are densest.
#[derive(Debug, Clone, PartialEq)]
pub struct Mode {
    /// Of length 1, `[width]`.
    pub feature: Vec<f64>,
    /// Each view's inlierness; they sum to 1.
    pub inlierness: Vec<f64>,
    /// The feature's logits, `[labels]`.
    pub logits: Vec<f64>,
}

/// Finds the mode, from the centre view on.
#[must_use]
pub fn find_mode(features: &FeatureSet, options: MtaOptions) -> Mode {
    let views = features.views();
    let bandwidths = bandwidths(features, options.bandwidth_fraction);
    let affinity = affinity(features);
    let mut inlierness = vec![1.0 / views as f64; views];
    let mut mode = features.view(0).to_vec();
    let mut kernel = vec![0.0; views];
    for _ in 0..options.iterations {
        density(features, &mode, &bandwidths, &mut kernel);
        for _ in 0..options.iterations {
            let mut next: Vec<f64> = affinity
                .chunks_exact(views)
                .zip(&kernel)
                .map(|(row, kernel)| (kernel + options.lambda_q * dot(row, &inlierness)) / options.lambda_y)
                .collect();
            log_softmax(&mut next);
            next.iter_mut().for_each(|value| *value = value.exp());
            let change = squared_distance(&next, &inlierness).sqrt();
            inlierness = next;
            if change < options.tolerance {
                break;
            }
        }
        for _ in 0..options.iterations {
            density(features, &mode, &bandwidths, &mut kernel);
            let next = weighted_mean(features, &inlierness, &kernel).unwrap_or_else(|| mode.clone());
            let change = squared_distance(&next, &mode).sqrt();
            mode = next;
            if change < options.tolerance {
                break;
            }
        }
    }
    Mode {
        logits: features.logits_between(&mode, features.text()),
        feature: mode,
        inlierness,
    }
}

/// Twice the square of each view's bandwidth: the mean squared distance to its nearest neighbours, of which there is at
/// least one; 0 for a view without neighbours.
fn bandwidths(features: &FeatureSet, fraction: f64) -> Vec<f64> {
    let views = features.views();
    let mut distances = features.squared_distances();
    let neighbours = ((fraction * views.saturating_sub(1) as f64) as usize).max(1);
    let mean_of_nearest = |(view, row): (usize, &mut [f64])| {
        // The view itself is none of its neighbours.
        row.swap(view, 0);
        let (_, others) = row.split_at_mut(1);
        others.sort_by(f64::total_cmp);
        let count = neighbours.min(others.len());
        others.iter().take(count).sum::<f64>() / count.max(1) as f64
    };
    distances
        .chunks_exact_mut(views)
        .enumerate()
        .map(mean_of_nearest)
        .collect()
}

/// How well the predictions of two views agree, `[views, views]`.
fn affinity(features: &FeatureSet) -> Vec<f64> {
    let views = features.views();
    let probabilities: Vec<Vec<f64>> = (0..views)
        .map(|view| {
            features
                .log_probabilities(view)
                .iter()
                .map(|log_p| log_p.exp())
                .collect()
        })
        .collect();
    let mut affinity = Vec::with_capacity(views * views);
    for p in &probabilities {
        affinity.extend(probabilities.iter().map(|q| dot(p, q)));
    }
    affinity
}

/// The kernel of each view around the mode. Where a view lies on all its neighbours the kernel is as narrow as it can
/// be: 1 on the view, 0 elsewhere.
fn density(features: &FeatureSet, mode: &[f64], bandwidths: &[f64], kernel: &mut [f64]) {
    for (view, (kernel, &twice_square)) in kernel.iter_mut().zip(bandwidths).enumerate() {
        let distance = squared_distance(features.view(view), mode);
        *kernel = if twice_square > 0.0 {
            (-distance / twice_square).exp()
        } else if distance > 0.0 {
            0.0
        } else {
            1.0
        };
    }
}

/// `norm(sum_p y_p K_p f_p)`; `None` where no view lies near.
fn weighted_mean(features: &FeatureSet, inlierness: &[f64], kernel: &[f64]) -> Option<Vec<f64>> {
    let mut mean = vec![0.0; features.width()];
    for (view, (inlierness, kernel)) in inlierness.iter().zip(kernel).enumerate() {
        add_scaled(&mut mean, inlierness * kernel, features.view(view));
    }
    let length = dot(&mean, &mean).sqrt();
    if length <= 0.0 {
        return None;
    }
    mean.iter_mut().for_each(|value| *value /= length);
    Some(mean)
}

/// The method, as it is found by its name.
pub struct Mta;

impl FeatureMethod for Mta {
    fn description(&self) -> MethodDescription {
        let default = MtaOptions::default();
        MethodDescription {
            name: "mta",
            title: "MTA",
            paper: Some(Paper {
                authors: "Maxime Zanella, Ismail Ben Ayed",
                title: "On the test-time zero-shot generalization of vision-language models: Do we really need prompt learning?",
                year: 2024,
                url: "https://arxiv.org/abs/2405.02266",
            }),
            summary: "Finds where the views' features are densest, counting each view by how well it agrees with the others; nothing is trained.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options: vec![
                OptionDescription::number(
                    "bandwidth_fraction",
                    "Neighbours",
                    "The part of the other views whose mean distance is a view's bandwidth.",
                    default.bandwidth_fraction,
                    [0.0, 1.0],
                ),
                OptionDescription::number(
                    "lambda_y",
                    "Evenness",
                    "The larger, the more equally the views count.",
                    default.lambda_y,
                    [1e-3, 1e3],
                ),
                OptionDescription::number(
                    "lambda_q",
                    "Agreement",
                    "How much it counts that a view's prediction agrees with those of the others.",
                    default.lambda_q,
                    [0.0, 1e3],
                ),
                OptionDescription::integer(
                    "iterations",
                    "Iterations",
                    "Rounds of improving the views' weights and the mode in turn, and in each the most repetitions of either.",
                    default.iterations as u64,
                    [1, 1000],
                ),
                OptionDescription::number(
                    "tolerance",
                    "Tolerance",
                    "A smaller change ends the repetitions.",
                    default.tolerance,
                    [0.0, 1.0],
                ),
            ],
        }
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let mode = find_mode(input.features, read(options)?);
        let probabilities = softmax(&mode.logits);
        Ok(FeatureComputation::Whole(FeatureStep {
            loss: entropy_of(&probabilities),
            view_weights: mode.inlierness,
            view_logits: None,
            probabilities,
        }))
    }
}
