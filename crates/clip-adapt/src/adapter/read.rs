//! Reading an adapter that PEFT, or we, wrote, and refusing what doesn't fit the model.

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::Clip;
use clip_model::config::TransformerConfig;
use clip_model::lora::{Adapter, Factor, ParameterKey, Parameters, Projection, Tower};
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::config::{LoraConfig, invalid};
use super::{AdapterFiles, Adapters, module_name};
use crate::error::Result;

impl AdapterFiles {
    /// The adapters, on the model's device.
    ///
    /// # Errors
    /// [`clip_model::Error::AdapterInvalid`] where a file can't be read, where it is another kind of adapter than plain
    /// LoRA on the projections of attention, or where its matrices don't fit the model.
    pub fn read(&self, clip: &Clip) -> Result<Adapters> {
        let config = LoraConfig::read(&self.config)?;
        let tensors = SafeTensors::deserialize(&self.weights)
            .map_err(|error| invalid(format!("its weights are not a complete safetensors file: {error}")))?;
        let mut parameters = Parameters::new();
        for (name, view) in tensors.iter() {
            let key = parse_name(name)?;
            let matrix = read_matrix(name, &view, expected_shape(name, key, config.rank(), clip)?)?;
            let device = clip.device.tensor_device();
            if parameters.insert(key, Tensor::from_data(matrix, device)).is_some() {
                return Err(invalid(format!("its matrix {key} is there twice")));
            }
        }
        check_pairs(&parameters)?;
        let mut modules: Vec<String> = parameters.keys().map(|&key| module_name(key)).collect();
        modules.dedup();
        config.check_targets(&modules)?;
        let tower = |tower, layers| Adapter::assemble(&parameters, tower, layers, config.scale());
        Ok(Adapters {
            vision: tower(Tower::Vision, clip.vision.layers()),
            text: tower(Tower::Text, clip.text.layers()),
        })
    }
}

/// The place of a matrix from its name in the file.
fn parse_name(name: &str) -> Result<ParameterKey> {
    let unknown = || {
        invalid(format!(
            "its tensor {name} is none of LoRA beside q_proj, k_proj, v_proj or out_proj of a CLIP of transformers"
        ))
    };
    let rest = name.strip_prefix("base_model.model.").ok_or_else(unknown)?;
    let (tower, rest) = [Tower::Vision, Tower::Text]
        .into_iter()
        .find_map(|tower| Some((tower, rest.strip_prefix(tower.prefix())?)))
        .ok_or_else(unknown)?;
    let rest = rest.strip_prefix(".encoder.layers.").ok_or_else(unknown)?;
    let (block, rest) = rest.split_once(".self_attn.").ok_or_else(unknown)?;
    let (projection, rest) = rest.split_once('.').ok_or_else(unknown)?;
    let factor = match rest {
        "lora_A.weight" => Factor::A,
        "lora_B.weight" => Factor::B,
        _ => return Err(unknown()),
    };
    Ok(ParameterKey {
        tower,
        block: block.parse().map_err(|_| unknown())?,
        projection: Projection::ALL
            .into_iter()
            .find(|known| known.as_str() == projection)
            .ok_or_else(unknown)?,
        factor,
    })
}

fn expected_shape(name: &str, key: ParameterKey, rank: usize, clip: &Clip) -> Result<[usize; 2]> {
    let TransformerConfig { layers, width, .. } = match key.tower {
        Tower::Vision => clip.config.vision.transformer,
        Tower::Text => clip.config.text.transformer,
    };
    if key.block >= layers {
        return Err(invalid(format!(
            "its tensor {name} is of block {}, but this model's tower has {layers} blocks",
            key.block
        )));
    }
    Ok(match key.factor {
        Factor::A => [rank, width],
        Factor::B => [width, rank],
    })
}

fn read_matrix(name: &str, view: &TensorView<'_>, expected: [usize; 2]) -> Result<TensorData> {
    if view.shape() != expected {
        return Err(invalid(format!(
            "its tensor {name} has shape {:?}, but rank and model ask for {expected:?}",
            view.shape()
        )));
    }
    let halves = || view.data().as_chunks::<2>().0.iter();
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
        Dtype::F16 => halves().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        Dtype::BF16 => halves().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
        other => {
            return Err(invalid(format!(
                "its tensor {name} is stored as {other:?}; F32, F16 and BF16 can be read"
            )));
        }
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err(invalid(format!("its tensor {name} holds values that are not finite")));
    }
    Ok(TensorData::new(values, expected))
}

/// Each matrix needs the other one of its pair, and one pair at least there must be.
fn check_pairs(parameters: &Parameters) -> Result<()> {
    if parameters.is_empty() {
        return Err(invalid("its weights hold no matrices"));
    }
    for &key in parameters.keys() {
        let factor = match key.factor {
            Factor::A => Factor::B,
            Factor::B => Factor::A,
        };
        if !parameters.contains_key(&ParameterKey { factor, ..key }) {
            return Err(invalid(format!(
                "{} has {}, but no {}",
                module_name(key),
                key.factor.as_str(),
                factor.as_str()
            )));
        }
    }
    Ok(())
}
