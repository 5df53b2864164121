//! Reading a recorded file, and comparing with what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
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
/// Largest error of a gradient, as a share of the largest value of its tensor.
pub(crate) const GRADIENT: f64 = 1e-3;
/// A parameter is compared where its gradients were above this share of the largest of their tensor.
const SIGN_THRESHOLD: f64 = 1e-5;

/// What is recorded of a step beside its tensors.
#[derive(Deserialize)]
pub(crate) struct StepLog {
    /// Before its update.
    pub(crate) loss: f64,
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
        let data = TensorData::new(self.values(name).to_vec(), shape);
        Tensor::from_data(data, clip.device.tensor_device())
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

    /// Fails where a loss is further from the recorded one than is accepted; of a large one, a share of it.
    pub(crate) fn compare_scalar(&self, name: &str, ours: f64, recorded: f64) {
        let error = (ours - recorded).abs() / recorded.abs().max(1.0);
        println!("{}: {name}: {error:.1e} of {ABSOLUTE:.0e}", self.name);
        assert!(
            error <= ABSOLUTE,
            "{}: {name} is {ours}, recorded as {recorded}",
            self.name
        );
    }

    /// Fails where a value is further than `tolerance` from the recorded one.
    pub(crate) fn compare(&self, name: &str, ours: impl IntoIterator<Item = f64>, tolerance: f64) {
        self.compare_where(name, ours, tolerance, |_| true);
    }

    /// As [`Recording::compare`], leaving out the values whose index isn't `trusted`.
    pub(crate) fn compare_where(
        &self,
        name: &str,
        ours: impl IntoIterator<Item = f64>,
        tolerance: f64,
        trusted: impl Fn(usize) -> bool,
    ) {
        let (ours, recorded): (Vec<f64>, _) = (ours.into_iter().collect(), self.values(name));
        assert_eq!(ours.len(), recorded.len(), "{}: {name}", self.name);
        let errors = ours
            .iter()
            .zip(recorded)
            .map(|(ours, recorded)| (ours - f64::from(*recorded)).abs());
        let errors: Vec<f64> = errors
            .enumerate()
            .filter(|(index, _)| trusted(*index))
            .map(|(_, error)| error)
            .collect();
        // What is not a number is far from everything.
        let wrong = errors
            .iter()
            .filter(|error| error.is_nan() || **error > tolerance)
            .count();
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

/// Which values of a parameter rounding can't have turned around: AdamW's first step goes by the gradient's sign.
#[derive(Default)]
pub(crate) struct Trusted(BTreeMap<String, Vec<bool>>);

impl Trusted {
    /// Gives up the values of a parameter whose recorded gradient is nearly, but not exactly, zero.
    pub(crate) fn look_at(&mut self, parameter: &str, gradient: &[f32]) {
        let threshold = largest(gradient) * SIGN_THRESHOLD;
        let trusted = self
            .0
            .entry(parameter.to_owned())
            .or_insert_with(|| vec![true; gradient.len()]);
        for (trusted, value) in trusted.iter_mut().zip(gradient) {
            *trusted &= *value == 0.0 || f64::from(value.abs()) > threshold;
        }
    }

    /// Whether a value is trusted.
    pub(crate) fn holds(&self, parameter: &str, index: usize) -> bool {
        self.0.get(parameter).is_none_or(|trusted| trusted[index])
    }
}

fn largest(values: &[f32]) -> f64 {
    values
        .iter()
        .fold(0.0, |largest, value| f64::max(largest, f64::from(value.abs())))
}

/// A tensor's values, row-major.
pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> impl Iterator<Item = f64> {
    tensor
        .into_data()
        .iter::<f32>()
        .map(f64::from)
        .collect::<Vec<_>>()
        .into_iter()
}
