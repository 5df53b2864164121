//! An adaptation under way.

use std::cell::RefCell;

use clip_adapt::episode::Episode as Inner;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::WasmError;
use crate::js;

/// One picture being adapted to. The host calls `advance()` until its event has the type `done`; to cancel, it calls
/// `free()` between two calls.
#[wasm_bindgen]
pub struct Episode {
    /// Taken out while it is at work, so that a call in the middle of another gets an error and not a panic.
    inner: RefCell<Option<Inner>>,
}

impl Episode {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: RefCell::new(Some(inner)),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> clip_adapt::Result<T>) -> Result<T, WasmError> {
        match self.inner.borrow_mut().as_mut() {
            Some(inner) => Ok(work(inner)?),
            None => Err(WasmError::busy("the episode")),
        }
    }
}

#[wasm_bindgen]
impl Episode {
    /// Does the next piece of work and says what it was.
    ///
    /// # Errors
    /// `engine-busy` while an earlier call is at work; `episode-over` after `done`; those of the device.
    pub async fn advance(&self) -> Result<JsValue, WasmError> {
        let taken = self.inner.borrow_mut().take();
        let mut inner = taken.ok_or_else(|| WasmError::busy("the episode"))?;
        let event = inner.advance().await;
        *self.inner.borrow_mut() = Some(inner);
        js::to_js(&event?)
    }

    /// After `done`: the trained adapter as PEFT's files, `{weights: Uint8Array, config: string}`.
    ///
    /// # Errors
    /// `episode-running` before `done`; `adapter-missing` where it was stopped or failed, or trains none; those of the device.
    pub async fn adapter(&self) -> Result<JsValue, WasmError> {
        let taken = self.inner.borrow_mut().take();
        let inner = taken.ok_or_else(|| WasmError::busy("the episode"))?;
        let files = inner.adapter_files(inner.model()).await;
        *self.inner.borrow_mut() = Some(inner);
        Ok(js::adapter_files(&files?))
    }

    /// After `done`: goes on with so many more updates.
    ///
    /// # Errors
    /// `episode-running` before `done`; `episode-over` where it was stopped or failed; `option-invalid` for too many.
    pub fn extend(&self, steps: usize) -> Result<(), WasmError> {
        self.with(|inner| inner.extend(steps))
    }

    /// After `done`: the adapters' first values again.
    ///
    /// # Errors
    /// `episode-running` before `done`; `episode-over` where it failed.
    pub fn reset(&self) -> Result<(), WasmError> {
        self.with(Inner::reset)
    }
}
