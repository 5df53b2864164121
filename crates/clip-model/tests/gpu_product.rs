//! Each of a graphics device's kernels for products gives what the CPU device does, whatever part of a tile a matrix fills.

#![cfg(feature = "webgpu")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/tensors.rs"]
mod tensors;

use burn::tensor::{Device, Tensor};
use clip_model::gpu_product::ProductKernel;
use clip_model::linear::FrozenLinear;
use clip_model::quantised::{PackedMatrix, WeightFormat};
use common::largest_difference;
use tensors::{Numbers, devices, values};

/// Rows, inputs and outputs: less than a tile, whole ones, and some more.
const SHAPES: [[usize; 3]; 7] = [
    [1, 4, 4],
    [9, 12, 36],
    [63, 32, 40],
    [64, 64, 64],
    [65, 20, 68],
    [130, 192, 260],
    [260, 96, 192],
];

#[test]
fn every_kernel_gives_the_cpus_product() {
    let [cpu, gpu] = devices().try_into().unwrap();
    for kernel in ProductKernel::ALL {
        for [count, inputs, outputs] in SHAPES {
            for format in [WeightFormat::F32, WeightFormat::Q8] {
                kernel.make_current();
                let layer = |device: &Device| {
                    let mut numbers = Numbers::seeded(7);
                    let mut matrix = PackedMatrix::zeros(format, [outputs, inputs]);
                    let weights: Vec<f32> = (0..inputs * outputs).map(|_| numbers.draw()).collect();
                    matrix.set("matrix", 0, &weights).unwrap();
                    let bias = numbers.tensor([outputs], 1.0, device);
                    let rows = numbers.tensor([count, inputs], 1.0, device);
                    values(FrozenLinear::new(matrix, Some(bias), device).forward(rows))
                };
                let difference = largest_difference(&layer(&gpu), &layer(&cpu));
                let what = kernel.as_str();
                assert!(
                    difference < 1e-5,
                    "{what}, {count} x {inputs} x {outputs}, {format:?}: {difference}"
                );
            }
        }
    }
}

#[test]
fn every_kernel_gives_the_cpus_gradient() {
    let [cpu, gpu] = devices().try_into().unwrap();
    for kernel in ProductKernel::ALL {
        kernel.make_current();
        let gradient = |device: &Device| {
            let mut numbers = Numbers::seeded(7);
            let mut matrix = PackedMatrix::zeros(WeightFormat::Q8, [192, 96]);
            let weights: Vec<f32> = (0..192 * 96).map(|_| numbers.draw()).collect();
            matrix.set("matrix", 0, &weights).unwrap();
            let rows: Tensor<2> = numbers.tensor([67, 96], 1.0, device);
            let towards: Tensor<2> = numbers.tensor([67, 192], 1.0, device);
            let rows = rows.autodiff().require_grad();
            let product = FrozenLinear::new(matrix, None, device).forward(rows.clone());
            values(rows.grad(&(product * towards.autodiff()).sum().backward()).unwrap())
        };
        let difference = largest_difference(&gradient(&gpu), &gradient(&cpu));
        assert!(difference < 1e-5, "{}: {difference}", kernel.as_str());
    }
}
