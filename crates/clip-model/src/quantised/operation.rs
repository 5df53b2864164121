//! The two operations on a frozen matrix that stays packed on the device, on both devices and on a tape.
//!
//! The tensor library's own quantised tensors are not used: its CPU device unpacks four bits to eight when they are uploaded, its
//! products there are off by more than rounding, and scales take four bytes on both devices. Here a matrix takes what
//! its file takes, and is unpacked for the time of one product; on a tape nothing but the packed matrix is kept, and it is
//! unpacked once more on the way back.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, AutodiffBackend as _, Backend, Flex, backend_extension};

use super::format::WeightFormat;
use super::host;

/// What the words of a packed matrix mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedLayout {
    /// The format of its values.
    pub format: WeightFormat,
    /// Rows: outputs of a linear layer.
    pub rows: usize,
    /// Columns: inputs of a linear layer.
    pub columns: usize,
}

/// Operations on packed matrices; `codes` and `scales` are the words that
/// [`PackedMatrix::into_words`](super::PackedMatrix::into_words) gives.
#[backend_extension(Flex, Cube: cfg(feature = "webgpu"), Autodiff)]
pub trait PackedOps: Backend {
    /// All values, `[rows, columns]`.
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self>;

    /// `[..., columns]` times the transposed matrix, plus the bias `[rows]`: `[..., rows]`. Unpacks it, multiplies, and lets go of what was
    /// unpacked.
    fn packed_linear(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self>;

    /// The gradient `[..., columns]` towards `x`, from that towards the result, `[..., rows]`: times the matrix as it lies.
    fn packed_linear_backward(
        grad: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self>;
}

fn packed<'a>(codes: &'a FlexTensor, scales: &'a FlexTensor, layout: PackedLayout) -> host::Packed<'a> {
    host::Packed { codes, scales, layout }
}

impl PackedOps for Flex {
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self> {
        packed(&codes, &scales, layout).unpack()
    }

    fn packed_linear(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        packed(&codes, &scales, layout).linear(&x, &bias)
    }

    fn packed_linear_backward(
        grad: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        packed(&codes, &scales, layout).linear_backward(&grad)
    }
}

impl<B: Backend + PackedOps, C: CheckpointStrategy> PackedOps for Autodiff<B, C> {
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self> {
        Self::from_inner(B::unpack(codes, scales, layout))
    }

    fn packed_linear(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct PackedLinear;

        impl<B: Backend + PackedOps> Backward<B, 1> for PackedLinear {
            type State = (IntTensor<B>, IntTensor<B>, PackedLayout);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                let (codes, scales, layout) = ops.state;
                unary::<B, _>(ops.parents, ops.node, grads, |grad| {
                    B::packed_linear_backward(grad, codes, scales, layout)
                });
            }
        }

        let node = x.node();
        // Weight and bias are frozen: no gradient leads to them.
        let output = B::packed_linear(
            x.into_primitive(),
            bias.into_primitive(),
            codes.clone(),
            scales.clone(),
            layout,
        );
        match PackedLinear.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((codes, scales, layout), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn packed_linear_backward(
        grad: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        // Nothing here differentiates twice.
        Self::from_inner(B::packed_linear_backward(grad.into_primitive(), codes, scales, layout))
    }
}
