//! Operations of a transformer block that the tensor library makes of several passes over memory, or with an exponential
//! that compilers can't vectorise: here each is one pass.
//!
//! Each has its backward pass written out, which needs fewer passes than one made of the backward passes of its parts.

mod exponential;
mod host;
mod kernel;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::ops::FloatTensorOps as _;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend as _, Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::ops::AttentionModuleOptions;

/// `x * sigmoid(1.702 x)`, the activation that OpenAI's CLIPs were trained with (`QuickGELUActivation` of `transformers`).
#[must_use]
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::quick_gelu(x.into_dispatch()))
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

/// The operations, as backends have them. Shapes of results are those of the first argument.
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
    fn quick_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        kernel::quick_gelu(x)
    }

    fn quick_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        kernel::quick_gelu_backward(x, grad)
    }
}

impl<B: Backend + FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
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
