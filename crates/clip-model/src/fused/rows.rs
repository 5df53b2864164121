//! Operations on the rows of a tensor, on a graphics device: one invocation has a whole row, so none waits for another one.

use burn::backend::TensorMetadata;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::kernel::{lanes_of, launch_of, like};

/// Softmax of `scale` times the scores. Causal rows are those of square matrices; what comes after the diagonal is 0.
#[cube(launch)]
fn softmax_rows(scores: &[f32], output: &mut [f32], columns: usize, scale: f32, #[comptime] is_causal: bool) {
    let first = ABSOLUTE_POS * columns;
    if first < output.len() {
        let mut count = columns;
        if is_causal {
            count = ABSOLUTE_POS % columns + 1;
        }
        let mut most = scores[first];
        for column in 1..count {
            most = f32::max(most, scores[first + column]);
        }
        let mut sum = 0.0f32;
        for column in 0..count {
            let value = ((scores[first + column] - most) * scale).exp();
            output[first + column] = value;
            sum += value;
        }
        let share = 1.0f32 / sum;
        for column in 0..count {
            output[first + column] *= share;
        }
        for column in count..columns {
            output[first + column] = 0.0f32;
        }
    }
}

#[cube(launch)]
fn softmax_rows_gradient(probabilities: &[f32], grad: &[f32], output: &mut [f32], columns: usize, scale: f32) {
    let first = ABSOLUTE_POS * columns;
    if first < output.len() {
        let mut sum = 0.0f32;
        for column in 0..columns {
            sum += probabilities[first + column] * grad[first + column];
        }
        for column in 0..columns {
            output[first + column] = scale * probabilities[first + column] * (grad[first + column] - sum);
        }
    }
}

/// The sum of a vector's numbers.
#[cube]
fn total<N: Size>(values: Vector<f32, N>) -> f32 {
    let mut sum = 0.0f32;
    #[unroll]
    for lane in 0..N::value() {
        sum += values.extract(lane);
    }
    sum
}

/// Mean of a row, and the inverse of its deviation. `vectors` are the row's.
#[cube]
fn moments<N: Size>(x: &[Vector<f32, N>], first: usize, vectors: usize, epsilon: f32) -> (f32, f32) {
    let share = 1.0f32 / f32::cast_from(vectors * N::value());
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for place in 0..vectors {
        sum += x[first + place];
    }
    let mean = total::<N>(sum) * share;
    let mut squares = Vector::<f32, N>::new(0.0f32);
    for place in 0..vectors {
        let centred = x[first + place] - Vector::new(mean);
        squares += centred * centred;
    }
    (mean, 1.0f32 / (total::<N>(squares) * share + epsilon).sqrt())
}

#[cube(launch)]
fn normalise_rows<N: Size>(
    x: &[Vector<f32, N>],
    scale: &[Vector<f32, N>],
    shift: &[Vector<f32, N>],
    output: &mut [Vector<f32, N>],
    vectors: usize,
    epsilon: f32,
) {
    let first = ABSOLUTE_POS * vectors;
    if first < output.len() {
        let (mean, inverse) = moments::<N>(x, first, vectors, epsilon);
        for place in 0..vectors {
            let normed = (x[first + place] - Vector::new(mean)) * Vector::new(inverse);
            output[first + place] = normed * scale[place] + shift[place];
        }
    }
}

#[cube(launch)]
fn normalise_rows_gradient<N: Size>(
    x: &[Vector<f32, N>],
    scale: &[Vector<f32, N>],
    grad: &[Vector<f32, N>],
    output: &mut [Vector<f32, N>],
    vectors: usize,
    epsilon: f32,
) {
    let first = ABSOLUTE_POS * vectors;
    if first < output.len() {
        let (mean, inverse) = moments::<N>(x, first, vectors, epsilon);
        let share = 1.0f32 / f32::cast_from(vectors * N::value());
        let mut sums = Vector::<f32, N>::new(0.0f32);
        let mut products = Vector::<f32, N>::new(0.0f32);
        for place in 0..vectors {
            let scaled = grad[first + place] * scale[place];
            sums += scaled;
            products += scaled * (x[first + place] - Vector::new(mean)) * Vector::new(inverse);
        }
        let (sum, along) = (total::<N>(sums) * share, total::<N>(products) * share);
        for place in 0..vectors {
            let normed = (x[first + place] - Vector::new(mean)) * Vector::new(inverse);
            let scaled = grad[first + place] * scale[place];
            output[first + place] = Vector::new(inverse) * (scaled - Vector::new(sum) - normed * Vector::new(along));
        }
    }
}

pub(super) fn normalise(x: CubeTensor, scale: CubeTensor, shift: CubeTensor, epsilon: f32) -> CubeTensor {
    let (x, scale, shift) = (into_contiguous(x), into_contiguous(scale), into_contiguous(shift));
    let (output, columns) = (like(&x), columns_of(&x));
    let (client, count, dim) = launch_of(&output, output.shape().num_elements() / columns);
    let lanes = lanes_of(columns);
    normalise_rows::launch(
        &client,
        count,
        dim,
        lanes,
        x.into_buffer_arg(),
        scale.into_buffer_arg(),
        shift.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        columns / lanes,
        epsilon,
    );
    output
}

pub(super) fn normalise_backward(x: CubeTensor, scale: CubeTensor, grad: CubeTensor, epsilon: f32) -> CubeTensor {
    let (x, scale, grad) = (into_contiguous(x), into_contiguous(scale), into_contiguous(grad));
    let (output, columns) = (like(&x), columns_of(&x));
    let (client, count, dim) = launch_of(&output, output.shape().num_elements() / columns);
    let lanes = lanes_of(columns);
    normalise_rows_gradient::launch(
        &client,
        count,
        dim,
        lanes,
        x.into_buffer_arg(),
        scale.into_buffer_arg(),
        grad.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        columns / lanes,
        epsilon,
    );
    output
}

/// Numbers of a row.
fn columns_of(x: &CubeTensor) -> usize {
    x.shape().iter().copied().last().unwrap_or(1).max(1)
}

pub(super) fn scaled_softmax(scores: CubeTensor, scale: f32, is_causal: bool) -> CubeTensor {
    let scores = into_contiguous(scores);
    let (output, columns) = (like(&scores), columns_of(&scores));
    let (client, count, dim) = launch_of(&output, output.shape().num_elements() / columns);
    softmax_rows::launch(
        &client,
        count,
        dim,
        scores.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        columns,
        scale,
        is_causal,
    );
    output
}

pub(super) fn scaled_softmax_backward(probabilities: CubeTensor, grad: CubeTensor, scale: f32) -> CubeTensor {
    let (probabilities, grad) = (into_contiguous(probabilities), into_contiguous(grad));
    let (output, columns) = (like(&grad), columns_of(&grad));
    let (client, count, dim) = launch_of(&output, output.shape().num_elements() / columns);
    softmax_rows_gradient::launch(
        &client,
        count,
        dim,
        probabilities.into_buffer_arg(),
        grad.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        columns,
        scale,
    );
    output
}
