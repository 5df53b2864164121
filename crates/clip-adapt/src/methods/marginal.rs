//! The plain ensemble: the mean of the most confident views' predictions, without any adaptation.
//!
//! What the methods that minimise the entropy of this mean start from, and the least that one of them should be
//! better than.

use serde::{Deserialize, Serialize};

use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureStep};
use super::{MethodDescription, MethodKind};
use crate::error::Result;
use crate::features::selection::most_confident;
use crate::features::{FeatureSet, add_scaled, entropy_of};
use crate::options::{OptionDescription, Options, read};

/// How selected views count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// All the same.
    #[default]
    Equal,
    /// By `exp(-H)` of their entropy `H`, as views weigh in TTL's loss.
    Entropy,
}

/// Settings of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MarginalOptions {
    /// The share of the views that count, the most confident.
    pub selection: f64,
    /// How they count.
    pub weighting: Weighting,
}

impl Default for MarginalOptions {
    fn default() -> Self {
        Self {
            selection: 0.1,
            weighting: Weighting::Equal,
        }
    }
}

/// The mean prediction, `[labels]`, and each view's weight in it, `[views]`.
#[must_use]
pub fn mean_prediction(features: &FeatureSet, options: MarginalOptions) -> (Vec<f64>, Vec<f64>) {
    let selected = most_confident(features.entropies(), options.selection);
    let mut weights = vec![0.0; features.views()];
    for &view in &selected {
        weights[view] = match options.weighting {
            Weighting::Equal => 1.0,
            Weighting::Entropy => (-features.entropies()[view]).exp(),
        };
    }
    let sum: f64 = weights.iter().sum();
    let mut mean = vec![0.0; features.labels()];
    for &view in &selected {
        weights[view] /= sum;
        let probabilities: Vec<f64> = features
            .log_probabilities(view)
            .iter()
            .map(|log_p| log_p.exp())
            .collect();
        add_scaled(&mut mean, weights[view], &probabilities);
    }
    (mean, weights)
}

/// The method, as it is found by its name.
pub struct MarginalEnsemble;

impl FeatureMethod for MarginalEnsemble {
    fn description(&self) -> MethodDescription {
        MethodDescription {
            name: "marginal",
            title: "Mean of views",
            paper: None,
            summary: "The mean of the confident views' predictions; nothing is trained.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options: vec![
                OptionDescription::number(
                    "selection",
                    "Share of views",
                    "The share of the views that count: the most confident.",
                    MarginalOptions::default().selection,
                    [0.0, 1.0],
                ),
                OptionDescription::choice(
                    "weighting",
                    "Weights",
                    "Whether the selected views count equally, or the more the lower their entropy is.",
                    "equal",
                    &["equal", "entropy"],
                ),
            ],
        }
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let (probabilities, view_weights) = mean_prediction(input.features, read(options)?);
        Ok(FeatureComputation::Whole(FeatureStep {
            loss: entropy_of(&probabilities),
            view_weights,
            view_logits: None,
            probabilities,
        }))
    }
}
