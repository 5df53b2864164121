//! The loops of the product with vectors of eight numbers, and with a multiplication and an addition in one instruction.
//!
//! Four rows and two panels are eight vectors of sums, which is what it takes to keep two units busy that need four cycles each: with
//! matrices that stay in the second cache these loops reach what the units can do.

use core::arch::x86_64::{
    __m256, _MM_HINT_T0, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps, _mm256_permute2f128_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};
use std::ops::Range;

use super::{Columns, Kernel, PANEL, Panels, Sizes, TILE};

/// Inputs that are summed up before the next ones are looked at. So much of two panels stays in the second cache, from where it comes fast enough; half of it would
/// stay in the nearest, but sums then go to memory and back more often, which takes longer.
const BLOCK: usize = 768;
/// Columns of two panels.
const COLUMNS: usize = 2 * PANEL;

/// A processor with AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// This one, where it has both.
    pub(crate) fn here() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// Does something with the vectors of this processor, as far as the compiler puts it in here.
    #[inline]
    #[allow(unsafe_code, reason = "calls a function for processors that have been looked at")]
    pub(crate) fn vectorised(self, work: impl FnOnce()) {
        #[target_feature(enable = "avx2,fma")]
        fn inside(work: impl FnOnce()) {
            work();
        }
        // SAFETY: as in `multiply`.
        unsafe { inside(work) }
    }

    /// As [`Kernel`] says, with panels that are made while they are needed, if they aren't there. What is in `room` doesn't matter.
    #[allow(unsafe_code, reason = "calls a function for processors that have been looked at")]
    pub(super) fn multiply(
        self,
        tiles: &[[f32; TILE]],
        panels: Panels<'_>,
        bias: &[[f32; PANEL]],
        out: &mut [f32],
        sizes: Sizes,
        room: &mut Room,
    ) {
        // SAFETY: the function asks for nothing but AVX2 and FMA, and nobody has an `Avx2` but from `here`, which has found both.
        unsafe { multiply(tiles, panels, bias, out, sizes, room) }
    }
}

/// What this processor can do.
pub(super) fn kernel() -> Option<Kernel> {
    Avx2::here().map(|_| run as Kernel)
}

fn run(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes) {
    if let Some(avx2) = Avx2::here() {
        avx2.multiply(tiles, Panels::There(panels), bias, out, sizes, &mut Room::default());
    }
}

/// Of a thread, for the panels that it makes.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Of eight columns, one after another.
    columns: Vec<f32>,
    /// A block of two panels.
    panels: Vec<[f32; PANEL]>,
}

impl Room {
    /// Makes a block of two panels.
    #[target_feature(enable = "avx2,fma")]
    fn make(
        &mut self,
        processor: Avx2,
        columns: &dyn Columns,
        pair: usize,
        block: &Range<usize>,
    ) -> [&[[f32; PANEL]]; 2] {
        self.panels.resize(2 * block.len(), [0.0; PANEL]);
        self.columns.resize(PANEL * block.len(), 0.0);
        for (panel, out) in self.panels.chunks_exact_mut(block.len()).enumerate() {
            let first = (2 * pair + panel) * PANEL;
            for (column, values) in self.columns.chunks_exact_mut(block.len()).enumerate() {
                columns.read(processor, first + column, block.clone(), values);
            }
            transpose(&self.columns, out);
        }
        self.panels.split_at(block.len()).into()
    }
}

#[target_feature(enable = "avx2,fma")]
fn multiply(
    tiles: &[[f32; TILE]],
    panels: Panels<'_>,
    bias: &[[f32; PANEL]],
    out: &mut [f32],
    sizes: Sizes,
    room: &mut Room,
) {
    let Sizes { inputs, outputs } = sizes;
    for first in (0..inputs).step_by(BLOCK) {
        let block = first..inputs.min(first + BLOCK);
        for (pair, bias) in bias.as_chunks::<2>().0.iter().enumerate() {
            let panels = match panels {
                Panels::There(panels) => {
                    let (left, right) = panels[2 * pair * inputs..][..2 * inputs].split_at(inputs);
                    [&left[block.clone()], &right[block.clone()]]
                }
                Panels::Made(processor, columns) => room.make(processor, columns, pair, &block),
            };
            let column = pair * COLUMNS;
            for (tile, rows) in tiles.chunks_exact(inputs).zip(out.chunks_exact_mut(TILE * outputs)) {
                // They are needed once the products are there, and lie too far apart for the processor to foresee it.
                for row in rows.chunks_exact(outputs) {
                    prefetch(&row[column]);
                }
                let sums = products(&tile[block.clone()], panels);
                for (sums, row) in sums.iter().zip(rows.chunks_exact_mut(outputs)) {
                    let (values, _) = row[column..column + COLUMNS].as_chunks_mut::<PANEL>();
                    for ((values, sum), bias) in values.iter_mut().zip(sums).zip(bias) {
                        let before = if first > 0 { *values } else { *bias };
                        *values = bytemuck::cast(_mm256_add_ps(vector(before), *sum));
                    }
                }
            }
        }
    }
}

/// Has the processor bring what lies here into its nearest cache.
#[inline(always)]
#[allow(unsafe_code, reason = "there is no safe way to say it")]
fn prefetch(value: &f32) {
    // SAFETY: it is a hint, and nothing is read.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) }
}

/// The products of a tile with two panels.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn products(tile: &[[f32; TILE]], [left, right]: [&[[f32; PANEL]]; 2]) -> [[__m256; 2]; TILE] {
    let mut sums = [[_mm256_setzero_ps(); 2]; TILE];
    for ((inputs, left), right) in tile.iter().zip(left).zip(right) {
        let (left, right) = (vector(*left), vector(*right));
        for (sums, &input) in sums.iter_mut().zip(inputs) {
            let input = _mm256_set1_ps(input);
            sums[0] = _mm256_fmadd_ps(input, left, sums[0]);
            sums[1] = _mm256_fmadd_ps(input, right, sums[1]);
        }
    }
    sums
}

/// Eight columns, one after another, to a panel: side by side.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn transpose(columns: &[f32], panel: &mut [[f32; PANEL]]) {
    let length = panel.len();
    let (groups, rest) = panel.as_chunks_mut::<PANEL>();
    let done = groups.len() * PANEL;
    for (index, group) in groups.iter_mut().enumerate() {
        let at = |column: usize| {
            let (values, _) = columns[column * length + index * PANEL..].as_chunks::<PANEL>();
            vector(values[0])
        };
        // Pairs of two columns, then of four, then all.
        let twos: [__m256; 8] = std::array::from_fn(|place| {
            let (left, right) = (at(place / 2 * 2), at(place / 2 * 2 + 1));
            if place % 2 == 0 {
                _mm256_unpacklo_ps(left, right)
            } else {
                _mm256_unpackhi_ps(left, right)
            }
        });
        let fours: [__m256; 8] = std::array::from_fn(|place| {
            let (left, right) = (
                twos[place / 4 * 4 + place % 4 / 2],
                twos[place / 4 * 4 + 2 + place % 4 / 2],
            );
            if place % 2 == 0 {
                _mm256_shuffle_ps::<0b01_00_01_00>(left, right)
            } else {
                _mm256_shuffle_ps::<0b11_10_11_10>(left, right)
            }
        });
        for place in 0..4 {
            let (left, right) = (fours[place], fours[place + 4]);
            group[place] = bytemuck::cast(_mm256_permute2f128_ps::<0x20>(left, right));
            group[place + 4] = bytemuck::cast(_mm256_permute2f128_ps::<0x31>(left, right));
        }
    }
    for (index, row) in rest.iter_mut().enumerate() {
        for (column, value) in row.iter_mut().enumerate() {
            *value = columns[column * length + done + index];
        }
    }
}

#[inline(always)]
fn vector(values: [f32; PANEL]) -> __m256 {
    bytemuck::cast(values)
}
