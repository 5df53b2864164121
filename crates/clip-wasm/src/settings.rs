//! The settings of an adaptation, as JavaScript gives them.

use clip_adapt::options::TtlOptions;
use serde_json::{Map, Value};

use crate::error::WasmError;
use crate::keys;

/// Settings from an object with camelCase keys; what is left out has its default.
pub(crate) fn from_json(value: Value) -> Result<TtlOptions, WasmError> {
    let Value::Object(object) = keys::to_snake_case(value) else {
        return Err(WasmError::argument("the options must be an object"));
    };
    let known = setting_names()?;
    // One after the other, since an error of the whole does not say which one is wrong.
    for (key, value) in &object {
        let name = keys::camel_case(key);
        if !known.contains(&name) {
            return Err(WasmError::option(
                name,
                &format!("there is no such setting, but {}", known.join(", ")),
            ));
        }
        let single = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        if let Err(error) = serde_json::from_value::<TtlOptions>(single) {
            return Err(WasmError::option(name, &in_plain_words(&error.to_string())));
        }
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| WasmError::argument(error.to_string()))
}

/// All settings, as JavaScript spells them.
fn setting_names() -> Result<Vec<String>, WasmError> {
    let defaults =
        serde_json::to_value(TtlOptions::default()).map_err(|error| WasmError::argument(error.to_string()))?;
    Ok(defaults.as_object().map_or_else(Vec::new, |object| {
        object.keys().map(|key| keys::camel_case(key)).collect()
    }))
}

/// The types of Rust mean nothing to somebody who writes JavaScript.
fn in_plain_words(message: &str) -> String {
    message
        .replace("expected usize", "expected a whole number from 0")
        .replace("expected u64", "expected a whole number from 0")
        .replace("expected f64", "expected a number")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_left_out_have_their_defaults() {
        let read = from_json(json!({"learningRate": 0.01, "cropScale": [0.5, 1]})).unwrap();
        let expected = TtlOptions {
            learning_rate: 0.01,
            crop_scale: [0.5, 1.0],
            ..TtlOptions::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (value, name) in [
            (json!({"steps": 1.5}), "steps"),
            (json!({"views": 8, "chunkViews": "all"}), "chunkViews"),
            (json!({"ranks": 4}), "ranks"),
            (json!({"targets": ["q"]}), "targets"),
            (json!({"seed": null}), "seed"),
        ] {
            let error = from_json(value).unwrap_err();
            assert_eq!(
                (error.code, error.option.as_deref()),
                ("option-invalid", Some(name)),
                "{error:?}"
            );
        }
        assert_eq!(from_json(json!(3)).unwrap_err().code, "argument-invalid");
        let error = from_json(json!({"steps": 1.5})).unwrap_err();
        assert!(error.message.contains("whole number"), "{error:?}");
    }
}
