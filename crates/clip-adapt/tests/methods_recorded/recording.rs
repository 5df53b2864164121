//! Reading a recorded file, and comparing with what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_adapt::methods::adaptation::Piece;
use clip_adapt::optimizer::AdamWSettings;
use clip_adapt::report::ViewsState;
use clip_adapt::source::{BlockStatistics, SourceStatistics};
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::common;

/// Largest absolute error of what a model computes in f32.
pub(crate) const ABSOLUTE: f64 = 1e-3;
/// Largest absolute error of a parameter after an update, which moves it by 5e-3.
pub(crate) const PARAMETER: f64 = 1e-4;
/// Largest error of a gradient, as a share of the largest value of its tensor.
pub(crate) const GRADIENT: f64 = 1e-3;
/// A parameter is compared where its gradients were above this share of the largest of their tensor.
const SIGN_THRESHOLD: f64 = 1e-4;

/// What is recorded of a step beside its tensors.
#[derive(Deserialize)]
pub(crate) struct StepLog {
    /// Before its update.
    pub(crate) loss: f64,
    /// The alignment in it, not weighted, where there is one.
    pub(crate) alignment: Option<f64>,
}

/// How a recorded update was made.
#[derive(Deserialize)]
pub(crate) struct RecordedOptimizer {
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
}

impl RecordedOptimizer {
    pub(crate) fn settings(&self) -> AdamWSettings {
        AdamWSettings {
            learning_rate: self.lr,
            betas: self.betas,
            epsilon: self.eps,
            weight_decay: self.weight_decay,
        }
    }
}

/// A model on a device. One that isn't there is a failure.
pub(crate) fn model(folder: &str, choice: DeviceChoice) -> Arc<Clip> {
    common::clip(folder, FormatChoice::AsStored, &common::device(choice))
}

/// A recorded file.
pub(crate) struct Recording {
    name: &'static str,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    ids: Vec<Vec<u32>>,
    settings: serde_json::Value,
}

impl Recording {
    /// Reads `tests/fixtures/NAME.safetensors`.
    pub(crate) fn open(name: &'static str) -> Self {
        let bytes = common::file(&format!("tests/fixtures/{name}.safetensors"));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let json = &header.metadata().as_ref().unwrap()["json"];
        let mut tensors = BTreeMap::new();
        let mut ids = Vec::new();
        for (name, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            let (words, _) = view.data().as_chunks::<4>();
            if view.dtype() == Dtype::I32 {
                let row = |row: &[[u8; 4]]| row.iter().map(|word| u32::from_le_bytes(*word)).collect();
                ids = words.chunks_exact(view.shape()[1]).map(row).collect();
                continue;
            }
            assert_eq!(view.dtype(), Dtype::F32, "{name}");
            let values = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
            tensors.insert(name, (view.shape().to_vec(), values));
        }
        Self {
            name,
            tensors,
            ids,
            settings: serde_json::from_str(json).unwrap(),
        }
    }

    /// The settings that a method is replayed with.
    pub(crate) fn settings<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.settings.clone()).unwrap()
    }

    /// Whether there is such a tensor.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor's values, row-major.
    pub(crate) fn values(&self, name: &str) -> &[f32] {
        let found = self.tensors.get(name);
        &found.unwrap_or_else(|| panic!("{} has no tensor {name}", self.name)).1
    }

    /// A tensor's shape.
    pub(crate) fn shape(&self, name: &str) -> &[usize] {
        &self.tensors[name].0
    }

    /// A matrix, on the model's device.
    pub(crate) fn matrix(&self, name: &str, clip: &Clip) -> Tensor<2> {
        let shape: [usize; 2] = self.shape(name).try_into().unwrap();
        upload(self.values(name).to_vec(), shape, clip)
    }

    /// Names of the tensors that begin so.
    pub(crate) fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.tensors.keys().map(String::as_str);
        names.filter(move |name| name.starts_with(prefix))
    }

    /// The prompts, one row of token ids each.
    pub(crate) fn prompts(&self) -> Vec<Vec<u32>> {
        assert!(!self.ids.is_empty(), "{}", self.name);
        self.ids.clone()
    }

    /// The labels' features `[labels, projection]`, normalised.
    pub(crate) fn text_features(&self, clip: &Clip) -> Tensor<2> {
        normalise(clip.text.forward(&self.ids).unwrap())
    }

    /// The views after the first `blocks` blocks, in two chunks: `[views of the chunk, tokens, width]` each.
    pub(crate) fn tokens(&self, clip: &Arc<Clip>, blocks: usize) -> Vec<Tensor<3>> {
        let (views, values) = (self.shape("views")[0], self.values("views"));
        let per_chunk = views.div_ceil(2) * values.len() / views;
        let trunk = |chunk: &[f32]| {
            clip.vision
                .trunk(clip.upload_views(chunk.to_vec()).unwrap(), blocks)
                .unwrap()
        };
        values.chunks(per_chunk).map(trunk).collect()
    }

    /// The statistics of source pictures that were made up for it.
    pub(crate) fn statistics(&self, clip: &Clip) -> SourceStatistics {
        let block = |index: usize| {
            let values = |name: &str| self.values(&format!("statistics.blocks.{index}.{name}")).to_vec();
            BlockStatistics {
                token_mean: values("token_mean"),
                token_variance: values("token_variance"),
                class_mean: values("class_mean"),
                class_deviation: values("class_std"),
            }
        };
        SourceStatistics {
            pictures: 24,
            blocks: (0..clip.vision.layers()).map(block).collect(),
        }
    }

    /// Fails where a number is further than is accepted from the recorded one.
    pub(crate) fn compare_scalar(&self, name: &str, ours: f64, recorded: f64) {
        self.compare_with(name, [ours], &[recorded], ABSOLUTE);
    }

    /// Fails where a value is further than `tolerance` from the recorded one.
    pub(crate) fn compare(&self, name: &str, ours: impl IntoIterator<Item = f64>, tolerance: f64) {
        self.compare_with(name, ours, &doubles(self.values(name)), tolerance);
    }

    /// As [`Recording::compare`], with values that follow from what is recorded.
    pub(crate) fn compare_with(
        &self,
        name: &str,
        ours: impl IntoIterator<Item = f64>,
        expected: &[f64],
        tolerance: f64,
    ) {
        let ours: Vec<f64> = ours.into_iter().collect();
        assert_eq!(ours.len(), expected.len(), "{}: {name}", self.name);
        let errors = ours.iter().zip(expected).map(|(a, b)| (a - b).abs());
        self.judge(name, errors.collect(), tolerance);
    }

    /// Fails where a value of a parameter after an update is further from the recorded one than is accepted. Those that aren't
    /// trusted are put back to what is recorded instead: they would make all later steps differ.
    pub(crate) fn compare_parameter(&self, name: &str, ours: &mut [f32], trusted: &[bool]) {
        let recorded = self.values(name);
        assert_eq!(ours.len(), recorded.len(), "{}: {name}", self.name);
        assert_eq!(trusted.len(), recorded.len(), "{}: {name}", self.name);
        let mut errors = Vec::new();
        for ((ours, recorded), trusted) in ours.iter_mut().zip(recorded).zip(trusted) {
            if *trusted {
                errors.push((f64::from(*ours) - f64::from(*recorded)).abs());
            } else {
                *ours = *recorded;
            }
        }
        self.judge(name, errors, PARAMETER);
    }

    fn judge(&self, name: &str, errors: Vec<f64>, tolerance: f64) {
        // What is not a number is far from everything.
        let counted = |error: f64| if error.is_nan() { f64::INFINITY } else { error };
        let errors: Vec<f64> = errors.into_iter().map(counted).collect();
        let wrong = errors.iter().filter(|error| **error > tolerance).count();
        let largest = errors.iter().copied().fold(0.0, f64::max);
        println!("{}: {name}: {largest:.1e} of {tolerance:.0e}", self.name);
        assert_eq!(
            wrong,
            0,
            "{}: {name}: {wrong} of {} differ, by up to {largest:e}",
            self.name,
            errors.len()
        );
    }

    /// Fails where a gradient is further from the recorded one than a share of its largest value.
    pub(crate) fn compare_gradient(&self, name: &str, ours: impl IntoIterator<Item = f64>) {
        let largest = largest(self.values(name));
        // One that is zero throughout, as that of a matrix which is multiplied with zeros, must be so up to rounding.
        self.compare(name, ours, if largest > 0.0 { GRADIENT * largest } else { 1e-9 });
    }
}

/// Which values of each parameter rounding can't have turned around: AdamW's first step goes by the gradient's sign.
#[derive(Default)]
pub(crate) struct Trusted(BTreeMap<String, Vec<bool>>);

impl Trusted {
    /// Gives up the values of a parameter whose recorded gradient is nearly, but not exactly, zero; gives which ones are left.
    pub(crate) fn look_at(&mut self, parameter: &str, gradient: &[f32]) -> &[bool] {
        let threshold = largest(gradient) * SIGN_THRESHOLD;
        let trusted = self
            .0
            .entry(parameter.to_owned())
            .or_insert_with(|| vec![true; gradient.len()]);
        for (trusted, value) in trusted.iter_mut().zip(gradient) {
            *trusted &= *value == 0.0 || f64::from(value.abs()) > threshold;
        }
        trusted
    }
}

fn largest(values: &[f32]) -> f64 {
    values
        .iter()
        .fold(0.0, |largest, value| f64::max(largest, f64::from(value.abs())))
}

/// A matrix, on the model's device.
pub(crate) fn upload(values: Vec<f32>, shape: [usize; 2], clip: &Clip) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), clip.device.tensor_device())
}

/// A tensor's values, row-major.
pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> impl Iterator<Item = f64> {
    read_singles(tensor).into_iter().map(f64::from)
}

/// The same in single precision, as they are on the device.
pub(crate) fn read_singles<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// In double precision.
pub(crate) fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// One whole update, or the last look, however many pieces it takes.
pub(crate) fn whole<T>(mut piece: impl FnMut() -> Piece<T>) -> T {
    loop {
        if let Piece::Whole(whole) = piece() {
            return whole;
        }
    }
}

/// Fails where the views that count in the loss aren't those that are recorded as `selected`.
pub(crate) fn assert_selected(views: &ViewsState, selected: &[usize]) {
    let weights = views.view_weights.iter().enumerate();
    let weighed = weights.filter(|(_, weight)| **weight > 0.0).map(|(view, _)| view);
    let mut selected = selected.to_vec();
    selected.sort_unstable();
    assert_eq!(weighed.collect::<Vec<usize>>(), selected);
}
