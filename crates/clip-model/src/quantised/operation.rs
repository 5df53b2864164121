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
use burn::backend::ops::FloatTensorOps as _;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, AutodiffBackend as _, Backend, Cube, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, TensorData};

use super::format::WeightFormat;
use super::{kernel, matrix};
use crate::linear::pieces;

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
#[backend_extension(Flex, Cube, Autodiff)]
pub trait PackedOps: Backend {
    /// All values, `[rows, columns]`.
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self>;

    /// `[..., columns]` times the transposed matrix: `[..., rows]`. Unpacks it, multiplies, and lets go of what was unpacked.
    fn packed_linear(
        x: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        let weight = Self::float_transpose(Self::unpack(codes, scales, layout));
        Self::linear(x, weight, None)
    }
}

impl PackedOps for Flex {
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self> {
        let count = layout.rows * layout.columns;
        let values = matrix::decode_words(layout.format, codes.storage(), scales.storage(), count);
        burn::backend::flex::FlexTensor::from_data(TensorData::new(values, [layout.rows, layout.columns]))
    }

    fn packed_linear(
        x: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        let mut dims: Vec<usize> = x.shape().iter().copied().collect();
        let rows = x.shape().num_elements() / layout.columns.max(1);
        let pieces = pieces(dims.first().copied().unwrap_or(1));
        let x = Self::float_reshape(x, Shape::new([pieces, rows / pieces, layout.columns]));
        let PackedLayout {
            format,
            rows: outputs,
            columns: inputs,
        } = layout;
        let values = matrix::decode_transposed(format, codes.storage(), scales.storage(), [outputs, inputs]);
        let weight = burn::backend::flex::FlexTensor::from_data(TensorData::new(values, [1, inputs, outputs]));
        let product = Self::float_matmul(x, weight);
        if let Some(last) = dims.last_mut() {
            *last = layout.rows;
        }
        Self::float_reshape(product, Shape::from(dims))
    }
}

impl PackedOps for Cube {
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self> {
        kernel::unpack(codes, scales, layout)
    }
}

impl<B: Backend + PackedOps, C: CheckpointStrategy> PackedOps for Autodiff<B, C> {
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self> {
        Self::from_inner(B::unpack(codes, scales, layout))
    }

    fn packed_linear(
        x: FloatTensor<Self>,
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
                    // dX = dY W: the matrix as it lies.
                    let dims = grad.shape();
                    let rows = dims.num_elements() / layout.rows;
                    let flat = B::float_reshape(grad, Shape::new([rows, layout.rows]));
                    let grad = B::float_matmul(flat, B::unpack(codes, scales, layout));
                    let mut dims: Vec<usize> = dims.iter().copied().collect();
                    if let Some(last) = dims.last_mut() {
                        *last = layout.columns;
                    }
                    B::float_reshape(grad, Shape::from(dims))
                });
            }
        }

        let node = x.node();
        let output = B::packed_linear(x.into_primitive(), codes.clone(), scales.clone(), layout);
        match PackedLinear.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((codes, scales, layout), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
