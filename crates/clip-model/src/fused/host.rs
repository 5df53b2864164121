//! The operations on the CPU device: in place where nobody else holds the tensor, in loops that become vectors.

use burn::backend::flex::FlexTensor;

use super::exponential::{exp, sigmoid};
use crate::flex::values;

/// The factor in the activation's sigmoid.
const STEEPNESS: f32 = 1.702;
/// Numbers that are summed side by side, so that the compiler may keep them in one or two vectors.
const LANES: usize = 8;
/// Values that one thread takes at a time: some microseconds of work.
#[cfg(not(target_family = "wasm"))]
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

/// The same for square matrices of scores, of whose rows the first has one score, the second two, and so on; the others become 0.
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

/// Does `work` on all rows of `width` values: in the browser at once, natively in pieces on all cores.
fn over_rows(values: &mut [f32], width: usize, work: impl Fn(&mut [f32]) + Send + Sync) {
    #[cfg(target_family = "wasm")]
    {
        let _ = width;
        work(values);
    }
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        values.par_chunks_mut(CHUNK.next_multiple_of(width)).for_each(work);
    }
}

/// The same with the rows of another tensor of as many values beside them.
fn beside(values: &mut [f32], others: &[f32], width: usize, work: impl Fn(&mut [f32], &[f32]) + Send + Sync) {
    #[cfg(target_family = "wasm")]
    {
        let _ = width;
        work(values, others);
    }
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        let chunk = CHUNK.next_multiple_of(width);
        values
            .par_chunks_mut(chunk)
            .zip(others.par_chunks(chunk))
            .for_each(|(values, others)| work(values, others));
    }
}
