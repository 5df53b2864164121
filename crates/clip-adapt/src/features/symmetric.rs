//! Eigenvalues and eigenvectors of a real symmetric matrix: Householder's reduction to tridiagonal form, then QL steps
//! with implicit shifts (Golub and Van Loan, Matrix Computations, section 8.3).

use super::{add_scaled, dot};

/// QL steps for one eigenvalue; two or three are usual.
const MOST_STEPS: usize = 64;

/// What a symmetric matrix is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// Ascending.
    pub values: Vec<f64>,
    /// `[n, n]`, row-major: row `i` is the unit eigenvector of value `i`.
    pub vectors: Vec<f64>,
}

/// Decomposes the symmetric `matrix` `[n, n]`, row-major; `None` where it isn't square or holds what is no finite number.
#[must_use]
pub fn decompose(mut matrix: Vec<f64>, n: usize) -> Option<Eigen> {
    if matrix.len() != n * n || matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut vectors = identity(n);
    let (mut diagonal, mut beside) = tridiagonalise(&mut matrix, &mut vectors, n);
    // Of the whole matrix: beside two values that are nothing but rounding, nothing gets smaller than rounding either.
    let values = diagonal.iter().chain(&beside);
    let negligible = f64::EPSILON * values.fold(0.0, |size, value| value.abs().max(size));
    for first in 0..n {
        diagonalise(first, &mut diagonal, &mut beside, &mut vectors, negligible)?;
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| diagonal[a].total_cmp(&diagonal[b]));
    Some(Eigen {
        values: order.iter().map(|&index| diagonal[index]).collect(),
        vectors: order
            .iter()
            .flat_map(|&index| super::row(&vectors, n, index))
            .copied()
            .collect(),
    })
}

fn identity(n: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    matrix.iter_mut().step_by(n + 1).for_each(|value| *value = 1.0);
    matrix
}

/// Reflections from both sides, one for each column, that leave the diagonal and what is beside it; applied to the rows
/// of `vectors` too.
fn tridiagonalise(matrix: &mut [f64], vectors: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; n];
    let (mut projected, mut moved) = (vec![0.0; n], vec![0.0; n]);
    for column in 0..n.saturating_sub(1) {
        let rest = column + 1;
        let mut reflector = matrix[column * n + rest..rest * n].to_vec();
        let length = dot(&reflector, &reflector).sqrt();
        let below: f64 = reflector.iter().skip(1).map(|value| value * value).sum();
        if below <= 0.0 {
            beside[column] = reflector[0];
            continue;
        }
        // The sign that doesn't cancel.
        beside[column] = -length.copysign(reflector[0]);
        reflector[0] -= beside[column];
        let factor = 2.0 / dot(&reflector, &reflector);
        for (row, projected) in (rest..n).zip(&mut projected) {
            *projected = factor * dot(&matrix[row * n + rest..(row + 1) * n], &reflector);
        }
        let along = factor / 2.0 * dot(&projected[..n - rest], &reflector);
        add_scaled(&mut projected[..n - rest], -along, &reflector);
        for (index, row) in (rest..n).enumerate() {
            let row = &mut matrix[row * n + rest..(row + 1) * n];
            add_scaled(row, -reflector[index], &projected[..n - rest]);
            add_scaled(row, -projected[index], &reflector);
        }
        moved.fill(0.0);
        for (row, value) in (rest..n).zip(&reflector) {
            add_scaled(&mut moved, factor * value, &vectors[row * n..(row + 1) * n]);
        }
        for (row, value) in (rest..n).zip(&reflector) {
            add_scaled(&mut vectors[row * n..(row + 1) * n], -value, &moved);
        }
    }
    (matrix.iter().step_by(n + 1).copied().collect(), beside)
}

/// Turns until nothing more than `negligible` stands beside value `first` of the tridiagonal matrix; `None` if that doesn't come about.
fn diagonalise(
    first: usize,
    diagonal: &mut [f64],
    beside: &mut [f64],
    vectors: &mut [f64],
    negligible: f64,
) -> Option<()> {
    let n = diagonal.len();
    for _ in 0..MOST_STEPS {
        // The block from `first` to `last` is the one that isn't split yet.
        let last = (first..n - 1)
            .find(|&index| beside[index].abs() <= negligible)
            .unwrap_or(n - 1);
        if last == first {
            return Some(());
        }
        let slope = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
        let shift = beside[first] / (slope + slope.hypot(1.0).copysign(slope));
        let mut bulge = diagonal[last] - diagonal[first] + shift;
        let (mut sine, mut cosine, mut carried) = (1.0, 1.0, 0.0);
        let mut split = false;
        for index in (first..last).rev() {
            let (turned, kept) = (sine * beside[index], cosine * beside[index]);
            let length = turned.hypot(bulge);
            beside[index + 1] = length;
            if length <= 0.0 {
                diagonal[index + 1] -= carried;
                beside[last] = 0.0;
                split = true;
                break;
            }
            (sine, cosine) = (turned / length, bulge / length);
            let next = diagonal[index + 1] - carried;
            let mixed = (diagonal[index] - next) * sine + 2.0 * cosine * kept;
            carried = sine * mixed;
            diagonal[index + 1] = next + carried;
            bulge = cosine * mixed - kept;
            let (low, high) = vectors[index * n..(index + 2) * n].split_at_mut(n);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (cosine * *low - sine * *high, sine * *low + cosine * *high);
            }
        }
        if !split {
            diagonal[first] -= carried;
            beside[first] = bulge;
            beside[last] = 0.0;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix without structure.
    fn matrix(n: usize) -> Vec<f64> {
        let value = |i: usize, j: usize| ((i * j) as f64 * 0.37 + (i + j) as f64).sin();
        (0..n * n).map(|index| value(index / n, index % n)).collect()
    }

    fn check(matrix: &[f64], n: usize) {
        let Eigen { values, vectors } = decompose(matrix.to_vec(), n).unwrap();
        let size = matrix.iter().fold(1.0_f64, |size, value| size.max(value.abs())) * n as f64;
        assert!(values.is_sorted());
        for (index, vector) in vectors.chunks_exact(n).enumerate() {
            for (row, component) in matrix.chunks_exact(n).zip(vector) {
                assert!(
                    (dot(row, vector) - values[index] * component).abs() < 1e-14 * size,
                    "{n}: {index}"
                );
            }
            for (other, second) in vectors.chunks_exact(n).enumerate() {
                let expected = if other == index { 1.0 } else { 0.0 };
                assert!((dot(vector, second) - expected).abs() < 1e-13 * n as f64);
            }
        }
    }

    #[test]
    fn vectors_are_orthonormal_and_belong_to_their_values() {
        for n in [1, 2, 3, 7, 40, 131] {
            check(&matrix(n), n);
        }
    }

    #[test]
    fn the_values_of_a_path_are_known() {
        // 2 on the diagonal, -1 beside it: 2 - 2 cos(k pi / (n + 1)).
        let n = 9;
        let mut path = vec![0.0; n * n];
        for i in 0..n {
            path[i * n + i] = 2.0;
            if i + 1 < n {
                path[i * n + i + 1] = -1.0;
                path[(i + 1) * n + i] = -1.0;
            }
        }
        check(&path, n);
        for (k, value) in decompose(path, n).unwrap().values.into_iter().enumerate() {
            let angle = (k + 1) as f64 * std::f64::consts::PI / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-13);
        }
    }

    #[test]
    fn equal_values_and_zeros_are_no_difficulty() {
        check(&[0.0; 25], 5);
        check(&identity(6), 6);
        check(&[1.0; 49], 7);
        check(&[1e-140, 0.0, 0.0, 1e140], 2);
        assert!(decompose(Vec::new(), 0).unwrap().values.is_empty());
    }

    /// As that of more labels than a narrow text tower can tell apart: dozens of values that are nothing but rounding.
    #[test]
    fn a_matrix_of_low_rank_is_no_difficulty() {
        let (n, rank) = (200, 60);
        let factor: Vec<f64> = (0..n * rank)
            .map(|index| ((index * index) as f64 * 0.37).sin())
            .collect();
        let rows: Vec<&[f64]> = factor.chunks_exact(rank).collect();
        let product: Vec<f64> = (0..n * n).map(|index| dot(rows[index / n], rows[index % n])).collect();
        check(&product, n);
    }

    #[test]
    fn what_is_no_matrix_of_numbers_is_refused() {
        assert!(decompose(vec![1.0; 3], 2).is_none());
        assert!(decompose(vec![f64::NAN, 0.0, 0.0, 1.0], 2).is_none());
    }
}
