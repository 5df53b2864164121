//! A checkpoint on its way into memory, piece by piece.

use clip_model::checkpoint::{Assembler, Checkpoint, FormatChoice, Header};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::WasmError;
use crate::js;

/// Takes the pieces of a checkpoint's file in any order, and converts each as it comes.
#[wasm_bindgen]
pub struct Loader {
    assembler: Assembler,
}

#[derive(Serialize)]
struct Summary {
    dtype: &'static str,
    file_dtype: &'static str,
    parameters: usize,
    source_bytes: u64,
    resident_bytes: usize,
}

impl Loader {
    pub(crate) fn finish(self) -> Result<Checkpoint, WasmError> {
        Ok(self.assembler.finish()?)
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen can't lend a text that may be absent"
)]
#[wasm_bindgen]
impl Loader {
    /// Reads configuration and header, and plans what is to be fetched: nothing of the weights is needed yet. `header` are the file's first
    /// bytes, with the header's length; `file_bytes` is the file's size where that is known; `dtype` is `"auto"` or the name of a format; what is
    /// quantised in the file stays as it is.
    ///
    /// # Errors
    /// The `config-...`, `preprocessing-...`, `checkpoint-...` and `tensor-...` codes; `argument-invalid` for an unknown format.
    pub fn plan(
        config: Option<String>,
        preprocessor: Option<String>,
        header: &[u8],
        file_bytes: Option<f64>,
        dtype: &str,
    ) -> Result<Self, WasmError> {
        let choice = match dtype.parse().map_err(WasmError::argument)? {
            FormatChoice::AsStored => FormatChoice::Compact,
            fixed => fixed,
        };
        let header = Header::parse(header, file_bytes.map(|bytes| bytes as u64))?;
        Ok(Self {
            assembler: Assembler::new(config.as_deref(), preprocessor.as_deref(), &header, choice)?,
        })
    }

    /// `[offset, length, offset, length, ...]` of the pieces in the file, in bytes.
    #[wasm_bindgen(getter)]
    pub fn pieces(&self) -> Vec<f64> {
        self.assembler
            .pieces()
            .flat_map(|(start, end)| [start as f64, (end - start) as f64])
            .collect()
    }

    /// `{dtype, fileDtype, parameters, sourceBytes, residentBytes}`
    ///
    /// # Errors
    /// None in practice.
    #[wasm_bindgen(getter)]
    pub fn summary(&self) -> Result<JsValue, WasmError> {
        js::to_js(&Summary {
            dtype: self.assembler.kept_format().as_str(),
            file_dtype: self.assembler.stored_format(),
            parameters: self.assembler.parameters(),
            source_bytes: self.assembler.source_bytes(),
            resident_bytes: self.assembler.kept_bytes(),
        })
    }

    /// Takes piece `index` as it lies in the file.
    ///
    /// # Errors
    /// `checkpoint-corrupt` for a wrong length; `tensor-not-finite`, `tensor-range`.
    pub fn push(&mut self, index: usize, bytes: &[u8]) -> Result<(), WasmError> {
        Ok(self.assembler.push(index, bytes)?)
    }

    /// What became of piece `index`.
    ///
    /// # Errors
    /// `checkpoint-corrupt` where there is no such piece.
    pub fn encoded(&self, index: usize) -> Result<Vec<u8>, WasmError> {
        Ok(self.assembler.encoded(index)?)
    }

    /// Takes back what `encoded` gave for the same file and format.
    ///
    /// # Errors
    /// `checkpoint-corrupt` for a wrong length.
    pub fn restore(&mut self, index: usize, bytes: &[u8]) -> Result<(), WasmError> {
        Ok(self.assembler.restore(index, bytes)?)
    }
}
