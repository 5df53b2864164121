//! Products of tensors, wherever their numbers lie.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::matrix::Matrix;
use super::small::SmallProduct;
use super::{Panels, multiply};
use crate::flex::{for_each_part, shape_of, values};

/// Rows `[..., inputs]` times a matrix `[inputs, outputs]`: `[..., outputs]`.
pub(crate) fn rows_by_matrix(rows: &FlexTensor, matrix: &FlexTensor) -> FlexTensor {
    let matrix = without_flips(matrix);
    let matrix = Stack::of(&matrix).matrix([0, 0]);
    let (panels, outputs) = (matrix.into_panels(), matrix.columns());
    rows_by_panels(rows, Panels::There(&panels), outputs, None)
}

/// The same with a matrix in panels, plus the bias `[outputs]` where there is one.
pub(crate) fn rows_by_panels(
    rows: &FlexTensor,
    panels: Panels<'_>,
    outputs: usize,
    bias: Option<&[f32]>,
) -> FlexTensor {
    let mut shape = shape_of(rows);
    let inputs = shape.last().copied().unwrap_or_default();
    // Rows of a single matrix are read wherever they lie.
    let is_matrix = shape.len() == 2;
    let rows = if is_matrix {
        without_flips(rows)
    } else {
        rows.to_contiguous()
    };
    let left = if is_matrix {
        Stack::of(&rows).matrix([0, 0])
    } else {
        Matrix::dense(values(&rows), inputs)
    };
    let product = multiply(left, panels, outputs, bias);
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    FlexTensor::from_data(TensorData::new(product, shape))
}

/// Stacks of matrices, `[outer, inner, rows, depth]` times `[outer, inner, depth, columns]`: `[outer, inner, rows, columns]`; or a matrix times a matrix.
pub(crate) fn stacks(left: &FlexTensor, right: &FlexTensor) -> FlexTensor {
    if left.layout().num_dims() == 2 {
        return rows_by_matrix(left, right);
    }
    let (left, right) = (without_flips(left), without_flips(right));
    let (left, right) = (Stack::of(&left), Stack::of(&right));
    let ([outer, inner, rows, _], [.., columns]) = (left.shape(), right.shape());
    let mut out = vec![0.0; outer * inner * rows * columns];
    for_each_part(
        &mut out,
        rows * columns,
        SmallProduct::default,
        |index, out, product| {
            let place = [index / inner, index % inner];
            product.multiply(left.matrix(place), right.matrix(place));
            for (out, row) in out.chunks_exact_mut(columns).zip(product.rows()) {
                out.copy_from_slice(row);
            }
        },
    );
    FlexTensor::from_data(TensorData::new(out, [outer, inner, rows, columns]))
}

/// The matrices of a tensor `[..., rows, columns]`, of two to four dimensions.
#[derive(Debug)]
pub(crate) struct Stack<'a> {
    values: &'a [f32],
    shape: [usize; 4],
    strides: [usize; 4],
}

impl<'a> Stack<'a> {
    /// Of a tensor whose strides aren't negative: see [`without_flips`].
    pub(crate) fn of(tensor: &'a FlexTensor) -> Self {
        let layout = tensor.layout();
        let (mut shape, mut strides) = ([1; 4], [0; 4]);
        for (to, from) in shape.iter_mut().rev().zip(layout.shape().iter().rev()) {
            *to = *from;
        }
        for (to, from) in strides.iter_mut().rev().zip(layout.strides().iter().rev()) {
            *to = from.unsigned_abs();
        }
        Self {
            values: tensor.storage().get(layout.start_offset()..).unwrap_or_default(),
            shape,
            strides,
        }
    }

    /// Of the tensor, with ones before its own dimensions.
    pub(crate) fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The matrix at this place of the first two dimensions.
    pub(crate) fn matrix(&self, [outer, inner]: [usize; 2]) -> Matrix<'a> {
        let [.., rows, columns] = self.shape;
        let [of_outer, of_inner, below, beside] = self.strides;
        let values = self.values.get(outer * of_outer + inner * of_inner..);
        Matrix::new(values.unwrap_or_default(), [rows, columns], [below, beside])
    }
}

/// The same tensor with no stride below zero; copied only where there is one.
pub(crate) fn without_flips(tensor: &FlexTensor) -> FlexTensor {
    if tensor.layout().strides().iter().all(|stride| *stride >= 0) {
        tensor.clone()
    } else {
        tensor.to_contiguous()
    }
}
