//! Labels on their way through the text tower.

use clip_adapt::label_encoding::LabelEncoding as Inner;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::WasmError;
use crate::js;

/// Labels being encoded. The host calls `advance()` until all are; to cancel, it calls `free()` between two calls.
#[wasm_bindgen]
pub struct LabelEncoding {
    inner: Inner,
}

impl LabelEncoding {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner }
    }
}

#[wasm_bindgen]
impl LabelEncoding {
    /// Encodes some more labels: `[done, total]`.
    ///
    /// # Errors
    /// Those of the device.
    pub fn advance(&mut self) -> Result<JsValue, WasmError> {
        js::to_js(&self.inner.advance()?)
    }
}
