//! Errors as JavaScript will see them.

use crate::keys;

/// An error with its stable code. The codes of the other crates pass through; here are those of this one.
#[derive(Debug)]
pub struct WasmError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The name of a setting, as JavaScript spells it.
    pub(crate) option: Option<String>,
}

impl WasmError {
    /// Something was called in the middle of its own asynchronous work.
    #[cfg(target_family = "wasm")]
    pub(crate) fn busy(what: &str) -> Self {
        Self {
            code: "engine-busy",
            message: format!("{what} is still at work"),
            option: None,
        }
    }

    /// Something was asked of a model before there was one.
    #[cfg(target_family = "wasm")]
    pub(crate) fn model_missing() -> Self {
        Self {
            code: "model-missing",
            message: "no model is loaded".into(),
            option: None,
        }
    }

    /// An argument that makes no sense.
    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self {
            code: "argument-invalid",
            message: reason.into(),
            option: None,
        }
    }

    /// A setting that can't be understood; `option` as JavaScript spells it.
    pub(crate) fn option(option: String, reason: &str) -> Self {
        Self {
            code: "option-invalid",
            message: format!("{option}: {reason}"),
            option: Some(option),
        }
    }
}

impl From<clip_model::Error> for WasmError {
    fn from(error: clip_model::Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            option: None,
        }
    }
}

impl From<clip_adapt::Error> for WasmError {
    fn from(error: clip_adapt::Error) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            clip_adapt::Error::OptionInvalid { option, .. } => {
                let spelled = keys::camel_case(&option);
                Self {
                    code,
                    message: message.replacen(&option, &spelled, 1),
                    option: Some(spelled),
                }
            }
            clip_adapt::Error::OptionUnknown { option, known } => {
                let known: Vec<String> = known.iter().map(|name| keys::camel_case(name)).collect();
                Self::option(
                    keys::camel_case(&option),
                    &format!("there is no such setting, but {}", known.join(", ")),
                )
            }
            _ => Self {
                code,
                message,
                option: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_named_as_javascript_spells_it() {
        let error = clip_adapt::Error::OptionInvalid {
            option: "learning_rate",
            value: "-1".into(),
            range: "from 0 to 10".into(),
        };
        let error = WasmError::from(error);
        assert_eq!(
            (error.code, error.option.as_deref()),
            ("option-invalid", Some("learningRate"))
        );
        assert!(error.message.starts_with("learningRate = -1"), "{error:?}");
    }

    #[test]
    fn the_core_crates_codes_pass_through() {
        assert_eq!(WasmError::from(clip_adapt::Error::LabelsNone).code, "labels-none");
        assert_eq!(WasmError::from(clip_model::Error::PictureEmpty).code, "picture-empty");
    }
}
