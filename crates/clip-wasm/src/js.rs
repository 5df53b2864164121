//! Values on their way to JavaScript and back. This is the only place that converts them.

use clip_adapt::adapter::AdapterFiles;
use js_sys::Reflect;
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen::JsValue;

use crate::error::WasmError;
use crate::keys;

/// A plain JavaScript object; keys in camelCase, values as they are.
pub(crate) fn to_js<T: Serialize>(value: &T) -> Result<JsValue, WasmError> {
    let value = serde_json::to_value(value).map_err(|error| WasmError::argument(error.to_string()))?;
    keys::to_camel_case(value)
        // Without this, maps become JavaScript's `Map`, and `None` becomes `undefined`.
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| WasmError::argument(error.to_string()))
}

/// `{weights: Uint8Array, config: string}`.
pub(crate) fn adapter_files(files: &AdapterFiles) -> JsValue {
    let object = js_sys::Object::new();
    let weights = js_sys::Uint8Array::from(files.weights.as_slice());
    for (key, value) in [
        ("weights", weights.into()),
        ("config", JsValue::from_str(&files.config)),
    ] {
        // Setting a property of a fresh object can't fail.
        let _ = Reflect::set(&object, &JsValue::from_str(key), &value);
    }
    object.into()
}

/// A JavaScript value as JSON; `what` says what it is.
pub(crate) fn from_js(value: JsValue, what: &str) -> Result<Value, WasmError> {
    serde_wasm_bindgen::from_value(value).map_err(|error| WasmError::argument(format!("{what} can't be read: {error}")))
}

impl From<WasmError> for JsValue {
    fn from(error: WasmError) -> Self {
        let made = js_sys::Error::new(&error.message);
        let option = error.option.map_or(Self::NULL, Self::from);
        for (key, value) in [("code", Self::from_str(error.code)), ("option", option)] {
            // Setting a property of a fresh object can't fail.
            let _ = Reflect::set(&made, &Self::from_str(key), &value);
        }
        made.into()
    }
}
