//! The operations made of one pass: what they give, and their gradients, are those of the library's operations they stand for, on both devices.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/tensors.rs"]
mod tensors;

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, activation, module};
use clip_model::device::ComputeDevice;
use clip_model::fused::{attention, layer_norm, product, quick_gelu, rows_product, scaled_softmax};
use common::largest_difference;
use tensors::{Numbers, devices, values};

fn assert_close<const D: usize>(ours: Tensor<D>, theirs: Tensor<D>, what: &str) {
    assert_within(2e-6, ours, theirs, what);
}

fn assert_within<const D: usize>(tolerance: f32, ours: Tensor<D>, theirs: Tensor<D>, what: &str) {
    assert_eq!(ours.dims(), theirs.dims(), "{what}");
    let largest = largest_difference(&values(ours), &values(theirs));
    assert!(largest < tolerance, "{what}: {largest}");
}

/// The gradient of `sum(weights * f(x))`.
fn gradient<const D: usize, const E: usize>(
    x: &Tensor<D>,
    weights: &Tensor<E>,
    f: impl Fn(Tensor<D>) -> Tensor<E>,
) -> Tensor<D> {
    let x = x.clone().autodiff().require_grad();
    let loss = (f(x.clone()) * weights.clone().autodiff()).sum();
    x.grad(&loss.backward()).unwrap()
}

#[test]
fn quick_gelu_is_the_product_with_the_sigmoid() {
    let plain = |x: Tensor<3>| x.clone() * activation::sigmoid(x * 1.702);
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        // No multiple of what fits into a vector, and more than one thread takes at a time.
        let x = numbers.tensor([3, 77, 101], 12.0, &device);
        let weights = numbers.tensor([3, 77, 101], 1.0, &device);
        assert_close(quick_gelu(x.clone()), plain(x.clone()), "forward");
        assert_close(
            gradient(&x, &weights, quick_gelu),
            gradient(&x, &weights, plain),
            "backward",
        );
        let turned = x.clone().swap_dims(1, 2);
        assert_close(quick_gelu(turned.clone()), plain(turned), "of a transposed tensor");
        let part = x.clone().narrow(1, 5, 9);
        assert_close(quick_gelu(part.clone()), plain(part), "of a part");
        let before = values(x.clone());
        let _ = quick_gelu(x.clone());
        assert_eq!(values(x), before, "the argument is as it was");
    }
}

#[test]
fn a_scaled_softmax_is_a_softmax_of_what_is_scaled() {
    let plain = |x: Tensor<4>| activation::softmax(x * 0.125, 3);
    let ours = |x: Tensor<4>| scaled_softmax(x, 0.125);
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        let x = numbers.tensor([2, 3, 65, 65], 40.0, &device);
        let weights = numbers.tensor([2, 3, 65, 65], 1.0, &device);
        assert_close(ours(x.clone()), plain(x.clone()), "forward");
        assert_close(gradient(&x, &weights, ours), gradient(&x, &weights, plain), "backward");
        let single = x.clone().narrow(3, 7, 1);
        assert_close(ours(single.clone()), plain(single), "of rows of one");
        let before = values(x.clone());
        let _ = ours(x.clone());
        assert_eq!(values(x), before, "the argument is as it was");
    }
}

#[test]
fn attention_is_the_librarys() {
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        for (queries, tokens, is_causal) in [(65, 65, false), (1, 50, false), (77, 77, true), (1, 1, true)] {
            // As a block makes them: heads beside each other, seen through a transposition.
            let mut heads = |tokens| numbers.tensor([3, tokens, 4, 16], 3.0, &device).swap_dims(1, 2);
            let (query, key, value) = (heads(queries), heads(tokens), heads(tokens));
            let options = AttentionModuleOptions {
                is_causal,
                ..Default::default()
            };
            let theirs = module::attention(query.clone(), key.clone(), value.clone(), None, None, options);
            // Values up to 3, and two products whose sums are made in another order.
            assert_within(
                4e-6,
                attention(query, key, value, is_causal),
                theirs,
                &format!("{queries} queries, {tokens} tokens"),
            );
        }
    }
}

#[test]
fn a_product_of_stacks_is_the_librarys_wherever_the_numbers_lie() {
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        // Fewer rows or columns than an invocation has, and numbers that aren't multiples of these.
        for [outer, inner, rows, depth, columns] in
            [[1, 1, 1, 1, 1], [2, 3, 65, 16, 65], [3, 1, 5, 7, 2], [1, 4, 2, 3, 70]]
        {
            let left = numbers.tensor([outer, inner, rows, depth], 1.0, &device);
            let right = numbers.tensor([outer, inner, depth, columns], 1.0, &device);
            let what = format!("[{outer}, {inner}, {rows}, {depth}] by {columns}");
            assert_close(
                product(left.clone(), right.clone()),
                left.clone().matmul(right.clone()),
                &what,
            );
            // As queries and keys lie: heads within tokens, and turned.
            let tokens = numbers.tensor([outer, rows, inner, depth], 1.0, &device);
            let tokens = tokens.swap_dims(1, 2);
            let turned = numbers.tensor([outer, inner, columns, depth], 1.0, &device);
            let turned = turned.swap_dims(2, 3);
            assert_close(product(tokens.clone(), turned.clone()), tokens.matmul(turned), &what);
            let weights = numbers.tensor([outer, inner, rows, columns], 1.0, &device);
            let fixed = |other: &Tensor<4>| other.clone().autodiff();
            assert_close(
                gradient(&left, &weights, |left| product(left, fixed(&right))),
                gradient(&left, &weights, |left| left.matmul(fixed(&right))),
                &what,
            );
            assert_close(
                gradient(&right, &weights, |right| product(fixed(&left), right)),
                gradient(&right, &weights, |right| fixed(&left).matmul(right)),
                &what,
            );
        }
    }
}

#[test]
fn a_product_with_itself_has_both_gradients() {
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        let x = numbers.tensor([2, 1, 6, 6], 1.0, &device);
        let weights = numbers.tensor([2, 1, 6, 6], 1.0, &device);
        assert_close(
            gradient(&x, &weights, |x| product(x.clone(), x)),
            gradient(&x, &weights, |x| x.clone().matmul(x)),
            "square",
        );
    }
}

#[test]
fn rows_by_a_matrix_are_the_librarys_with_both_gradients() {
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        // As many views as there are cores or cores divide, and one, and a prime number of them.
        for [views, tokens, input, output] in [[1, 1, 1, 1], [8, 65, 24, 16], [7, 3, 5, 9], [1, 77, 16, 4]] {
            let what = format!("[{views}, {tokens}, {input}] by {output}");
            let x = numbers.tensor([views, tokens, input], 1.0, &device);
            let matrix = numbers.tensor([input, output], 1.0, &device);
            let plain = |x: Tensor<3>, matrix: Tensor<2>| x.matmul(matrix.unsqueeze());
            assert_close(
                rows_product(x.clone(), matrix.clone()),
                plain(x.clone(), matrix.clone()),
                &what,
            );
            let turned = numbers.tensor([output, input], 1.0, &device).transpose();
            let part = numbers.tensor([views, tokens + 2, input], 1.0, &device);
            let part = part.narrow(1, 1, tokens);
            assert_close(rows_product(part.clone(), turned.clone()), plain(part, turned), &what);
            let weights = numbers.tensor([views, tokens, output], 1.0, &device);
            assert_close(
                gradient(&x, &weights, |x| rows_product(x, matrix.clone().autodiff())),
                gradient(&x, &weights, |x| plain(x, matrix.clone().autodiff())),
                &what,
            );
            let spread = ((views * tokens) as f32).sqrt();
            let towards_matrix = gradient(&matrix, &weights, |matrix| rows_product(x.clone().autodiff(), matrix));
            let shape: Vec<usize> = towards_matrix.to_data().shape().iter().copied().collect();
            assert_eq!(shape, [input, output], "{what}: the gradient has the matrix's shape");
            assert_close(
                towards_matrix / spread,
                gradient(&matrix, &weights, |matrix| plain(x.clone().autodiff(), matrix)) / spread,
                &what,
            );
        }
    }
}

#[test]
fn a_layer_norm_is_the_librarys() {
    for device in devices() {
        let mut numbers = Numbers::seeded(7);
        for [rows, width] in [[1, 4], [65, 192], [7, 33]] {
            let x = numbers.tensor([2, rows, width], 3.0, &device) + 1.0;
            let mut row = || numbers.tensor([width], 1.0, &device);
            let (scale, shift) = (row(), row());
            let weights = numbers.tensor([2, rows, width], 1.0, &device);
            let ours = |x: Tensor<3>| layer_norm(x.clone(), like(&scale, &x), like(&shift, &x), 1e-5);
            let plain = |x: Tensor<3>| module::layer_norm(x.clone(), like(&scale, &x), Some(like(&shift, &x)), 1e-5);
            assert_close(ours(x.clone()), plain(x.clone()), "forward");
            assert_close(gradient(&x, &weights, ours), gradient(&x, &weights, plain), "backward");
            let turned = numbers.tensor([2, width, rows], 3.0, &device).swap_dims(1, 2);
            assert_close(ours(turned.clone()), plain(turned), "of a transposed tensor");
        }
    }
}

/// On the tape where the other one is.
fn like<const D: usize, const E: usize>(frozen: &Tensor<D>, other: &Tensor<E>) -> Tensor<D> {
    if other.is_autodiff() {
        frozen.clone().autodiff()
    } else {
        frozen.clone()
    }
}

#[test]
fn what_is_not_a_number_stays_that() {
    let device = ComputeDevice::cpu().tensor_device().clone();
    let x = Tensor::<2>::from_data([[0.5, f32::NAN, -1.0], [1.0, 2.0, 3.0]], &device);
    let activated = values(quick_gelu(x.clone()));
    assert!(activated[1].is_nan() && activated[0].is_finite());
    let shares = values(scaled_softmax(x, 1.0));
    assert!(shares[..3].iter().all(|share| share.is_nan()));
    assert!((shares[3..].iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn a_difference_that_is_not_a_number_is_infinite() {
    for different in [f32::NAN, f32::INFINITY] {
        let largest = largest_difference(&[1.0, different, 1.0], &[1.0, different, 1.5]);
        assert!(largest.is_infinite(), "{largest}");
    }
    assert!((largest_difference(&[1.0, 2.0], &[1.0, 1.5]) - 0.5).abs() < 1e-7);
}
