//! Products of matrices on the CPU device: each side is brought into the order in which the innermost loop reads it. A packed matrix, unpacked for this one
//! product, comes in that order for nothing.
//!
//! In the browser the tensor library's own product reaches 22 to 25 billion operations a second in Chromium where this one reaches 32 to 34
//! (one thread, `[1040, 192]` times `[192, 768]`): the innermost loop keeps eight vectors of sums, two of weights and one of inputs, which is
//! what the sixteen registers of x86 hold. Where the browser can multiply and add in one instruction, [`use_kernel`] puts that in: 46 to 48
//! billion. A module that has this instruction is refused by a browser that hasn't, all of it; so it can't be in this one.
//!
//! Natively `x86.rs` has the loops for processors with AVX2; on others the library's product is the faster one ([`is_fast`]).

mod baseline;
mod matrix;
mod small;
mod tensors;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
use std::ops::Range;
use std::sync::OnceLock;

use self::matrix::Matrix;
pub(crate) use self::small::SmallProduct;
pub(crate) use self::tensors::{Stack, rows_by_matrix, rows_by_panels, stacks, without_flips};
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86::Avx2;
use crate::flex::for_each_part;

/// Columns of a panel: two vectors in the browser, one natively.
pub const PANEL: usize = 8;
/// Rows whose sums the innermost loop keeps.
pub const TILE: usize = 4;
/// Tiles of rows that go through all panels before the next ones do, so that they stay in the cache.
const TILES: usize = if cfg!(target_family = "wasm") { 8 } else { 64 };
/// A matrix has a multiple of so many columns in its panels: natively the inner loops take two at once.
pub const COLUMNS: usize = if cfg!(target_family = "wasm") { PANEL } else { 2 * PANEL };

/// The inner loops: for every panel `[inputs, PANEL]` and every tile `[inputs, TILE]`, the products of the tile's rows with the panel's columns, plus
/// the columns' bias, to where `out`, which begins with the first tile's first row, has these rows and columns. There is at least one tile, one panel and one
/// input, and of panels [`COLUMNS`] or a multiple of it.
pub type Kernel =
    fn(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes);

/// Of the matrix in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Its rows.
    pub inputs: usize,
    /// The length of a row of the result.
    pub outputs: usize,
}

static KERNEL: OnceLock<Kernel> = OnceLock::new();

/// Has products go through `kernel` from now on. Only the first call counts.
pub fn use_kernel(kernel: Kernel) {
    KERNEL.get_or_init(|| kernel);
}

/// The best there is: what was put in, else loops for this processor.
#[must_use]
pub fn kernel() -> Kernel {
    let installed = KERNEL.get().copied();
    installed.or_else(of_processor).unwrap_or(baseline::multiply)
}

/// Loops for this processor.
fn of_processor() -> Option<Kernel> {
    #[cfg(target_arch = "x86_64")]
    {
        x86::kernel()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        None
    }
}

/// Whether this product is to be taken rather than the tensor library's: where it is faster, or somebody's kernel was put in. In the browser it always is.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn is_fast() -> bool {
    KERNEL.get().is_some() || of_processor().is_some()
}

/// The matrix on the right side of a product, in panels of [`PANEL`] outputs.
#[derive(Clone, Copy)]
pub(crate) enum Panels<'a> {
    /// One after another, `[inputs, PANEL]` each, as [`Matrix::into_panels`] makes them; what the last ones have too many isn't looked at.
    There(&'a [[f32; PANEL]]),
    /// Made where and when they are needed: they need not go through memory, and are made once for [`TILES`] tiles of rows.
    #[cfg(target_arch = "x86_64")]
    Made(Avx2, &'a dyn Columns),
}

/// A matrix whose columns can be read.
#[cfg(target_arch = "x86_64")]
pub(crate) trait Columns: Sync {
    /// Reads what a column has for these inputs; zeros, where there is no such column. The first input is a multiple of 768, so that blocks of a number
    /// format stay whole.
    fn read(&self, processor: Avx2, column: usize, inputs: Range<usize>, values: &mut [f32]);
}

/// The processor, where it makes panels itself rather than has them made: always, but where somebody's kernel was put in.
#[cfg(target_arch = "x86_64")]
pub(crate) fn makes_panels() -> Option<Avx2> {
    if KERNEL.get().is_some() { None } else { Avx2::here() }
}

/// `[rows, inputs]` times a matrix `[inputs, outputs]`, plus the bias `[outputs]` where there is one: `[rows, outputs]`.
pub(crate) fn multiply(left: Matrix<'_>, panels: Panels<'_>, outputs: usize, bias: Option<&[f32]>) -> Vec<f32> {
    let mut out = vec![0.0; left.rows() * outputs];
    let inputs = left.columns();
    if inputs == 0 || outputs == 0 {
        return out;
    }
    let mut bias_panels = vec![[0.0; PANEL]; outputs.next_multiple_of(COLUMNS) / PANEL];
    for (to, from) in bias_panels.as_flattened_mut().iter_mut().zip(bias.unwrap_or_default()) {
        *to = *from;
    }
    let right = Right {
        panels,
        bias: &bias_panels,
        inputs,
        outputs,
    };
    let taken = rows_at_a_time(left.rows());
    let rooms = <(Room, Vec<f32>)>::default;
    for_each_part(&mut out, outputs * taken, rooms, |part, out, (room, sums)| {
        right.multiply(left.part(part * taken, out.len() / outputs), out, room, sums);
    });
    out
}

/// How many rows go through all panels before the next ones do.
fn rows_at_a_time(rows: usize) -> usize {
    #[cfg(target_family = "wasm")]
    {
        let _ = rows;
        TILE * TILES
    }
    #[cfg(not(target_family = "wasm"))]
    rows_for_threads(rows, rayon::current_num_threads())
}

/// Whole tiles, at most [`TILES`], so many that each thread gets about the same.
#[cfg(not(target_family = "wasm"))]
fn rows_for_threads(rows: usize, threads: usize) -> usize {
    let parts = rows.div_ceil(TILE * TILES).next_multiple_of(threads.max(1));
    rows.div_ceil(parts.max(1)).next_multiple_of(TILE).max(TILE)
}

/// What is on the right side of a product, and its columns' bias.
#[derive(Clone, Copy)]
struct Right<'a> {
    panels: Panels<'a>,
    bias: &'a [[f32; PANEL]],
    inputs: usize,
    /// Those that there are: panels may have more.
    outputs: usize,
}

/// Of a thread, for what goes into one product after another.
#[derive(Debug, Default)]
struct Room {
    tiles: Vec<[f32; TILE]>,
    #[cfg(target_arch = "x86_64")]
    made: x86::Room,
}

impl Right<'_> {
    /// The products of these rows, `[rows, outputs]`, to `out`; by way of `sums`, where they are no whole tiles and panels.
    fn multiply(self, rows: Matrix<'_>, out: &mut [f32], room: &mut Room, sums: &mut Vec<f32>) {
        let outputs = self.outputs;
        if rows.rows().is_multiple_of(TILE) && outputs.is_multiple_of(COLUMNS) {
            rows.pack(&mut room.tiles);
            self.run(room, out, outputs);
        } else {
            self.multiply_padded(rows, room, sums);
            for (out, sums) in out.chunks_exact_mut(outputs).zip(sums.chunks_exact(self.stride())) {
                out.copy_from_slice(&sums[..outputs]);
            }
        }
    }

    /// The same to `sums`, in whole tiles and panels: rows of [`Self::stride`] columns.
    fn multiply_padded(self, rows: Matrix<'_>, room: &mut Room, sums: &mut Vec<f32>) {
        rows.pack(&mut room.tiles);
        sums.resize(room.tiles.len() / self.inputs * TILE * self.stride(), 0.0);
        self.run(room, sums, self.stride());
    }

    /// Columns of all panels.
    fn stride(self) -> usize {
        self.bias.len() * PANEL
    }

    /// All tiles in the room by all panels, to rows of so many columns.
    fn run(self, room: &mut Room, out: &mut [f32], columns: usize) {
        let (inputs, tiles) = (self.inputs, &room.tiles);
        let out = &mut out[..tiles.len() / inputs * TILE * columns];
        if tiles.is_empty() {
            return;
        }
        let sizes = Sizes {
            inputs,
            outputs: columns,
        };
        match self.panels {
            // A kernel trusts these lengths.
            Panels::There(panels) => kernel()(tiles, &panels[..self.bias.len() * inputs], self.bias, out, sizes),
            #[cfg(target_arch = "x86_64")]
            Panels::Made(avx2, _) => avx2.multiply(tiles, self.panels, self.bias, out, sizes, &mut room.made),
        }
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
            (5, 1600, 8),
            (300, 5, 48),
        ] {
            let (x, matrix, bias) = (
                numbers(rows * inputs, 3),
                numbers(inputs * outputs, 11),
                numbers(outputs, 29),
            );
            let mut panels = Matrix::dense(&matrix, outputs).into_panels();
            // What the last panels have too many must not matter.
            for (index, value) in panels.as_flattened_mut().iter_mut().enumerate() {
                if index / (inputs * PANEL) * PANEL + index % PANEL >= outputs {
                    *value = f32::NAN;
                }
            }
            let left = Matrix::dense(&x, inputs);
            let with_bias = multiply(left, Panels::There(&panels), outputs, Some(&bias));
            let without = multiply(left, Panels::There(&panels), outputs, None);
            assert_eq!(with_bias.len(), rows * outputs);
            for row in 0..rows {
                for output in 0..outputs {
                    let exact: f64 = (0..inputs)
                        .map(|input| f64::from(x[row * inputs + input]) * f64::from(matrix[input * outputs + output]))
                        .sum();
                    let place = row * outputs + output;
                    for (found, exact) in [
                        (without[place], exact),
                        (with_bias[place], exact + f64::from(bias[output])),
                    ] {
                        assert!(
                            (f64::from(found) - exact).abs() < 1e-4,
                            "[{rows}, {inputs}] x [{inputs}, {outputs}] at {row}, {output}: {found} for {exact}"
                        );
                    }
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn panels_that_are_made_are_those_that_would_be_there() {
        /// A matrix `[inputs, outputs]`, and how long its rows are.
        struct Dense<'a>(&'a [f32], usize);
        impl Columns for Dense<'_> {
            fn read(&self, _: Avx2, column: usize, inputs: Range<usize>, values: &mut [f32]) {
                assert_eq!(inputs.len(), values.len());
                for (value, input) in values.iter_mut().zip(inputs) {
                    let row = &self.0[input * self.1..][..self.1];
                    *value = row.get(column).copied().unwrap_or_default();
                }
            }
        }
        // Any x86 processor since 2015 has it.
        let avx2 = Avx2::here().unwrap();
        // Less than a block of inputs, more than one, and such as are no whole number of vectors.
        for (rows, inputs, outputs) in [(1, 1, 1), (5, 19, 48), (130, 768, 20), (9, 1603, 40), (600, 7, 5)] {
            let (x, matrix, bias) = (
                numbers(rows * inputs, 3),
                numbers(inputs * outputs, 11),
                numbers(outputs, 29),
            );
            let dense = Dense(&matrix, outputs);
            let panels = Matrix::dense(&matrix, outputs).into_panels();
            let by = |panels| multiply(Matrix::dense(&x, inputs), panels, outputs, Some(&bias));
            assert_eq!(
                by(Panels::Made(avx2, &dense)),
                by(Panels::There(&panels)),
                "[{rows}, {inputs}] x [{inputs}, {outputs}]"
            );
        }
    }

    #[test]
    fn every_kernel_gives_the_same() {
        let (inputs, outputs) = (500, 48);
        let (x, matrix) = (numbers(20 * inputs, 3), numbers(inputs * outputs, 11));
        let (mut tiles, panels) = (Vec::new(), Matrix::dense(&matrix, outputs).into_panels());
        Matrix::dense(&x, inputs).pack(&mut tiles);
        let bias = vec![[0.5; PANEL]; outputs / PANEL];
        let by = |kernel: Kernel| {
            let mut out = vec![f32::NAN; 20 * outputs];
            kernel(&tiles, &panels, &bias, &mut out, Sizes { inputs, outputs });
            out
        };
        for (best, baseline) in by(kernel()).into_iter().zip(by(baseline::multiply)) {
            assert!((best - baseline).abs() < 1e-4, "{best} for {baseline}");
        }
    }

    #[test]
    fn threads_get_whole_tiles_and_about_the_same() {
        for (rows, threads, expected) in [
            (1, 2, 4),
            (8, 2, 4),
            (64, 2, 32),
            (520, 2, 132),
            (520, 3, 176),
            (520, 1, 176),
            (10_000, 2, 252),
        ] {
            assert_eq!(
                rows_for_threads(rows, threads),
                expected,
                "{rows} rows for {threads} threads"
            );
        }
    }

    #[test]
    fn nothing_times_something_is_nothing() {
        let nothing = Matrix::dense(&[], 1);
        assert!(multiply(nothing, Panels::There(&[[1.0; PANEL]; 2]), 1, Some(&[0.5])).is_empty());
        assert!(multiply(Matrix::dense(&[1.0], 1), Panels::There(&[]), 0, None).is_empty());
    }
}
