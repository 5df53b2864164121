//! Products on the CPU device by the tensor library, for processors that `product.rs` has no loops for.

use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps as _;
use burn::backend::{Flex, TensorMetadata as _};
use burn::tensor::Shape;

use super::{host, rows_of};
use crate::flex::shape_of;

/// Queries, keys and values as they lie; the library's own attention copies them first.
pub(super) fn attend(query: FlexTensor, key: FlexTensor, value: FlexTensor, is_causal: bool) -> FlexTensor {
    let scale = host::attention_scale(&query);
    let scores = Flex::float_matmul(query, Flex::float_swap_dims(key, 2, 3));
    let probabilities = if is_causal {
        host::causal_softmax(scores, scale)
    } else {
        host::scaled_softmax(scores, scale)
    };
    Flex::float_matmul(probabilities, value)
}

/// Rows `[..., inputs]` times a matrix `[inputs, outputs]`: `[..., outputs]`.
pub(crate) fn rows_product(rows: FlexTensor, matrix: FlexTensor) -> FlexTensor {
    let mut dims = shape_of(&rows);
    let [inputs, outputs] = matrix.shape().dims();
    let matrix = Flex::float_reshape(matrix, Shape::new([1, inputs, outputs]));
    let count = rows_of(&dims);
    let pieces = pieces(count);
    let rows = Flex::float_reshape(rows, Shape::new([pieces, count / pieces, inputs]));
    let product = Flex::float_matmul(rows, matrix);
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    Flex::float_reshape(product, Shape::from(dims))
}

/// Into how many products of as many rows each one of so many rows is best divided. The library makes one product of many only where that suits a
/// graphics device; on the CPU a product for each view packs the same matrix again and again, and the rows of a single one are spread less well
/// over the cores.
fn pieces(rows: usize) -> usize {
    // From four on, the library gives each core its own products.
    let wanted = rayon::current_num_threads().max(4);
    let mut even = (wanted..=4 * wanted).filter(|pieces| rows.is_multiple_of(*pieces));
    even.next().filter(|pieces| rows >= 4 * pieces).unwrap_or(1)
}
