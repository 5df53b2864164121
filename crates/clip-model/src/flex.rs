//! The values of tensors on the CPU device.

use burn::backend::flex::FlexTensor;

/// Of a tensor that [`FlexTensor::to_contiguous`] gave.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let storage = tensor.storage();
    storage
        .get(start..start + tensor.layout().num_elements())
        .unwrap_or_default()
}
