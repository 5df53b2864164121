//! A parallel low-rank bypass beside attention (after APT, arXiv 2306.15706): `scale * softmax(h U) V`, with `h` what attention
//! reads. `V` begins as zeros, so a bypass that wasn't trained changes nothing.

use burn::tensor::Tensor;

use crate::fused::{rows_product, scaled_softmax};

/// The two matrices of a bypass.
#[derive(Debug, Clone)]
pub struct Bypass {
    /// `[width, rank]`
    pub u: Tensor<2>,
    /// `[rank, width]`
    pub v: Tensor<2>,
    /// By which its output is multiplied.
    pub scale: f32,
}

impl Bypass {
    /// What it adds to attention's output: `[views, tokens, width]` to the same shape.
    #[must_use]
    pub fn forward(&self, h: Tensor<3>) -> Tensor<3> {
        let shares = scaled_softmax(rows_product(h, self.u.clone()), 1.0);
        rows_product(shares * self.scale, self.v.clone())
    }
}
