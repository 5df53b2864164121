//! Writing a trained adapter as PEFT reads it.

use std::borrow::Cow;
use std::collections::HashMap;

use clip_model::lora::Tower;
use safetensors::{Dtype, View};
use serde_json::json;

use super::{AdapterFiles, TrainedMatrix, module_name, tensor_name};
use crate::error::{Error, Result};

impl AdapterFiles {
    /// The files of trained matrices, all of rank `rank`, whose output is multiplied by `alpha / rank`; `base_model` says
    /// what they belong to.
    ///
    /// # Errors
    /// [`Error::AdapterMissing`] where there are no matrices.
    pub fn write(matrices: &[TrainedMatrix], rank: usize, alpha: f64, base_model: &str) -> Result<Self> {
        if matrices.is_empty() {
            return Err(Error::AdapterMissing {
                reason: "there are no trained matrices".into(),
            });
        }
        let tensors = matrices
            .iter()
            .map(|matrix| (tensor_name(matrix.key), HostTensor(matrix)));
        // PEFT and transformers look at this key before they read a file.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let unwritable = |reason: String| Error::Model(clip_model::Error::AdapterInvalid { reason });
        let weights = safetensors::serialize(tensors, Some(metadata)).map_err(|error| unwritable(error.to_string()))?;
        let config = serde_json::to_string_pretty(&config(matrices, rank, alpha, base_model))
            .map_err(|error| unwritable(error.to_string()))?;
        Ok(Self { weights, config })
    }
}

/// What PEFT's `LoraConfig` holds.
fn config(matrices: &[TrainedMatrix], rank: usize, alpha: f64, base_model: &str) -> serde_json::Value {
    // Whole module names: `q_proj` alone would mean the other tower too, whose blocks have the same numbers.
    let mut modules: Vec<String> = matrices.iter().map(|matrix| module_name(matrix.key)).collect();
    modules.dedup();
    // With adapters in both towers a number alone says nothing; the whole names say it all.
    let blocks = matrices
        .iter()
        .all(|matrix| matrix.key.tower == Tower::Vision)
        .then(|| {
            let mut blocks: Vec<usize> = matrices.iter().map(|matrix| matrix.key.block).collect();
            blocks.dedup();
            blocks
        });
    json!({
        "peft_type": "LORA",
        "task_type": null,
        "base_model_name_or_path": base_model,
        "revision": null,
        "inference_mode": true,
        "r": rank,
        "lora_alpha": alpha,
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
