//! A pre-norm transformer block, as both towers of CLIP stack them
//! (`CLIPEncoderLayer` of `transformers`).

use burn::tensor::{Device, Tensor, activation};

use crate::checkpoint::Weights;
use crate::config::{Activation, TransformerConfig};
use crate::error::Result;
use crate::fused::{attention, quick_gelu};
use crate::linear::{Bias, FrozenLayerNorm, FrozenLinear};
use crate::lora::{BlockAdapter, LowRank};

/// Which tokens may attend to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Every token to every token: the vision tower.
    Full,
    /// Every token to itself and those before it: the text tower.
    Causal,
}

/// Which tokens' states a block computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of them.
    All,
    /// Only the first, the class token: of the last block, nothing else is read. The result is exact, since the
    /// other tokens take part as keys and values.
    First,
}

/// One block of a tower.
#[derive(Debug, Clone)]
pub struct Block {
    norm_1: FrozenLayerNorm,
    query: FrozenLinear,
    key: FrozenLinear,
    value: FrozenLinear,
    output: FrozenLinear,
    norm_2: FrozenLayerNorm,
    fc_1: FrozenLinear,
    fc_2: FrozenLinear,
    heads: usize,
    activation: Activation,
    attention: Attention,
}

impl Block {
    /// Reads the block whose tensors begin with `prefix`, such as `vision_model.encoder.layers.0`.
    ///
    /// # Errors
    /// Those of [`Weights::take`].
    pub fn read(
        weights: &mut Weights,
        prefix: &str,
        config: &TransformerConfig,
        attention: Attention,
        device: &Device,
    ) -> Result<Self> {
        let mut linear = |name: &str| FrozenLinear::read(weights, &format!("{prefix}.{name}"), Bias::With, device);
        let (query, key, value, output) = (
            linear("self_attn.q_proj")?,
            linear("self_attn.k_proj")?,
            linear("self_attn.v_proj")?,
            linear("self_attn.out_proj")?,
        );
        let (fc_1, fc_2) = (linear("mlp.fc1")?, linear("mlp.fc2")?);
        let mut norm = |name: &str| {
            let name = format!("{prefix}.{name}");
            FrozenLayerNorm::read(weights, &name, config.width, config.layer_norm_epsilon, device)
        };
        Ok(Self {
            norm_1: norm("layer_norm1")?,
            query,
            key,
            value,
            output,
            norm_2: norm("layer_norm2")?,
            fc_1,
            fc_2,
            heads: config.heads,
            activation: config.activation,
            attention,
        })
    }

    /// Its linear layers.
    pub fn linears(&self) -> impl Iterator<Item = &FrozenLinear> {
        [
            &self.query,
            &self.key,
            &self.value,
            &self.output,
            &self.fc_1,
            &self.fc_2,
        ]
        .into_iter()
    }

    /// The layer norm through which its attention reads.
    pub(crate) fn norm_before(&self) -> &FrozenLayerNorm {
        &self.norm_1
    }

    /// `[batch, tokens, width]` to `[batch, tokens, width]`, or to `[batch, 1, width]` with [`Rows::First`].
    #[must_use]
    pub fn forward(&self, x: Tensor<3>, adapter: Option<&BlockAdapter>, rows: Rows) -> Tensor<3> {
        let normed = self.norm_1.forward(x.clone());
        let (x, queried) = match rows {
            Rows::All => (x, normed.clone()),
            Rows::First => (x.narrow(1, 0, 1), normed.clone().narrow(1, 0, 1)),
        };
        let adapter = adapter.cloned().unwrap_or_default();
        let beside = adapter.bypass.as_ref().map(|bypass| bypass.forward(queried.clone()));
        let query = self.split(project(&self.query, adapter.query.as_ref(), queried));
        let key = self.split(project(&self.key, adapter.key.as_ref(), normed.clone()));
        let value = self.split(project(&self.value, adapter.value.as_ref(), normed));
        let mixed = self.merge(attention(query, key, value, self.attention == Attention::Causal));
        let x = x + project(&self.output, adapter.output.as_ref(), mixed);
        let x = match beside {
            Some(beside) => x + beside,
            None => x,
        };
        let hidden = self.fc_1.forward(self.norm_2.forward(x.clone()));
        x + self.fc_2.forward(activate(self.activation, hidden))
    }

    /// `[batch, tokens, width]` to `[batch, heads, tokens, width / heads]`.
    fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, tokens, width] = x.dims();
        x.reshape([batch, tokens, self.heads, width / self.heads])
            .swap_dims(1, 2)
    }

    /// The reverse of [`Block::split`].
    fn merge(&self, x: Tensor<4>) -> Tensor<3> {
        let [batch, heads, tokens, head_width] = x.dims();
        x.swap_dims(1, 2).reshape([batch, tokens, heads * head_width])
    }
}

/// The frozen projection, and what its adapter adds.
fn project(frozen: &FrozenLinear, adapter: Option<&LowRank>, x: Tensor<3>) -> Tensor<3> {
    match adapter {
        Some(adapter) => frozen.forward(x.clone()) + adapter.forward(x),
        None => frozen.forward(x),
    }
}

fn activate<const D: usize>(kind: Activation, x: Tensor<D>) -> Tensor<D> {
    match kind {
        // The tensor library's own backward pass of GELU is, on graphics devices, that of its approximation by tanh:
        // 2.6e-4 off. Written out with the error function, both passes are exact.
        Activation::Gelu if x.is_autodiff() => x.clone() * 0.5 * ((x * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0),
        Activation::Gelu => activation::gelu(x),
        Activation::QuickGelu => quick_gelu(x),
    }
}
