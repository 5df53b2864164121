//! The vision tower: patches, blocks, and the projection of the class token
//! (`CLIPVisionTransformer` of `transformers`).
//!
//! It runs in two parts. The **trunk** is everything before the first block that has adapters: it never changes
//! while a picture is adapted to. The **tail** is the rest.

use burn::tensor::{Device, Tensor};

use crate::block::{Attention, Block, Rows};
use crate::checkpoint::Weights;
use crate::config::VisionConfig;
use crate::error::{Error, Result};
use crate::linear::{Bias, FrozenLayerNorm, FrozenLinear, upload};
use crate::lora::Adapter;

/// The vision tower of a CLIP.
#[derive(Debug, Clone)]
pub struct VisionTower {
    config: VisionConfig,
    patch: FrozenLinear,
    /// `[1, 1, width]`
    class_token: Tensor<3>,
    /// `[1, tokens, width]`
    positions: Tensor<3>,
    norm_before: FrozenLayerNorm,
    blocks: Vec<Block>,
    norm_after: FrozenLayerNorm,
    projection: FrozenLinear,
}

impl VisionTower {
    /// Reads the tensors `vision_model.*` and `visual_projection`.
    ///
    /// # Errors
    /// Those of [`Weights::take`].
    pub fn read(weights: &mut Weights, config: VisionConfig, device: &Device) -> Result<Self> {
        let width = config.transformer.width;
        let epsilon = config.transformer.layer_norm_epsilon;
        let blocks = (0..config.transformer.layers)
            .map(|index| {
                let prefix = format!("vision_model.encoder.layers.{index}");
                Block::read(weights, &prefix, &config.transformer, Attention::Full, device)
            })
            .collect::<Result<_>>()?;
        let embedding = |name: &str| format!("vision_model.embeddings.{name}");
        let mut norm =
            |name: &str| FrozenLayerNorm::read(weights, &format!("vision_model.{name}"), width, epsilon, device);
        // Hugging Face's name has this spelling.
        let (norm_before, norm_after) = (norm("pre_layrnorm")?, norm("post_layernorm")?);
        Ok(Self {
            // Stored as a convolution's kernel `[width, 3, patch, patch]`, without bias.
            patch: FrozenLinear::read(weights, &embedding("patch_embedding"), Bias::Without, device)?,
            class_token: upload(weights, &embedding("class_embedding"), [1, 1, width], device)?,
            positions: upload(
                weights,
                &embedding("position_embedding.weight"),
                [1, config.tokens(), width],
                device,
            )?,
            norm_before,
            blocks,
            norm_after,
            projection: FrozenLinear::read(weights, "visual_projection", Bias::Without, device)?,
            config,
        })
    }

    /// All its linear layers.
    pub fn linears(&self) -> impl Iterator<Item = &FrozenLinear> {
        [&self.patch, &self.projection]
            .into_iter()
            .chain(self.blocks.iter().flat_map(Block::linears))
    }

    /// Number of blocks.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.blocks.len()
    }

    /// Runs the embedding and the first `blocks` blocks.
    ///
    /// `pixels` is `[views, 3, side, side]`, normalised; the result is `[views, tokens, width]`, or, after all blocks,
    /// the class token's `[views, 1, width]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the views have another size than the model's input.
    pub fn trunk(&self, pixels: Tensor<4>, blocks: usize) -> Result<Tensor<3>> {
        Ok(self.advance(self.embed(pixels)?, 0, blocks))
    }

    /// Runs the trunk on, from what [`VisionTower::trunk`] gave after `from` blocks to what it would have given after `to`.
    #[must_use]
    pub fn advance(&self, tokens: Tensor<3>, from: usize, to: usize) -> Tensor<3> {
        (from..to).fold(tokens, |x, index| self.through_block(x, index, None))
    }

    /// Runs the blocks from `first` on, and projects the class token.
    ///
    /// `tokens` is `[views, tokens, width]`, what [`VisionTower::trunk`] gave after `first` blocks; the result is
    /// `[views, projection]`, the image features, not normalised. With an adapter whose matrices are on a tape, so is
    /// the result.
    #[must_use]
    pub fn tail(&self, tokens: Tensor<3>, first: usize, adapter: Option<&Adapter>) -> Tensor<2> {
        let layers = self.blocks.len();
        let x = (first..layers).fold(tokens, |x, index| self.through_block(x, index, adapter));
        self.project(self.read_class_token(&x, layers))
    }

    /// Runs block `index`: `[views, tokens, width]` to the same shape, or, as nothing else is read of the last block's result, to its
    /// class token's `[views, 1, width]`. There may be more tokens than the picture's, after the class token. A block that
    /// there isn't changes nothing.
    #[must_use]
    pub fn through_block(&self, tokens: Tensor<3>, index: usize, adapter: Option<&Adapter>) -> Tensor<3> {
        let rows = if index + 1 == self.blocks.len() {
            Rows::First
        } else {
            Rows::All
        };
        match self.blocks.get(index) {
            Some(block) => block.forward(tokens, adapter.and_then(|adapter| adapter.block(index)), rows),
            None => tokens,
        }
    }

    /// The class token of `[views, tokens, width]` through the layer norm by which block `index` reads it, or, after the
    /// last block, the projection does: `[views, width]`.
    #[must_use]
    pub fn read_class_token(&self, tokens: &Tensor<3>, index: usize) -> Tensor<2> {
        let [views, _, width] = tokens.dims();
        let class_token = tokens.clone().narrow(1, 0, 1).reshape([views, width]);
        let norm = self.blocks.get(index).map_or(&self.norm_after, Block::norm_before);
        norm.forward(class_token)
    }

    /// Image features `[views, projection]`, not normalised, from class tokens `[views, width]` that went through the last layer
    /// norm.
    #[must_use]
    pub fn project(&self, class_token: Tensor<2>) -> Tensor<2> {
        self.projection.forward(class_token)
    }

    /// Patches, class token and positions: `[views, 3, side, side]` to `[views, tokens, width]`.
    fn embed(&self, pixels: Tensor<4>) -> Result<Tensor<3>> {
        let VisionConfig {
            image_size,
            patch_size,
            transformer,
        } = self.config;
        let grid = self.config.grid();
        let [views, channels, height, width] = pixels.dims();
        if [channels, height, width] != [3, image_size, image_size] {
            return Err(Error::Shape {
                operation: "vision tower",
                expected: vec![views, 3, image_size, image_size],
                found: vec![views, channels, height, width],
            });
        }
        // A convolution whose stride is its kernel's size is a matrix product over patches. Pixels beyond the last
        // whole patch aren't seen, as in a convolution without padding.
        let covered = grid * patch_size;
        let pixels = if covered == image_size {
            pixels
        } else {
            pixels.narrow(2, 0, covered).narrow(3, 0, covered)
        };
        let patches = pixels
            .reshape([views, 3, grid, patch_size, grid, patch_size])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([views, grid * grid, 3 * patch_size * patch_size]);
        let class_token = self.class_token.clone().expand([views, 1, transformer.width]);
        let x = Tensor::cat(vec![class_token, self.patch.forward(patches)], 1) + self.positions.clone();
        Ok(self.norm_before.forward(x))
    }
}
