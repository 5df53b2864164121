//! What a model's activations take, so that sizes which no machine has room for are refused before anything is computed.
//!
//! Counted in 64 bits: on 32, the sizes of a hostile configuration wrap, and the tensor library would write beyond what it has allocated.

use super::{ClipConfig, TransformerConfig, unsupported};
use crate::error::Result;

/// Most that one tensor may take: on 32 bits what is well within the reach of a WebAssembly module.
const MOST_BYTES: u64 = if cfg!(target_pointer_width = "32") {
    1 << 30
} else {
    64 << 30
};
/// Texts that go through the text tower at a time.
const TEXTS: u64 = 64;

impl TransformerConfig {
    /// Bytes of the largest tensor that one sequence of so many tokens needs: its attention's scores, or a layer's output.
    fn sequence_bytes(&self, tokens: usize) -> u64 {
        let [tokens, width, mlp_width, heads] =
            [tokens, self.width, self.mlp_width, self.heads].map(|size| size as u64);
        let scores = heads.saturating_mul(tokens).saturating_mul(tokens);
        let layer = tokens.saturating_mul(mlp_width.max(width.saturating_mul(3)));
        scores.max(layer).saturating_mul(4)
    }
}

impl ClipConfig {
    /// Most views that can go through the vision tower at a time.
    #[must_use]
    pub fn most_views_at_once(&self) -> usize {
        usize::try_from(MOST_BYTES / self.view_bytes().max(1)).unwrap_or(usize::MAX)
    }

    /// Bytes of the largest tensor that one view needs.
    fn view_bytes(&self) -> u64 {
        let side = self.vision.image_size as u64;
        let tokens = self.vision.tokens();
        self.vision.transformer.sequence_bytes(tokens).max(3 * 4 * side * side)
    }

    /// Refuses towers of which not even the smallest piece of work has room.
    pub(super) fn check_activations(&self) -> Result<()> {
        let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
        let view_bytes = self.view_bytes();
        if view_bytes > MOST_BYTES {
            return Err(unsupported(
                "vision_config.image_size",
                &self.vision.image_size,
                format!(
                    "one view would take {}, and {} are possible",
                    gigabytes(view_bytes),
                    gigabytes(MOST_BYTES)
                ),
            ));
        }
        let text_bytes = self
            .text
            .transformer
            .sequence_bytes(self.text.context_length)
            .saturating_mul(TEXTS);
        if text_bytes > MOST_BYTES {
            return Err(unsupported(
                "text_config.max_position_embeddings",
                &self.text.context_length,
                format!(
                    "{TEXTS} texts would take {}, and {} are possible",
                    gigabytes(text_bytes),
                    gigabytes(MOST_BYTES)
                ),
            ));
        }
        Ok(())
    }
}
