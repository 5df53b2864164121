//! `config.json` of a Hugging Face `CLIPModel`.
//!
//! Keys that are missing take the defaults of `transformers` (`CLIPTextConfig`, `CLIPVisionConfig`): checkpoints
//! saved by recent versions hold only what differs from them, so the defaults carry weight. The legacy keys
//! `text_config_dict` and `vision_config_dict`, where present, replace `text_config` and `vision_config`, as
//! `transformers` has it.

mod memory;

use serde::Deserialize;
use serde_json::Value;

pub use memory::TEXTS_AT_ONCE;

use crate::error::{Error, Result};

/// No published CLIP comes near it; a larger number is damage or malice, and would overflow products of sizes.
const MAX_SIZE: usize = 1 << 20;

/// Largest side of a view in pixels: ten times that of any published CLIP, and its square still fits 32 bits.
const MAX_IMAGE_SIZE: usize = 4096;

/// The non-linearity of the MLPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(1.702 x)`, of OpenAI's checkpoints.
    QuickGelu,
    /// `x * Phi(x)` with the error function, of LAION's and OpenCLIP's checkpoints.
    Gelu,
}

/// How the end token is found, whose state is the text's feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndToken {
    /// The position of the largest id: `eos_token_id` is 2 in older configurations, which names no end token.
    LargestId,
    /// The first position of this id.
    Id(u32),
}

/// Sizes that both towers' transformers have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransformerConfig {
    /// Width of a token's state.
    pub width: usize,
    /// Width of the hidden layer of the MLPs.
    pub mlp_width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Non-linearity of the MLPs.
    pub activation: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_epsilon: f64,
}

/// The text tower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextConfig {
    /// Its transformer.
    pub transformer: TransformerConfig,
    /// Entries of the token embedding.
    pub vocabulary: usize,
    /// Largest number of tokens of a text.
    pub context_length: usize,
    /// How the end token is found.
    pub end_token: EndToken,
}

/// The vision tower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VisionConfig {
    /// Its transformer.
    pub transformer: TransformerConfig,
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Side of a square patch in pixels.
    pub patch_size: usize,
}

impl VisionConfig {
    /// Patches along one side of the input.
    #[must_use]
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Tokens of a view: one for each patch, and the class token.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.grid() * self.grid() + 1
    }
}

/// A whole CLIP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipConfig {
    /// The text tower.
    pub text: TextConfig,
    /// The vision tower.
    pub vision: VisionConfig,
    /// Width of the features that both towers project to.
    pub projection: usize,
}

impl ClipConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] where it isn't JSON of this form; [`Error::ConfigUnsupported`] where it describes
    /// something other than a ViT CLIP, or sizes that don't fit each other.
    pub fn from_json(json: &str) -> Result<Self> {
        let root: RawRoot = parse(json)?;
        if let Some(kind) = &root.model_type
            && kind != "clip"
        {
            return Err(unsupported("model_type", &kind, "\"clip\" is"));
        }
        let text: RawText = section(root.text_config, root.text_config_dict)?;
        let vision: RawVision = section(root.vision_config, root.vision_config_dict)?;
        let config = Self {
            text: text.check()?,
            vision: vision.check()?,
            projection: size("projection_dim", root.projection_dim)?,
        };
        config.check_activations()?;
        Ok(config)
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| invalid(&error))
}

fn invalid(error: &serde_json::Error) -> Error {
    Error::ConfigInvalid {
        file: "config.json",
        reason: error.to_string(),
    }
}

/// The legacy dictionary wins where there is one; `null` counts as absent.
fn section<T: serde::de::DeserializeOwned>(modern: Option<Value>, legacy: Option<Value>) -> Result<T> {
    let value = legacy
        .or(modern)
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    serde_json::from_value(value).map_err(|error| invalid(&error))
}

fn unsupported(key: impl Into<String>, value: &dyn std::fmt::Display, supported: impl Into<String>) -> Error {
    Error::ConfigUnsupported {
        key: key.into(),
        value: value.to_string(),
        supported: supported.into(),
    }
}

fn size(key: &str, value: usize) -> Result<usize> {
    if (1..=MAX_SIZE).contains(&value) {
        Ok(value)
    } else {
        Err(unsupported(key, &value, format!("sizes from 1 to {MAX_SIZE} are")))
    }
}

#[derive(Deserialize)]
struct RawRoot {
    model_type: Option<String>,
    text_config: Option<Value>,
    vision_config: Option<Value>,
    text_config_dict: Option<Value>,
    vision_config_dict: Option<Value>,
    #[serde(default = "default_projection")]
    projection_dim: usize,
}

fn default_projection() -> usize {
    512
}

/// Keys of `text_config`; unknown ones (generation settings and the like) are ignored.
#[derive(Deserialize)]
#[serde(default)]
struct RawText {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    eos_token_id: Option<u32>,
}

impl Default for RawText {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
            eos_token_id: Some(49_407),
        }
    }
}

impl RawText {
    fn check(self) -> Result<TextConfig> {
        let context_length = size("text_config.max_position_embeddings", self.max_position_embeddings)?;
        if context_length < 2 {
            return Err(unsupported(
                "text_config.max_position_embeddings",
                &context_length,
                "a text needs at least its start and end token",
            ));
        }
        Ok(TextConfig {
            transformer: transformer(
                "text_config",
                self.hidden_size,
                self.intermediate_size,
                self.num_hidden_layers,
                self.num_attention_heads,
                &self.hidden_act,
                self.layer_norm_eps,
            )?,
            vocabulary: size("text_config.vocab_size", self.vocab_size)?,
            context_length,
            end_token: match self.eos_token_id {
                Some(2) | None => EndToken::LargestId,
                Some(id) => EndToken::Id(id),
            },
        })
    }
}

/// Keys of `vision_config`; unknown ones are ignored.
#[derive(Deserialize)]
#[serde(default)]
struct RawVision {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_channels: usize,
    image_size: usize,
    patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
}

impl Default for RawVision {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
        }
    }
}

impl RawVision {
    fn check(self) -> Result<VisionConfig> {
        if self.num_channels != 3 {
            return Err(unsupported(
                "vision_config.num_channels",
                &self.num_channels,
                "3 (RGB) is",
            ));
        }
        let image_size = size("vision_config.image_size", self.image_size)?;
        if image_size > MAX_IMAGE_SIZE {
            return Err(unsupported(
                "vision_config.image_size",
                &image_size,
                format!("up to {MAX_IMAGE_SIZE} pixels are"),
            ));
        }
        let patch_size = size("vision_config.patch_size", self.patch_size)?;
        if patch_size > image_size {
            return Err(unsupported(
                "vision_config.patch_size",
                &patch_size,
                format!("a patch can't be larger than the image_size of {image_size}"),
            ));
        }
        Ok(VisionConfig {
            transformer: transformer(
                "vision_config",
                self.hidden_size,
                self.intermediate_size,
                self.num_hidden_layers,
                self.num_attention_heads,
                &self.hidden_act,
                self.layer_norm_eps,
            )?,
            image_size,
            patch_size,
        })
    }
}

fn transformer(
    section: &str,
    width: usize,
    mlp_width: usize,
    layers: usize,
    heads: usize,
    activation: &str,
    layer_norm_epsilon: f64,
) -> Result<TransformerConfig> {
    let key = |name: &str| format!("{section}.{name}");
    let width = size(&key("hidden_size"), width)?;
    let heads = size(&key("num_attention_heads"), heads)?;
    if !width.is_multiple_of(heads) {
        return Err(unsupported(
            key("num_attention_heads"),
            &heads,
            format!("it must divide hidden_size, which is {width}"),
        ));
    }
    if !(layer_norm_epsilon.is_finite() && layer_norm_epsilon >= 0.0) {
        return Err(unsupported(
            key("layer_norm_eps"),
            &layer_norm_epsilon,
            "a small positive number is",
        ));
    }
    Ok(TransformerConfig {
        width,
        mlp_width: size(&key("intermediate_size"), mlp_width)?,
        layers: size(&key("num_hidden_layers"), layers)?,
        heads,
        activation: match activation {
            "quick_gelu" => Activation::QuickGelu,
            "gelu" => Activation::Gelu,
            // A wrong guess would still run and be quietly less accurate.
            other => {
                return Err(unsupported(
                    key("hidden_act"),
                    &other,
                    "\"quick_gelu\" and \"gelu\" are",
                ));
            }
        },
        layer_norm_epsilon,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_config_is_the_default_of_transformers() {
        let config = ClipConfig::from_json("{}").unwrap();
        assert_eq!(config.projection, 512);
        assert_eq!(config.text.vocabulary, 49_408);
        assert_eq!(config.text.transformer.width, 512);
        assert_eq!(config.text.transformer.heads, 8);
        assert_eq!(config.vision.transformer.width, 768);
        assert_eq!((config.vision.image_size, config.vision.patch_size), (224, 32));
        assert_eq!(config.vision.tokens(), 50);
        assert_eq!(config.vision.transformer.activation, Activation::QuickGelu);
    }

    #[test]
    fn a_sparse_config_keeps_the_other_defaults() {
        let config = ClipConfig::from_json(
            r#"{"model_type":"clip","vision_config":{"patch_size":16,"dropout":0.0},"text_config":{"bos_token_id":0,"eos_token_id":2}}"#,
        )
        .unwrap();
        assert_eq!(config.vision.patch_size, 16);
        assert_eq!(config.vision.tokens(), 197);
        assert_eq!(config.text.end_token, EndToken::LargestId);
    }

    #[test]
    fn the_legacy_dictionary_replaces_the_section() {
        let config = ClipConfig::from_json(
            r#"{"vision_config":{"patch_size":16,"hidden_size":64},"vision_config_dict":{"patch_size":14},"text_config_dict":null}"#,
        )
        .unwrap();
        assert_eq!(config.vision.patch_size, 14);
        assert_eq!(
            config.vision.transformer.width, 768,
            "transformers fills the legacy dictionary with defaults"
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let cases = [
            (
                r#"{"text_config":{"hidden_act":"relu"}}"#,
                "text_config.hidden_act",
                "relu",
            ),
            (
                r#"{"vision_config":{"num_attention_heads":5}}"#,
                "vision_config.num_attention_heads",
                "5",
            ),
            (
                r#"{"vision_config":{"num_channels":1}}"#,
                "vision_config.num_channels",
                "1",
            ),
            (r#"{"vision_config":{"patch_size":0}}"#, "vision_config.patch_size", "0"),
            (
                r#"{"vision_config":{"patch_size":300}}"#,
                "vision_config.patch_size",
                "300",
            ),
            (r#"{"projection_dim":99999999999}"#, "projection_dim", "99999999999"),
            (r#"{"model_type":"siglip"}"#, "model_type", "siglip"),
        ];
        for (json, key, value) in cases {
            let error = ClipConfig::from_json(json).unwrap_err();
            assert_eq!(error.code(), "config-unsupported", "{json}");
            let message = error.to_string();
            assert!(message.contains(key) && message.contains(value), "{message}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for json in [
            "",
            "[]",
            "{\"text_config\": 3}",
            "{\"projection_dim\": \"x\"}",
            "{\"projection_dim\": -1}",
        ] {
            assert_eq!(
                ClipConfig::from_json(json).unwrap_err().code(),
                "config-invalid",
                "{json}"
            );
        }
    }
}
