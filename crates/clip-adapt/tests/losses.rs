//! Gradients of every loss beside TTL's plain one, against central differences: adapters in the text tower, bypasses, C-TPT's
//! dispersion, and the alignment with source statistics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/smooth.rs"]
mod smooth;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_adapt::entropy;
use clip_adapt::labels::Prompts;
use clip_adapt::methods::adaptation::Adaptation as _;
use clip_adapt::methods::alignment::Alignment;
use clip_adapt::methods::apt::{Apt, AptOptions};
use clip_adapt::methods::tail::{AdapterKind, Matrices, Tail};
use clip_adapt::methods::tpt::Tpt;
use clip_adapt::methods::ttl::{Encoder, Texts, Ttl, TtlOptions, weight};
use clip_adapt::optimizer::AdamWSettings;
use clip_adapt::source::{BlockStatistics, SourceStatistics};
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::Clip;
use clip_model::device::DeviceChoice;
use clip_model::lora::{Adapter, Projection, Tower};
use smooth::values;

const VIEWS: usize = 3;
const LABELS: usize = 4;
const MARGIN: f64 = 0.4;
/// Large enough that f32 rounding of the loss stays small beside the difference.
const STEP: f32 = 2e-2;
const MODEL: &str = "tests/fixtures/tiny-quick-gelu";

fn clip() -> Arc<Clip> {
    common::clip(MODEL, FormatChoice::AsStored, &common::device(DeviceChoice::Cpu))
}

fn matrix(clip: &Clip, numbers: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers, shape), clip.device.tensor_device())
}

fn numbers(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

fn tokens(clip: &Clip, blocks: usize) -> Tensor<3> {
    let side = clip.config.vision.image_size;
    let pixels = clip.upload_views(values(VIEWS * 3 * side * side, 1.0)).unwrap();
    clip.vision.trunk(pixels, blocks).unwrap()
}

/// Prompts of the fixture's own vocabulary: start, four words that all share, one of the label, end.
fn prompts() -> Prompts {
    let recording = common::file("tests/fixtures/tpt-default.safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&recording).unwrap();
    let view = tensors.tensor("input_ids").unwrap();
    let columns = view.shape()[1];
    let ids: Vec<u32> = view
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| i32::from_le_bytes(*bytes) as u32)
        .collect();
    Prompts {
        labels: (0..LABELS).map(|label| format!("label {label}")).collect(),
        template: "a photo of a {}.".to_owned(),
        ids: ids.chunks_exact(columns).take(LABELS).map(<[u32]>::to_vec).collect(),
        warnings: Vec::new(),
    }
}

fn texts(clip: &Clip) -> Texts {
    let prompts = prompts();
    Texts {
        features: clip_model::clip::normalise(clip.text.forward(&prompts.ids).unwrap()),
        prompts: vec![prompts],
    }
}

/// Every matrix at values of its own: a factor at zero would leave the other without a gradient.
fn moved<K: Copy + Ord>(clip: &Clip, start: &Matrices<K>, scale: f32) -> Matrices<K> {
    start
        .iter()
        .map(|(key, value)| {
            let [rows, columns] = value.dims();
            (*key, matrix(clip, values(rows * columns, scale), [rows, columns]))
        })
        .collect()
}

/// Compares the gradient of each matrix, at the coordinate that matters most and at one in the middle, with the difference of
/// `loss`.
fn compare<K: Copy + Ord + Debug>(
    clip: &Clip,
    start: &Matrices<K>,
    gradients: &Matrices<K>,
    mut loss: impl FnMut(Matrices<K>) -> f64,
) {
    assert_eq!(start.len(), gradients.len(), "every matrix has a gradient");
    for (key, gradient) in gradients {
        let gradient = numbers(gradient);
        let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-6, "{key:?} has no gradient");
        let strongest = gradient.iter().position(|value| value.abs() >= largest).unwrap();
        for index in [strongest, gradient.len() / 2] {
            let mut at = |offset: f32| {
                let mut changed = start.clone();
                let mut values = numbers(&start[key]);
                values[index] += offset;
                changed.insert(*key, matrix(clip, values, start[key].dims()));
                loss(changed)
            };
            let difference = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
            let error = (difference - f64::from(gradient[index])).abs() / f64::from(largest);
            assert!(
                error < 3e-2,
                "{key:?}[{index}]: {} by the tape, {difference} by differences",
                gradient[index]
            );
        }
    }
}

fn view_entropies<A: AdapterKind>(tail: &Tail<A>) -> Vec<f64> {
    let logits: Vec<f32> = tail.logits(0).unwrap().into_data().iter::<f32>().collect();
    logits.chunks_exact(LABELS).map(entropy::entropy).collect()
}

fn check_tail<A: AdapterKind>(clip: &Arc<Clip>, mut tail: Tail<A>, scale: f32) {
    tail.push(tokens(clip, tail.first_block()));
    let start = moved(clip, tail.parameters(), scale);
    tail.set_parameters(start.clone()).unwrap();
    let weights: Vec<f64> = view_entropies(&tail).into_iter().map(|h| weight(h, MARGIN)).collect();
    let _ = tail.accumulate(0).unwrap();
    tail.accumulate_text(0).unwrap();
    let gradients = tail.gradients().clone();
    // The weights are constants of the loss.
    compare(clip, &start, &gradients, |matrices| {
        tail.set_parameters(matrices).unwrap();
        let entropies = view_entropies(&tail);
        entropies
            .iter()
            .zip(&weights)
            .map(|(h, weight)| h * weight)
            .sum::<f64>()
            / VIEWS as f64
    });
}

#[test]
fn adapters_in_the_text_tower_and_in_both() {
    use Projection::{Key, Output, Query, Value};
    let clip = clip();
    // One alone, as well: in the first adapted block, nothing but what it computes is on the tape.
    for (encoder, towers, targets) in [
        (Encoder::Text, 1, vec![Query, Value]),
        (Encoder::Both, 2, vec![Query, Value]),
        (Encoder::Both, 2, vec![Query]),
        (Encoder::Both, 2, vec![Key]),
        (Encoder::Both, 2, vec![Value]),
        (Encoder::Both, 2, vec![Output]),
    ] {
        let options = TtlOptions {
            rank: 2,
            alpha: 4.0,
            layers: 2,
            encoder,
            targets: targets.clone(),
            ..TtlOptions::default()
        };
        let tail = Ttl::new(Arc::clone(&clip), texts(&clip), &options, None, 0).unwrap();
        assert_eq!(
            tail.parameters().len(),
            towers * targets.len() * 2 * 2,
            "projections, blocks, factors"
        );
        check_tail(&clip, tail, 0.1);
    }
}

#[test]
fn bypasses_beside_attention() {
    let clip = clip();
    let options = AptOptions {
        rank: 3,
        scale: 2.0,
        layers: 2,
        ..AptOptions::default()
    };
    let tail = Apt::new(Arc::clone(&clip), texts(&clip), &options, 0).unwrap();
    check_tail(&clip, tail, 0.3);
}

#[test]
fn the_dispersion_of_the_texts() {
    let clip = clip();
    let prompts = prompts().ids;
    let width = clip.config.text.transformer.width;
    let image = matrix(
        &clip,
        values(VIEWS * clip.config.projection, 1.0),
        [VIEWS, clip.config.projection],
    );
    let context = matrix(&clip, values(4 * width, 0.05), [4, width]);
    for dispersion_weight in [0.0, 20.0] {
        let mut tpt = Tpt::new(
            Arc::clone(&clip),
            prompts.clone(),
            image.clone(),
            context.clone(),
            AdamWSettings::default(),
            dispersion_weight,
        );
        let logits = numbers(&tpt.logits(tpt.text_features().unwrap()));
        tpt.select(&logits, 0.7);
        let selected = tpt.selected().to_vec();
        assert_eq!(selected.len(), 2);
        let text_gradient = tpt.text_gradient(tpt.text_features().unwrap());
        tpt.accumulate(0, &text_gradient).unwrap();
        let gradients = BTreeMap::from([("context", tpt.gradient().unwrap().clone())]);
        let start = BTreeMap::from([("context", context.clone())]);
        compare(&clip, &start, &gradients, |changed| {
            tpt.set_context(changed["context"].clone());
            let text = tpt.text_features().unwrap();
            let rows = numbers(&tpt.logits(text.clone()));
            let chosen: Vec<f32> = selected
                .iter()
                .flat_map(|view| rows[view * LABELS..(view + 1) * LABELS].to_vec())
                .collect();
            entropy::marginal_entropy(&chosen, LABELS)
                - dispersion_weight * dispersion(&numbers(&text), clip.config.projection)
        });
    }
}

/// The mean distance of rows from their mean, in f64.
fn dispersion(rows: &[f32], width: usize) -> f64 {
    let count = (rows.len() / width) as f64;
    let mean: Vec<f64> = (0..width)
        .map(|column| {
            rows.iter()
                .skip(column)
                .step_by(width)
                .copied()
                .map(f64::from)
                .sum::<f64>()
                / count
        })
        .collect();
    let distances = rows.chunks_exact(width).map(|row| {
        let squares = row
            .iter()
            .zip(&mean)
            .map(|(value, mean)| (f64::from(*value) - mean).powi(2));
        squares.sum::<f64>().sqrt()
    });
    distances.sum::<f64>() / count
}

/// Statistics that the views are far from, so that no difference changes its sign.
fn statistics(clip: &Clip) -> Arc<SourceStatistics> {
    let (width, tokens) = (clip.config.vision.transformer.width, clip.config.vision.tokens());
    let far = |count: usize| {
        values(count, 0.1)
            .into_iter()
            .map(|value| value + 9.0)
            .collect::<Vec<f32>>()
    };
    let blocks = (0..clip.vision.layers())
        .map(|_| BlockStatistics {
            token_mean: far(tokens * width),
            token_variance: far(tokens * width),
            class_mean: far(width),
            class_deviation: far(width),
        })
        .collect();
    Arc::new(SourceStatistics { pictures: 2, blocks })
}

#[test]
fn the_alignment_in_chunks_of_views() {
    let clip = clip();
    let layers = clip.vision.layers();
    let options = TtlOptions {
        rank: 2,
        alpha: 4.0,
        layers: 2,
        targets: Projection::ALL.to_vec(),
        ..TtlOptions::default()
    };
    let tail = Ttl::new(Arc::clone(&clip), texts(&clip), &options, None, 0).unwrap();
    let start = moved(&clip, tail.parameters(), 0.1);
    let first = layers - options.layers;
    let adapter = |matrices: &_| Adapter::assemble(matrices, Tower::Vision, layers, 2.0).unwrap();
    let views = tokens(&clip, first);
    let align = |matrices: &_, chunks: Vec<Tensor<3>>| {
        let mut alignment = Alignment::new(&statistics(&clip), first, 3.0, 1.0, clip.device.tensor_device());
        alignment.set_views(chunks);
        let adapter = adapter(matrices);
        for chunk in 0..alignment.chunks() {
            alignment.add_means(&clip.vision, chunk, Some(&adapter));
        }
        for chunk in 0..alignment.chunks() {
            alignment.add_variances(&clip.vision, chunk, Some(&adapter));
        }
        alignment
    };
    let whole = || vec![views.clone()];
    let parts = || vec![views.clone().narrow(0, 0, 2), views.clone().narrow(0, 2, 1)];

    let mut gradients = BTreeMap::new();
    let alignment = align(&start, parts());
    for chunk in 0..2 {
        let tracked: BTreeMap<_, _> = start
            .iter()
            .map(|(key, value)| (*key, value.clone().autodiff().require_grad()))
            .collect();
        let tape = alignment
            .loss(&clip.vision, chunk, Some(&adapter(&tracked)))
            .unwrap()
            .backward();
        for (key, value) in &tracked {
            let part = value.grad(&tape).unwrap();
            let sum = match gradients.remove(key) {
                Some(sum) => part + sum,
                None => part,
            };
            gradients.insert(*key, sum);
        }
    }
    let value = |matrices: &_, chunks| f64::from(numbers(&align(matrices, chunks).value().unwrap())[0]);
    assert!(
        (value(&start, parts()) - value(&start, whole())).abs() < 1e-4,
        "chunks change nothing"
    );
    compare(&clip, &start, &gradients, |matrices| 3.0 * value(&matrices, whole()));
}
