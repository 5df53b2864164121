//! Packed matrices on the CPU device.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::format::WeightFormat;
use super::matrix;
use super::operation::PackedLayout;
#[cfg(not(target_family = "wasm"))]
use crate::product::is_fast;

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
    use crate::product::rows_by_panels;

    pub(super) fn linear(packed: &Packed<'_>, x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
        let bias = bias.to_contiguous();
        let panels = packed.decode(matrix::decode_panels_transposed);
        rows_by_panels(x, panels.as_chunks().0, packed.layout.rows, Some(values(&bias)))
    }

    pub(super) fn linear_backward(packed: &Packed<'_>, grad: &FlexTensor) -> FlexTensor {
        let panels = packed.decode(matrix::decode_panels);
        rows_by_panels(grad, panels.as_chunks().0, packed.layout.columns, None)
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
