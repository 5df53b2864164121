//! What has to run once, before anything else in the module.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::kernel;

// SAFETY: the linker makes this function with this signature for every module. Calling it is safe since what is registered
// with it here, the lists of the `inventory` crate, may be registered any number of times.
#[allow(unsafe_code, reason = "the linker's function can't be named in another way")]
unsafe extern "C" {
    /// Made by the linker: runs the constructors that our dependencies registered (some hundred lists of kernels).
    safe fn __wasm_call_ctors();
}

/// Runs the module's constructors. Where nothing calls them, the linker takes the module for a program that is called once,
/// and puts them before every exported function: a report of a few thousand values, each of which crosses over to
/// JavaScript by such a call, then takes seconds.
#[wasm_bindgen(start)]
fn run_constructors() {
    __wasm_call_ctors();
    kernel::use_where_possible();
}
