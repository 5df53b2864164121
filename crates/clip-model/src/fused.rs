//! Operations of a transformer block that the tensor library makes of several passes over memory, or with an exponential
//! that compilers can't vectorise: here each is one pass.
//!
//! Each has its backward pass written out, which needs fewer passes than one made of the backward passes of its parts.

mod exponential;
#[cfg(feature = "webgpu")]
mod graphics;
mod host;
#[cfg(feature = "webgpu")]
mod kernel;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod library;
#[cfg(feature = "webgpu")]
mod rows;
mod tape;

#[cfg(not(target_family = "wasm"))]
use burn::backend::ops::FloatTensorOps as _;
use burn::backend::ops::ModuleOps as _;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};

use crate::product;

/// `x * sigmoid(1.702 x)`, the activation that OpenAI's CLIPs were trained with (`QuickGELUActivation` of `transformers`).
#[must_use]
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::quick_gelu(x.into_dispatch()))
}

/// Layer normalisation of `[..., width]` over its last dimension, with a frozen scale and shift, `[width]` each.
#[must_use]
pub fn layer_norm<const D: usize>(x: Tensor<D>, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::normalise(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        epsilon,
    ))
}

/// Softmax of `scale` times the scores over their last dimension; `scale` is positive.
#[must_use]
pub fn scaled_softmax<const D: usize>(scores: Tensor<D>, scale: f32) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::scaled_softmax(scores.into_dispatch(), scale))
}

/// Attention of queries `[batch, heads, queries, head width]` to keys and values `[batch, heads, tokens, head width]`, in the shape of the
/// queries; `is_causal` lets every token attend to itself and those before it. Gradients flow to all three.
#[must_use]
pub fn attention(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, is_causal: bool) -> Tensor<4> {
    // An adapter beside the values alone puts these on the tape, and not the queries.
    if ![&query, &key, &value].iter().any(|tensor| tensor.is_autodiff()) {
        return Tensor::from_dispatch(Dispatch::attend(
            query.into_dispatch(),
            key.into_dispatch(),
            value.into_dispatch(),
            is_causal,
        ));
    }
    // On the tape the library's operation falls back to one that differentiates through its own overflow guards; written out,
    // the backward pass is shorter and the same.
    let head_width = query.dims()[3] as f32;
    let scores = product(query, key.swap_dims(2, 3));
    let scores = if is_causal { mask_later(scores) } else { scores };
    product(scaled_softmax(scores, head_width.powf(-0.5)), value)
}

/// Makes the scores `[batch, heads, tokens, tokens]` of tokens that come later so low that their softmax is 0. A finite
/// number, since infinities in shaders are not portable.
fn mask_later(scores: Tensor<4>) -> Tensor<4> {
    let tokens = scores.dims()[3];
    let later = Tensor::<2>::ones([tokens, tokens], &scores.device()).triu(1) * -1e9;
    scores + later.unsqueeze()
}

/// Rows `[..., input]` times a matrix `[input, output]`: `[..., output]`, with gradients to both.
#[must_use]
pub fn rows_product<const D: usize>(rows: Tensor<D>, matrix: Tensor<2>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::rows_product(rows.into_dispatch(), matrix.into_dispatch()))
}

/// Stacks of matrices, `[batch, heads, rows, depth]` times `[batch, heads, depth, columns]`: `[batch, heads, rows, columns]`.
#[must_use]
pub fn product(left: Tensor<4>, right: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::product(left.into_dispatch(), right.into_dispatch()))
}

/// The operations, as backends have them. Shapes of results are those of the first argument, but for a product's.
///
/// A program that never calls the tensor library's own products and attention is much smaller: for graphics devices it has them in many
/// variants, quantised ones among them. So nothing in this crate and those above it does.
#[backend_extension(Flex, Cube: cfg(feature = "webgpu"), Autodiff)]
pub trait FusedOps: Backend {
    /// [`attention`] off the tape.
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        is_causal: bool,
    ) -> FloatTensor<Self>;

    /// [`product()`].
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`rows_product`].
    fn rows_product(rows: FloatTensor<Self>, matrix: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`layer_norm`].
    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// The gradient towards `x`, from that towards the result.
    fn normalise_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// [`quick_gelu`].
    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient towards `x`, from that towards the result.
    fn quick_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`scaled_softmax`].
    fn scaled_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self>;

    /// The gradient towards the scores, from the probabilities and the gradient towards them.
    fn scaled_softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        is_causal: bool,
    ) -> FloatTensor<Self> {
        #[cfg(not(target_family = "wasm"))]
        if !product::is_fast() {
            return library::attend(query, key, value, is_causal);
        }
        host::attend([&query, &key, &value], is_causal)
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        #[cfg(not(target_family = "wasm"))]
        if !product::is_fast() {
            return Self::float_matmul(left, right);
        }
        product::stacks(&left, &right)
    }

    fn rows_product(rows: FloatTensor<Self>, matrix: FloatTensor<Self>) -> FloatTensor<Self> {
        #[cfg(not(target_family = "wasm"))]
        if !product::is_fast() {
            return library::rows_product(rows, matrix);
        }
        product::rows_by_matrix(&rows, &matrix)
    }

    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, scale, Some(shift), epsilon)
    }

    fn normalise_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        host::normalise_backward(&x, &scale, grad, epsilon as f32)
    }

    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        host::quick_gelu(x)
    }

    fn quick_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        host::quick_gelu_backward(&x, grad)
    }

    fn scaled_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self> {
        host::scaled_softmax(scores, scale)
    }

    fn scaled_softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        host::scaled_softmax_backward(&probabilities, grad, scale)
    }
}

/// A vector `[width]` as `[1, ..., width]`, of so many dimensions.
#[cfg(any(feature = "webgpu", not(target_family = "wasm")))]
pub(crate) fn as_row<B: Backend>(vector: FloatTensor<B>, dimensions: usize) -> FloatTensor<B> {
    let mut shape = vec![1; dimensions];
    if let Some(last) = shape.last_mut() {
        *last = vector.shape().num_elements();
    }
    B::float_reshape(vector, Shape::from(shape))
}

/// Rows `[..., width]` as `[rows, width]`.
pub(crate) fn flat<B: Backend>(rows: FloatTensor<B>) -> FloatTensor<B> {
    let dims: Vec<usize> = rows.shape().iter().copied().collect();
    let width = dims.last().copied().unwrap_or(1);
    B::float_reshape(rows, Shape::new([rows_of(&dims), width]))
}

/// How many rows a shape `[..., width]` has.
fn rows_of(shape: &[usize]) -> usize {
    shape.split_last().map_or(1, |(_, before)| before.iter().product())
}
