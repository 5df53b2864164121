//! Names in the core's `snake_case` and in JavaScript's camelCase. This is the only place that converts them.

use serde_json::Value;

/// The same value with keys in camelCase, at every depth; the values stay as they are.
pub(crate) fn to_camel_case(value: Value) -> Value {
    with_keys(value, &camel_case)
}

/// The same value with keys in `snake_case`, at every depth.
pub(crate) fn to_snake_case(value: Value) -> Value {
    with_keys(value, &snake_case)
}

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
    use clip_adapt::setup::Setup;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_change_and_values_stay() {
        let report = json!({"before_entropy": 1.5, "views": [{"entropy_after": null}], "labels": ["a_b"]});
        let expected = json!({"beforeEntropy": 1.5, "views": [{"entropyAfter": null}], "labels": ["a_b"]});
        assert_eq!(to_camel_case(report), expected);
    }

    #[test]
    fn every_setting_has_its_way_back() {
        let defaults = Value::Object(Setup::new("ttl", &serde_json::Map::new()).unwrap().options());
        let camel = to_camel_case(defaults.clone());
        assert!(camel.get("chunkViews").is_some());
        assert_eq!(to_snake_case(camel), defaults);
    }
}
