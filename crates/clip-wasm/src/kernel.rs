//! The inner loops of matrix products with relaxed SIMD, where the browser has it (Chromium since 114): see `kernel.wat`.

use std::cell::OnceCell;

use clip_model::product::{self, PANEL, Sizes, TILE};
use js_sys::{Object, Reflect, Uint8Array, WebAssembly};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

static ASSEMBLED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernel.wasm"));

#[wasm_bindgen]
extern "C" {
    /// What the module exports.
    type Exports;

    #[wasm_bindgen(method)]
    fn multiply(
        this: &Exports,
        tiles: *const f32,
        tile_count: usize,
        panels: *const f32,
        panel_count: usize,
        bias: *const f32,
        out: *mut f32,
        inputs: usize,
        row_bytes: usize,
    );
}

thread_local! {
    static EXPORTS: OnceCell<Exports> = const { OnceCell::new() };
}

/// Has products go through the module. A browser that refuses it goes on with what the engine itself has.
pub(crate) fn use_where_possible() {
    let Ok(exports) = instantiate() else {
        return;
    };
    EXPORTS.with(|cell| {
        cell.get_or_init(|| exports);
    });
    product::use_kernel(multiply);
}

fn instantiate() -> Result<Exports, JsValue> {
    let module = WebAssembly::Module::new(&Uint8Array::from(ASSEMBLED))?;
    let engine = Object::new();
    Reflect::set(&engine, &"memory".into(), &wasm_bindgen::memory())?;
    let imports = Object::new();
    Reflect::set(&imports, &"engine".into(), &engine)?;
    let instance = WebAssembly::Instance::new(&module, &imports)?;
    Ok(instance.exports().unchecked_into())
}

fn multiply(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes) {
    let Sizes { inputs, outputs } = sizes;
    EXPORTS.with(|cell| {
        if let Some(exports) = cell.get() {
            exports.multiply(
                tiles.as_ptr().cast(),
                tiles.len() / inputs,
                panels.as_ptr().cast(),
                panels.len() / inputs,
                bias.as_ptr().cast(),
                out.as_mut_ptr(),
                inputs,
                outputs * size_of::<f32>(),
            );
        }
    });
}
