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
    use super::{FlexTensor, Packed, TensorData, matrix};
    use crate::flex::values;
    use crate::product::rows_by_panels;

    pub(super) fn linear(packed: &Packed<'_>, x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
        let bias = bias.to_contiguous();
        let panels = packed.decode(matrix::decode_panels_transposed);
        multiply(x, &panels, values(&bias), packed.layout.columns)
    }

    pub(super) fn linear_backward(packed: &Packed<'_>, grad: &FlexTensor) -> FlexTensor {
        let panels = packed.decode(matrix::decode_panels);
        multiply(grad, &panels, &vec![0.0; packed.layout.columns], packed.layout.rows)
    }

    /// `[..., inputs]` to `[..., outputs]`, as many as the bias has.
    fn multiply(x: &FlexTensor, panels: &[f32], bias: &[f32], inputs: usize) -> FlexTensor {
        let mut shape: Vec<usize> = x.layout().shape().iter().copied().collect();
        let x = x.to_contiguous();
        let product = rows_by_panels(values(&x), panels, bias, inputs);
        if let Some(last) = shape.last_mut() {
            *last = bias.len();
        }
        FlexTensor::from_data(TensorData::new(product, shape))
    }
}

/// By the library's product.
#[cfg(not(target_family = "wasm"))]
mod by_library {
    use burn::backend::ops::FloatTensorOps as _;
    use burn::backend::{Flex, TensorMetadata as _};

    use super::{FlexTensor, Packed, TensorData, matrix};
    use crate::fused::{FusedOps as _, as_row};

    pub(super) fn linear(packed: &Packed<'_>, x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
        let values = packed.decode(matrix::decode_transposed);
        let weight = FlexTensor::from_data(TensorData::new(values, [packed.layout.columns, packed.layout.rows]));
        let product = Flex::rows_product(x.clone(), weight);
        let dimensions = product.shape().num_dims();
        Flex::float_add(product, as_row::<Flex>(bias.clone(), dimensions))
    }

    pub(super) fn linear_backward(packed: &Packed<'_>, grad: &FlexTensor) -> FlexTensor {
        Flex::rows_product(grad.clone(), packed.unpack())
    }
}
