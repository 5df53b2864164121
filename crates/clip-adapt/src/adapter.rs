//! Trained adapters as files, in PEFT's layout: `adapter_model.safetensors` and `adapter_config.json`.
//!
//! Both are bytes in memory here; who has files puts them there.

mod config;
mod read;
mod write;

use clip_model::lora::{Adapter, ParameterKey, Parameters};

use crate::error::Result;
use crate::readback::read_rows;

/// The two files of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterFiles {
    /// What PEFT calls `adapter_model.safetensors`.
    pub weights: Vec<u8>,
    /// The text of `adapter_config.json`.
    pub config: String,
}

/// The adapters of both towers.
#[derive(Debug, Clone, Default)]
pub struct Adapters {
    /// Those of the vision tower.
    pub vision: Option<Adapter>,
    /// Those of the text tower.
    pub text: Option<Adapter>,
}

/// A trained matrix, read back from the device.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedMatrix {
    /// Its place in the model.
    pub key: ParameterKey,
    /// Rows and columns: `[rank, input]` or `[output, rank]`.
    pub shape: [usize; 2],
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Reads all matrices back at once, in the order of their places.
///
/// # Errors
/// [`clip_model::Error::DeviceFailed`].
pub async fn read_back(parameters: &Parameters) -> Result<Vec<TrainedMatrix>> {
    let rows = read_rows(parameters.values().cloned().collect(), "reading the adapter").await?;
    let mut rest = rows.into_iter();
    Ok(parameters
        .iter()
        .map(|(&key, tensor)| {
            let shape = tensor.dims();
            TrainedMatrix {
                key,
                shape,
                values: rest.by_ref().take(shape[0] * shape[1]).collect(),
            }
        })
        .collect())
}

/// The module of a `CLIPModel` of `transformers` that a matrix stands beside.
fn module_name(key: ParameterKey) -> String {
    let (tower, block, projection) = (key.tower.prefix(), key.block, key.projection.as_str());
    format!("{tower}.encoder.layers.{block}.self_attn.{projection}")
}

/// The name that PEFT gives a matrix in its files.
fn tensor_name(key: ParameterKey) -> String {
    format!("base_model.model.{}.{}.weight", module_name(key), key.factor.as_str())
}
