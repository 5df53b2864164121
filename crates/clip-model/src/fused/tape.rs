//! The operations on a tape: what each keeps, and how its gradient goes back.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, binary, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend as _, Backend};

use super::{FusedOps, flat};

/// What a product keeps for its backward pass: each factor where the other one has a gradient.
type Factors<B> = (Option<FloatTensor<B>>, Option<FloatTensor<B>>);

/// Both factors off the tape, and what is kept of them.
fn factors<B: Backend, C: CheckpointStrategy>(
    left: FloatTensor<Autodiff<B, C>>,
    right: FloatTensor<Autodiff<B, C>>,
) -> (FloatTensor<B>, FloatTensor<B>, Factors<B>) {
    let (left_is_tracked, right_is_tracked) = (left.is_tracked(), right.is_tracked());
    let (left, right) = (left.into_primitive(), right.into_primitive());
    let kept = (
        right_is_tracked.then(|| left.clone()),
        left_is_tracked.then(|| right.clone()),
    );
    (left, right, kept)
}

/// The gradients of a product: towards the left factor, from the gradient and the right one, and towards the right, from the left one and the gradient.
fn go_back<B: Backend>(
    ops: Ops<Factors<B>, 2>,
    grads: &mut Gradients,
    towards_left: impl FnOnce(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
    towards_right: impl FnOnce(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) {
    let (left, right) = ops.state;
    // Whoever has a gradient, the other factor was kept.
    binary::<B, _, _>(
        ops.parents,
        ops.node,
        grads,
        |grad| match right {
            Some(right) => towards_left(grad, right),
            None => grad,
        },
        |grad| match left {
            Some(left) => towards_right(left, grad),
            None => grad,
        },
    );
}

impl<B: Backend + FusedOps, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        is_causal: bool,
    ) -> FloatTensor<Self> {
        // `attention` calls it off the tape only.
        let (query, key, value) = (query.into_primitive(), key.into_primitive(), value.into_primitive());
        Self::from_inner(B::attend(query, key, value, is_causal))
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Product;

        impl<B: Backend + FusedOps> Backward<B, 2> for Product {
            type State = Factors<B>;

            fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                go_back::<B>(
                    ops,
                    grads,
                    |grad, right| B::product(grad, B::float_transpose(right)),
                    |left, grad| B::product(B::float_transpose(left), grad),
                );
            }
        }

        let nodes = [left.node(), right.node()];
        let (left, right, kept) = factors::<B, C>(left, right);
        match Product.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(kept, B::product(left, right)),
            OpsKind::UnTracked(prepared) => prepared.finish(B::product(left, right)),
        }
    }

    fn rows_product(rows: FloatTensor<Self>, matrix: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct RowsProduct;

        impl<B: Backend + FusedOps> Backward<B, 2> for RowsProduct {
            type State = Factors<B>;

            fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
                go_back::<B>(
                    ops,
                    grads,
                    |grad, matrix| B::rows_product(grad, B::float_transpose(matrix)),
                    |rows, grad| B::product(B::float_transpose(flat::<B>(rows)), flat::<B>(grad)),
                );
            }
        }

        let nodes = [rows.node(), matrix.node()];
        let (rows, matrix, kept) = factors::<B, C>(rows, matrix);
        match RowsProduct.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(kept, B::rows_product(rows, matrix)),
            OpsKind::UnTracked(prepared) => prepared.finish(B::rows_product(rows, matrix)),
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

    fn scaled_softmax_backward(
        probabilities: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        // Nothing here differentiates twice.
        let (probabilities, grad) = (probabilities.into_primitive(), grad.into_primitive());
        Self::from_inner(B::scaled_softmax_backward(probabilities, grad, scale))
    }
}
