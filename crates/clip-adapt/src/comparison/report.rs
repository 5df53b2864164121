//! What a comparison says while it runs, and what it comes to.

use serde::Serialize;

use crate::options::Options;
use crate::report::{EpisodeTiming, GroundworkEvent, Score, StepReport, Warning};
use crate::views::ViewBox;

/// Why a method failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodError {
    /// The error's stable name.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// What a method came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodOutcome {
    /// Its name.
    pub method: String,
    /// Its name for people.
    pub title: String,
    /// Its options, with none left out.
    pub options: Options,
    /// Its prediction, in the order of the labels; the one without adaptation where it failed or was stopped.
    pub after: Vec<Score>,
    /// Entropy of that.
    pub entropy: f64,
    /// Each update.
    pub steps: Vec<StepReport>,
    /// How long it took, beside what all methods share, in milliseconds.
    pub cost_ms: f64,
    /// Views forward through blocks of the vision tower, beside what all methods share, as a share of one pass of all views through
    /// all blocks.
    pub forward_passes: f64,
    /// The same backward.
    pub backward_passes: f64,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// Why it failed, if it did.
    pub error: Option<MethodError>,
}

/// A whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareReport {
    /// The model's name.
    pub model: String,
    /// `"cpu"` or `"webgpu"`: what really ran.
    pub device: String,
    /// The adapter's name, or "CPU".
    pub device_name: String,
    /// Seed of the views and of whatever the methods draw.
    pub seed: u64,
    /// The prompt template.
    pub template: String,
    /// The labels.
    pub labels: Vec<String>,
    /// Prediction of the centre view without adaptation, in the order of the labels.
    pub before: Vec<Score>,
    /// Its entropy.
    pub before_entropy: f64,
    /// The views' places in the picture.
    pub views: Vec<ViewBox>,
    /// Each method's outcome, in the order of the request.
    pub outcomes: Vec<MethodOutcome>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// How long the parts took: `steps` and `measure` are of all methods together.
    pub timing_ms: EpisodeTiming,
}

/// What one call of [`Comparison::advance`](super::Comparison::advance) did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CompareEvent {
    /// A method begins.
    MethodStarted {
        /// Its place in the request.
        index: usize,
        /// Its name.
        method: String,
    },
    /// A method has done a bounded piece of work.
    Stepping {
        /// Its place in the request.
        index: usize,
        /// How many views are done within it.
        views_done: usize,
        /// Of how many.
        views_total: usize,
    },
    /// A method has made an update.
    Step {
        /// Its place in the request.
        index: usize,
        /// The update.
        #[serde(flatten)]
        report: StepReport,
    },
    /// A method is over.
    MethodDone {
        /// Its place in the request.
        index: usize,
        /// What it came to.
        outcome: Box<MethodOutcome>,
    },
    /// The comparison is over.
    Done {
        /// All of it.
        report: Box<CompareReport>,
    },
    /// Something was done before any method begins.
    #[serde(untagged)]
    Groundwork(GroundworkEvent),
}
