//! The vision tower: patches, blocks, and the projection of the class token
//! (`CLIPVisionTransformer` of `transformers`).
//!
//! It runs in two parts. The **trunk** is everything before the first block that has adapters: it never changes
//! while a picture is adapted to. The **tail** is the rest.

use burn::tensor::{Device, Tensor};

use crate::block::{Attention, Block, Rows};
use crate::checkpoint::Checkpoint;
use crate::config::{ClipConfig, VisionConfig};
use crate::error::{Error, Result};
use crate::linear::{Bias, FrozenLayerNorm, FrozenLinear, matrix, vector};
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
    /// Those of [`Checkpoint::values`].
    pub fn read(checkpoint: &Checkpoint<'_>, device: &Device) -> Result<Self> {
        let ClipConfig {
            vision: config,
            projection,
            ..
        } = checkpoint.config;
        let width = config.transformer.width;
        let epsilon = config.transformer.layer_norm_epsilon;
        let positions = matrix(
            checkpoint,
            "vision_model.embeddings.position_embedding.weight",
            [config.tokens(), width],
            device,
        )?;
        let class_token = vector(checkpoint, "vision_model.embeddings.class_embedding", width, device)?;
        let blocks = (0..config.transformer.layers)
            .map(|index| {
                let prefix = format!("vision_model.encoder.layers.{index}");
                Block::read(checkpoint, &prefix, &config.transformer, Attention::Full, device)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            patch: read_patch_embedding(checkpoint, &config, device)?,
            class_token: class_token.reshape([1, 1, width]),
            positions: positions.unsqueeze(),
            // Hugging Face's name has this spelling.
            norm_before: FrozenLayerNorm::read(checkpoint, "vision_model.pre_layrnorm", width, epsilon, device)?,
            blocks,
            norm_after: FrozenLayerNorm::read(checkpoint, "vision_model.post_layernorm", width, epsilon, device)?,
            projection: FrozenLinear::read(
                checkpoint,
                "visual_projection",
                [width, projection],
                Bias::Without,
                device,
            )?,
            config,
        })
    }

    /// Number of blocks.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.blocks.len()
    }

    /// Runs the embedding and the first `blocks` blocks.
    ///
    /// `pixels` is `[views, 3, side, side]`, normalised; the result is `[views, tokens, width]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the views have another size than the model's input.
    pub fn trunk(&self, pixels: Tensor<4>, blocks: usize) -> Result<Tensor<3>> {
        let mut x = self.embed(pixels)?;
        for block in self.blocks.iter().take(blocks) {
            x = block.forward(x, None, Rows::All);
        }
        Ok(x)
    }

    /// Runs the blocks from `first` on, and projects the class token.
    ///
    /// `tokens` is `[views, tokens, width]`, what [`VisionTower::trunk`] gave after `first` blocks; the result is
    /// `[views, projection]`, the image features, not normalised. With an adapter whose matrices are on a tape, so is
    /// the result.
    #[must_use]
    pub fn tail(&self, tokens: Tensor<3>, first: usize, adapter: Option<&Adapter>) -> Tensor<2> {
        let last = self.blocks.len().saturating_sub(1);
        let mut x = tokens;
        for (index, block) in self.blocks.iter().enumerate().skip(first) {
            let rows = if index == last { Rows::First } else { Rows::All };
            x = block.forward(x, adapter.and_then(|adapter| adapter.block(index)), rows);
        }
        let [views, _, width] = x.dims();
        let class_token = x.narrow(1, 0, 1).reshape([views, width]);
        self.projection.forward(self.norm_after.forward(class_token))
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

/// The patch embedding is stored as a convolution's kernel `[width, 3, patch, patch]`, without bias.
fn read_patch_embedding(checkpoint: &Checkpoint<'_>, config: &VisionConfig, device: &Device) -> Result<FrozenLinear> {
    let width = config.transformer.width;
    let patch = config.patch_size;
    let name = "vision_model.embeddings.patch_embedding.weight";
    let values = checkpoint.values(name, &[width, 3, patch, patch])?;
    let kernel = Tensor::<2>::from_data(
        burn::tensor::TensorData::new(values, [width, 3 * patch * patch]),
        device,
    );
    Ok(FrozenLinear::from_dense(kernel.transpose(), None))
}
