//! The operations on a graphics device.

use burn::backend::ops::FloatTensorOps as _;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata as _};

use super::{FusedOps, kernel, rows};
use crate::gpu_product;

impl FusedOps for Cube {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        is_causal: bool,
    ) -> FloatTensor<Self> {
        let scale = (query.shape()[3] as f32).powf(-0.5);
        let scores = gpu_product::product(query, Self::float_swap_dims(key, 2, 3));
        gpu_product::product(rows::scaled_softmax(scores, scale, is_causal), value)
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        gpu_product::product(left, right)
    }

    fn rows_product(rows: FloatTensor<Self>, matrix: FloatTensor<Self>) -> FloatTensor<Self> {
        gpu_product::rows_product(rows, matrix)
    }

    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        rows::normalise(x, scale, shift, epsilon as f32)
    }

    fn normalise_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        rows::normalise_backward(x, scale, grad, epsilon as f32)
    }

    fn scaled_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self> {
        rows::scaled_softmax(scores, scale, false)
    }

    fn scaled_softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        rows::scaled_softmax_backward(probabilities, grad, scale)
    }

    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        kernel::quick_gelu(x)
    }

    fn quick_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        kernel::quick_gelu_backward(x, grad)
    }
}
