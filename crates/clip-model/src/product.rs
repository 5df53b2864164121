//! Rows times a matrix that lies in the order in which the innermost loop reads it: unpacked for this one product, it can be brought into any order for nothing.
//!
//! In the browser the tensor library's own product reaches 22 to 25 billion operations a second in Chromium where this one reaches 32 to 34
//! (one thread, `[1040, 192]` times `[192, 768]`): the innermost loop keeps eight vectors of sums, two of weights and one of inputs, which is
//! what the sixteen registers of x86 hold. Where the browser can multiply and add in one instruction, [`use_kernel`] puts that in: 46 to 48
//! billion. A module that has this instruction is refused by a browser that hasn't, all of it; so it can't be in this one.
//!
//! Natively `x86.rs` has the loops for processors with AVX2; on others the library's product is the faster one ([`is_fast`]).

#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

/// Columns of a panel: two vectors in the browser, one natively.
pub const PANEL: usize = 8;
/// Rows whose sums the innermost loop keeps.
pub const TILE: usize = 4;
/// Tiles of rows that go through all panels before the next ones do, so that they stay in the cache.
const TILES: usize = if cfg!(target_family = "wasm") { 8 } else { 32 };
/// A kernel gets a multiple of so many panels.
const PANELS_AT_ONCE: usize = if cfg!(target_family = "wasm") { 1 } else { 2 };

/// What may take the place of the inner loops: for every panel `[inputs, PANEL]` and every tile `[inputs, TILE]`, the products of the tile's rows with the panel's columns, plus
/// the columns' bias, to where `out`, which begins with the first tile's first row, has these rows and columns.
pub type Kernel =
    fn(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes);

/// Of the matrix in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Its rows.
    pub inputs: usize,
    /// Its columns: the length of a row of the result.
    pub outputs: usize,
}

static KERNEL: OnceLock<Kernel> = OnceLock::new();

/// Has products go through `kernel` from now on. Only the first call counts.
pub fn use_kernel(kernel: Kernel) {
    KERNEL.get_or_init(|| kernel);
}

fn kernel() -> Option<Kernel> {
    #[cfg(target_arch = "x86_64")]
    if KERNEL.get().is_none() {
        return x86::kernel();
    }
    KERNEL.get().copied()
}

/// Whether this product is faster than the tensor library's; in the browser it always is.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn is_fast() -> bool {
    kernel().is_some()
}

/// `[rows, inputs]` times a matrix `[inputs, outputs]`, plus the bias `[outputs]`: `[rows, outputs]`.
///
/// The matrix lies in panels of [`PANEL`] outputs, one after another, `[inputs, PANEL]` each; what the last one has too many
/// isn't looked at.
pub(crate) fn rows_by_panels(rows: &[f32], panels: &[f32], bias: &[f32], inputs: usize) -> Vec<f32> {
    let outputs = bias.len();
    if inputs == 0 || outputs == 0 {
        return Vec::new();
    }
    let count = rows.len() / inputs;
    let mut out = vec![0.0; count * outputs];
    let (panels, _) = panels.as_chunks::<PANEL>();
    let sizes = Sizes { inputs, outputs };
    #[cfg(target_family = "wasm")]
    {
        let mut tiles = vec![[0.0; TILE]; inputs * TILES];
        for (rows, out) in rows
            .chunks(inputs * TILE * TILES)
            .zip(out.chunks_mut(outputs * TILE * TILES))
        {
            multiply_rows(rows, panels, bias, out, sizes, &mut tiles);
        }
    }
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        let taken = rows_at_a_time(count, rayon::current_num_threads());
        rows.par_chunks(inputs * taken)
            .zip(out.par_chunks_mut(outputs * taken))
            .for_each_init(
                || vec![[0.0; TILE]; inputs * taken.div_ceil(TILE)],
                |tiles, (rows, out)| multiply_rows(rows, panels, bias, out, sizes, tiles),
            );
    }
    out
}

/// Whole tiles, at most [`TILES`], so many that each thread gets about the same.
#[cfg(any(not(target_family = "wasm"), test))]
fn rows_at_a_time(rows: usize, threads: usize) -> usize {
    let parts = rows.div_ceil(TILE * TILES).next_multiple_of(threads.max(1));
    rows.div_ceil(parts.max(1)).next_multiple_of(TILE).max(TILE)
}

/// Some of the rows. `tiles` has room for them.
fn multiply_rows(
    rows: &[f32],
    panels: &[[f32; PANEL]],
    bias: &[f32],
    out: &mut [f32],
    sizes: Sizes,
    tiles: &mut [[f32; TILE]],
) {
    let Sizes { inputs, outputs } = sizes;
    interleave(rows, tiles, inputs);
    let done = kernel().map_or([0, 0], |kernel| run(kernel, tiles, panels, bias, out, sizes));
    for (panel, (weights, bias)) in panels.chunks_exact(inputs).zip(bias.chunks(PANEL)).enumerate() {
        let first = if panel < done[1] { done[0] } else { 0 };
        let tiles = tiles.chunks_exact(inputs).skip(first);
        for (tile, out) in tiles.zip(out.chunks_mut(outputs * TILE).skip(first)) {
            let sums = multiply(tile, weights, bias);
            for (out, sums) in out.chunks_exact_mut(outputs).zip(&sums) {
                write(&mut out[panel * PANEL..], sums);
            }
        }
    }
}

/// Has the kernel compute all that is whole, and says how many tiles and panels that is.
fn run(
    kernel: Kernel,
    tiles: &[[f32; TILE]],
    panels: &[[f32; PANEL]],
    bias: &[f32],
    out: &mut [f32],
    sizes: Sizes,
) -> [usize; 2] {
    let Sizes { inputs, outputs } = sizes;
    let whole_tiles = out.len() / outputs / TILE;
    let (bias, _) = bias.as_chunks::<PANEL>();
    let bias = &bias[..bias.len() / PANELS_AT_ONCE * PANELS_AT_ONCE];
    let (Some(tiles), Some(panels)) = (tiles.get(..whole_tiles * inputs), panels.get(..bias.len() * inputs)) else {
        return [0, 0];
    };
    if !tiles.is_empty() && !panels.is_empty() {
        kernel(tiles, panels, bias, out, sizes);
    }
    [whole_tiles, bias.len()]
}

/// Brings rows `[rows, inputs]` into tiles `[inputs, TILE]`. Where a tile has fewer rows, what was there before stays, and its sums are not
/// read.
fn interleave(rows: &[f32], tiles: &mut [[f32; TILE]], inputs: usize) {
    for (tile, rows) in tiles.chunks_exact_mut(inputs).zip(rows.chunks(inputs * TILE)) {
        for (index, row) in rows.chunks_exact(inputs).enumerate() {
            for (to, from) in tile.iter_mut().zip(row) {
                to[index] = *from;
            }
        }
    }
}

/// A tile's sums over its inputs.
#[inline(always)]
fn multiply(tile: &[[f32; TILE]], weights: &[[f32; PANEL]], bias: &[f32]) -> [[f32; PANEL]; TILE] {
    let mut first = [0.0; PANEL];
    for (first, bias) in first.iter_mut().zip(bias) {
        *first = *bias;
    }
    let mut sums = [vectors(first); TILE];
    for (inputs, weights) in tile.iter().zip(weights) {
        let [left, right] = vectors(*weights);
        for (sums, &input) in sums.iter_mut().zip(inputs) {
            let input = vector::splat(input);
            sums[0] = vector::add_product(sums[0], input, left);
            sums[1] = vector::add_product(sums[1], input, right);
        }
    }
    sums.map(|[left, right]| {
        let ([a, b, c, d], [e, f, g, h]) = (vector::values(left), vector::values(right));
        [a, b, c, d, e, f, g, h]
    })
}

#[inline(always)]
fn vectors([a, b, c, d, e, f, g, h]: [f32; PANEL]) -> [vector::Vector; 2] {
    [vector::of([a, b, c, d]), vector::of([e, f, g, h])]
}

/// Writes the sums of one row to where they belong, fewer at the end of a row.
#[inline(always)]
fn write(out: &mut [f32], sums: &[f32; PANEL]) {
    match out.first_chunk_mut::<PANEL>() {
        Some(out) => *out = *sums,
        None => {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = *sum;
            }
        }
    }
}

/// Four numbers side by side. Left to themselves, compilers make the loop above of the same instructions in an order that takes half as
/// long again.
#[cfg(target_family = "wasm")]
mod vector {
    use core::arch::wasm32::{f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, v128};

    pub(super) type Vector = v128;

    #[inline(always)]
    pub(super) fn of([a, b, c, d]: [f32; 4]) -> Vector {
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    pub(super) fn splat(value: f32) -> Vector {
        f32x4_splat(value)
    }

    #[inline(always)]
    pub(super) fn add_product(sum: Vector, a: Vector, b: Vector) -> Vector {
        f32x4_add(sum, f32x4_mul(a, b))
    }

    #[inline(always)]
    pub(super) fn values(vector: Vector) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(vector),
            f32x4_extract_lane::<1>(vector),
            f32x4_extract_lane::<2>(vector),
            f32x4_extract_lane::<3>(vector),
        ]
    }
}

/// The same for what a kernel leaves over, and for the tests.
#[cfg(not(target_family = "wasm"))]
mod vector {
    pub(super) type Vector = [f32; 4];

    pub(super) fn of(values: [f32; 4]) -> Vector {
        values
    }

    pub(super) fn splat(value: f32) -> Vector {
        [value; 4]
    }

    pub(super) fn add_product(sum: Vector, a: Vector, b: Vector) -> Vector {
        std::array::from_fn(|lane| sum[lane] + a[lane] * b[lane])
    }

    pub(super) fn values(vector: Vector) -> [f32; 4] {
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|index| ((index * 37 + seed) % 101) as f32 / 50.0 - 1.0)
            .collect()
    }

    /// Row-major `[inputs, outputs]` to panels.
    fn panels(matrix: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
        let mut panels = Vec::new();
        for first in (0..outputs).step_by(PANEL) {
            for input in 0..inputs {
                panels.extend((first..first + PANEL).map(|output| {
                    // What the last panel has too many must not matter.
                    if output < outputs {
                        matrix[input * outputs + output]
                    } else {
                        f32::NAN
                    }
                }));
            }
        }
        panels
    }

    #[test]
    fn it_is_the_product_for_any_number_of_rows_and_columns() {
        for (rows, inputs, outputs) in [
            (1, 1, 1),
            (3, 5, 7),
            (4, 8, 8),
            (33, 16, 24),
            (65, 192, 20),
            (130, 7, 192),
            (9, 800, 40),
            (300, 5, 48),
        ] {
            let (x, matrix, bias) = (
                numbers(rows * inputs, 3),
                numbers(inputs * outputs, 11),
                numbers(outputs, 29),
            );
            let product = rows_by_panels(&x, &panels(&matrix, inputs, outputs), &bias, inputs);
            assert_eq!(product.len(), rows * outputs);
            for row in 0..rows {
                for output in 0..outputs {
                    let exact: f64 = (0..inputs)
                        .map(|input| f64::from(x[row * inputs + input]) * f64::from(matrix[input * outputs + output]))
                        .sum::<f64>()
                        + f64::from(bias[output]);
                    let found = f64::from(product[row * outputs + output]);
                    assert!(
                        (found - exact).abs() < 1e-4,
                        "[{rows}, {inputs}] x [{inputs}, {outputs}] at {row}, {output}: {found} for {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_kernel_gets_what_is_whole() {
        /// Nothing but what it is asked for, in a way that shows.
        fn marks(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes) {
            let Sizes { inputs, outputs } = sizes;
            assert_eq!(panels.len(), bias.len() * inputs);
            for row in 0..tiles.len() / inputs * TILE {
                out[row * outputs..][..bias.len() * PANEL].fill(7.0);
            }
        }
        let (inputs, outputs) = (3, 20);
        let tiles = vec![[1.0; TILE]; inputs * TILES];
        let panels = vec![[1.0; PANEL]; inputs * 3];
        let mut out = vec![0.0; 10 * outputs];
        let done = run(marks, &tiles, &panels, &[0.0; 20], &mut out, Sizes { inputs, outputs });
        assert_eq!(done, [2, 2], "of ten rows two tiles, of twenty columns two panels");
        let mut fewer = vec![0.0; 10 * 12];
        let done = run(
            marks,
            &tiles,
            &panels,
            &[0.0; 12],
            &mut fewer,
            Sizes { inputs, outputs: 12 },
        );
        assert_eq!(done[1] % PANELS_AT_ONCE, 0, "as many panels as it takes at once");
        for (index, value) in out.iter().enumerate() {
            let is_whole = index / outputs < 8 && index % outputs < 16;
            assert_eq!(*value > 0.0, is_whole, "{index}");
        }
    }

    #[test]
    fn threads_get_whole_tiles_and_about_the_same() {
        for (rows, threads, expected) in [
            (1, 2, 4),
            (8, 2, 4),
            (64, 2, 32),
            (520, 2, 88),
            (520, 3, 88),
            (520, 1, 104),
            (10_000, 2, 128),
        ] {
            assert_eq!(
                rows_at_a_time(rows, threads),
                expected,
                "{rows} rows for {threads} threads"
            );
        }
    }

    #[test]
    fn nothing_times_something_is_nothing() {
        assert!(rows_by_panels(&[], &[1.0; PANEL], &[0.5], 1).is_empty());
        assert!(rows_by_panels(&[1.0], &[], &[], 1).is_empty());
    }
}
