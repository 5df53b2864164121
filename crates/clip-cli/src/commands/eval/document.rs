//! What an evaluation says, as it is written to `report.json`.

use clip_adapt::report::Warning;
use clip_eval::dataset::PassedOver;
use clip_eval::record::Condition;
use clip_eval::summary::Summary;
use serde::Serialize;
use serde_json::{Map, Value};

/// A whole evaluation.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub version: &'static str,
    pub model: String,
    /// Of its configuration and weights.
    pub model_sha256: String,
    pub statistics_sha256: Option<String>,
    /// The format of most values that are multiplied by.
    pub dtype: &'static str,
    /// All formats of matrices, that of most values first.
    pub formats: Vec<MatrixFormat>,
    pub device: String,
    pub template: String,
    pub labels: Vec<String>,
    /// Pictures that were looked at, broken ones included.
    pub pictures: usize,
    pub pictures_found: usize,
    pub passed_over: PassedOver,
    pub conditions: Vec<Condition>,
    pub views: usize,
    pub crop_scale: [f64; 2],
    pub seed: u64,
    pub runs: Vec<Run>,
    /// What is to be said of the labels: it is the same for every picture and method.
    pub warnings: Vec<Warning>,
    pub summary: Summary,
}

/// How many values of the model's matrices have one number format.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MatrixFormat {
    pub dtype: &'static str,
    pub values: usize,
}

/// A method with its options.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Run {
    /// The method's name, or `method@variant`.
    pub name: String,
    pub method: String,
    pub title: String,
    /// All of its options, with those that were set.
    pub options: Map<String, Value>,
}
