//! The product of two small matrices, as attention has one for each head.

use super::matrix::Matrix;
use super::{COLUMNS, PANEL, Panels, Right, Room, TILE};

/// A product in whole tiles and panels. Its room is used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct SmallProduct {
    panels: Vec<[f32; PANEL]>,
    bias: Vec<[f32; PANEL]>,
    sums: Vec<f32>,
    room: Room,
    shape: [usize; 2],
}

impl SmallProduct {
    /// `[rows, inputs]` times `[inputs, columns]`.
    pub(crate) fn multiply(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.shape = [left.rows(), right.columns()];
        let inputs = left.columns();
        let panels = right.columns().next_multiple_of(COLUMNS) / PANEL;
        self.bias.resize(panels, [0.0; PANEL]);
        let sums = left.rows().next_multiple_of(TILE) * panels * PANEL;
        if inputs == 0 || sums == 0 {
            self.sums.clear();
            self.sums.resize(sums, 0.0);
            return;
        }
        right.transposed().pack(&mut self.panels);
        self.panels.resize(panels * inputs, [0.0; PANEL]);
        let right = Right {
            panels: Panels::There(&self.panels),
            bias: &self.bias,
            inputs,
            outputs: self.shape[1],
        };
        right.multiply_padded(left, &mut self.room, &mut self.sums);
    }

    /// Its rows, `[columns]` each.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        let [rows, columns] = self.shape;
        self.sums
            .chunks_exact(self.stride())
            .map(move |row| &row[..columns])
            .take(rows)
    }

    /// The same, to be changed.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let [rows, columns] = self.shape;
        let stride = self.stride();
        self.sums
            .chunks_exact_mut(stride)
            .map(move |row| &mut row[..columns])
            .take(rows)
    }

    /// As a factor of another product.
    pub(crate) fn matrix(&self) -> Matrix<'_> {
        Matrix::padded(&self.sums, self.shape, self.stride())
    }

    fn stride(&self) -> usize {
        (self.bias.len() * PANEL).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_product_one_after_another() {
        let mut product = SmallProduct::default();
        // Larger and smaller ones in turn: nothing of one is left in the next.
        for [rows, inputs, columns] in [
            [65, 16, 65],
            [1, 3, 2],
            [5, 70, 33],
            [4, 8, 16],
            [3, 0, 2],
            [0, 3, 2],
            [2, 3, 0],
            [6, 6, 6],
        ] {
            let numbers = |count: usize, seed: usize| -> Vec<f32> {
                (0..count)
                    .map(|index| ((index * 37 + seed) % 101) as f32 / 50.0 - 1.0)
                    .collect()
            };
            let (left, right) = (numbers(rows * inputs, 3), numbers(inputs * columns, 11));
            let shaped = |values, shape: [usize; 2]| Matrix::padded(values, shape, shape[1]);
            product.multiply(shaped(&left, [rows, inputs]), shaped(&right, [inputs, columns]));
            let found: Vec<Vec<f32>> = product.rows().map(<[f32]>::to_vec).collect();
            if columns > 0 {
                assert_eq!(found.len(), rows);
            }
            for (row, found) in found.iter().enumerate() {
                for (column, found) in found.iter().enumerate() {
                    let exact: f32 = (0..inputs)
                        .map(|input| left[row * inputs + input] * right[input * columns + column])
                        .sum();
                    assert!(
                        (found - exact).abs() < 1e-4,
                        "[{rows}, {inputs}] x [{inputs}, {columns}]: {found} for {exact}"
                    );
                }
            }
        }
    }
}
