//! The operations on packed matrices on a graphics device.

use burn::backend::ops::FloatTensorOps as _;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Cube, TensorMetadata as _};

use super::kernel;
use super::operation::{PackedLayout, PackedOps};
use crate::fused::as_row;
use crate::gpu_product;

impl PackedOps for Cube {
    fn unpack(codes: IntTensor<Self>, scales: IntTensor<Self>, layout: PackedLayout) -> FloatTensor<Self> {
        kernel::unpack(codes, scales, layout)
    }

    fn packed_linear(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        if gpu_product::takes(layout.columns, layout.rows)
            && let Some(matrix) = kernel::unpack_transposed(codes.clone(), scales.clone(), layout)
        {
            return gpu_product::linear(x, matrix, Some(bias));
        }
        let matrix = Self::float_transpose(Self::unpack(codes, scales, layout));
        let product = gpu_product::rows_product(x, matrix);
        let dimensions = product.shape().num_dims();
        Self::float_add(product, as_row::<Self>(bias, dimensions))
    }

    fn packed_linear_backward(
        grad: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        layout: PackedLayout,
    ) -> FloatTensor<Self> {
        if gpu_product::takes(layout.rows, layout.columns) {
            return gpu_product::linear(grad, Self::unpack(codes, scales, layout), None);
        }
        gpu_product::rows_product(grad, Self::unpack(codes, scales, layout))
    }
}
