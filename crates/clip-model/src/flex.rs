//! Tensors on the CPU device: their values, and how work is spread over cores.

use burn::backend::flex::FlexTensor;

/// Of a tensor that [`FlexTensor::to_contiguous`] gave.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let storage = tensor.storage();
    storage
        .get(start..start + tensor.layout().num_elements())
        .unwrap_or_default()
}

/// The lengths of its dimensions.
pub(crate) fn shape_of(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().iter().copied().collect()
}

/// Does `work` on each part of so many values, with its index and with room that is used again for the next part: one part after another in the browser,
/// natively on all cores.
pub(crate) fn for_each_part<T>(
    values: &mut [f32],
    length: usize,
    room: impl Fn() -> T + Send + Sync,
    work: impl Fn(usize, &mut [f32], &mut T) + Send + Sync,
) {
    // Of what has no rows or columns there are no parts.
    let length = length.max(1);
    #[cfg(target_family = "wasm")]
    {
        let mut room = room();
        for (part, values) in values.chunks_mut(length).enumerate() {
            work(part, values, &mut room);
        }
    }
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        values
            .par_chunks_mut(length)
            .enumerate()
            .for_each_init(room, |room, (part, values)| work(part, values, room));
    }
}
