//! Both towers, and the similarity of their features.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};

use crate::checkpoint::{Checkpoint, Weights};
use crate::config::ClipConfig;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::fused::rows_product;
use crate::linear::FrozenLinear;
use crate::pixels::Preprocessing;
use crate::quantised::WeightFormat;
use crate::text::TextTower;
use crate::vision::VisionTower;

/// A loaded CLIP.
pub struct Clip {
    /// Its sizes.
    pub config: ClipConfig,
    /// How pictures are made into its input.
    pub preprocessing: Preprocessing,
    /// The vision tower.
    pub vision: VisionTower,
    /// The text tower.
    pub text: TextTower,
    /// By which cosines are multiplied to give logits: the exponential of the stored `logit_scale`.
    pub logit_scale: f32,
    /// Where it lies.
    pub device: ComputeDevice,
    /// Values of biases, norms and positions, which stay in single precision.
    small_values: usize,
}

/// What weights of one format take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resident {
    /// Number of values.
    pub values: usize,
    /// Bytes on the device.
    pub device_bytes: usize,
    /// Bytes on the host: of the token embedding a label needs a few rows only.
    pub host_bytes: usize,
}

impl Clip {
    /// Puts a checkpoint onto a device. Its weights are let go of one by one, so they don't lie in memory twice.
    ///
    /// # Errors
    /// Those of [`Weights::take`]; [`Error::TensorNotFinite`] for a scale of the logits that is no number.
    pub fn load(checkpoint: Checkpoint, device: &ComputeDevice) -> Result<Self> {
        let Checkpoint {
            config,
            preprocessing,
            mut weights,
        } = checkpoint;
        let small_values = weights.small_values();
        let tensor_device = device.tensor_device();
        let logit_scale = read_logit_scale(&mut weights)?;
        Ok(Self {
            config,
            preprocessing,
            vision: VisionTower::read(&mut weights, config.vision, tensor_device)?,
            text: TextTower::read(&mut weights, config.text, tensor_device)?,
            logit_scale,
            small_values,
            device: device.clone(),
        })
    }

    /// What the weights take, by their format, as they lie on the device and the host now.
    #[must_use]
    pub fn resident(&self) -> BTreeMap<WeightFormat, Resident> {
        let mut resident = BTreeMap::<WeightFormat, Resident>::new();
        for linear in self.linears() {
            let (format, values, bytes) = linear.resident();
            let entry = resident.entry(format).or_default();
            entry.values += values;
            entry.device_bytes += bytes;
        }
        let embedding = self.text.token_embedding();
        let entry = resident.entry(embedding.format()).or_default();
        entry.values += embedding.len();
        entry.host_bytes += embedding.bytes();
        let entry = resident.entry(WeightFormat::F32).or_default();
        entry.values += self.small_values;
        entry.device_bytes += self.small_values * 4;
        resident
    }

    /// The format of most values that are multiplied by. Those of the token embedding don't count, of which a label needs a few rows.
    #[must_use]
    pub fn main_format(&self) -> WeightFormat {
        WeightFormat::of_most(&self.multiplied_values())
    }

    /// How many values of each format are multiplied by.
    #[must_use]
    pub fn multiplied_values(&self) -> BTreeMap<WeightFormat, usize> {
        let mut counts = BTreeMap::new();
        for linear in self.linears() {
            let (format, values, _) = linear.resident();
            *counts.entry(format).or_default() += values;
        }
        counts
    }

    fn linears(&self) -> impl Iterator<Item = &FrozenLinear> {
        self.vision.linears().chain(self.text.linears())
    }

    /// Uploads normalised views, one after the other as [`crate::pixels::normalise`] makes them, as
    /// `[views, 3, side, side]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the values don't fill whole views.
    pub fn upload_views(&self, values: Vec<f32>) -> Result<Tensor<4>> {
        let side = self.config.vision.image_size;
        let per_view = 3 * side * side;
        if values.is_empty() || !values.len().is_multiple_of(per_view) {
            return Err(Error::Shape {
                operation: "views",
                expected: vec![3, side, side],
                found: vec![values.len()],
            });
        }
        let views = values.len() / per_view;
        Ok(Tensor::from_data(
            TensorData::new(values, [views, 3, side, side]),
            self.device.tensor_device(),
        ))
    }

    /// Logits `[views, labels]` from image features `[views, projection]`, not normalised, and text features
    /// `[labels, projection]`, normalised.
    #[must_use]
    pub fn logits(&self, image_features: Tensor<2>, text_features: Tensor<2>) -> Tensor<2> {
        rows_product(normalise(image_features), text_features.transpose()) * self.logit_scale
    }
}

/// Rows of Euclidean length 1; `[rows, width]`.
#[must_use]
pub fn normalise(features: Tensor<2>) -> Tensor<2> {
    let length = features.clone().powi_scalar(2).sum_dim(1).sqrt();
    features / length
}

fn read_logit_scale(weights: &mut Weights) -> Result<f32> {
    let values = weights.take_values("logit_scale")?;
    let scale = values.first().copied().unwrap_or_default().exp();
    if scale.is_finite() {
        Ok(scale)
    } else {
        Err(Error::TensorNotFinite {
            tensor: "exp(logit_scale)".to_owned(),
            count: 1,
        })
    }
}
