//! The operations on a graphics device: one kernel each, one invocation for a vector of values.

use burn::backend::TensorMetadata;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

/// `sigmoid(1.702 x)`. For large negative numbers e^-x is infinite, and the quotient 0.
#[cube]
fn share<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    one / (one + (Vector::new(-1.702f32) * x).exp())
}

#[cube(launch)]
fn quick_gelu_forward<N: Size>(x: &[Vector<f32, N>], output: &mut [Vector<f32, N>]) {
    if ABSOLUTE_POS < output.len() {
        let value = x[ABSOLUTE_POS];
        output[ABSOLUTE_POS] = value * share::<N>(value);
    }
}

#[cube(launch)]
fn quick_gelu_gradient<N: Size>(x: &[Vector<f32, N>], grad: &[Vector<f32, N>], output: &mut [Vector<f32, N>]) {
    if ABSOLUTE_POS < output.len() {
        let value = x[ABSOLUTE_POS];
        let part = share::<N>(value);
        let one = Vector::<f32, N>::new(1.0f32);
        output[ABSOLUTE_POS] = grad[ABSOLUTE_POS] * part * (one + Vector::new(1.702f32) * value * (one - part));
    }
}

pub(super) fn quick_gelu(x: CubeTensor) -> CubeTensor {
    let x = into_contiguous(x);
    let output = like(&x);
    let lanes = lanes_of(output.shape().num_elements());
    let (client, count, dim) = launch_of(&output, output.shape().num_elements() / lanes);
    quick_gelu_forward::launch(
        &client,
        count,
        dim,
        lanes,
        x.into_buffer_arg(),
        output.clone().into_buffer_arg(),
    );
    output
}

pub(super) fn quick_gelu_backward(x: CubeTensor, grad: CubeTensor) -> CubeTensor {
    let (x, grad) = (into_contiguous(x), into_contiguous(grad));
    let output = like(&x);
    let lanes = lanes_of(output.shape().num_elements());
    let (client, count, dim) = launch_of(&output, output.shape().num_elements() / lanes);
    quick_gelu_gradient::launch(
        &client,
        count,
        dim,
        lanes,
        x.into_buffer_arg(),
        grad.into_buffer_arg(),
        output.clone().into_buffer_arg(),
    );
    output
}

/// How many of so many numbers, which lie one after the other, a vector has.
pub(super) fn lanes_of(count: usize) -> usize {
    if count.is_multiple_of(4) { 4 } else { 1 }
}

/// Where so many invocations run, and in which groups.
pub(super) fn launch_of(output: &CubeTensor, invocations: usize) -> (Client, CubeCount, CubeDim) {
    let client = output.client.clone();
    let dim = CubeDim::new(&client, invocations);
    let count = calculate_cube_count_elemwise(&client, invocations, dim);
    (client, count, dim)
}

/// A tensor for the results of `x`'s values, one for each.
pub(super) fn like(x: &CubeTensor) -> CubeTensor {
    empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), x.shape(), x.dtype)
}
