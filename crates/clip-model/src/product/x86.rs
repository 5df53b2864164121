//! The loops of the product with vectors of eight numbers, and with a multiplication and an addition in one instruction.
//!
//! Four rows and two panels are eight vectors of sums, which is what it takes to keep two units busy that need four cycles each. One
//! thread reaches 57 to 69 billion operations a second with the sizes of CLIP's towers, PyTorch's product 51 to 79 (an EPYC processor with other work
//! on its second core, in turns).

use core::arch::x86_64::{__m256, _mm256_fmadd_ps, _mm256_set1_ps};

use super::{Kernel, PANEL, Sizes, TILE};

/// Inputs that are summed up before the next ones are looked at: so much of two panels stays in the nearest cache.
const BLOCK: usize = 384;
/// Columns of two panels.
const COLUMNS: usize = 2 * PANEL;

/// What this processor can do.
pub(super) fn kernel() -> Option<Kernel> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(run as Kernel)
}

#[allow(unsafe_code, reason = "calls a function for processors that have been looked at")]
fn run(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes) {
    // SAFETY: the function asks for nothing but AVX2 and FMA, and nobody gets this one but from `kernel`, which has found both.
    unsafe { multiply(tiles, panels, bias, out, sizes) }
}

/// As [`Kernel`] says, for an even number of panels.
#[target_feature(enable = "avx2,fma")]
fn multiply(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes) {
    let Sizes { inputs, outputs } = sizes;
    for first in (0..inputs).step_by(BLOCK) {
        let block = first..inputs.min(first + BLOCK);
        let pairs = panels.chunks_exact(2 * inputs).zip(bias.chunks_exact(2));
        for (pair, (panels, bias)) in pairs.enumerate() {
            let (left, right) = panels.split_at(inputs);
            let (left, right) = (&left[block.clone()], &right[block.clone()]);
            let column = pair * COLUMNS;
            for (tile, rows) in tiles.chunks_exact(inputs).zip(out.chunks_exact_mut(TILE * outputs)) {
                let mut sums = [[vector(bias[0]), vector(bias[1])]; TILE];
                if first > 0 {
                    for (sums, row) in sums.iter_mut().zip(rows.chunks_exact(outputs)) {
                        for (sum, values) in sums
                            .iter_mut()
                            .zip(row[column..column + COLUMNS].as_chunks::<PANEL>().0)
                        {
                            *sum = vector(*values);
                        }
                    }
                }
                for ((inputs, left), right) in tile[block.clone()].iter().zip(left).zip(right) {
                    let (left, right) = (vector(*left), vector(*right));
                    for (sums, &input) in sums.iter_mut().zip(inputs) {
                        let input = _mm256_set1_ps(input);
                        sums[0] = _mm256_fmadd_ps(input, left, sums[0]);
                        sums[1] = _mm256_fmadd_ps(input, right, sums[1]);
                    }
                }
                for (sums, row) in sums.iter().zip(rows.chunks_exact_mut(outputs)) {
                    let (values, _) = row[column..column + COLUMNS].as_chunks_mut::<PANEL>();
                    for (values, sum) in values.iter_mut().zip(sums) {
                        *values = bytemuck::cast(*sum);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn vector(values: [f32; PANEL]) -> __m256 {
    bytemuck::cast(values)
}
