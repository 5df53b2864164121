//! Matrices wherever their numbers lie in memory, and the order in which the inner loops read them.

use super::{COLUMNS, PANEL};
use crate::flex::for_each_part;

/// A matrix: the number in some row and column is the one after `row * strides[0] + column * strides[1]` others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    shape: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    pub(super) fn new(values: &'a [f32], shape: [usize; 2], strides: [usize; 2]) -> Self {
        Self { values, shape, strides }
    }

    /// With rows one after another, as many as there are.
    pub(crate) fn dense(values: &'a [f32], columns: usize) -> Self {
        Self::padded(values, [values.len() / columns.max(1), columns], columns)
    }

    /// With rows that lie `stride` numbers apart.
    pub(crate) fn padded(values: &'a [f32], shape: [usize; 2], stride: usize) -> Self {
        Self::new(values, shape, [stride, 1])
    }

    pub(crate) fn rows(&self) -> usize {
        self.shape[0]
    }

    pub(crate) fn columns(&self) -> usize {
        self.shape[1]
    }

    #[must_use]
    pub(crate) fn transposed(self) -> Self {
        let ([rows, columns], [below, beside]) = (self.shape, self.strides);
        Self {
            shape: [columns, rows],
            strides: [beside, below],
            ..self
        }
    }

    /// So many of its rows.
    pub(super) fn part(self, first: usize, count: usize) -> Self {
        Self {
            values: self.values.get(first * self.strides[0]..).unwrap_or_default(),
            shape: [count, self.shape[1]],
            ..self
        }
    }

    /// In groups of `N` rows, one after another, `[columns, N]` each. What the last one lacks are zeros.
    pub(super) fn pack<const N: usize>(self, groups: &mut Vec<[f32; N]>) {
        let [rows, columns] = self.shape;
        groups.resize(rows.div_ceil(N) * columns, [0.0; N]);
        for (index, group) in groups.chunks_exact_mut(columns.max(1)).enumerate() {
            self.pack_group(index, group);
        }
    }

    /// The panels of this matrix on the right side of a product.
    pub(crate) fn into_panels(self) -> Vec<[f32; PANEL]> {
        let columns = self.transposed();
        let inputs = self.rows();
        let mut panels = vec![[0.0; PANEL]; columns.rows().next_multiple_of(COLUMNS) / PANEL * inputs];
        for_each_part(
            panels.as_flattened_mut(),
            inputs * PANEL,
            || (),
            |index, panel, ()| columns.pack_group(index, panel.as_chunks_mut::<PANEL>().0),
        );
        panels
    }

    /// One group, `[columns, N]`, of which there is at least one column.
    #[inline]
    fn pack_group<const N: usize>(self, index: usize, group: &mut [[f32; N]]) {
        let [rows, columns] = self.shape;
        let present = rows.saturating_sub(index * N).min(N);
        let values = self.part(index * N, present).values;
        let group = &mut group[..columns];
        match self.strides {
            [below, 1] if present == N => {
                let rows: [&[f32]; N] = std::array::from_fn(|row| &values[row * below..][..columns]);
                for (column, group) in group.iter_mut().enumerate() {
                    for (to, row) in group.iter_mut().zip(rows) {
                        *to = row[column];
                    }
                }
            }
            [1, beside] if present == N => {
                for (column, group) in group.iter_mut().enumerate() {
                    for (to, from) in group.iter_mut().zip(&values[column * beside..][..N]) {
                        *to = *from;
                    }
                }
            }
            [below, beside] => {
                for (column, group) in group.iter_mut().enumerate() {
                    *group = [0.0; N];
                    for (row, to) in group.iter_mut().enumerate().take(present) {
                        *to = values[row * below + column * beside];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[rows, columns]` of numbers that all differ, at these strides.
    fn numbers(shape: [usize; 2], strides: [usize; 2]) -> Vec<f32> {
        let mut values = vec![f32::NAN; shape[0] * strides[0] + shape[1] * strides[1]];
        for row in 0..shape[0] {
            for column in 0..shape[1] {
                values[row * strides[0] + column * strides[1]] = (row * 100 + column) as f32;
            }
        }
        values
    }

    #[test]
    fn groups_have_the_rows_side_by_side_wherever_these_lie() {
        for (shape, strides) in [
            ([4, 3], [3, 1]),
            ([7, 5], [9, 1]),
            ([7, 5], [1, 7]),
            ([8, 2], [1, 11]),
            ([5, 4], [8, 2]),
            ([1, 1], [1, 1]),
        ] {
            let values = numbers(shape, strides);
            let matrix = Matrix::new(&values, shape, strides);
            // What was there before doesn't matter.
            let mut groups = vec![[7.0; 4]; 3];
            matrix.pack(&mut groups);
            assert_eq!(groups.len(), shape[0].div_ceil(4) * shape[1]);
            for (index, group) in groups.iter().enumerate() {
                for (lane, value) in group.iter().enumerate() {
                    let (row, column) = (index / shape[1] * 4 + lane, index % shape[1]);
                    let expected = if row < shape[0] { row * 100 + column } else { 0 };
                    assert_eq!(
                        *value as usize, expected,
                        "{shape:?} at {strides:?}: row {row}, column {column}"
                    );
                }
            }
        }
    }

    #[test]
    fn panels_are_groups_of_columns() {
        let (shape, strides) = ([3, 19], [20, 1]);
        let values = numbers(shape, strides);
        let panels = Matrix::new(&values, shape, strides).into_panels();
        assert!((panels.len() / shape[0] * PANEL).is_multiple_of(COLUMNS));
        for (index, panel) in panels.iter().enumerate() {
            for (lane, value) in panel.iter().enumerate() {
                let (row, column) = (index % shape[0], index / shape[0] * PANEL + lane);
                let expected = if column < shape[1] { row * 100 + column } else { 0 };
                assert_eq!(*value as usize, expected, "row {row}, column {column}");
            }
        }
    }

    #[test]
    fn nothing_has_no_groups() {
        let mut groups = vec![[7.0; 4]; 3];
        for (shape, stride) in [([0, 5], 5), ([5, 0], 0)] {
            Matrix::padded(&[], shape, stride).pack(&mut groups);
            assert!(groups.is_empty());
            assert!(Matrix::padded(&[], shape, stride).into_panels().is_empty());
        }
    }
}
