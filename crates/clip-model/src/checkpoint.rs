//! Checkpoints: `config.json`, `preprocessor_config.json` and `model.safetensors` of a `CLIPModel` in Hugging Face's layout, as
//! `save_pretrained` of `transformers` writes them; and our own single file, whose weights may be quantised.
//!
//! A [`Header`] says what lies where in a file; an [`Assembler`] takes the file's pieces in any order and gives the
//! [`Checkpoint`]; [`write()`] writes one.

mod assembler;
mod header;
mod plan;
mod tensors;
mod weights;
mod write;

pub use assembler::Assembler;
pub use header::{Header, LENGTH_BYTES, MAX_HEADER_BYTES, json_length};
pub use plan::{FormatChoice, PIECE_BYTES};
pub use weights::Weights;
pub use write::{
    CONFIG_KEY, Description, FORMAT_KEY, PREPROCESSOR_KEY, SCALES_SUFFIX, SOURCE_HASH_KEY, SOURCE_KEY, write,
};

use crate::config::ClipConfig;
use crate::error::Result;
use crate::pixels::Preprocessing;

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The model's sizes.
    pub config: ClipConfig,
    /// How pictures are made into its input.
    pub preprocessing: Preprocessing,
    /// All that the model needs.
    pub weights: Weights,
}

impl Checkpoint {
    /// Takes the files of a checkpoint that lie in memory. What may be absent, and the errors, are those of [`Assembler::new`] and
    /// [`Assembler::push`].
    ///
    /// # Errors
    /// Besides them, [`Error::CheckpointCorrupt`](crate::Error::CheckpointCorrupt) where the weights are truncated or their header
    /// contradicts their length.
    pub fn from_parts(
        config_json: Option<&str>,
        preprocessor_json: Option<&str>,
        safetensors: &[u8],
        choice: FormatChoice,
    ) -> Result<Self> {
        let header = Header::parse(safetensors, Some(safetensors.len() as u64))?;
        let mut assembler = Assembler::new(config_json, preprocessor_json, &header, choice)?;
        let pieces: Vec<(u64, u64)> = assembler.pieces().collect();
        for (index, (start, end)) in pieces.into_iter().enumerate() {
            let bytes = safetensors.get(start as usize..end as usize).unwrap_or_default();
            assembler.push(index, bytes)?;
        }
        let mut checkpoint = assembler.finish()?;
        // What was quantised in the file is taken as it is by the assembler.
        if let FormatChoice::Fixed(format) = choice {
            checkpoint.weights.convert(|_| format)?;
        }
        Ok(checkpoint)
    }
}

/// The names and shapes of all tensors that a model of this configuration needs, in Hugging Face's layout.
#[must_use]
pub fn needed_tensors(config: &ClipConfig) -> Vec<(String, Vec<usize>)> {
    let mut needed = Vec::new();
    // It fails only where the closure does.
    let _ = tensors::for_each(config, |tensor| {
        needed.push((tensor.name, tensor.shape));
        Ok(())
    });
    needed
}
