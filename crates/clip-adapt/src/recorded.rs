//! Replays an episode that PyTorch, `transformers` and `peft` recorded, and compares every quantity of it.
//!
//! A recording is one `.safetensors`: its tensors are inputs, intermediate values, gradients and parameters; the
//! settings and scalars are JSON under the key `json` of its metadata (`tests/oracle` makes such files).

mod comparison;
mod tpt;
mod ttl;

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::comparison::Comparison;
use crate::error::{Error, Result};

/// Largest absolute error of features, logits, entropies, weights and losses.
pub const ABSOLUTE_TOLERANCE: f64 = 1e-3;
/// Largest absolute error of a parameter after an update, which moves it by the learning rate: 5e-3 in the published methods.
pub const PARAMETER_TOLERANCE: f64 = 1e-4;
/// Largest error of a gradient, as a share of the largest value of its tensor.
pub const GRADIENT_TOLERANCE: f64 = 1e-3;
/// AdamW's first step goes by the gradient's sign, which rounding decides where the gradient is nearly zero: a
/// parameter is compared where its gradients were at least this share of the largest of their tensor, twice what rounding was ever
/// seen to change. The others take their recorded values before the next step.
pub const SIGN_THRESHOLD: f64 = 1e-4;

/// The comparison of one quantity over all steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Its name.
    pub name: String,
    /// Its largest error.
    pub largest_error: f64,
    /// Where that error is.
    pub at: String,
    /// What would be accepted.
    pub tolerance: f64,
    /// Whether errors are shares of the tensor's largest value.
    pub relative: bool,
    /// How many values were compared.
    pub compared: usize,
    /// Whether the largest error is accepted.
    pub passed: bool,
}

/// The comparison of a whole episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The recorded method.
    pub method: String,
    /// `"cpu"` or `"webgpu"`: what the replay ran on.
    pub device: String,
    /// The adapter's name, or "CPU".
    pub device_name: String,
    /// Whether every quantity is accepted.
    pub passed: bool,
    /// Every quantity.
    pub quantities: Vec<Quantity>,
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::RecordingInvalid { reason: reason.into() }
}

/// A recording's tensors.
struct Recording<'a> {
    tensors: SafeTensors<'a>,
    settings: serde_json::Value,
}

impl<'a> Recording<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| invalid(error.to_string()))?;
        let json = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get("json"))
            .ok_or_else(|| invalid("its metadata has no key json"))?;
        let settings = serde_json::from_str(json).map_err(|error| invalid(error.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { tensors, settings })
    }

    fn method(&self) -> &str {
        self.settings
            .get("method")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("unknown")
    }

    fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.settings.clone()).map_err(|error| invalid(error.to_string()))
    }

    fn floats(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let view = self
            .tensors
            .tensor(name)
            .map_err(|_| invalid(format!("it has no tensor {name}")))?;
        if view.dtype() != Dtype::F32 {
            return Err(invalid(format!("{name} is not F32")));
        }
        let (chunks, _) = view.data().as_chunks::<4>();
        Ok((
            view.shape().to_vec(),
            chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        ))
    }

    fn token_ids(&self) -> Result<Vec<Vec<u32>>> {
        let view = self
            .tensors
            .tensor("input_ids")
            .map_err(|_| invalid("it has no tensor input_ids"))?;
        let (&[rows, columns], Dtype::I32) = (view.shape(), view.dtype()) else {
            return Err(invalid("input_ids is not an I32 matrix"));
        };
        let (chunks, _) = view.data().as_chunks::<4>();
        let ids: Vec<u32> = chunks
            .iter()
            .map(|bytes| u32::try_from(i32::from_le_bytes(*bytes)).map_err(|_| invalid("a token id is negative")))
            .collect::<Result<_>>()?;
        if rows == 0 || columns == 0 {
            return Err(invalid("input_ids is empty"));
        }
        Ok(ids.chunks_exact(columns).map(<[u32]>::to_vec).collect())
    }

    /// The recorded views, uploaded in two chunks where that is possible, so that a replay sums gradients up as an
    /// episode does: `[views of the chunk, 3, side, side]` each.
    fn views(&self, clip: &Clip) -> Result<Vec<Tensor<4>>> {
        let (shape, values) = self.floats("views")?;
        if values.is_empty() {
            return Err(invalid("it has no views"));
        }
        let per_view: usize = shape.iter().skip(1).product();
        let half = shape.first().copied().unwrap_or_default().div_ceil(2);
        let chunks = values.chunks((half * per_view).max(1));
        Ok(chunks
            .map(|chunk| clip.upload_views(chunk.to_vec()))
            .collect::<Result<_, _>>()?)
    }
}

/// Replays a recorded episode on the model's device.
///
/// # Errors
/// [`Error::RecordingInvalid`] where the file is no recording of this model; those of the model and the device.
pub async fn verify(clip: &Arc<Clip>, recording: &[u8]) -> Result<Verification> {
    let recording = Recording::read(recording)?;
    let mut found = Comparison::default();
    match recording.method() {
        "ttl" => ttl::replay(&recording, clip, &mut found).await?,
        "tpt" => tpt::replay(&recording, clip, &mut found).await?,
        other => return Err(invalid(format!("its method is {other}; ttl and tpt can be replayed"))),
    }
    let quantities = found.finish();
    Ok(Verification {
        method: recording.method().to_owned(),
        device: clip.device.kind().as_str().to_owned(),
        device_name: clip.device.name().to_owned(),
        passed: quantities.iter().all(|quantity| quantity.passed),
        quantities,
    })
}
