//! Panics. They are bugs, and the end of the engine: its memory is in no known state, and what JavaScript awaits stays
//! pending for ever. The worker has to know at once, so that the page can offer to load again.

use std::cell::RefCell;
use std::panic;

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static CALLBACK: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Has a function called with the message of a panic, before the engine stops.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(callback: Function) {
    CALLBACK.set(Some(callback));
    panic::set_hook(Box::new(|info| {
        let message = JsValue::from_str(&info.to_string());
        CALLBACK.with(|callback| {
            // Nothing may go wrong on top of a panic.
            if let Ok(Some(callback)) = callback.try_borrow().as_deref() {
                let _ = callback.call1(&JsValue::NULL, &message);
            }
        });
    }));
}

/// Panics. For tests of what a page does then.
///
/// # Panics
/// Always.
#[wasm_bindgen(js_name = panicForTests)]
#[allow(clippy::panic, reason = "it is what this function is for")]
pub fn panic_for_tests() {
    panic!("a panic was asked for");
}
