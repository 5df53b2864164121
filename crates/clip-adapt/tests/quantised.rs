//! Recorded episodes through quantised weights: how far from single precision they may be follows from the blocks, and is held here.
//!
//! **The bound.** A block's codes are a step `d` apart, so a value is off by `d / sqrt(12)` in the root mean square. `d` is the block's
//! largest magnitude over 127 (`q8`) or over 8 (`q4`), and the largest of 32 normally distributed values is 2.2 times their root mean
//! square; 2.4 leaves room for the end of `q4` that has a code less. A value's relative error is `e` = 2.4 / 127 / sqrt(12) = 0.0055, or
//! 2.4 / 8 / sqrt(12) = 0.087. Errors of different weights are
//! independent, so the output of a layer has the relative error of its weights. Of a tower of `L` blocks, six matrices a block add
//! to the residual stream, with the embedding and the projection; if each were as large as the stream itself, independent
//! errors would sum up to `E = e * sqrt(6 L + 2)` of a feature's length. A logit is `s` times the cosine of two features with
//! `P` values each; errors in directions that know nothing of each other move it by `s * E * sqrt(2 / P)` in the root mean square. No logit of a
//! few hundred should be four times that far off.
//!
//! An entropy is no steeper in its logits than the deviation of the log-probabilities, which for `C` labels is at most `ln C` or 1, whichever
//! is larger.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(
    clippy::print_stdout,
    reason = "with --nocapture the errors and their bounds are shown"
)]

mod common;

use clip_adapt::recorded::{Verification, verify};
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::Clip;
use clip_model::device::{ComputeDevice, DeviceChoice};
use clip_model::quantised::WeightFormat;

/// Model, episode, number of labels. Their widths are whole numbers of blocks.
const EPISODES: [(&str, &str, f64); 3] = [
    (
        "tests/fixtures/tiny-quick-gelu",
        "tests/fixtures/ttl-default.safetensors",
        10.0,
    ),
    (
        "tests/fixtures/tiny-quick-gelu",
        "tests/fixtures/ttl-rank4-2layers-qkv.safetensors",
        3.0,
    ),
    ("tests/fixtures/tiny-gelu", "tests/fixtures/ttl-gelu.safetensors", 12.0),
];

fn logit_bound(clip: &Clip, format: WeightFormat) -> f64 {
    let step = match format {
        WeightFormat::Q8 => 1.0 / 127.0,
        WeightFormat::Q4 => 1.0 / 8.0,
        other => panic!("{other} has no blocks"),
    };
    let value_error = 2.4 * step / 12_f64.sqrt();
    let layers = clip
        .config
        .vision
        .transformer
        .layers
        .max(clip.config.text.transformer.layers) as f64;
    let feature_error = value_error * (6.0 * layers + 2.0).sqrt();
    4.0 * f64::from(clip.logit_scale) * feature_error * (2.0 / clip.config.projection as f64).sqrt()
}

fn replayed(model: &str, episode: &str, format: WeightFormat, device: &ComputeDevice) -> (Verification, f64) {
    let clip = common::clip(model, FormatChoice::Fixed(format), device);
    assert_eq!(clip.main_format(), format, "{model} is really quantised");
    let bound = logit_bound(&clip, format);
    let verification = pollster::block_on(verify(&clip, &common::file(episode))).unwrap();
    (verification, bound)
}

fn error_of(verification: &Verification, quantity: &str) -> f64 {
    let found = verification.quantities.iter().find(|found| found.name == quantity);
    found
        .unwrap_or_else(|| panic!("no {quantity} in {verification:?}"))
        .largest_error
}

#[test]
fn recorded_episodes_stay_within_the_error_of_their_blocks() {
    let devices = [DeviceChoice::Cpu, DeviceChoice::Gpu].map(common::device);
    for (model, episode, labels) in EPISODES {
        for format in [WeightFormat::Q8, WeightFormat::Q4] {
            let replays = devices
                .each_ref()
                .map(|device| replayed(model, episode, format, device));
            // Both are off the recording by the same quantisation, so by the same amount but for rounding.
            let [on_cpu, on_gpu] = replays.each_ref().map(|(replay, _)| error_of(replay, "logits_before"));
            assert!(
                (on_cpu - on_gpu).abs() < 1e-4,
                "{episode} {format}: {on_cpu} and {on_gpu}"
            );
            for ((verification, bound), device) in replays.iter().zip(&devices) {
                let steepness = labels.ln().max(1.0);
                for (quantity, bound) in [
                    ("logits_before", *bound),
                    ("entropy", bound * steepness),
                    ("mean_entropy", bound * steepness),
                ] {
                    let error = error_of(verification, quantity);
                    println!(
                        "{episode} {format} on {}: {quantity} off by {error:.2e}, bound {bound:.2e}",
                        device.name()
                    );
                    assert!(
                        error <= bound,
                        "{episode} {format} {quantity}: {error} is more than {bound}"
                    );
                }
                // A bound that is never approached would hold anything, and weights that aren't quantised are off by nothing.
                let error = error_of(verification, "logits_before");
                assert!(error > bound / 10.0, "{episode} {format}: {error} is far below {bound}");
            }
        }
    }
}
