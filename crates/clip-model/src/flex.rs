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

/// Into how many products of as many rows each one of so many rows is best divided. The library makes one product of many only where that suits a
/// graphics device; on the CPU a product for each view packs the same matrix again and again, and the rows of a single one are spread less well
/// over the cores.
pub(crate) fn pieces(rows: usize) -> usize {
    #[cfg(target_family = "wasm")]
    {
        let _ = rows;
        1
    }
    #[cfg(not(target_family = "wasm"))]
    {
        // From four on, the library gives each core its own products.
        let wanted = rayon::current_num_threads().max(4);
        let mut even = (wanted..=4 * wanted).filter(|pieces| rows.is_multiple_of(*pieces));
        even.next().filter(|pieces| rows >= 4 * pieces).unwrap_or(1)
    }
}
