//! The tensors of a CLIP, by their names in Hugging Face's layout.

use crate::config::{ClipConfig, TransformerConfig};
use crate::error::Result;

/// What a tensor is to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A matrix `[rows, columns]` that is only multiplied by: it may be packed.
    Matrix([usize; 2]),
    /// One of which a few rows are read: it may be packed.
    Table([usize; 2]),
    /// Anything else: biases, norms, positions. These stay in single precision.
    Small,
}

impl Role {
    /// Rows and columns of what may be packed.
    pub(super) fn packable(self) -> Option<[usize; 2]> {
        match self {
            Self::Matrix(shape) | Self::Table(shape) => Some(shape),
            Self::Small => None,
        }
    }
}

/// A tensor that the model needs.
#[derive(Debug, Clone)]
pub(super) struct Needed {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) role: Role,
}

/// The name of the scalar by whose exponential cosines are multiplied.
pub(super) const LOGIT_SCALE: &str = "logit_scale";

/// Calls `each` with every tensor that a model of this configuration needs; stops at the first error.
pub(super) fn for_each(config: &ClipConfig, mut each: impl FnMut(Needed) -> Result<()>) -> Result<()> {
    let mut small = |name: String, shape: Vec<usize>| {
        each(Needed {
            name,
            shape,
            role: Role::Small,
        })
    };
    let (text, vision) = (&config.text, &config.vision);
    let (text_width, vision_width) = (text.transformer.width, vision.transformer.width);
    let norm = |small: &mut dyn FnMut(String, Vec<usize>) -> Result<()>, name: &str, width: usize| {
        small(format!("{name}.weight"), vec![width])?;
        small(format!("{name}.bias"), vec![width])
    };
    small(LOGIT_SCALE.into(), Vec::new())?;
    small(
        "text_model.embeddings.position_embedding.weight".into(),
        vec![text.context_length, text_width],
    )?;
    small(
        "vision_model.embeddings.position_embedding.weight".into(),
        vec![vision.tokens(), vision_width],
    )?;
    small("vision_model.embeddings.class_embedding".into(), vec![vision_width])?;
    norm(&mut small, "text_model.final_layer_norm", text_width)?;
    // Hugging Face's name has this spelling.
    norm(&mut small, "vision_model.pre_layrnorm", vision_width)?;
    norm(&mut small, "vision_model.post_layernorm", vision_width)?;

    each(Needed {
        name: "text_model.embeddings.token_embedding.weight".into(),
        shape: vec![text.vocabulary, text_width],
        role: Role::Table([text.vocabulary, text_width]),
    })?;
    let mut matrix = |name: String, shape: [usize; 2]| {
        each(Needed {
            name,
            shape: shape.to_vec(),
            role: Role::Matrix(shape),
        })
    };
    matrix("text_projection.weight".into(), [config.projection, text_width])?;
    matrix("visual_projection.weight".into(), [config.projection, vision_width])?;
    let patch = vision.patch_size;
    each(Needed {
        name: "vision_model.embeddings.patch_embedding.weight".into(),
        shape: vec![vision_width, 3, patch, patch],
        role: Role::Matrix([vision_width, 3 * patch * patch]),
    })?;
    blocks("text_model", &text.transformer, &mut each)?;
    blocks("vision_model", &vision.transformer, &mut each)
}

fn blocks(tower: &str, config: &TransformerConfig, each: &mut impl FnMut(Needed) -> Result<()>) -> Result<()> {
    let TransformerConfig { width, mlp_width, .. } = *config;
    for layer in 0..config.layers {
        let prefix = format!("{tower}.encoder.layers.{layer}");
        for norm in ["layer_norm1", "layer_norm2"] {
            for part in ["weight", "bias"] {
                each(Needed {
                    name: format!("{prefix}.{norm}.{part}"),
                    shape: vec![width],
                    role: Role::Small,
                })?;
            }
        }
        for (linear, [output, input]) in [
            ("self_attn.q_proj", [width, width]),
            ("self_attn.k_proj", [width, width]),
            ("self_attn.v_proj", [width, width]),
            ("self_attn.out_proj", [width, width]),
            ("mlp.fc1", [mlp_width, width]),
            ("mlp.fc2", [width, mlp_width]),
        ] {
            each(Needed {
                name: format!("{prefix}.{linear}.weight"),
                shape: vec![output, input],
                role: Role::Matrix([output, input]),
            })?;
            each(Needed {
                name: format!("{prefix}.{linear}.bias"),
                shape: vec![output],
                role: Role::Small,
            })?;
        }
    }
    Ok(())
}
