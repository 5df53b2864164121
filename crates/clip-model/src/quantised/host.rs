//! Packed matrices on the CPU device.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::matrix;
use super::operation::PackedLayout;
#[cfg(not(target_family = "wasm"))]
use crate::product::is_fast;

pub(super) fn unpack(codes: &FlexTensor, scales: &FlexTensor, layout: PackedLayout) -> FlexTensor {
    let count = layout.rows * layout.columns;
    let values = matrix::decode_words(layout.format, codes.storage(), scales.storage(), count);
    FlexTensor::from_data(TensorData::new(values, [layout.rows, layout.columns]))
}

pub(super) fn linear(
    x: &FlexTensor,
    bias: &FlexTensor,
    codes: &FlexTensor,
    scales: &FlexTensor,
    layout: PackedLayout,
) -> FlexTensor {
    #[cfg(not(target_family = "wasm"))]
    if !is_fast() {
        return by_library::linear(x, bias, codes, scales, layout);
    }
    by_panels::linear(x, bias, codes, scales, layout)
}

pub(super) fn linear_backward(
    grad: &FlexTensor,
    codes: &FlexTensor,
    scales: &FlexTensor,
    layout: PackedLayout,
) -> FlexTensor {
    #[cfg(not(target_family = "wasm"))]
    if !is_fast() {
        return by_library::linear_backward(grad, codes, scales, layout);
    }
    by_panels::linear_backward(grad, codes, scales, layout)
}

/// By our own product: see [`crate::product`].
mod by_panels {
    use super::{FlexTensor, PackedLayout, TensorData, matrix};
    use crate::flex::values;
    use crate::product::rows_by_panels;

    pub(super) fn linear(
        x: &FlexTensor,
        bias: &FlexTensor,
        codes: &FlexTensor,
        scales: &FlexTensor,
        layout: PackedLayout,
    ) -> FlexTensor {
        let shape = [layout.rows, layout.columns];
        let panels = matrix::decode_panels_transposed(layout.format, codes.storage(), scales.storage(), shape);
        let bias = bias.to_contiguous();
        multiply(x, &panels, values(&bias), layout.columns)
    }

    pub(super) fn linear_backward(
        grad: &FlexTensor,
        codes: &FlexTensor,
        scales: &FlexTensor,
        layout: PackedLayout,
    ) -> FlexTensor {
        let shape = [layout.rows, layout.columns];
        let panels = matrix::decode_panels(layout.format, codes.storage(), scales.storage(), shape);
        multiply(grad, &panels, &vec![0.0; layout.columns], layout.rows)
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

    use super::{FlexTensor, PackedLayout, TensorData, matrix, unpack};
    use crate::fused::{FusedOps as _, as_row};

    pub(super) fn linear(
        x: &FlexTensor,
        bias: &FlexTensor,
        codes: &FlexTensor,
        scales: &FlexTensor,
        layout: PackedLayout,
    ) -> FlexTensor {
        let (outputs, inputs) = (layout.rows, layout.columns);
        let values = matrix::decode_transposed(layout.format, codes.storage(), scales.storage(), [outputs, inputs]);
        let weight = FlexTensor::from_data(TensorData::new(values, [inputs, outputs]));
        let product = Flex::rows_product(x.clone(), weight);
        let dimensions = product.shape().num_dims();
        Flex::float_add(product, as_row::<Flex>(bias.clone(), dimensions))
    }

    pub(super) fn linear_backward(
        grad: &FlexTensor,
        codes: &FlexTensor,
        scales: &FlexTensor,
        layout: PackedLayout,
    ) -> FlexTensor {
        Flex::rows_product(grad.clone(), unpack(codes, scales, layout))
    }
}
