//! What a step and an episode say: plain data, the same on the command line and in the browser.
//!
//! Entropies and losses are in nats, durations in milliseconds, boxes in pixels of the picture.

use clip_model::lora::{Projection, Tower};
use serde::{Deserialize, Serialize};

use crate::methods::adaptation::Update;
use crate::options::Options;
use crate::views::ViewBox;

/// A label and its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The label.
    pub label: String,
    /// Its probability.
    pub probability: f32,
}

impl Score {
    /// Pairs labels with probabilities.
    #[must_use]
    pub fn list(labels: &[String], probabilities: &[f32]) -> Vec<Self> {
        labels
            .iter()
            .zip(probabilities)
            .map(|(label, &probability)| Self {
                label: label.clone(),
                probability,
            })
            .collect()
    }
}

/// Something that the user should know, though it stopped nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Its stable, kebab-case name.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl Warning {
    /// Each of them once, in the order in which they came first.
    pub(crate) fn distinct(warnings: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut distinct = Vec::new();
        for warning in warnings {
            if !distinct.contains(&warning) {
                distinct.push(warning);
            }
        }
        distinct
    }
}

/// A prediction without adaptation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The model's name.
    pub model: String,
    /// `"cpu"` or `"webgpu"`: what really ran.
    pub device: String,
    /// The adapter's name, or "CPU".
    pub device_name: String,
    /// The prompt template.
    pub template: String,
    /// Labels and probabilities, in the order of the labels.
    pub scores: Vec<Score>,
    /// Entropy of the prediction.
    pub entropy: f64,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// How long it took.
    pub timing_ms: ClassificationTiming,
}

/// How long the parts of a classification took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClassificationTiming {
    /// The text tower; 0 where the label set's features were there.
    pub text: f64,
    /// Preprocessing and the vision tower.
    pub image: f64,
    /// All of it.
    pub total: f64,
}

/// The views' predictions at one point of an adaptation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewsState {
    /// The method's loss.
    pub loss: f64,
    /// Mean of the views' entropies.
    pub entropy: f64,
    /// Entropy of the views' mean prediction.
    pub marginal_entropy: f64,
    /// Each view's entropy.
    pub view_entropies: Vec<f32>,
    /// Each view's weight in the loss; 0 for one that isn't looked at.
    pub view_weights: Vec<f32>,
    /// Index of each view's likeliest label.
    pub view_labels: Vec<usize>,
    /// The probability of that label.
    pub view_probabilities: Vec<f32>,
}

/// How much an adapter changes its projection's matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdapterNorm {
    /// The tower.
    pub tower: Tower,
    /// Index of the block, counted from 0.
    pub block: usize,
    /// The projection.
    pub projection: Projection,
    /// Frobenius norm of the change, `scale * B A`.
    pub norm: f32,
}

/// One update: what its gradient was of, and what the picture is taken for afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Which update, counted from 1.
    pub step: usize,
    /// The views before the update.
    #[serde(flatten)]
    pub views: ViewsState,
    /// Probabilities after the update, in the order of the labels: those of the centre view, or of the views that the method answers from.
    pub prediction: Vec<f32>,
    /// Entropy of that prediction.
    pub prediction_entropy: f64,
    /// Each adapter after the update; empty for a method without adapters.
    pub adapter_norms: Vec<AdapterNorm>,
    /// How long the update took.
    pub duration_ms: f64,
}

impl StepReport {
    pub(crate) fn new(step: usize, update: Update, duration_ms: f64) -> Self {
        Self {
            step,
            views: update.views,
            prediction: update.prediction.probabilities,
            prediction_entropy: update.prediction.entropy,
            adapter_norms: update.adapter_norms,
            duration_ms,
        }
    }
}

/// One view, before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewReport {
    /// Where it lies in the picture; the first is the centre view.
    #[serde(flatten)]
    pub view: ViewBox,
    /// Its entropy before the first update, or at the only look where there was no update.
    pub entropy_before: Option<f32>,
    /// Its entropy after the last update.
    pub entropy_after: Option<f32>,
    /// Its weight in the first update's loss.
    pub weight: Option<f32>,
}

/// Why an episode ended before its last step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// At which update, counted from 1.
    pub step: usize,
    /// Why.
    pub reason: String,
}

/// How long the parts of an episode took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EpisodeTiming {
    /// The text tower; 0 where the label set's features were there.
    pub text: f64,
    /// Cutting and resizing the views.
    pub views: f64,
    /// The blocks without adapters, for all views, and the prediction without adaptation.
    pub trunk: f64,
    /// All updates with their predictions.
    pub steps: f64,
    /// Looking at all views once more at the end.
    pub measure: f64,
    /// All of it.
    pub total: f64,
}

/// A whole episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeReport {
    /// The model's name.
    pub model: String,
    /// `"cpu"` or `"webgpu"`: what really ran.
    pub device: String,
    /// The adapter's name, or "CPU".
    pub device_name: String,
    /// The method's name.
    pub method: String,
    /// Seed of the views and of the adapters' first values.
    pub seed: u64,
    /// The prompt template.
    pub template: String,
    /// The labels.
    pub labels: Vec<String>,
    /// All options, of the views and of the method.
    pub options: Options,
    /// Prediction of the centre view without adaptation, in the order of the labels.
    pub before: Vec<Score>,
    /// Its entropy.
    pub before_entropy: f64,
    /// Prediction after the last update; the same as `before` where the episode was stopped.
    pub after: Vec<Score>,
    /// Each update.
    pub steps: Vec<StepReport>,
    /// The views after the last update.
    pub final_state: Option<ViewsState>,
    /// Each view.
    pub views: Vec<ViewReport>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// Why it ended early, if it did.
    pub stopped: Option<Stopped>,
    /// How long it took.
    pub timing_ms: EpisodeTiming,
}

/// What was done before any method begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum GroundworkEvent {
    /// The views' places in the picture are drawn; nothing is computed yet.
    Drawn {
        /// One for each view, the centre view first.
        views: Vec<ViewBox>,
    },
    /// Labels went through the text tower.
    Labels {
        /// How many are encoded.
        labels_done: usize,
        /// Of how many.
        labels_total: usize,
    },
    /// Views went through the blocks without adapters.
    Encoding {
        /// How many are encoded.
        views_done: usize,
        /// Of how many.
        views_total: usize,
    },
    /// The prediction without adaptation is there.
    ZeroShot {
        /// In the order of the labels.
        probabilities: Vec<f32>,
        /// Its entropy.
        entropy: f64,
    },
}

/// What one call of [`crate::episode::Episode::advance`] did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Views went forward and backward through the blocks with adapters.
    Stepping {
        /// Which update, counted from 1.
        step: usize,
        /// Of how many.
        steps: usize,
        /// How many views are done within it.
        views_done: usize,
        /// Of how many.
        views_total: usize,
    },
    /// An update was made.
    Step(StepReport),
    /// Views were looked at once more after the last update.
    Measuring {
        /// How many are done.
        views_done: usize,
        /// Of how many.
        views_total: usize,
    },
    /// The episode is over.
    Done(Box<EpisodeReport>),
    /// Something was done before the method begins.
    #[serde(untagged)]
    Groundwork(GroundworkEvent),
}
