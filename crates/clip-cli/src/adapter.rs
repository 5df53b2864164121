//! Writing a trained adapter as PEFT reads it: a safetensors file, and `adapter_config.json` beside it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clip_adapt::methods::ttl::ParameterKey;
use clip_adapt::options::TtlOptions;
use clip_adapt::trained::TrainedMatrix;
use safetensors::{Dtype, View};
use serde_json::json;

use crate::error::Error;

/// PEFT's name of the configuration.
const CONFIG: &str = "adapter_config.json";

/// Refuses a place where no file can be, before an adaptation is spent on it.
///
/// # Errors
/// [`Error::AdapterPath`].
pub fn check(path: &Path) -> Result<(), Error> {
    let reason = if path.is_dir() {
        "it is a folder; name a file in it, adapter_model.safetensors if PEFT should find it"
    } else if path.file_name().is_none_or(|name| name == CONFIG) {
        "that is not the name of a safetensors file"
    } else if !folder_of(path).is_dir() {
        "there is no such folder"
    } else {
        return Ok(());
    };
    Err(Error::AdapterPath {
        path: path.to_path_buf(),
        reason,
    })
}

/// Writes both files; `base_model` says what the adapter belongs to.
///
/// # Errors
/// [`Error::Write`], [`Error::AdapterFormat`].
pub fn save(path: &Path, matrices: &[TrainedMatrix], options: &TtlOptions, base_model: &str) -> Result<(), Error> {
    let tensors = matrices
        .iter()
        .map(|matrix| (tensor_name(matrix.key), HostTensor(matrix)));
    // PEFT and transformers look at this key before they read a file.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|error| Error::AdapterFormat {
        reason: error.to_string(),
    })?;
    write(path.to_path_buf(), &bytes)?;
    let config = serde_json::to_string_pretty(&config(matrices, options, base_model))?;
    write(folder_of(path).join(CONFIG), config.as_bytes())
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(&path, bytes).map_err(|source| Error::Write { path, source })
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The module of a `CLIPModel` that a matrix stands beside.
fn module_name(key: ParameterKey) -> String {
    format!(
        "vision_model.encoder.layers.{}.self_attn.{}",
        key.block,
        key.projection.as_str()
    )
}

/// The name that PEFT gives a matrix in its files.
fn tensor_name(key: ParameterKey) -> String {
    format!("base_model.model.{}.{}.weight", module_name(key), key.factor.as_str())
}

/// What PEFT's `LoraConfig` holds.
fn config(matrices: &[TrainedMatrix], options: &TtlOptions, base_model: &str) -> serde_json::Value {
    // Whole module names: `q_proj` alone would mean the text tower too, whose blocks have the same numbers.
    let mut modules: Vec<String> = matrices.iter().map(|matrix| module_name(matrix.key)).collect();
    modules.dedup();
    let mut blocks: Vec<usize> = matrices.iter().map(|matrix| matrix.key.block).collect();
    blocks.dedup();
    json!({
        "peft_type": "LORA",
        "task_type": null,
        "base_model_name_or_path": base_model,
        "revision": null,
        "inference_mode": true,
        "r": options.rank,
        "lora_alpha": options.alpha,
        "lora_dropout": 0.0,
        "target_modules": modules,
        "layers_to_transform": blocks,
        "layers_pattern": null,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "modules_to_save": null,
    })
}

/// A matrix as safetensors stores it: F32, little-endian.
struct HostTensor<'a>(&'a TrainedMatrix);

impl View for HostTensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.0.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * size_of::<f32>()
    }
}
