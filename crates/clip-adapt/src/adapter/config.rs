//! `adapter_config.json`, as PEFT's `LoraConfig` writes it.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// What is wrong with an adapter.
pub(super) fn invalid(reason: impl Into<String>) -> Error {
    Error::Model(clip_model::Error::AdapterInvalid { reason: reason.into() })
}

/// The keys that decide what an adapter computes. Of those not listed none does.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "PEFT's keys are as they are")]
pub(super) struct LoraConfig {
    peft_type: Option<String>,
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    target_modules: Value,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    lora_bias: bool,
    bias: Option<String>,
    #[serde(default)]
    rank_pattern: Value,
    #[serde(default)]
    alpha_pattern: Value,
    #[serde(default)]
    modules_to_save: Value,
    #[serde(default)]
    init_lora_weights: Value,
    #[serde(default)]
    layer_replication: Value,
    #[serde(default)]
    trainable_token_indices: Value,
    #[serde(default)]
    target_parameters: Value,
    #[serde(default)]
    alora_invocation_tokens: Value,
    #[serde(default)]
    use_qalora: bool,
}

/// Ways to begin that leave the model's own weights alone. With others (PiSSA, OLoRA, CorDA, LoftQ) PEFT changes these when it loads an adapter.
const PLAIN_BEGINNINGS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

impl LoraConfig {
    /// Reads the configuration, and refuses kinds of adapters that mean more than `scale * B A`.
    pub(super) fn read(text: &str) -> Result<Self> {
        let config: Self = serde_json::from_str(text).map_err(|error| {
            invalid(format!(
                "adapter_config.json can't be read as PEFT's LoRA configuration: {error}"
            ))
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        match self.peft_type.as_deref() {
            Some("LORA") => {}
            other => {
                let other = other.unwrap_or("absent");
                return Err(invalid(format!(
                    "adapter_config.json: peft_type is {other}; only LORA can be used"
                )));
            }
        }
        if self.r == 0 {
            return Err(invalid("adapter_config.json: r is 0; it must be at least 1"));
        }
        if !self.lora_alpha.is_finite() || self.lora_alpha.abs() > f64::from(f32::MAX) {
            return Err(invalid("adapter_config.json: lora_alpha is no finite number"));
        }
        let unsupported = [
            ("use_dora", self.use_dora),
            ("fan_in_fan_out", self.fan_in_fan_out),
            ("lora_bias", self.lora_bias),
            ("rank_pattern", !is_empty(&self.rank_pattern)),
            ("alpha_pattern", !is_empty(&self.alpha_pattern)),
            ("modules_to_save", !is_empty(&self.modules_to_save)),
            ("layer_replication", !is_empty(&self.layer_replication)),
            ("trainable_token_indices", !is_empty(&self.trainable_token_indices)),
            ("target_parameters", !is_empty(&self.target_parameters)),
            ("alora_invocation_tokens", !is_empty(&self.alora_invocation_tokens)),
            ("use_qalora", self.use_qalora),
            ("bias", self.bias.as_deref().is_some_and(|bias| bias != "none")),
            (
                "init_lora_weights",
                self.init_lora_weights
                    .as_str()
                    .is_some_and(|beginning| !PLAIN_BEGINNINGS.contains(&beginning)),
            ),
        ];
        match unsupported.iter().find(|(_, present)| *present) {
            Some((key, _)) => Err(invalid(format!(
                "adapter_config.json sets {key}, which can't be used here: plain LoRA without it can"
            ))),
            None => Ok(()),
        }
    }

    /// The rank of all its matrices.
    pub(super) fn rank(&self) -> usize {
        self.r
    }

    /// By which `B A` is multiplied.
    pub(super) fn scale(&self) -> f32 {
        let rank = self.r as f64;
        let divisor = if self.use_rslora { rank.sqrt() } else { rank };
        (self.lora_alpha / divisor) as f32
    }

    /// Whether the list of modules, where it is one, fits the modules that have matrices: each of them is meant by the list,
    /// and each entry means one of them. (A text is a regular expression of Python's, and isn't looked into.)
    pub(super) fn check_targets(&self, modules: &[String]) -> Result<()> {
        let Value::Array(targets) = &self.target_modules else {
            return Ok(());
        };
        let targets: Vec<&str> = targets.iter().filter_map(Value::as_str).collect();
        let means = |target: &str, module: &str| module == target || module.ends_with(&format!(".{target}"));
        if let Some(module) = modules
            .iter()
            .find(|module| !targets.iter().any(|target| means(target, module)))
        {
            return Err(invalid(format!(
                "there are matrices for {module}, but target_modules of adapter_config.json doesn't name it"
            )));
        }
        match targets
            .iter()
            .find(|target| !modules.iter().any(|module| means(target, module)))
        {
            Some(target) => Err(invalid(format!(
                "target_modules of adapter_config.json names {target}, but there are no matrices for it"
            ))),
            None => Ok(()),
        }
    }
}

/// Nothing, or a list or object with nothing in it.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}
