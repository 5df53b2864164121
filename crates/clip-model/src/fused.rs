//! Operations of a transformer block that the tensor library makes of several passes over memory, or with an exponential
//! that compilers can't vectorise: here each is one pass.
//!
//! Each has its backward pass written out, which needs fewer passes than one made of the backward passes of its parts.

mod exponential;
mod host;
mod kernel;
mod rows;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, binary, unary};
use burn::backend::ops::FloatTensorOps as _;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend as _, Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Shape, Tensor};

use crate::gpu_product;

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
/// queries; `is_causal` lets every token attend to itself and those before it. Off the tape only.
#[must_use]
pub fn attention(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, is_causal: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::attend(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        is_causal,
    ))
}

/// Stacks of matrices, `[batch, heads, rows, depth]` times `[batch, heads, depth, columns]`: `[batch, heads, rows, columns]`.
#[must_use]
pub fn product(left: Tensor<4>, right: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::product(left.into_dispatch(), right.into_dispatch()))
}

/// The operations, as backends have them. Shapes of results are those of the first argument, but for a product's.
#[backend_extension(Flex, Cube, Autodiff)]
pub trait FusedOps: Backend {
    /// [`attention`].
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        is_causal: bool,
    ) -> FloatTensor<Self> {
        let options = AttentionModuleOptions {
            is_causal,
            ..Default::default()
        };
        Self::attention(query, key, value, None, None, options)
    }

    /// [`product`].
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(left, right)
    }

    /// [`layer_norm`].
    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, scale, Some(shift), epsilon)
    }

    /// The gradient towards `x`, from that towards the result.
    fn normalise_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let last = x.shape().num_dims() - 1;
        let mut row = vec![1; last + 1];
        row[last] = scale.shape().num_elements();
        let scaled = Self::float_mul(grad, Self::float_reshape(scale, Shape::from(row)));
        let centred = Self::float_sub(x.clone(), Self::float_mean_dim(x, last));
        let variance = Self::float_mean_dim(Self::float_mul(centred.clone(), centred.clone()), last);
        let inverse = Self::float_recip(Self::float_sqrt(Self::float_add_scalar(variance, epsilon.into())));
        let normed = Self::float_mul(centred, inverse.clone());
        let along = Self::float_mean_dim(Self::float_mul(scaled.clone(), normed.clone()), last);
        let rest = Self::float_sub(scaled.clone(), Self::float_mean_dim(scaled, last));
        Self::float_mul(Self::float_sub(rest, Self::float_mul(normed, along)), inverse)
    }

    /// [`quick_gelu`].
    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient towards `x`, from that towards the result.
    fn quick_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`scaled_softmax`].
    fn scaled_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self> {
        let last = scores.shape().num_dims() - 1;
        Self::softmax(Self::float_mul_scalar(scores, scale.into()), last)
    }

    /// The gradient towards the scores, from the probabilities and the gradient towards them.
    fn scaled_softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        let last = grad.shape().num_dims() - 1;
        let weighted = Self::float_mul(probabilities.clone(), grad);
        let sums = Self::float_sum_dim(weighted.clone(), last);
        let difference = Self::float_sub(weighted, Self::float_mul(probabilities, sums));
        Self::float_mul_scalar(difference, scale.into())
    }
}

impl FusedOps for Flex {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        is_causal: bool,
    ) -> FloatTensor<Self> {
        // The library's own copies queries, keys and values first; its matrix products take them as they lie.
        let scale = host::attention_scale(&query);
        let scores = Self::float_matmul(query, Self::float_swap_dims(key, 2, 3));
        let probabilities = if is_causal {
            host::causal_softmax(scores, scale)
        } else {
            host::scaled_softmax(scores, scale)
        };
        Self::float_matmul(probabilities, value)
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

impl<B: Backend + FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Product;

        impl<B: Backend + FusedOps> Backward<B, 2> for Product {
            /// Each factor where the other one has a gradient.
            type State = (Option<FloatTensor<B>>, Option<FloatTensor<B>>);

            fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                let (left, right) = ops.state;
                // Whoever has a gradient, the other factor was kept.
                binary::<B, _, _>(
                    ops.parents,
                    ops.node,
                    grads,
                    |grad| match right {
                        Some(right) => B::product(grad, B::float_transpose(right)),
                        None => grad,
                    },
                    |grad| match left {
                        Some(left) => B::product(B::float_transpose(left), grad),
                        None => grad,
                    },
                );
            }
        }

        let (left_is_tracked, right_is_tracked) = (left.is_tracked(), right.is_tracked());
        let prepared = Product
            .prepare::<C>([left.node(), right.node()])
            .compute_bound()
            .stateful();
        let (left, right) = (left.into_primitive(), right.into_primitive());
        match prepared {
            OpsKind::Tracked(prepared) => {
                let state = (
                    right_is_tracked.then(|| left.clone()),
                    left_is_tracked.then(|| right.clone()),
                );
                prepared.finish(state, B::product(left, right))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::product(left, right)),
        }
    }

    fn normalise(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Normalise;

        impl<B: Backend + FusedOps> Backward<B, 1> for Normalise {
            type State = (FloatTensor<B>, FloatTensor<B>, f64);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                let (x, scale, epsilon) = ops.state;
                unary::<B, _>(ops.parents, ops.node, grads, |grad| {
                    B::normalise_backward(x, scale, grad, epsilon)
                });
            }
        }

        let node = x.node();
        // Scale and shift are frozen: no gradient leads to them.
        let (x, scale, shift) = (x.into_primitive(), scale.into_primitive(), shift.into_primitive());
        match Normalise.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let state = (x.clone(), scale.clone(), epsilon);
                prepared.finish(state, B::normalise(x, scale, shift, epsilon))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::normalise(x, scale, shift, epsilon)),
        }
    }

    fn normalise_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        // Nothing here differentiates twice.
        let (x, scale, grad) = (x.into_primitive(), scale.into_primitive(), grad.into_primitive());
        Self::from_inner(B::normalise_backward(x, scale, grad, epsilon))
    }

    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct QuickGelu;

        impl<B: Backend + FusedOps> Backward<B, 1> for QuickGelu {
            type State = FloatTensor<B>;

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                let x = ops.state;
                unary::<B, _>(ops.parents, ops.node, grads, |grad| B::quick_gelu_backward(x, grad));
            }
        }

        let node = x.node();
        let x = x.into_primitive();
        match QuickGelu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x.clone(), B::quick_gelu(x)),
            OpsKind::UnTracked(prepared) => prepared.finish(B::quick_gelu(x)),
        }
    }

    fn quick_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        // Nothing here differentiates twice.
        Self::from_inner(B::quick_gelu_backward(x.into_primitive(), grad.into_primitive()))
    }

    fn scaled_softmax(scores: FloatTensor<Self>, scale: f32) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct ScaledSoftmax;

        impl<B: Backend + FusedOps> Backward<B, 1> for ScaledSoftmax {
            type State = (FloatTensor<B>, f32);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                let (probabilities, scale) = ops.state;
                unary::<B, _>(ops.parents, ops.node, grads, |grad| {
                    B::scaled_softmax_backward(probabilities, grad, scale)
                });
            }
        }

        let node = scores.node();
        let probabilities = B::scaled_softmax(scores.into_primitive(), scale);
        match ScaledSoftmax.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((probabilities.clone(), scale), probabilities),
            OpsKind::UnTracked(prepared) => prepared.finish(probabilities),
        }
    }
}
