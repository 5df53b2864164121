//! Several methods on one picture.

use std::cell::RefCell;

use clip_adapt::comparison::Comparison as Inner;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::WasmError;
use crate::js;

/// A comparison under way. The host calls `advance()` until its event has the type `done`; to cancel, it calls `free()` between
/// two calls.
#[wasm_bindgen]
pub struct Comparison {
    /// Taken out while it is at work, so that a call in the middle of another gets an error and not a panic.
    inner: RefCell<Option<Inner>>,
}

impl Comparison {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: RefCell::new(Some(inner)),
        }
    }
}

#[wasm_bindgen]
impl Comparison {
    /// Does the next piece of work and says what it was.
    ///
    /// # Errors
    /// `engine-busy` while an earlier call is at work; `episode-over` after `done`; those of the device.
    pub async fn advance(&self) -> Result<JsValue, WasmError> {
        let taken = self.inner.borrow_mut().take();
        let mut inner = taken.ok_or_else(|| WasmError::busy("the comparison"))?;
        let event = inner.advance().await;
        *self.inner.borrow_mut() = Some(inner);
        js::to_js(&event?)
    }
}
