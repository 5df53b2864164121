//! Packed matrices on the CPU device.

#[cfg(target_arch = "x86_64")]
use std::ops::Range;

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::format::WeightFormat;
use super::matrix;
use super::operation::PackedLayout;
#[cfg(not(target_family = "wasm"))]
use crate::product::is_fast;
#[cfg(target_arch = "x86_64")]
use crate::product::{Avx2, Columns, makes_panels};

/// A packed matrix `[outputs, inputs]` of a linear layer.
pub(super) struct Packed<'a> {
    pub(super) codes: &'a FlexTensor,
    pub(super) scales: &'a FlexTensor,
    pub(super) layout: PackedLayout,
}

impl Packed<'_> {
    /// All values, `[outputs, inputs]`.
    pub(super) fn unpack(&self) -> FlexTensor {
        let PackedLayout { format, rows, columns } = self.layout;
        let values = matrix::decode_words(format, self.codes.storage(), self.scales.storage(), rows * columns);
        FlexTensor::from_data(TensorData::new(values, [rows, columns]))
    }

    /// `[..., inputs]` to `[..., outputs]`.
    pub(super) fn linear(&self, x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
        #[cfg(not(target_family = "wasm"))]
        if !is_fast() {
            return by_library::linear(self, x, bias);
        }
        by_panels::linear(self, x, bias)
    }

    /// `[..., outputs]` to `[..., inputs]`.
    pub(super) fn linear_backward(&self, grad: &FlexTensor) -> FlexTensor {
        #[cfg(not(target_family = "wasm"))]
        if !is_fast() {
            return by_library::linear_backward(self, grad);
        }
        by_panels::linear_backward(self, grad)
    }

    /// What a function of `matrix` makes of it.
    fn decode(&self, decode: impl Fn(WeightFormat, &[u32], &[u32], [usize; 2]) -> Vec<f32>) -> Vec<f32> {
        let PackedLayout { format, rows, columns } = self.layout;
        decode(format, self.codes.storage(), self.scales.storage(), [rows, columns])
    }
}

/// By our own product: see [`crate::product`].
mod by_panels {
    use super::{FlexTensor, Packed, matrix};
    use crate::flex::values;
    use crate::product::{Panels, rows_by_panels};

    pub(super) fn linear(packed: &Packed<'_>, x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
        let bias = bias.to_contiguous();
        let by = |panels| rows_by_panels(x, panels, packed.layout.rows, Some(values(&bias)));
        #[cfg(target_arch = "x86_64")]
        if let Some(processor) = super::makes_panels() {
            return by(Panels::Made(processor, packed));
        }
        by(Panels::There(
            packed.decode(matrix::decode_panels_transposed).as_chunks().0,
        ))
    }

    pub(super) fn linear_backward(packed: &Packed<'_>, grad: &FlexTensor) -> FlexTensor {
        let panels = packed.decode(matrix::decode_panels);
        rows_by_panels(grad, Panels::There(panels.as_chunks().0), packed.layout.columns, None)
    }
}

/// Of the matrix on the right side: an output each, a row of the packed one.
#[cfg(target_arch = "x86_64")]
impl Columns for Packed<'_> {
    fn read(&self, processor: Avx2, column: usize, inputs: Range<usize>, values: &mut [f32]) {
        let PackedLayout { format, rows, columns } = self.layout;
        if column < rows {
            let first = column * columns + inputs.start;
            let (codes, scales) = (self.codes.storage(), self.scales.storage());
            processor.vectorised(|| matrix::decode_part(format, codes, scales, first, values));
        } else {
            values.fill(0.0);
        }
    }
}

/// By the library's product.
#[cfg(not(target_family = "wasm"))]
mod by_library {
    use burn::backend::ops::FloatTensorOps as _;
    use burn::backend::{Flex, TensorMetadata as _};

    use super::{FlexTensor, Packed, TensorData, matrix};
    use crate::fused::as_row;
    use crate::fused::library::rows_product;

    pub(super) fn linear(packed: &Packed<'_>, x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
        let values = packed.decode(matrix::decode_transposed);
        let weight = FlexTensor::from_data(TensorData::new(values, [packed.layout.columns, packed.layout.rows]));
        let product = rows_product(x.clone(), weight);
        let dimensions = product.shape().num_dims();
        Flex::float_add(product, as_row::<Flex>(bias.clone(), dimensions))
    }

    pub(super) fn linear_backward(packed: &Packed<'_>, grad: &FlexTensor) -> FlexTensor {
        rows_product(grad.clone(), packed.unpack())
    }
}
