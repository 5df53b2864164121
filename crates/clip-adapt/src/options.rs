//! The settings of test-time low-rank adaptation, with the paper's values as defaults.

use clip_model::lora::Projection;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::optimizer::AdamWSettings;

/// Settings of TTL (arXiv 2407.15913). The defaults are the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TtlOptions {
    /// Number of updates.
    pub steps: usize,
    /// AdamW's step size.
    pub learning_rate: f64,
    /// Number of views, the centre view among them.
    pub views: usize,
    /// Smallest and largest part of the picture's area that a crop takes.
    pub crop_scale: [f64; 2],
    /// Rank of the adapters.
    pub rank: usize,
    /// The adapters' output is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Number of the last vision blocks that have adapters.
    pub layers: usize,
    /// Which projections of attention have adapters.
    pub targets: Vec<Projection>,
    /// A view of entropy `H` weighs `exp(margin - H)`, in nats.
    pub margin: f64,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// AdamW's decay of the running means.
    pub betas: [f64; 2],
    /// Added to AdamW's denominator.
    pub epsilon: f64,
    /// Seed of the crops and of the adapters' first values.
    pub seed: u64,
    /// Views that are encoded at a time: memory grows with it, not with the number of views.
    pub chunk_views: usize,
}

impl Default for TtlOptions {
    fn default() -> Self {
        Self {
            steps: 1,
            learning_rate: 5e-3,
            views: 64,
            crop_scale: [0.08, 1.0],
            rank: 16,
            alpha: 32.0,
            layers: 3,
            targets: vec![Projection::Query, Projection::Value],
            margin: 0.4,
            weight_decay: 0.01,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            seed: 0,
            chunk_views: 16,
        }
    }
}

/// The largest seed that a JavaScript number holds exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;

impl TtlOptions {
    /// Checks every option against its range, and `layers` and `rank` against the model.
    ///
    /// # Errors
    /// [`Error::OptionInvalid`] for the first that doesn't fit.
    pub fn validate(&self, vision_layers: usize, vision_width: usize) -> Result<()> {
        count("steps", self.steps, 0, 1000)?;
        number("learning_rate", self.learning_rate, 0.0, 10.0)?;
        count("views", self.views, 1, 4096)?;
        let [smallest, largest] = self.crop_scale;
        number("crop_scale[0]", smallest, 1e-4, 1.0)?;
        number("crop_scale[1]", largest, smallest, 1.0)?;
        count("rank", self.rank, 1, vision_width)?;
        number("alpha", self.alpha, 0.0, 1e6)?;
        count("layers", self.layers, 1, vision_layers)?;
        if self.targets.is_empty() {
            return Err(invalid(
                "targets",
                &"none",
                "at least one of q_proj, k_proj, v_proj, out_proj",
            ));
        }
        let mut sorted = self.targets.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != self.targets.len() {
            return Err(invalid(
                "targets",
                &"a projection that stands there twice",
                "each one at most once",
            ));
        }
        number("margin", self.margin, -100.0, 100.0)?;
        number("weight_decay", self.weight_decay, 0.0, 1e3)?;
        for beta in self.betas {
            if !(0.0..1.0).contains(&beta) {
                return Err(invalid("betas", &beta, "from 0 to below 1"));
            }
        }
        number("epsilon", self.epsilon, 0.0, 1.0)?;
        if self.seed > MAX_SEED {
            return Err(invalid("seed", &self.seed, &format!("from 0 to {MAX_SEED}")));
        }
        count("chunk_views", self.chunk_views, 1, 4096)
    }

    /// The optimiser's part.
    #[must_use]
    pub fn adamw(&self) -> AdamWSettings {
        AdamWSettings {
            learning_rate: self.learning_rate,
            betas: self.betas,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
        }
    }
}

fn invalid(option: &'static str, value: &dyn std::fmt::Display, range: &str) -> Error {
    Error::OptionInvalid {
        option,
        value: value.to_string(),
        range: range.to_owned(),
    }
}

fn count(option: &'static str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(invalid(option, &value, &format!("from {least} to {most}")))
    }
}

fn number(option: &'static str, value: f64, least: f64, most: f64) -> Result<()> {
    // NaN lies in no range.
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(invalid(option, &value, &format!("from {least} to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_papers_and_valid() {
        let options = TtlOptions::default();
        options.validate(12, 768).unwrap();
        assert_eq!(
            (options.views, options.rank, options.layers, options.steps),
            (64, 16, 3, 1)
        );
        assert_eq!(serde_json::from_str::<TtlOptions>("{}").unwrap(), options);
    }

    #[test]
    fn each_option_is_checked_and_named() {
        type Change = (&'static str, fn(&mut TtlOptions));
        let change: [Change; 14] = [
            ("steps", |o| o.steps = 1001),
            ("learning_rate", |o| o.learning_rate = f64::NAN),
            ("learning_rate", |o| o.learning_rate = -1.0),
            ("views", |o| o.views = 0),
            ("crop_scale[0]", |o| o.crop_scale = [0.0, 1.0]),
            ("crop_scale[1]", |o| o.crop_scale = [0.5, 0.4]),
            ("rank", |o| o.rank = 0),
            ("rank", |o| o.rank = 193),
            ("alpha", |o| o.alpha = f64::INFINITY),
            ("layers", |o| o.layers = 13),
            ("targets", |o| o.targets.clear()),
            ("targets", |o| o.targets = vec![Projection::Key, Projection::Key]),
            ("betas", |o| o.betas = [0.9, 1.0]),
            ("seed", |o| o.seed = 1 << 53),
        ];
        for (name, change) in change {
            let mut options = TtlOptions::default();
            change(&mut options);
            match options.validate(12, 192).unwrap_err() {
                Error::OptionInvalid { option, .. } => assert_eq!(option, name),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(serde_json::from_str::<TtlOptions>(r#"{"ranks": 4}"#).is_err());
    }
}
