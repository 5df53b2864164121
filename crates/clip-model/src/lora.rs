//! Low-rank adapters (LoRA, arXiv 2106.09685) beside the frozen projections of attention.
//!
//! `y = W x + b + scale * B (A x)` with `scale = alpha / rank`, the shapes and names of PEFT: `A` is
//! `[rank, input]`, `B` is `[output, rank]`. `B` begins as zeros, so an adapter that wasn't trained changes nothing.

use std::str::FromStr;

use burn::tensor::Tensor;

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
        // On the small factor: rank values a token instead of `output`.
        let low = x.matmul(self.a.clone().transpose().unsqueeze()) * self.scale;
        low.matmul(self.b.clone().transpose().unsqueeze())
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
    /// The adapters of block `index` of the tower.
    #[must_use]
    pub fn block(&self, index: usize) -> Option<&BlockAdapter> {
        self.blocks.get(index.checked_sub(self.first_block)?)
    }
}
