//! What an option is called, does, and may be.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Options, invalid};
use crate::error::{Error, Result};

/// What an option's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionKind {
    /// A whole number from `min` to `max`.
    Integer,
    /// A number from `min` to `max`.
    Number,
    /// Two numbers from `min` to `max`, the first not larger than the second.
    Range,
    /// One of `choices`.
    Choice,
    /// True or false.
    Flag,
    /// Several of `choices`, each at most once and at least one; without choices as many numbers from `min` to `max` as the
    /// default has, or, where the default has none, any texts.
    List,
}

/// What an option is called, does, and may be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionDescription {
    /// Its name, in `snake_case`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// What its value is.
    pub kind: OptionKind,
    /// Its value where none is given.
    pub default: Value,
    /// The least number.
    pub min: Option<f64>,
    /// The largest number. Some have a smaller one still, that depends on the model.
    pub max: Option<f64>,
    /// What can be chosen from.
    pub choices: Vec<&'static str>,
    /// The paper's value, where the default is another one.
    pub paper_default: Option<Value>,
}

impl OptionDescription {
    fn new(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        kind: OptionKind,
        default: Value,
    ) -> Self {
        Self {
            name,
            title,
            description,
            kind,
            default,
            min: None,
            max: None,
            choices: Vec::new(),
            paper_default: None,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn integer(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        default: u64,
        [min, max]: [u64; 2],
    ) -> Self {
        Self {
            min: Some(min as f64),
            max: Some(max as f64),
            ..Self::new(name, title, description, OptionKind::Integer, default.into())
        }
    }

    /// A number.
    #[must_use]
    pub fn number(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        default: f64,
        [min, max]: [f64; 2],
    ) -> Self {
        Self {
            min: Some(min),
            max: Some(max),
            ..Self::new(name, title, description, OptionKind::Number, default.into())
        }
    }

    /// Two numbers, a smallest and a largest.
    #[must_use]
    pub fn range(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        default: [f64; 2],
        [min, max]: [f64; 2],
    ) -> Self {
        Self {
            min: Some(min),
            max: Some(max),
            ..Self::new(name, title, description, OptionKind::Range, default.to_vec().into())
        }
    }

    /// One of several names.
    #[must_use]
    pub fn choice(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        default: &'static str,
        choices: &[&'static str],
    ) -> Self {
        Self {
            choices: choices.to_vec(),
            ..Self::new(name, title, description, OptionKind::Choice, default.into())
        }
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(name: &'static str, title: &'static str, description: &'static str, default: bool) -> Self {
        Self::new(name, title, description, OptionKind::Flag, default.into())
    }

    /// Several of some names; without `choices`, any texts.
    #[must_use]
    pub fn list(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        default: &[&'static str],
        choices: &[&'static str],
    ) -> Self {
        Self {
            choices: choices.to_vec(),
            ..Self::new(name, title, description, OptionKind::List, default.to_vec().into())
        }
    }

    /// A fixed number of numbers.
    #[must_use]
    pub fn numbers(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        default: &[f64],
        [min, max]: [f64; 2],
    ) -> Self {
        Self {
            min: Some(min),
            max: Some(max),
            ..Self::new(name, title, description, OptionKind::List, default.to_vec().into())
        }
    }

    /// States the paper's value beside a default that is another one.
    #[must_use]
    pub fn paper(mut self, value: impl Into<Value>) -> Self {
        self.paper_default = Some(value.into());
        self
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`].
    pub fn check(&self, value: &Value) -> Result<()> {
        let fits = match self.kind {
            OptionKind::Integer => value.as_u64().is_some_and(|number| self.holds(number as f64)),
            OptionKind::Number => self.is_number(value),
            OptionKind::Flag => value.is_boolean(),
            OptionKind::Choice => self.is_choice(value),
            OptionKind::Range => return self.check_range(value),
            OptionKind::List => value.as_array().is_some_and(|values| self.is_list(values)),
        };
        if fits {
            Ok(())
        } else {
            Err(invalid(self.name, value, self.possible()))
        }
    }

    /// Of two numbers, the one that doesn't fit is named by its place.
    fn check_range(&self, value: &Value) -> Result<()> {
        let Some([least, most]) = value.as_array().map(Vec::as_slice) else {
            return Err(invalid(self.name, value, self.possible()));
        };
        let outside = |place: usize, value: &Value, from: Option<f64>| {
            let name = format!("{}[{place}]", self.name);
            let from = from.unwrap_or_default();
            Err(invalid(
                &name,
                value,
                format!("from {from} to {}", self.max.unwrap_or(f64::INFINITY)),
            ))
        };
        if !self.is_number(least) {
            return outside(0, least, self.min);
        }
        if !self.is_number(most) || most.as_f64() < least.as_f64() {
            return outside(1, most, least.as_f64());
        }
        Ok(())
    }

    fn holds(&self, number: f64) -> bool {
        // NaN lies in no range.
        self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
    }

    fn is_number(&self, value: &Value) -> bool {
        value.as_f64().is_some_and(|number| self.holds(number))
    }

    fn is_choice(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.choices.contains(&text))
    }

    fn is_list(&self, values: &[Value]) -> bool {
        let distinct = || (1..values.len()).all(|index| !values[..index].contains(&values[index]));
        if !self.choices.is_empty() {
            return !values.is_empty() && values.iter().all(|value| self.is_choice(value)) && distinct();
        }
        match self.default.as_array() {
            Some(default) if default.iter().any(Value::is_number) => {
                values.len() == default.len() && values.iter().all(|value| self.is_number(value))
            }
            _ => values.iter().all(Value::is_string) && distinct(),
        }
    }

    /// What would be possible.
    fn possible(&self) -> String {
        let limits = || match (self.min, self.max) {
            (Some(min), Some(max)) => format!("from {min} to {max}"),
            _ => "of any size".to_owned(),
        };
        match self.kind {
            OptionKind::Integer => format!("a whole number {}", limits()),
            OptionKind::Number => format!("a number {}", limits()),
            OptionKind::Range => format!("two numbers {}, the first not larger than the second", limits()),
            OptionKind::Flag => "true or false".to_owned(),
            OptionKind::Choice => format!("one of {}", self.choices.join(", ")),
            OptionKind::List if !self.choices.is_empty() => {
                format!(
                    "a list of at least one of {}, each at most once",
                    self.choices.join(", ")
                )
            }
            OptionKind::List => match self.default.as_array().map_or(0, Vec::len) {
                0 => "a list of texts, none of them twice".to_owned(),
                count => format!("a list of {count} numbers {}", limits()),
            },
        }
    }
}

/// Checks options against their descriptions; what is left out is right.
///
/// # Errors
/// [`crate::Error::OptionUnknown`] or [`crate::Error::OptionInvalid`] for the first that is unknown or doesn't fit.
pub fn check(descriptions: &[OptionDescription], given: &Options) -> Result<()> {
    for (name, value) in given {
        match descriptions.iter().find(|description| description.name == name) {
            Some(description) => description.check(value)?,
            None => {
                return Err(Error::OptionUnknown {
                    option: name.clone(),
                    known: descriptions.iter().map(|description| description.name).collect(),
                });
            }
        }
    }
    Ok(())
}

/// Checks options, and puts the defaults where something is left out.
///
/// # Errors
/// Those of [`check`].
pub fn complete(descriptions: &[OptionDescription], given: &Options) -> Result<Options> {
    check(descriptions, given)?;
    Ok(descriptions
        .iter()
        .map(|description| {
            let value = given.get(description.name).unwrap_or(&description.default);
            (description.name.to_owned(), value.clone())
        })
        .collect())
}

/// Complete options as a method's own type.
///
/// # Errors
/// [`crate::Error::OptionInvalid`] where type and descriptions don't say the same.
pub fn read<T: DeserializeOwned>(options: &Options) -> Result<T> {
    serde_json::from_value(Value::Object(options.clone()))
        .map_err(|error| invalid("options", Value::Object(options.clone()), error.to_string()))
}
