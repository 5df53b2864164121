//! The directions that a set of features varies in most: right singular vectors, and how many of them are more than
//! noise (Gavish and Donoho, "The optimal hard threshold for singular values is 4/sqrt(3)", arXiv 1305.5870).

use super::symmetric::decompose;
use super::{add_scaled, dot, invalid, row};
use crate::error::Result;

/// Singular values below this part of the largest are taken as 0: they come from products of rows, whose rounding hides
/// anything smaller.
const NEGLIGIBLE: f64 = 1e-6;

/// Singular values and right singular vectors of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Singular {
    width: usize,
    /// Descending; as many as the smaller of rows and columns.
    values: Vec<f64>,
    /// `[rank, width]`, of the values that aren't 0.
    directions: Vec<f64>,
}

impl Singular {
    /// Of `matrix` `[rows, width]`, row-major, not centred.
    ///
    /// # Errors
    /// [`crate::Error::FeaturesInvalid`] where the matrix is empty, not whole, or not finite.
    pub fn of(matrix: &[f64], width: usize) -> Result<Self> {
        let rows = matrix.len() / width.max(1);
        if rows == 0 || rows * width != matrix.len() {
            return Err(invalid("an empty matrix has no singular values"));
        }
        // The smaller of the two products of the matrix with its transpose.
        let by_rows = rows <= width;
        let size = rows.min(width);
        let product = if by_rows {
            product_of_rows(matrix, width)
        } else {
            product_of_columns(matrix, width)
        };
        let eigen = decompose(product, size).ok_or_else(|| invalid("the text features are not finite numbers"))?;
        let values: Vec<f64> = eigen.values.iter().rev().map(|value| value.max(0.0).sqrt()).collect();
        let least = values.first().copied().unwrap_or_default() * NEGLIGIBLE;
        let rank = values.iter().filter(|&&value| value > least).count();
        let mut directions = Vec::with_capacity(rank * width);
        for (index, value) in values.iter().enumerate().take(rank) {
            let vector = row(&eigen.vectors, size, size - 1 - index);
            if by_rows {
                let mut direction = vec![0.0; width];
                for (row, weight) in matrix.chunks_exact(width).zip(vector) {
                    add_scaled(&mut direction, weight / value, row);
                }
                directions.extend(direction);
            } else {
                directions.extend(vector);
            }
        }
        Ok(Self {
            width,
            values,
            directions,
        })
    }

    /// The singular values, descending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of singular values that aren't 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.directions.len() / self.width
    }

    /// The first `count` right singular vectors, `[count, width]`, rows of length 1.
    #[must_use]
    pub fn directions(&self, count: usize) -> &[f64] {
        let count = count.min(self.rank());
        self.directions.get(..count * self.width).unwrap_or_default()
    }

    /// How many singular values stand above noise of unknown strength: those larger than `omega(beta)` times their
    /// median, `beta` being the matrix's smaller side by its larger one; at least one. `rows` is the matrix's number of
    /// rows.
    #[must_use]
    pub fn signal_rank(&self, rows: usize) -> usize {
        let (rows, width) = (rows.max(1) as f64, self.width as f64);
        let beta = rows.min(width) / rows.max(width);
        // Section 3, equation (5): within 0.02 of the exact coefficient.
        let omega = 0.56 * beta.powi(3) - 0.95 * beta.powi(2) + 1.82 * beta + 1.43;
        let least = omega * median(&self.values);
        let above = self.values.iter().filter(|&&value| value > least).count();
        above.clamp(1, self.rank().max(1))
    }
}

/// The middle of sorted values; the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(at(half.saturating_sub(1)), at(half))
    } else {
        at(half)
    }
}

/// `M M^T`
fn product_of_rows(matrix: &[f64], width: usize) -> Vec<f64> {
    let rows = matrix.len() / width;
    let mut product = vec![0.0; rows * rows];
    for (i, a) in matrix.chunks_exact(width).enumerate() {
        for (j, b) in matrix.chunks_exact(width).enumerate().take(i + 1) {
            let value = dot(a, b);
            product[i * rows + j] = value;
            product[j * rows + i] = value;
        }
    }
    product
}

/// `M^T M`
fn product_of_columns(matrix: &[f64], width: usize) -> Vec<f64> {
    let mut product = vec![0.0; width * width];
    for row in matrix.chunks_exact(width) {
        for (sums, &factor) in product.chunks_exact_mut(width).zip(row) {
            add_scaled(sums, factor, row);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, width: usize) -> Vec<f64> {
        (0..rows * width)
            .map(|index| (index as f64 * 0.7).sin() + (index as f64 * 0.013).cos())
            .collect()
    }

    /// `|M v|` is the singular value, and the vectors are orthonormal, whichever side is longer.
    #[test]
    fn vectors_are_orthonormal_and_belong_to_their_values() {
        for (rows, width) in [(5, 12), (12, 5), (6, 6), (1, 4)] {
            let matrix = matrix(rows, width);
            let singular = Singular::of(&matrix, width).unwrap();
            assert_eq!(singular.values().len(), rows.min(width));
            let directions = singular.directions(usize::MAX);
            for (index, direction) in directions.chunks_exact(width).enumerate() {
                let image: Vec<f64> = matrix.chunks_exact(width).map(|row| dot(row, direction)).collect();
                assert!((dot(&image, &image).sqrt() - singular.values()[index]).abs() < 1e-7);
                for (other, second) in directions.chunks_exact(width).enumerate() {
                    let expected = if other == index { 1.0 } else { 0.0 };
                    assert!(
                        (dot(direction, second) - expected).abs() < 1e-6,
                        "{rows} {width} {index} {other}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_diagonal_matrix_shows_its_values() {
        let singular = Singular::of(&[0.0, 3.0, 0.0, 0.5, 0.0, 0.0], 3).unwrap();
        assert!((singular.values()[0] - 3.0).abs() < 1e-12 && (singular.values()[1] - 0.5).abs() < 1e-12);
        assert!((singular.directions(1)[1].abs() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_rows_have_one_direction() {
        let singular = Singular::of(&[0.6, 0.8, 0.6, 0.8, 0.6, 0.8], 2).unwrap();
        assert_eq!((singular.rank(), singular.signal_rank(3)), (1, 1));
        assert_eq!(singular.directions(5).len(), 2);
    }

    /// The threshold for a square matrix is 2.858 times the median (table 1 of the paper).
    #[test]
    fn what_is_below_the_threshold_is_noise() {
        let diagonal = |values: &[f64]| {
            let n = values.len();
            let mut matrix = vec![0.0; n * n];
            for (index, value) in values.iter().enumerate() {
                matrix[index * n + index] = *value;
            }
            Singular::of(&matrix, n).unwrap().signal_rank(n)
        };
        assert_eq!(diagonal(&[9.0, 2.9, 1.0, 1.0, 0.5]), 2);
        assert_eq!(diagonal(&[9.0, 2.8, 1.0, 1.0, 0.5]), 1);
        assert_eq!(diagonal(&[1.0, 1.0, 1.0]), 1, "at least one");
    }
}
