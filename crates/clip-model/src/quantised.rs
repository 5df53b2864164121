//! Frozen matrices that stay packed: in the file, in memory, on the device.
//!
//! [`format`](WeightFormat) has the number formats, [`PackedMatrix`] a matrix on the host, [`PackedTensor`] one on a device,
//! where it is multiplied by without an unpacked copy staying there.

mod format;
#[cfg(feature = "webgpu")]
mod graphics;
mod host;
#[cfg(feature = "webgpu")]
mod kernel;
mod matrix;
mod operation;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::linear::on_tape_of;

pub use format::{BLOCK, WeightFormat};
pub use matrix::PackedMatrix;
pub use operation::{PackedLayout, PackedOps};

/// A packed matrix on a device.
#[derive(Debug, Clone)]
pub struct PackedTensor {
    codes: Tensor<1, Int>,
    scales: Tensor<1, Int>,
    layout: PackedLayout,
}

impl PackedTensor {
    /// Uploads a matrix as it is.
    #[must_use]
    pub fn upload(matrix: PackedMatrix, device: &Device) -> Self {
        let [rows, columns] = matrix.shape();
        let layout = PackedLayout {
            format: matrix.format(),
            rows,
            columns,
        };
        let (codes, scales) = matrix.into_words();
        let upload = |words: Vec<u32>| {
            // A buffer of no bytes can't be bound.
            let words = if words.is_empty() { vec![0] } else { words };
            let shape = [words.len()];
            Tensor::from_data(TensorData::new(words, shape), (device, DType::U32))
        };
        Self {
            codes: upload(codes),
            scales: upload(scales),
            layout,
        }
    }

    /// What its words mean.
    #[must_use]
    pub fn layout(&self) -> PackedLayout {
        self.layout
    }

    /// Bytes on the device.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.codes.dims()[0] + self.scales.dims()[0]) * 4
    }

    /// `[..., columns]` times the transposed matrix, plus the bias `[rows]`: `[..., rows]`. Gradients flow to `x` alone.
    #[must_use]
    pub fn linear<const D: usize>(&self, x: Tensor<D>, bias: Option<Tensor<1>>) -> Tensor<D> {
        let bias = bias.unwrap_or_else(|| Tensor::zeros([self.layout.rows], &self.codes.device()));
        let bias = on_tape_of(&bias, &x);
        Tensor::from_dispatch(Dispatch::packed_linear(
            x.into_dispatch(),
            bias.into_dispatch(),
            self.codes.clone().into_dispatch(),
            self.scales.clone().into_dispatch(),
            self.layout,
        ))
    }

    /// All values, `[rows, columns]`.
    #[must_use]
    pub fn unpack(&self) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::unpack(
            self.codes.clone().into_dispatch(),
            self.scales.clone().into_dispatch(),
            self.layout,
        ))
    }
}
