//! The methods that compute with features alone: their formulas on small examples worked out by hand, their gradients
//! against differences and the tape, and what must hold whatever the numbers are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(clippy::float_cmp, reason = "where nothing may change, not the last bit may")]

mod by_hand;
mod gradients;
mod properties;

use burn::tensor::{Device, Tensor, TensorData};
use clip_adapt::features::prototypes::Predictions;
use clip_adapt::features::singular::Singular;
use clip_adapt::features::{FeatureSet, argmax, dot, softmax};
use clip_adapt::methods::dect::{self, DectOptions};
use clip_adapt::methods::marginal::{self, MarginalOptions, Weighting};
use clip_adapt::methods::mta::{self, MtaOptions};
use clip_adapt::methods::oftta::{self, OfttaOptions};
use clip_adapt::methods::sts::{self, Predict, Sts, StsOptions};
use clip_adapt::methods::tps::{Tps, TpsOptions};
use clip_adapt::methods::tpt;
use clip_adapt::methods::zero::{self, ZeroOptions};
use clip_adapt::optimizer::AdamWSettings;

const WIDTH: usize = 24;
const SCALE: f32 = 8.0;

/// Values without a period, of which each `phase` has others.
fn values(count: usize, phase: f32) -> Vec<f32> {
    (0..count)
        .map(|i| (i as f32 * 0.731 + phase).sin() + (i as f32 * 0.117 + phase * 1.7).cos() + 0.3)
        .collect()
}

/// Views that resemble each other, and labels that do.
fn features(views: usize, labels: usize) -> FeatureSet {
    FeatureSet::new(&values(views * WIDTH, 0.4), &values(labels * WIDTH, 2.1), WIDTH, SCALE).unwrap()
}

/// The same views, with the labels in another order: label `c` is the old label `order[c]`.
fn reordered(views: usize, order: &[usize]) -> FeatureSet {
    let text = values(order.len() * WIDTH, 2.1);
    let rows = order
        .iter()
        .flat_map(|&label| &text[label * WIDTH..(label + 1) * WIDTH]);
    let rows: Vec<f32> = rows.copied().collect();
    FeatureSet::new(&values(views * WIDTH, 0.4), &rows, WIDTH, SCALE).unwrap()
}

/// Features in the plane whose logits are easy to work out: views and labels by their angle, in degrees.
fn by_angles(views: &[f32], labels: &[f32], scale: f32) -> FeatureSet {
    let points = |angles: &[f32]| -> Vec<f32> {
        angles
            .iter()
            .map(|angle| angle.to_radians())
            .flat_map(|angle| [angle.cos(), angle.sin()])
            .collect()
    };
    FeatureSet::new(&points(views), &points(labels), 2, scale).unwrap()
}

fn adamw(learning_rate: f64) -> AdamWSettings {
    AdamWSettings {
        learning_rate,
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
    }
}

fn tps_options(learning_rate: f64, selection: f64) -> TpsOptions {
    TpsOptions {
        steps: 1,
        selection,
        optimizer: adamw(learning_rate),
    }
}

fn sts_options(learning_rate: f64) -> StsOptions {
    StsOptions {
        steps: 1,
        selection: 0.5,
        rank: 3,
        regularisation: 0.0,
        predict: Predict::Marginal,
        optimizer: adamw(learning_rate),
    }
}

fn centre(features: &FeatureSet, prototypes: &[f64]) -> Vec<f64> {
    let predictions = Predictions::of(features, &[0], prototypes);
    predictions
        .rows()
        .next()
        .unwrap()
        .iter()
        .map(|log_p| log_p.exp())
        .collect()
}

fn tps(features: &FeatureSet, learning_rate: f64, steps: usize) -> Vec<f64> {
    let mut tps = Tps::new(features, tps_options(learning_rate, 0.5));
    for _ in 0..steps {
        let selected = tps.selected(features);
        tps.step(features, &selected).unwrap();
    }
    centre(features, tps.prototypes())
}

fn sts(features: &FeatureSet, learning_rate: f64, steps: usize) -> Vec<f64> {
    let mut sts = Sts::new(features, sts::spectrum(features).unwrap(), sts_options(learning_rate));
    for _ in 0..steps {
        sts.step(features).unwrap();
    }
    sts.predict(features)
}

/// Each method's final probabilities, by name.
fn all_methods(features: &FeatureSet) -> Vec<(&'static str, Vec<f64>)> {
    let content_free: Vec<f64> = features.text().iter().take(features.width()).copied().collect();
    let bias = dect::bias(features, &content_free);
    vec![
        ("zero", zero::vote(features, ZeroOptions::default()).shares()),
        ("mta", softmax(&mta::find_mode(features, MtaOptions::default()).logits)),
        ("tps", tps(features, 5e-3, 2)),
        ("sts", sts(features, 5e-3, 2)),
        ("oftta", softmax(&oftta::adjust(features, OfttaOptions::default()).0)),
        ("dect", softmax(&dect::decode(features, &bias, DectOptions::default()))),
        (
            "marginal",
            marginal::mean_prediction(features, MarginalOptions::default()).0,
        ),
    ]
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{what}: {found} {expected}");
    }
}
