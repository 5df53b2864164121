//! The text tower: token embedding, causal blocks, and the projection of the end token
//! (`CLIPTextTransformer` of `transformers`).

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::block::{Attention, Block, Rows};
use crate::checkpoint::Weights;
use crate::config::{EndToken, TextConfig};
use crate::error::{Error, Result};
use crate::linear::{Bias, FrozenLayerNorm, FrozenLinear, on_tape_of, upload};
use crate::lora::Adapter;
use crate::quantised::PackedMatrix;

/// The text tower of a CLIP.
pub struct TextTower {
    config: TextConfig,
    /// `[vocabulary, width]`, on the host: of it a label needs a few rows only.
    token_embedding: PackedMatrix,
    /// `[context length, width]`
    positions: Tensor<2>,
    blocks: Vec<Block>,
    norm_after: FrozenLayerNorm,
    projection: FrozenLinear,
    device: Device,
}

impl TextTower {
    /// Reads the tensors `text_model.*` and `text_projection`.
    ///
    /// # Errors
    /// Those of [`Weights::take`].
    pub fn read(weights: &mut Weights, config: TextConfig, device: &Device) -> Result<Self> {
        let width = config.transformer.width;
        let epsilon = config.transformer.layer_norm_epsilon;
        let blocks = (0..config.transformer.layers)
            .map(|index| {
                let prefix = format!("text_model.encoder.layers.{index}");
                Block::read(weights, &prefix, &config.transformer, Attention::Causal, device)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            token_embedding: weights.take("text_model.embeddings.token_embedding.weight")?,
            positions: upload(
                weights,
                "text_model.embeddings.position_embedding.weight",
                [config.context_length, width],
                device,
            )?,
            blocks,
            norm_after: FrozenLayerNorm::read(weights, "text_model.final_layer_norm", width, epsilon, device)?,
            projection: FrozenLinear::read(weights, "text_projection", Bias::Without, device)?,
            device: device.clone(),
            config,
        })
    }

    /// All its linear layers.
    pub fn linears(&self) -> impl Iterator<Item = &FrozenLinear> {
        std::iter::once(&self.projection).chain(self.blocks.iter().flat_map(Block::linears))
    }

    /// The token embedding, which stays on the host.
    #[must_use]
    pub fn token_embedding(&self) -> &PackedMatrix {
        &self.token_embedding
    }

    /// Largest number of tokens of a text, its start and end among them.
    #[must_use]
    pub fn context_length(&self) -> usize {
        self.config.context_length
    }

    /// The features `[texts, projection]` of texts given as token ids, not normalised.
    ///
    /// The texts may differ in length, and may be padded: attention is causal, so what follows the end token changes
    /// nothing, and the batch is cut to its longest text.
    ///
    /// # Errors
    /// [`Error::Shape`] for no texts, or a text of no tokens or more than the context length;
    /// [`Error::TokenOutsideVocabulary`].
    pub fn forward(&self, texts: &[Vec<u32>]) -> Result<Tensor<2>> {
        self.run(texts, None, None)
    }

    /// As [`TextTower::forward`], with adapters in place. On a tape where their matrices are.
    ///
    /// # Errors
    /// Those of [`TextTower::forward`].
    pub fn forward_adapted(&self, texts: &[Vec<u32>], adapter: &Adapter) -> Result<Tensor<2>> {
        self.run(texts, None, Some(adapter))
    }

    /// As [`TextTower::forward`], with the embeddings `[tokens, width]` of the tokens after each text's start token
    /// given instead of looked up: the context that prompt tuning trains. On a tape where the context is.
    ///
    /// # Errors
    /// Those of [`TextTower::forward`]; [`Error::Shape`] where a text has no room for the context.
    pub fn forward_with_context(&self, texts: &[Vec<u32>], context: Tensor<2>) -> Result<Tensor<2>> {
        self.run(texts, Some(context), None)
    }

    /// Number of blocks.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.blocks.len()
    }

    fn run(&self, texts: &[Vec<u32>], context: Option<Tensor<2>>, adapter: Option<&Adapter>) -> Result<Tensor<2>> {
        let ends = texts
            .iter()
            .map(|ids| self.end_position(ids))
            .collect::<Result<Vec<_>>>()?;
        let Some(longest) = ends.iter().map(|end| end + 1).max() else {
            return Err(Error::Shape {
                operation: "text tower",
                expected: vec![1],
                found: vec![0],
            });
        };
        let width = self.config.transformer.width;
        let mut x = self.embed(texts, longest)?;
        if let Some(context) = context {
            x = replace_context(x, context, ends.iter().copied().min().unwrap_or_default())?;
        }
        let positions = self.positions.clone().narrow(0, 0, longest).unsqueeze();
        let mut x = x.clone() + on_tape_of(&positions, &x);
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x, adapter.and_then(|adapter| adapter.block(index)), Rows::All);
        }
        // One row a text: the state of its end token.
        let rows = ends
            .iter()
            .enumerate()
            .map(|(text, end)| i32::try_from(text * longest + end).unwrap_or(i32::MAX));
        let rows = TensorData::new(rows.collect::<Vec<i32>>(), [texts.len()]);
        let rows = Tensor::<1, Int>::from_data(rows, &self.device);
        let ended = x.reshape([texts.len() * longest, width]).select(0, rows);
        Ok(self.projection.forward(self.norm_after.forward(ended)))
    }

    /// The token embeddings `[texts, longest, width]`; a shorter text is filled up with zeros, which nothing reads.
    fn embed(&self, texts: &[Vec<u32>], longest: usize) -> Result<Tensor<3>> {
        let width = self.config.transformer.width;
        let mut values = Vec::with_capacity(texts.len() * longest * width);
        for (index, ids) in texts.iter().enumerate() {
            for &id in ids.iter().take(longest) {
                self.token_embedding
                    .append_row(id as usize, &mut values)
                    .ok_or(Error::TokenOutsideVocabulary {
                        id,
                        vocabulary: self.config.vocabulary,
                    })?;
            }
            values.resize((index + 1) * longest * width, 0.0);
        }
        Ok(Tensor::from_data(
            TensorData::new(values, [texts.len(), longest, width]),
            &self.device,
        ))
    }

    /// Where the text's feature stands; as `transformers` finds it, 0 where the end token is missing.
    fn end_position(&self, ids: &[u32]) -> Result<usize> {
        if ids.is_empty() || ids.len() > self.config.context_length {
            return Err(Error::Shape {
                operation: "tokens of a text",
                expected: vec![self.config.context_length],
                found: vec![ids.len()],
            });
        }
        let end = match self.config.end_token {
            EndToken::Id(end) => ids.iter().position(|&id| id == end),
            EndToken::LargestId => {
                let largest = ids.iter().max();
                ids.iter().position(|id| Some(id) == largest)
            }
        };
        Ok(end.unwrap_or(0))
    }
}

/// Puts `context` `[tokens, width]` behind the start token of every text of `x` `[texts, longest, width]`; the first
/// end token stands at `first_end`.
fn replace_context(x: Tensor<3>, context: Tensor<2>, first_end: usize) -> Result<Tensor<3>> {
    let [texts, longest, width] = x.dims();
    let [tokens, context_width] = context.dims();
    if tokens >= first_end || context_width != width {
        return Err(Error::Shape {
            operation: "context of the prompts",
            expected: vec![first_end.saturating_sub(1), width],
            found: vec![tokens, context_width],
        });
    }
    let x = if context.is_autodiff() { x.autodiff() } else { x };
    let context = context.unsqueeze::<3>().expand([texts, tokens, width]);
    let start = x.clone().narrow(1, 0, 1);
    let rest = x.narrow(1, 1 + tokens, longest - 1 - tokens);
    Ok(Tensor::cat(vec![start, context, rest], 1))
}
