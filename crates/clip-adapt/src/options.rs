//! Options of methods: described, so that flags and controls are made from the descriptions, and checked by them.
//!
//! A method's options are one flat JSON object with `snake_case` keys. What is left out has its default; what is of
//! the wrong type or out of range is [`Error::OptionInvalid`], what is unknown [`Error::OptionUnknown`], with the option's name.

mod description;
mod views;

pub use description::{OptionDescription, OptionKind, check, complete, read};
pub use views::{MAX_SEED, ViewOptions};

use serde_json::{Map, Value};

use crate::error::Error;
use crate::optimizer::AdamWSettings;

/// The most updates of a run.
pub const MAX_STEPS: usize = 1000;

/// Options by name.
pub type Options = Map<String, Value>;

/// The options of AdamW.
#[must_use]
pub fn adamw_descriptions() -> Vec<OptionDescription> {
    let default = AdamWSettings::default();
    vec![
        OptionDescription::number(
            "learning_rate",
            "Learning rate",
            "AdamW's step size: in the first step every number moves by it whose gradient isn't next to nothing.",
            default.learning_rate,
            [0.0, 10.0],
        ),
        OptionDescription::number(
            "weight_decay",
            "Weight decay",
            "AdamW's decoupled weight decay.",
            default.weight_decay,
            [0.0, 1e3],
        ),
        OptionDescription::numbers(
            "betas",
            "Betas",
            "AdamW's decay of the running means of the gradient and of its square.",
            &default.betas,
            [0.0, 0.999_999],
        ),
        OptionDescription::number(
            "epsilon",
            "Epsilon",
            "Added to AdamW's denominator.",
            default.epsilon,
            [0.0, 1.0],
        ),
    ]
}

/// An option that is not possible, and what would be.
pub(crate) fn invalid(option: &str, value: impl std::fmt::Display, range: impl Into<String>) -> Error {
    Error::OptionInvalid {
        option: option.to_owned(),
        value: value.to_string(),
        range: range.into(),
    }
}
