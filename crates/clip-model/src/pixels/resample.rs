//! Resizing exactly as Pillow does it: `Image.resize` on 8-bit RGB.
//!
//! Pillow's antialiased filters work on integers: weights in 22-bit fixed point, first along one axis, then along the other,
//! rounded to 8 bits after each. CLIP was trained on pictures resized so, and its features move visibly under any other
//! resizing, that of a browser's canvas for one. General resizing libraries use the same filters with other arithmetic
//! (16-bit weights, or another order), which changes one value in twenty by one, so the arithmetic is repeated here. Only the
//! wanted window of the result is computed: the centre of a very long picture costs no more than that of a square one.

use super::CropBox;
use std::ops::Range;

/// Bits of a weight's fraction: 8 bits of the pixel and 2 of head room are left in an i32.
const WEIGHT_BITS: u32 = 32 - 8 - 2;
const CHANNELS: usize = 3;

/// The shape of the interpolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Triangle.
    Bilinear,
    /// Cubic convolution with a = -0.5.
    Bicubic,
}

impl Filter {
    /// Beyond this distance, in target pixels when the picture shrinks, the weight is zero.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        const A: f64 = -0.5;
        let x = distance.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Bilinear | Self::Bicubic => 0.0,
        }
    }
}

/// One axis of a resize: the length of the source, the length it is resized to, and the part of that which is wanted.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) source: u32,
    pub(super) target: u32,
    pub(super) window: Range<u32>,
}

/// The source pixels that one target pixel is made of, and their weights in fixed point.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

impl Axis {
    /// The taps of each target pixel of the window: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positions are within the source, weights within 22 bits; Pillow truncates in the same places"
    )]
    fn taps(&self, filter: Filter) -> Vec<Taps> {
        let scale = f64::from(self.source) / f64::from(self.target);
        let filter_scale = scale.max(1.0);
        let support = filter.support() * filter_scale;
        let inverse_filter_scale = 1.0 / filter_scale;
        self.window
            .clone()
            .map(|position| {
                let centre = (f64::from(position) + 0.5) * scale;
                let first = (centre - support + 0.5).max(0.0) as u32;
                let end = ((centre + support + 0.5) as u32).min(self.source);
                let weights: Vec<f64> = (0..end.saturating_sub(first))
                    .map(|tap| {
                        let distance = f64::from(tap + first) - centre + 0.5;
                        filter.weight(distance * inverse_filter_scale)
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                Taps {
                    first: first as usize,
                    weights: weights
                        .iter()
                        .map(|weight| if sum == 0.0 { *weight } else { weight / sum })
                        .map(|weight| {
                            let scaled = weight * f64::from(1_u32 << WEIGHT_BITS);
                            (scaled + 0.5_f64.copysign(weight)) as i32
                        })
                        .collect(),
                }
            })
            .collect()
    }
}

/// Resizes `region` of the RGB8 rows of a picture, `picture_width` pixels each, and gives the window of the result that the two axes
/// ask for. Pixels outside of `region` have no influence.
///
/// The caller has made sure that `region` lies within the picture and is as large as the axes' sources.
pub(super) fn resample(
    rgb: &[u8],
    picture_width: u32,
    region: CropBox,
    horizontal: &Axis,
    vertical: &Axis,
    filter: Filter,
) -> Vec<u8> {
    let mut column_taps = horizontal.taps(filter);
    let mut row_taps = vertical.taps(filter);
    let columns = take_span(&mut column_taps);
    let rows = take_span(&mut row_taps);

    let start = (region.left as usize + columns.start) * CHANNELS;
    let end = (region.left as usize + columns.end) * CHANNELS;
    let rows: Vec<&[u8]> = rgb
        .chunks_exact(picture_width as usize * CHANNELS)
        .skip(region.top as usize + rows.start)
        .take(rows.len())
        .filter_map(|row| row.get(start..end))
        .collect();

    if vertical_first(horizontal, vertical) {
        let shortened = resample_columns(&rows, &row_taps);
        let rows: Vec<&[u8]> = shortened.chunks_exact(end - start).collect();
        resample_rows(&rows, &column_taps)
    } else {
        let narrowed = resample_rows(&rows, &column_taps);
        let rows: Vec<&[u8]> = narrowed.chunks_exact(column_taps.len() * CHANNELS).collect();
        resample_columns(&rows, &row_taps)
    }
}

/// Pillow's choice since version 13, which shows in the last bit; older versions always begin with the rows.
fn vertical_first(horizontal: &Axis, vertical: &Axis) -> bool {
    let shrinks_by = |axis: &Axis| i64::from(axis.source) - i64::from(axis.target);
    shrinks_by(vertical) > 0 && shrinks_by(vertical) > 2 * shrinks_by(horizontal)
}

/// The source pixels that any of the taps read; the taps count from its beginning afterwards.
fn take_span(taps: &mut [Taps]) -> Range<usize> {
    let start = taps.first().map_or(0, |taps| taps.first);
    let end = taps.last().map_or(0, |taps| taps.first + taps.weights.len());
    for taps in taps {
        taps.first -= start;
    }
    start..end
}

/// Combines pixels along each row: rows of as many pixels as there are taps.
fn resample_rows(rows: &[&[u8]], column_taps: &[Taps]) -> Vec<u8> {
    let mut result = Vec::with_capacity(rows.len() * column_taps.len() * CHANNELS);
    for row in rows {
        let (pixels, _) = row.as_chunks::<CHANNELS>();
        for taps in column_taps {
            let mut sums = [ROUNDING; CHANNELS];
            let pixels = pixels.get(taps.first..).unwrap_or_default();
            for (pixel, weight) in pixels.iter().zip(&taps.weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            result.extend(sums.map(to_8_bits));
        }
    }
    result
}

/// Combines whole rows: as many rows as there are taps.
fn resample_columns(rows: &[&[u8]], row_taps: &[Taps]) -> Vec<u8> {
    let width = rows.first().map_or(0, |row| row.len());
    let mut result = Vec::with_capacity(row_taps.len() * width);
    let mut sums = vec![ROUNDING; width];
    for taps in row_taps {
        sums.fill(ROUNDING);
        let rows = rows.get(taps.first..).unwrap_or_default();
        for (row, weight) in rows.iter().zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(*row) {
                *sum += i32::from(*value) * weight;
            }
        }
        result.extend(sums.iter().copied().map(to_8_bits));
    }
    result
}

/// Half of the last kept bit: sums begin with it, so that dropping the fraction rounds.
const ROUNDING: i32 = 1 << (WEIGHT_BITS - 1);

#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn to_8_bits(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}
