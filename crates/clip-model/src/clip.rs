//! Both towers, and the similarity of their features.

use burn::tensor::{Tensor, TensorData};

use crate::checkpoint::Checkpoint;
use crate::config::ClipConfig;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::pixels::Preprocessing;
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
}

impl Clip {
    /// Uploads a checkpoint to a device.
    ///
    /// # Errors
    /// Those of [`Checkpoint::values`].
    pub fn load(checkpoint: &Checkpoint<'_>, device: &ComputeDevice) -> Result<Self> {
        let tensor_device = device.tensor_device();
        let logit_scale = read_logit_scale(checkpoint)?;
        Ok(Self {
            config: checkpoint.config,
            preprocessing: checkpoint.preprocessing,
            vision: VisionTower::read(checkpoint, tensor_device)?,
            text: TextTower::read(checkpoint, tensor_device)?,
            logit_scale,
            device: device.clone(),
        })
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
        normalise(image_features).matmul(text_features.transpose()) * self.logit_scale
    }
}

/// Rows of Euclidean length 1; `[rows, width]`.
#[must_use]
pub fn normalise(features: Tensor<2>) -> Tensor<2> {
    let length = features.clone().powi_scalar(2).sum_dim(1).sqrt();
    features / length
}

/// A scalar in new checkpoints, `[1]` in some converted ones.
fn read_logit_scale(checkpoint: &Checkpoint<'_>) -> Result<f32> {
    let values = match checkpoint.values("logit_scale", &[]) {
        Err(Error::TensorShape { .. }) => checkpoint.values("logit_scale", &[1])?,
        other => other?,
    };
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
