//! The methods on features, against NumPy's and PyTorch's results in f64: on drawn features as alike as a trained CLIP's,
//! on those of a random model, on a single view, on two labels, and where votes are tied.

use clip_adapt::features::{FeatureSet, log_softmax};
use clip_adapt::methods::dect::DecoderTuning;
use clip_adapt::methods::marginal::MarginalEnsemble;
use clip_adapt::methods::mta::Mta;
use clip_adapt::methods::oftta::Oftta;
use clip_adapt::methods::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureStep};
use clip_adapt::methods::sts::SpectralShift;
use clip_adapt::methods::tps::{PrototypeShift, Tps};
use clip_adapt::methods::zero::Zero;
use clip_adapt::options::{self, Options};
use serde::Deserialize;

use crate::recording::{Recording, doubles};

/// Both sides compute in f64 from the same f32 features; the results are stored as f32.
const TOLERANCE: f64 = 1e-6;
/// Logits are as large as 75, where the neighbours of an f32 are 8e-6 apart.
const LOGIT_TOLERANCE: f64 = 2e-5;

#[derive(Deserialize)]
struct Settings {
    logit_scale_exp: f32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    method: String,
    options: Options,
}

fn check(name: &'static str) {
    let recording = Recording::open(name);
    let settings: Settings = recording.settings();
    let width = recording.shape("image_features")[1];
    let (image, text) = (recording.values("image_features"), recording.values("text_features"));
    let features = FeatureSet::new(image, text, width, settings.logit_scale_exp).unwrap();
    // A set of the pictures of nothing makes their features unit rows.
    let further = FeatureSet::new(recording.values("content_free_features"), text, width, 1.0).unwrap();
    let input = FeatureInput {
        features: &features,
        further: further.image(),
        statistics: None,
        seed: 0,
    };
    assert!(settings.cases.len() > 15, "{name}");
    for case in settings.cases {
        let steps = match case.method.as_str() {
            "marginal" => compute(&MarginalEnsemble, &input, &case.options),
            "zero" => compute(&Zero, &input, &case.options),
            "mta" => compute(&Mta, &input, &case.options),
            "tps" => {
                check_first_gradient(&recording, &case, &features);
                compute(&PrototypeShift, &input, &case.options)
            }
            "sts" => compute(&SpectralShift::new(), &input, &case.options),
            "oftta" => compute(&Oftta, &input, &case.options),
            "dect" => compute(&DecoderTuning, &input, &case.options),
            other => panic!("{other} can't be replayed"),
        };
        let last = steps.last().unwrap();
        let of_case = |quantity: &str| format!("{}.{quantity}", case.name);
        recording.compare(&of_case("probabilities"), last.probabilities.iter().copied(), TOLERANCE);
        if recording.has(&of_case("logits")) {
            // Up to a constant they are the probabilities' logarithms, in which labels show that have next to no probability.
            let mut expected = doubles(recording.values(&of_case("logits")));
            log_softmax(&mut expected);
            let found = last.probabilities.iter().map(|probability| probability.ln());
            recording.compare_with(&of_case("logits"), found, &expected, LOGIT_TOLERANCE);
        }
        if recording.has(&of_case("losses")) {
            recording.compare(&of_case("losses"), steps.iter().map(|step| step.loss), TOLERANCE);
        }
        if recording.has(&of_case("inlierness")) {
            recording.compare(&of_case("inlierness"), last.view_weights.iter().copied(), TOLERANCE);
        }
    }
}

/// All updates, or the whole computation of a method that makes none. What is left out has its default, as everywhere.
fn compute(method: &impl FeatureMethod, input: &FeatureInput<'_>, given: &Options) -> Vec<FeatureStep> {
    let options = options::complete(&method.description().options, given).unwrap();
    match method.compute(input, &options).unwrap() {
        FeatureComputation::Whole(step) => vec![step],
        FeatureComputation::Updates(mut updates) => (0..options["steps"].as_u64().unwrap())
            .map(|_| updates.update(input.features).unwrap())
            .collect(),
    }
}

/// The closed form of TPS's gradient against autodiff's.
fn check_first_gradient(recording: &Recording, case: &Case, features: &FeatureSet) {
    let options = options::complete(&PrototypeShift.description().options, &case.options).unwrap();
    let method = Tps::new(features, options::read(&options).unwrap());
    let (_, gradient) = method.gradient(features, &method.selected(features));
    recording.compare_gradient(&format!("{}.step0.gradient", case.name), gradient);
}

#[test]
fn features_as_alike_as_a_trained_models() {
    check("method-features-like-clip");
}

#[test]
fn tied_votes() {
    check("method-features-tied");
}

#[test]
fn features_of_a_random_model_and_ties_that_no_view_decides() {
    check("method-features-tiny");
}

#[test]
fn a_single_view() {
    check("method-features-one-view");
}

#[test]
fn two_labels() {
    check("method-features-two-labels");
}
