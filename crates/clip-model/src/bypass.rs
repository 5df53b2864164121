//! A parallel low-rank bypass beside attention (after APT, arXiv 2306.15706): `scale * softmax(h U) V`, with `h` what attention
//! reads. `V` begins as zeros, so a bypass that wasn't trained changes nothing.

use burn::tensor::{Tensor, activation};

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
        let shares = activation::softmax(h.matmul(self.u.clone().unsqueeze()), 2);
        (shares * self.scale).matmul(self.v.clone().unsqueeze())
    }
}
