//! Products with matrices that stay packed, forward and backward, against the same matrices in single precision.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/tensors.rs"]
mod tensors;

use burn::tensor::{Tensor, TensorData, module};
use clip_model::quantised::{PackedMatrix, PackedTensor, WeightFormat};
use common::largest_difference;
use tensors::{Numbers, devices, values};

/// Weights as a layer has them, and a few as it should not: tiny, zero, and much larger than their neighbours.
fn weights(rows: usize, columns: usize) -> Vec<f32> {
    let mut numbers = Numbers::seeded(7);
    let mut next = || numbers.draw();
    let mut values: Vec<f32> = (0..rows * columns).map(|_| 0.05 * (next() + next() + next())).collect();
    for value in &mut values[..32] {
        *value = 0.0;
    }
    for value in values.iter_mut().skip(32).take(32) {
        *value *= 1e-4;
    }
    if let Some(value) = values.get_mut(100) {
        *value = 3.0;
    }
    values
}

fn packed(format: WeightFormat, rows: usize, columns: usize) -> PackedMatrix {
    let mut matrix = PackedMatrix::zeros(format, [rows, columns]);
    matrix.set("w", 0, &weights(rows, columns)).unwrap();
    matrix
}

/// The largest difference as a share of the largest value.
fn difference(ours: &[f32], expected: &[f32]) -> f32 {
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    largest_difference(ours, expected) / largest
}

#[test]
fn a_device_unpacks_to_the_very_numbers_of_the_host() {
    for device in devices() {
        // An odd number of blocks in a row and in all: the last word of scales is half full.
        for (rows, columns) in [(3, 96), (48, 64), (1, 32), (5, 32), (130, 192)] {
            for format in WeightFormat::ALL {
                let matrix = packed(format, rows, columns);
                let expected = matrix.to_f32();
                let unpacked = values(PackedTensor::upload(matrix, &device).unpack());
                assert_eq!(unpacked, expected, "{format} [{rows}, {columns}] on {device:?}");
            }
        }
    }
}

#[test]
fn a_product_is_that_with_the_unpacked_matrix() {
    for device in devices() {
        for format in [WeightFormat::F16, WeightFormat::Q8, WeightFormat::Q4] {
            let (rows, columns) = (96, 160);
            let matrix = packed(format, rows, columns);
            let dense = Tensor::<2>::from_data(TensorData::new(matrix.to_f32(), [rows, columns]), &device);
            let packed = PackedTensor::upload(matrix, &device);
            let mut numbers = Numbers::seeded(8);
            let x = numbers.tensor([2, 5, columns], 0.5, &device) + 0.5;
            let bias = numbers.tensor([rows], 0.5, &device) + 0.5;
            for bias in [None, Some(bias)] {
                let expected = values(module::linear(x.clone(), dense.clone().transpose(), bias.clone()));
                let ours = values(packed.linear(x.clone(), bias));
                let difference = difference(&ours, &expected);
                assert!(difference < 2e-6, "{format} on {device:?}: {difference}");
            }
        }
    }
}

#[test]
fn a_gradient_through_a_packed_matrix_is_that_through_the_unpacked_one() {
    for device in devices() {
        for format in [WeightFormat::F16, WeightFormat::Q8, WeightFormat::Q4] {
            let (rows, columns) = (64, 192);
            let matrix = packed(format, rows, columns);
            let dense = Tensor::<2>::from_data(TensorData::new(matrix.to_f32(), [rows, columns]), &device);
            let packed = PackedTensor::upload(matrix, &device);
            let mut numbers = Numbers::seeded(8);
            let start = numbers.tensor([2, 7, columns], 1.7, &device);
            let bias = numbers.tensor([rows], 0.5, &device) + 0.5;
            let gradient = |product: &dyn Fn(Tensor<3>) -> Tensor<3>| {
                let x = start.clone().autodiff().require_grad();
                // Something that depends on every output in its own way.
                let tape = product(x.clone()).powi_scalar(2).sum().backward();
                values(x.grad(&tape).unwrap())
            };
            let expected = gradient(&|x| {
                let weight = dense.clone().transpose().autodiff();
                module::linear(x, weight, Some(bias.clone().autodiff()))
            });
            let ours = gradient(&|x| packed.linear(x, Some(bias.clone())));
            let difference = difference(&ours, &expected);
            assert!(difference < 5e-6, "{format} on {device:?}: {difference}");
        }
    }
}

#[test]
fn what_is_not_on_a_tape_stays_off_it() {
    for device in devices() {
        let packed = PackedTensor::upload(packed(WeightFormat::Q8, 32, 64), &device);
        let x = Tensor::<2>::ones([3, 64], &device);
        assert!(!packed.linear(x.clone(), None).is_autodiff());
        assert!(packed.linear(x.autodiff(), None).is_autodiff());
    }
}
