//! Methods and their options, as JavaScript gives them.

use clip_adapt::comparison::{Choice, CompareRequest};
use clip_adapt::methods;
use clip_adapt::options::{OptionDescription, Options, ViewOptions};
use clip_adapt::setup::Setup;
use serde_json::{Value, json};

use crate::error::WasmError;
use crate::keys;

/// A method with its options from an object with camelCase keys; what is left out has its default.
pub(crate) fn setup(method: &str, options: Value) -> Result<Setup, WasmError> {
    Ok(Setup::new(method, &object(options, "the options")?)?)
}

/// What is to be compared, from `{views, cropScale, seed, chunkViews, methods: [{method, options}]}`.
pub(crate) fn compare_request(value: Value) -> Result<CompareRequest, WasmError> {
    let mut request = object(value, "the request")?;
    let methods = match request.remove("methods") {
        Some(Value::Array(methods)) if !methods.is_empty() => methods,
        _ => {
            return Err(WasmError::argument(
                "methods must be a list of at least one {method, options}",
            ));
        }
    };
    let methods = methods
        .into_iter()
        .map(|choice| {
            serde_json::from_value::<Choice>(choice)
                .map_err(|error| WasmError::argument(format!("methods must be a list of {{method, options}}: {error}")))
        })
        .collect::<Result<_, _>>()?;
    Ok(CompareRequest {
        views: ViewOptions::read(&request)?,
        methods,
    })
}

fn object(value: Value, what: &str) -> Result<Options, WasmError> {
    match keys::to_snake_case(value) {
        Value::Object(object) => Ok(object),
        _ => Err(WasmError::argument(format!("{what} must be an object"))),
    }
}

/// The descriptions of all methods, options named as JavaScript spells them.
pub(crate) fn descriptions() -> Result<Value, WasmError> {
    let mut all = methods::all();
    let options: Vec<Value> = all
        .iter_mut()
        .map(|method| option_descriptions(std::mem::take(&mut method.options)))
        .collect::<Result<_, _>>()?;
    let mut values = to_value(&all)?;
    for (value, options) in values.as_array_mut().into_iter().flatten().zip(options) {
        value["options"] = options;
    }
    Ok(values)
}

/// The descriptions of the views' options, named as JavaScript spells them.
pub(crate) fn view_descriptions() -> Result<Value, WasmError> {
    option_descriptions(ViewOptions::descriptions())
}

fn option_descriptions(options: Vec<OptionDescription>) -> Result<Value, WasmError> {
    options
        .into_iter()
        .map(|option| {
            let name = keys::camel_case(option.name);
            let mut value = to_value(&option)?;
            value["name"] = json!(name);
            Ok(value)
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn to_value<T: serde::Serialize>(value: &T) -> Result<Value, WasmError> {
    serde_json::to_value(value).map_err(|error| WasmError::argument(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_left_out_have_their_defaults() {
        let read = setup("ttl", json!({"learningRate": 0.01, "cropScale": [0.5, 1]})).unwrap();
        let options = read.options();
        assert_eq!(options["learning_rate"], json!(0.01));
        assert_eq!(options["crop_scale"], json!([0.5, 1.0]));
        assert_eq!(options["rank"], json!(16));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (value, name) in [
            (json!({"steps": 1.5}), "steps"),
            (json!({"views": 8, "chunkViews": "all"}), "chunkViews"),
            (json!({"ranks": 4}), "ranks"),
            (json!({"targets": ["q"]}), "targets"),
            (json!({"seed": null}), "seed"),
            (json!({"learningRate": -1}), "learningRate"),
        ] {
            let error = setup("ttl", value).err().unwrap();
            assert_eq!(
                (error.code, error.option.as_deref()),
                ("option-invalid", Some(name)),
                "{error:?}"
            );
            assert!(error.message.contains(name), "{error:?}");
        }
        assert_eq!(setup("ttl", json!(3)).err().unwrap().code, "argument-invalid");
        assert_eq!(setup("tlt", json!({})).err().unwrap().code, "method-unknown");
        let error = setup("ttl", json!({"steps": 1.5})).err().unwrap();
        assert!(error.message.contains("whole number"), "{error:?}");
        let error = setup("ttl", json!({"ranks": 4})).err().unwrap();
        assert!(error.message.contains("learningRate"), "{error:?}");
    }

    #[test]
    fn a_comparison_has_views_and_methods() {
        let request = json!({"views": 8, "chunkViews": 4, "methods": [{"method": "ttl", "options": {"learningRate": 0.1}}, {"method": "zero"}]});
        let read = compare_request(request).unwrap();
        assert_eq!((read.views.views, read.views.chunk_views, read.views.seed), (8, 4, 0));
        assert_eq!(read.methods[0].options["learning_rate"], json!(0.1));
        assert_eq!(read.methods[1].method, "zero");
        for wrong in [json!({}), json!({"methods": []}), json!({"methods": [{"name": "ttl"}]})] {
            assert_eq!(compare_request(wrong).err().unwrap().code, "argument-invalid");
        }
        let error = compare_request(json!({"views": 0, "methods": [{"method": "ttl"}]}))
            .err()
            .unwrap();
        assert_eq!((error.code, error.option.as_deref()), ("option-invalid", Some("views")));
    }

    #[test]
    fn options_are_named_as_javascript_spells_them() {
        let all = descriptions().unwrap();
        let ttl = all
            .as_array()
            .unwrap()
            .iter()
            .find(|method| method["name"] == "ttl")
            .unwrap();
        let names: Vec<&str> = ttl["options"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|option| option["name"].as_str())
            .collect();
        assert!(names.contains(&"learningRate"), "{names:?}");
        assert!(view_descriptions().unwrap().to_string().contains("chunkViews"));
    }
}
