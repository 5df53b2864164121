//! Decoded pictures.

use std::sync::Arc;

use clip_model::picture::Picture as Pixels;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::WasmError;

/// A decoded, upright picture without transparency.
#[wasm_bindgen]
pub struct Picture {
    pixels: Arc<Pixels>,
}

impl Picture {
    pub(crate) fn pixels(&self) -> Arc<Pixels> {
        Arc::clone(&self.pixels)
    }
}

#[wasm_bindgen]
impl Picture {
    /// Decodes a PNG, JPEG, WebP, GIF or BMP file.
    ///
    /// # Errors
    /// The `picture-...` codes.
    pub fn decode(bytes: &[u8]) -> Result<Self, WasmError> {
        Ok(Self {
            pixels: Arc::new(Pixels::decode(bytes)?),
        })
    }

    /// Takes red, green, blue and alpha of each pixel, row by row, as a canvas gives them.
    ///
    /// # Errors
    /// `picture-pixels`, `picture-too-large`, `picture-empty`.
    #[wasm_bindgen(js_name = fromRgba)]
    pub fn from_rgba(width: u32, height: u32, rgba: &[u8]) -> Result<Self, WasmError> {
        Ok(Self {
            pixels: Arc::new(Pixels::from_rgba8(width, height, rgba)?),
        })
    }

    /// Width in pixels.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Height in pixels.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }
}
