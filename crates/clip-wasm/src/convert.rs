//! Between the core's `snake_case` and JavaScript's camelCase. This is the only place that converts.

use clip_adapt::options::TtlOptions;
use serde::Serialize;
use serde_json::{Map, Value};
use wasm_bindgen::JsValue;

use crate::error::WasmError;

/// A plain JavaScript object; keys in camelCase, values as they are.
pub(crate) fn to_js<T: Serialize>(value: &T) -> Result<JsValue, WasmError> {
    let value = serde_json::to_value(value).map_err(|error| WasmError::argument(error.to_string()))?;
    with_keys(value, &camel_case)
        // Without this, maps become JavaScript's `Map`, and nothing `null`.
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| WasmError::argument(error.to_string()))
}

/// Settings from a JavaScript object with camelCase keys; what is left out has its default.
pub(crate) fn options_from_js(value: JsValue) -> Result<TtlOptions, WasmError> {
    let value: Value = serde_wasm_bindgen::from_value(value)
        .map_err(|error| WasmError::argument(format!("the options can't be read: {error}")))?;
    options(value)
}

fn options(value: Value) -> Result<TtlOptions, WasmError> {
    let Value::Object(object) = with_keys(value, &snake_case) else {
        return Err(WasmError::argument("the options must be an object"));
    };
    // One after the other, since an error of the whole does not say which one is wrong.
    for (key, value) in &object {
        let single = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        if let Err(error) = serde_json::from_value::<TtlOptions>(single) {
            return Err(WasmError::option(camel_case(key), &error.to_string()));
        }
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| WasmError::argument(error.to_string()))
}

/// The same value with other keys, at every depth.
fn with_keys(value: Value, convert: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .map(|(key, value)| (convert(&key), with_keys(value, convert)))
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(|value| with_keys(value, convert)).collect()),
        other => other,
    }
}

/// `view_entropies` -> `viewEntropies`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut upper = false;
    let mut converted = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else {
            converted.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    converted
}

/// `chunkViews` -> `chunk_views`.
fn snake_case(name: &str) -> String {
    let mut converted = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            converted.push('_');
        }
        converted.push(letter.to_ascii_lowercase());
    }
    converted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_change_and_values_stay() {
        let report = json!({"before_entropy": 1.5, "views": [{"entropy_after": null}], "labels": ["a_b"]});
        let expected = json!({"beforeEntropy": 1.5, "views": [{"entropyAfter": null}], "labels": ["a_b"]});
        assert_eq!(with_keys(report, &camel_case), expected);
    }

    #[test]
    fn every_setting_has_its_way_back() {
        let defaults = serde_json::to_value(TtlOptions::default()).unwrap();
        let camel = with_keys(defaults.clone(), &camel_case);
        assert!(camel.get("chunkViews").is_some());
        assert_eq!(with_keys(camel, &snake_case), defaults);
    }

    #[test]
    fn settings_left_out_have_their_defaults() {
        let read = options(json!({"learningRate": 0.01, "cropScale": [0.5, 1]})).unwrap();
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
            let error = options(value).unwrap_err();
            let (code, message, option) = error.parts();
            assert_eq!((code, option), ("option-invalid", Some(name)), "{message}");
        }
        assert_eq!(options(json!(3)).unwrap_err().parts().0, "argument-invalid");
    }
}
