//! Tensors on the CPU device: their values, and how products are spread over cores.

use burn::backend::flex::FlexTensor;

/// Of a tensor that [`FlexTensor::to_contiguous`] gave.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let storage = tensor.storage();
    storage
        .get(start..start + tensor.layout().num_elements())
        .unwrap_or_default()
}

/// Into how many products those of so many views are best put together.
pub(crate) fn pieces(views: usize) -> usize {
    #[cfg(target_family = "wasm")]
    {
        let _ = views;
        1
    }
    #[cfg(not(target_family = "wasm"))]
    {
        // From four on, the library gives each core its own products; the rows of a single one it spreads less well.
        let wanted = rayon::current_num_threads().max(4);
        let even = (wanted..views).find(|pieces| views.is_multiple_of(*pieces));
        even.unwrap_or(views.max(1))
    }
}
