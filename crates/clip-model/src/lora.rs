//! Low-rank adapters (LoRA, arXiv 2106.09685) beside the frozen projections of attention.
//!
//! `y = W x + b + scale * B (A x)` with `scale = alpha / rank`, the shapes and names of PEFT: `A` is
//! `[rank, input]`, `B` is `[output, rank]`. `B` begins as zeros, so an adapter that wasn't trained changes nothing.

use std::collections::BTreeMap;
use std::str::FromStr;

use burn::tensor::Tensor;

use crate::bypass::Bypass;
use crate::fused::rows_product;

/// A projection of an attention layer that can carry an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Projection {
    /// `q_proj`
    #[serde(rename = "q_proj")]
    Query,
    /// `k_proj`
    #[serde(rename = "k_proj")]
    Key,
    /// `v_proj`
    #[serde(rename = "v_proj")]
    Value,
    /// `out_proj`
    #[serde(rename = "out_proj")]
    Output,
}

impl Projection {
    /// All of them, in the order in which a block applies them.
    pub const ALL: [Self; 4] = [Self::Query, Self::Key, Self::Value, Self::Output];

    /// The name in Hugging Face's layout.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "q_proj",
            Self::Key => "k_proj",
            Self::Value => "v_proj",
            Self::Output => "out_proj",
        }
    }
}

impl FromStr for Projection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "q" | "q_proj" => Ok(Self::Query),
            "k" | "k_proj" => Ok(Self::Key),
            "v" | "v_proj" => Ok(Self::Value),
            "out" | "out_proj" => Ok(Self::Output),
            other => Err(format!("unknown projection \"{other}\": q, k, v and out are known")),
        }
    }
}

/// One of CLIP's two towers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tower {
    /// The vision tower.
    Vision,
    /// The text tower.
    Text,
}

impl Tower {
    /// The prefix of its tensors in Hugging Face's layout.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Vision => "vision_model",
            Self::Text => "text_model",
        }
    }
}

/// Which of an adapter's two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// `[rank, input]`, drawn at random.
    A,
    /// `[output, rank]`, zeros at first.
    B,
}

impl Factor {
    /// The name in PEFT's layout.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "lora_A",
            Self::B => "lora_B",
        }
    }
}

/// The place of an adapter's matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterKey {
    /// The tower.
    pub tower: Tower,
    /// Index of the block in its tower, counted from 0.
    pub block: usize,
    /// The projection that it stands beside.
    pub projection: Projection,
    /// Which of the two matrices.
    pub factor: Factor,
}

impl std::fmt::Display for ParameterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tower = match self.tower {
            Tower::Vision => "",
            Tower::Text => "text.",
        };
        let (projection, factor) = (self.projection.as_str(), self.factor.as_str());
        write!(formatter, "{tower}layers.{}.{projection}.{factor}", self.block)
    }
}

/// Matrices of adapters, by place.
pub type Parameters = BTreeMap<ParameterKey, Tensor<2>>;

/// One pair of low-rank matrices.
#[derive(Debug, Clone)]
pub struct LowRank {
    /// `[rank, input]`
    pub a: Tensor<2>,
    /// `[output, rank]`
    pub b: Tensor<2>,
    /// `alpha / rank`
    pub scale: f32,
}

impl LowRank {
    /// What the adapter adds: `[..., input]` to `[..., output]`.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        // The scale on the small factor: rank values a token instead of `output`.
        let low = rows_product(x, self.a.clone().transpose()) * self.scale;
        rows_product(low, self.b.clone().transpose())
    }

    /// The square of the Frobenius norm of `scale * B A`, the change of the projection's matrix: `[1, 1]`. The matrix
    /// itself, `[output, input]`, is never made: its square is `sum((B^T B) * (A A^T))`, of `[rank, rank]` each.
    #[must_use]
    pub fn squared_norm(&self) -> Tensor<2> {
        let outer = rows_product(self.b.clone().transpose(), self.b.clone());
        let inner = rows_product(self.a.clone(), self.a.clone().transpose());
        (outer * inner).sum().reshape([1, 1]) * (self.scale * self.scale)
    }
}

/// The adapters of one block; a projection without one is `None`.
#[derive(Debug, Clone, Default)]
pub struct BlockAdapter {
    /// Beside `q_proj`.
    pub query: Option<LowRank>,
    /// Beside `k_proj`.
    pub key: Option<LowRank>,
    /// Beside `v_proj`.
    pub value: Option<LowRank>,
    /// Beside `out_proj`.
    pub output: Option<LowRank>,
    /// Beside the whole of attention.
    pub bypass: Option<Bypass>,
}

impl BlockAdapter {
    /// The place of a projection's adapter.
    pub fn slot(&mut self, projection: Projection) -> &mut Option<LowRank> {
        match projection {
            Projection::Query => &mut self.query,
            Projection::Key => &mut self.key,
            Projection::Value => &mut self.value,
            Projection::Output => &mut self.output,
        }
    }
}

/// Adapters of the last blocks of a tower.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Index of the first block that has adapters, counted from 0.
    pub first_block: usize,
    /// One entry for each block from `first_block` to the last.
    pub blocks: Vec<BlockAdapter>,
}

impl Adapter {
    /// The adapters of one tower of `layers` blocks, put together from their matrices; `None` where there are none of that
    /// tower. A projection of which one matrix is missing has no adapter.
    #[must_use]
    pub fn assemble(parameters: &Parameters, tower: Tower, layers: usize, scale: f32) -> Option<Self> {
        let mine = || parameters.keys().filter(move |key| key.tower == tower);
        let first_block = mine().map(|key| key.block).min()?;
        let mut blocks = vec![BlockAdapter::default(); layers.saturating_sub(first_block)];
        for &key in mine().filter(|key| key.factor == Factor::A) {
            let other = ParameterKey {
                factor: Factor::B,
                ..key
            };
            let slot = blocks
                .get_mut(key.block - first_block)
                .map(|block| block.slot(key.projection));
            if let (Some(slot), Some(a), Some(b)) = (slot, parameters.get(&key), parameters.get(&other)) {
                *slot = Some(LowRank {
                    a: a.clone(),
                    b: b.clone(),
                    scale,
                });
            }
        }
        Some(Self { first_block, blocks })
    }

    /// Every adapter and where it stands: index of the block, projection.
    pub fn low_ranks(&self) -> impl Iterator<Item = (usize, Projection, &LowRank)> {
        self.blocks.iter().enumerate().flat_map(move |(index, block)| {
            let slots = [&block.query, &block.key, &block.value, &block.output];
            Projection::ALL
                .into_iter()
                .zip(slots)
                .filter_map(move |(projection, slot)| Some((self.first_block + index, projection, slot.as_ref()?)))
        })
    }

    /// The adapters of block `index` of the tower.
    #[must_use]
    pub fn block(&self, index: usize) -> Option<&BlockAdapter> {
        self.blocks.get(index.checked_sub(self.first_block)?)
    }
}
