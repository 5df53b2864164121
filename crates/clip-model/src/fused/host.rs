//! The operations on the CPU device: in place where nobody else holds the tensor, in loops that become vectors.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::exponential::{exp, sigmoid};
use crate::flex::{for_each_part, values};
use crate::product::{SmallProduct, Stack, without_flips};

/// The factor in the activation's sigmoid.
const STEEPNESS: f32 = 1.702;
/// Numbers that are summed side by side, so that the compiler may keep them in one or two vectors.
const LANES: usize = 8;
/// Values that one thread takes at a time: some microseconds of work.
const CHUNK: usize = 16 * 1024;

pub(super) fn quick_gelu(x: FlexTensor) -> FlexTensor {
    let mut x = contiguous(x);
    over_rows(values_mut(&mut x), 1, |values| {
        for x in values {
            *x *= sigmoid(STEEPNESS * *x);
        }
    });
    x
}

pub(super) fn quick_gelu_backward(x: &FlexTensor, grad: FlexTensor) -> FlexTensor {
    let x = x.to_contiguous();
    let mut grad = contiguous(grad);
    beside(values_mut(&mut grad), values(&x), 1, |grad, x| {
        for (grad, x) in grad.iter_mut().zip(x) {
            let share = sigmoid(STEEPNESS * x);
            *grad *= share * (1.0 + STEEPNESS * x * (1.0 - share));
        }
    });
    grad
}

pub(super) fn scaled_softmax(scores: FlexTensor, scale: f32) -> FlexTensor {
    let mut scores = contiguous(scores);
    let width = last_dimension(&scores);
    over_rows(values_mut(&mut scores), width, |rows| {
        for row in rows.chunks_exact_mut(width) {
            softmax(row, scale);
        }
    });
    scores
}

/// Attention of queries `[batch, heads, queries, head width]`, keys and values: the scores of one head after another, which stay in the cache.
pub(super) fn attend(of: [&FlexTensor; 3], is_causal: bool) -> FlexTensor {
    let scale = attention_scale(of[0]);
    let of = of.map(without_flips);
    let [query, key, value] = of.each_ref().map(Stack::of);
    let [batch, heads, queries, width] = query.shape();
    // Heads beside each other, as what comes next reads them.
    let mut out = vec![0.0; batch * queries * heads * width];
    let room = || (SmallProduct::default(), SmallProduct::default());
    for_each_part(
        &mut out,
        queries * heads * width,
        room,
        |index, out, (scores, mixed)| {
            for head in 0..heads {
                let place = [index, head];
                scores.multiply(query.matrix(place), key.matrix(place).transposed());
                for (row, scores) in scores.rows_mut().enumerate() {
                    let seen = if is_causal { row + 1 } else { scores.len() };
                    let (seen, later) = scores.split_at_mut(seen.min(scores.len()));
                    softmax(seen, scale);
                    later.fill(0.0);
                }
                mixed.multiply(scores.matrix(), value.matrix(place));
                for (out, mixed) in out.chunks_exact_mut(heads * width).zip(mixed.rows()) {
                    out[head * width..][..width].copy_from_slice(mixed);
                }
            }
        },
    );
    FlexTensor::from_data(TensorData::new(out, [batch, queries, heads, width])).transpose(1, 2)
}

/// [`scaled_softmax`] for square matrices of scores, of whose rows the first has one score, the second two, and so on; the others become 0.
#[cfg(not(target_family = "wasm"))]
pub(super) fn causal_softmax(scores: FlexTensor, scale: f32) -> FlexTensor {
    let mut scores = contiguous(scores);
    let width = last_dimension(&scores);
    over_rows(values_mut(&mut scores), width * width, |matrices| {
        for matrix in matrices.chunks_exact_mut(width * width) {
            for (index, row) in matrix.chunks_exact_mut(width).enumerate() {
                let (seen, later) = row.split_at_mut(index + 1);
                softmax(seen, scale);
                later.fill(0.0);
            }
        }
    });
    scores
}

/// One over the root of the width of a head, the last dimension.
pub(super) fn attention_scale(query: &FlexTensor) -> f32 {
    (last_dimension(query) as f32).powf(-0.5)
}

#[inline(always)]
fn softmax(row: &mut [f32], scale: f32) {
    let highest = reduce(row, f32::NEG_INFINITY, |best, x| if x > best { x } else { best });
    for x in row.iter_mut() {
        *x = exp(scale * (*x - highest));
    }
    let share = 1.0 / reduce(row, 0.0, |sum, x| sum + x);
    for x in row {
        *x *= share;
    }
}

pub(super) fn scaled_softmax_backward(probabilities: &FlexTensor, grad: FlexTensor, scale: f32) -> FlexTensor {
    let probabilities = probabilities.to_contiguous();
    let mut grad = contiguous(grad);
    let width = last_dimension(&grad);
    beside(
        values_mut(&mut grad),
        values(&probabilities),
        width,
        |grad, probabilities| {
            for (grad, probabilities) in grad.chunks_exact_mut(width).zip(probabilities.chunks_exact(width)) {
                for (grad, probability) in grad.iter_mut().zip(probabilities) {
                    *grad *= probability;
                }
                let sum = reduce(grad, 0.0, |sum, x| sum + x);
                for (grad, probability) in grad.iter_mut().zip(probabilities) {
                    *grad = scale * (*grad - probability * sum);
                }
            }
        },
    );
    grad
}

/// The gradient through a layer norm towards what it was of.
pub(super) fn normalise_backward(x: &FlexTensor, scale: &FlexTensor, grad: FlexTensor, epsilon: f32) -> FlexTensor {
    let (x, scale) = (x.to_contiguous(), scale.to_contiguous());
    let mut grad = contiguous(grad);
    let width = last_dimension(&grad);
    let scale = values(&scale);
    beside(values_mut(&mut grad), values(&x), width, |grad, x| {
        for (grad, x) in grad.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            normalise_row_backward(grad, x, scale, epsilon);
        }
    });
    grad
}

/// With `n = (x - mean) / deviation` and `g = grad * scale`: `(g - mean(g) - n * mean(g * n)) / deviation`.
fn normalise_row_backward(grad: &mut [f32], x: &[f32], scale: &[f32], epsilon: f32) {
    let share = 1.0 / x.len() as f32;
    let mean = share * reduce(x, 0.0, |sum, x| sum + x);
    for (grad, scale) in grad.iter_mut().zip(scale) {
        *grad *= scale;
    }
    let variance = share * reduce_pairs(x, x, |x, _| (x - mean) * (x - mean));
    let inverse = 1.0 / (variance + epsilon).sqrt();
    let mean_grad = share * reduce(grad, 0.0, |sum, grad| sum + grad);
    let along = share * inverse * reduce_pairs(grad, x, |grad, x| grad * (x - mean));
    for (grad, x) in grad.iter_mut().zip(x) {
        *grad = inverse * (*grad - mean_grad - inverse * (x - mean) * along);
    }
}

/// The same tensor with its values one after another.
fn contiguous(tensor: FlexTensor) -> FlexTensor {
    let layout = tensor.layout();
    if layout.is_contiguous() && layout.start_offset() == 0 {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// Of a contiguous tensor; copied first where somebody else holds it too.
fn values_mut(tensor: &mut FlexTensor) -> &mut [f32] {
    let count = tensor.layout().num_elements();
    let storage = tensor.storage_mut();
    let count = count.min(storage.len());
    &mut storage[..count]
}

/// At least 1, as rows of nothing can't be taken one after another.
fn last_dimension(tensor: &FlexTensor) -> usize {
    tensor.layout().shape().iter().next_back().copied().unwrap_or(1).max(1)
}

/// The sum of a function of two rows' values, in eight streams and then those.
#[inline(always)]
fn reduce_pairs(left: &[f32], right: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in left.iter().zip(right) {
        for (lane, (left, right)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += of(*left, *right);
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(left, right)| of(*left, *right));
    lanes.into_iter().chain(rest).sum()
}

/// Combines all values of a row, in eight streams and then those.
#[inline(always)]
fn reduce(row: &[f32], first: f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [first; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = combine(*lane, x);
        }
    }
    let total = lanes.into_iter().fold(first, &combine);
    rest.iter().fold(total, |total, &x| combine(total, x))
}

/// Does `work` on all rows of `width` values, some thousand values at a time.
fn over_rows(values: &mut [f32], width: usize, work: impl Fn(&mut [f32]) + Send + Sync) {
    for_each_part(
        values,
        CHUNK.next_multiple_of(width),
        || (),
        |_, values, ()| work(values),
    );
}

/// The same with the rows of another tensor of as many values beside them.
fn beside(values: &mut [f32], others: &[f32], width: usize, work: impl Fn(&mut [f32], &[f32]) + Send + Sync) {
    let chunk = CHUNK.next_multiple_of(width);
    for_each_part(
        values,
        chunk,
        || (),
        |part, values, ()| {
            work(values, &others[part * chunk..][..values.len()]);
        },
    );
}
