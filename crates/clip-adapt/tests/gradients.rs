//! Gradients of the adapters against central differences of the loss.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/smooth.rs"]
mod smooth;

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_adapt::entropy;
use clip_adapt::methods::adaptation::Adaptation as _;
use clip_adapt::methods::ttl::{Texts, Ttl, TtlOptions, weight};
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use clip_model::lora::{Factor, Parameters, Projection};
use smooth::values;

const VIEWS: usize = 3;
const LABELS: usize = 4;
/// Large enough that f32 rounding of the loss stays small beside the difference.
const STEP: f32 = 2e-2;

fn adaptation(clip: &Arc<Clip>, targets: &[Projection]) -> Ttl {
    let device = clip.device.tensor_device().clone();
    let options = TtlOptions {
        rank: 2,
        alpha: 4.0,
        layers: 2,
        targets: targets.to_vec(),
        margin: 0.4,
        ..TtlOptions::default()
    };
    let side = clip.config.vision.image_size;
    let text = values(LABELS * clip.config.projection, 1.0);
    let text = Tensor::from_data(TensorData::new(text, [LABELS, clip.config.projection]), &device);
    let texts = Texts {
        features: normalise(text),
        prompts: Vec::new(),
    };
    let mut ttl = Ttl::new(Arc::clone(clip), texts, &options, None, 0).unwrap();
    let pixels = clip.upload_views(values(VIEWS * 3 * side * side, 1.0)).unwrap();
    ttl.push(clip.vision.trunk(pixels, ttl.first_block()).unwrap());
    // B at zero would leave the gradient of A at zero: move away from there.
    let moved = ttl.parameters().iter().map(|(key, value)| {
        let [rows, columns] = value.dims();
        let moved = values(rows * columns, 0.1);
        (
            *key,
            Tensor::from_data(TensorData::new(moved, [rows, columns]), &device),
        )
    });
    let moved: Parameters = moved.collect();
    ttl.set_parameters(moved).unwrap();
    ttl
}

fn entropies(ttl: &Ttl) -> Vec<f64> {
    let logits: Vec<f32> = ttl.logits(0).unwrap().into_data().iter::<f32>().collect();
    logits.chunks_exact(LABELS).map(entropy::entropy).collect()
}

fn check(choice: DeviceChoice, model: &str) {
    let clip = common::clip(model, FormatChoice::AsStored, &common::device(choice));
    let mut ttl = adaptation(&clip, &Projection::ALL);
    let _ = ttl.accumulate(0).unwrap();
    let gradients = ttl.gradients().clone();
    assert_eq!(gradients.len(), 2 * 4 * 2, "two blocks, four projections, two factors");
    let weights: Vec<f64> = entropies(&ttl)
        .into_iter()
        .map(|entropy| weight(entropy, 0.4))
        .collect();
    // The weights are constants of the loss.
    let loss = |ttl: &Ttl| {
        entropies(ttl)
            .iter()
            .zip(&weights)
            .map(|(entropy, weight)| entropy * weight)
            .sum::<f64>()
            / VIEWS as f64
    };
    let start = ttl.parameters().clone();
    for (key, gradient) in &gradients {
        let gradient: Vec<f32> = gradient.to_data().iter::<f32>().collect();
        let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-5, "{key} has no gradient");
        // The coordinate that matters most, and one in the middle.
        let strongest = gradient.iter().position(|value| value.abs() >= largest).unwrap();
        for index in [strongest, gradient.len() / 2] {
            let at = |offset: f32, ttl: &mut Ttl| {
                let mut moved = start.clone();
                let value = &start[key];
                let mut numbers: Vec<f32> = value.to_data().iter::<f32>().collect();
                numbers[index] += offset;
                let data = TensorData::new(numbers, value.dims());
                moved.insert(*key, Tensor::from_data(data, clip.device.tensor_device()));
                ttl.set_parameters(moved).unwrap();
                loss(ttl)
            };
            let difference = (at(STEP, &mut ttl) - at(-STEP, &mut ttl)) / f64::from(2.0 * STEP);
            let error = (difference - f64::from(gradient[index])).abs() / f64::from(largest);
            assert!(
                error < 2e-2,
                "{key}[{index}]: {} by the tape, {difference} by differences",
                gradient[index]
            );
        }
    }
    assert!(gradients.keys().any(|key| key.factor == Factor::A));
}

#[test]
fn gradients_are_those_of_finite_differences_on_the_cpu() {
    check(DeviceChoice::Cpu, "tests/fixtures/tiny-quick-gelu");
    check(DeviceChoice::Cpu, "tests/fixtures/tiny-gelu");
}

#[test]
fn gradients_are_those_of_finite_differences_on_webgpu() {
    check(DeviceChoice::Gpu, "tests/fixtures/tiny-quick-gelu");
    check(DeviceChoice::Gpu, "tests/fixtures/tiny-gelu");
}
