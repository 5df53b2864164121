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
pub const TEXTS_AT_ONCE: usize = 64;

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
        let texts = self.text.transformer.sequence_bytes(self.text.context_length);
        for (key, size, what, bytes) in [
            (
                "vision_config.image_size",
                self.vision.image_size,
                "one view".to_owned(),
                self.view_bytes(),
            ),
            (
                "text_config.max_position_embeddings",
                self.text.context_length,
                format!("{TEXTS_AT_ONCE} texts"),
                texts.saturating_mul(TEXTS_AT_ONCE as u64),
            ),
        ] {
            if bytes > MOST_BYTES {
                let [bytes, most] = [bytes, MOST_BYTES].map(|bytes| bytes as f64 / 1e9);
                let supported = format!("{what} would take {bytes:.1} GB, and {most:.1} GB are possible");
                return Err(unsupported(key, &size, supported));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towers_that_no_machine_has_room_for_are_refused() {
        let vision = |image_size: usize, patch_size: usize| {
            format!(
                r#"{{"vision_config":{{"image_size":{image_size},"patch_size":{patch_size},"hidden_size":4,"num_attention_heads":4}}}}"#
            )
        };
        let error = ClipConfig::from_json(&vision(4096, 8)).unwrap_err().to_string();
        assert!(error.contains("image_size") && error.contains("GB"), "{error}");
        let texts = r#"{"text_config":{"max_position_embeddings":65536}}"#;
        let error = ClipConfig::from_json(texts).unwrap_err().to_string();
        assert!(error.contains("max_position_embeddings"), "{error}");
        // ViT-L/14 with pictures of 336 pixels: the largest CLIP that OpenAI has published.
        let large = r#"{"vision_config":{"image_size":336,"patch_size":14,"hidden_size":1024,"num_attention_heads":16,"intermediate_size":4096}}"#;
        assert!(ClipConfig::from_json(large).unwrap().most_views_at_once() > 48);
    }
}
