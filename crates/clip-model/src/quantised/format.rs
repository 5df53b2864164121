//! Number formats of frozen weights, and their conversion on the host.
//!
//! `q8` and `q4` are symmetric, in blocks of 32 values that lie side by side in a row, each with one scale in half precision:
//! `value = scale * code`. 34 bytes a block with codes from -127 to 127, and 18 with codes from -8 to 7. In a `q4` block, byte `i` holds the
//! code of value `i` in its low half and that of value `i + 16` in its high half, both plus 8 (the layout of ggml's `Q4_0`): so
//! a vector of bytes becomes two vectors of values without shuffling.

use std::collections::BTreeMap;

use half::f16;

/// Values of a block, which share a scale.
pub const BLOCK: usize = 32;

/// Largest code of `q8`.
const Q8_LARGEST: f32 = 127.0;

/// Divisors of a block's value of largest magnitude that are tried as the scale of `q4`. -8 maps that value onto the code at the end of the
/// range; larger magnitudes give finer steps, smaller ones coarser. The one with the smallest squared error is taken: 8 % less of it
/// than with -8 alone, on normally distributed weights.
const Q4_DIVISORS: [f32; 7] = [-10.0, -9.5, -9.0, -8.5, -8.0, -7.5, -7.0];

/// How the values of a frozen matrix are stored: in a file, in memory, and on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightFormat {
    /// Single precision, 4 bytes a value.
    F32,
    /// Half precision, 2 bytes a value.
    F16,
    /// Eight bits and a scale for each 32 values, 34/32 bytes a value.
    Q8,
    /// Four bits and a scale for each 32 values, 18/32 bytes a value.
    Q4,
}

impl WeightFormat {
    /// All of them, the most exact first.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Q8, Self::Q4];

    /// `"f32"`, `"f16"`, `"q8"` or `"q4"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }

    /// The format of most values, of so many of each; single precision where there are none.
    pub(crate) fn of_most(counts: &BTreeMap<Self, usize>) -> Self {
        let most = counts.iter().max_by_key(|(_, values)| **values);
        most.map_or(Self::F32, |(format, _)| *format)
    }

    /// Whether values share scales, in blocks of [`BLOCK`].
    #[must_use]
    pub fn is_quantised(self) -> bool {
        matches!(self, Self::Q8 | Self::Q4)
    }

    /// This format, or half precision where a row is no whole number of blocks.
    #[must_use]
    pub fn for_columns(self, columns: usize) -> Self {
        if self.is_quantised() && !columns.is_multiple_of(BLOCK) {
            Self::F16
        } else {
            self
        }
    }

    /// Bytes of so many values, codes and scales; counted in 64 bits, so that sizes that can't be addressed are told as they are.
    #[must_use]
    pub fn bytes(self, values: u64) -> u64 {
        let block = (self.code_bytes(BLOCK) + self.scale_bytes(BLOCK)) as u128;
        u64::try_from(u128::from(values) * block / BLOCK as u128).unwrap_or(u64::MAX)
    }

    /// Bytes of the codes of so many values, the scales not among them.
    #[must_use]
    pub fn code_bytes(self, values: usize) -> usize {
        match self {
            Self::F32 => values * 4,
            Self::F16 => values * 2,
            Self::Q8 => values,
            Self::Q4 => values / 2,
        }
    }

    /// Bytes of the scales of so many values.
    #[must_use]
    pub fn scale_bytes(self, values: usize) -> usize {
        if self.is_quantised() { values / BLOCK * 2 } else { 0 }
    }
}

impl std::str::FromStr for WeightFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| format!("unknown format of weights \"{text}\": f32, f16, q8 and q4 are known"))
    }
}

impl std::fmt::Display for WeightFormat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Writes values in a format: `codes` and `scales` as many bytes as [`WeightFormat::code_bytes`] and
/// [`WeightFormat::scale_bytes`] say; for `q8` and `q4` the values are whole blocks. Gives a magnitude that the format
/// can't hold, if there is one.
pub(super) fn encode(format: WeightFormat, values: &[f32], codes: &mut [u8], scales: &mut [u8]) -> Result<(), f32> {
    match format {
        WeightFormat::F32 => {
            for (code, value) in codes.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                *code = value.to_le_bytes();
            }
            Ok(())
        }
        WeightFormat::F16 => {
            let mut too_large = None;
            for (code, value) in codes.as_chunks_mut::<2>().0.iter_mut().zip(values) {
                *code = checked_half(*value, &mut too_large).to_le_bytes();
            }
            too_large.map_or(Ok(()), Err)
        }
        WeightFormat::Q8 => encode_blocks::<32>(values, codes, scales, q8_block),
        WeightFormat::Q4 => encode_blocks::<16>(values, codes, scales, q4_block),
    }
}

fn checked_half(value: f32, too_large: &mut Option<f32>) -> f16 {
    let half = f16::from_f32(value);
    if !half.is_finite() {
        *too_large = Some(too_large.map_or(value.abs(), |largest| largest.max(value.abs())));
    }
    half
}

fn encode_blocks<const BYTES: usize>(
    values: &[f32],
    codes: &mut [u8],
    scales: &mut [u8],
    encode_block: impl Fn(&[f32; BLOCK], &mut [u8; BYTES]) -> f16,
) -> Result<(), f32> {
    let (blocks, _) = values.as_chunks::<BLOCK>();
    let (codes, _) = codes.as_chunks_mut::<BYTES>();
    let (scales, _) = scales.as_chunks_mut::<2>();
    for ((block, codes), scale) in blocks.iter().zip(codes).zip(scales) {
        let half = encode_block(block, codes);
        if !half.is_finite() {
            return Err(extreme(block).abs());
        }
        *scale = half.to_le_bytes();
    }
    Ok(())
}

/// The value of largest magnitude, with its sign.
fn extreme(block: &[f32; BLOCK]) -> f32 {
    block.iter().fold(
        0.0_f32,
        |most, &value| if value.abs() > most.abs() { value } else { most },
    )
}

fn q8_block(block: &[f32; BLOCK], codes: &mut [u8; 32]) -> f16 {
    let scale = f16::from_f32(extreme(block).abs() / Q8_LARGEST);
    let inverse = inverse(scale);
    for (code, value) in codes.iter_mut().zip(block) {
        // The scale was rounded: a value may lie half a step beyond the last code.
        let rounded = (value * inverse).round_ties_even().clamp(-Q8_LARGEST, Q8_LARGEST);
        *code = (rounded as i8).cast_unsigned();
    }
    scale
}

fn q4_block(block: &[f32; BLOCK], codes: &mut [u8; 16]) -> f16 {
    let extreme = extreme(block);
    let mut best = (f32::INFINITY, f16::ZERO);
    for divisor in Q4_DIVISORS {
        let scale = f16::from_f32(extreme / divisor);
        let (inverse, scale_f32) = (inverse(scale), scale.to_f32());
        let error = block
            .iter()
            .map(|value| (value - scale_f32 * q4_code(value * inverse)).powi(2))
            .sum::<f32>();
        if error < best.0 {
            best = (error, scale);
        }
    }
    let inverse = inverse(best.1);
    let (low, high) = block.split_at(BLOCK / 2);
    for ((code, low), high) in codes.iter_mut().zip(low).zip(high) {
        let nibble = |value: f32| (q4_code(value * inverse) + 8.0) as u8;
        *code = nibble(*low) | (nibble(*high) << 4);
    }
    if best.0.is_finite() { best.1 } else { f16::INFINITY }
}

fn q4_code(scaled: f32) -> f32 {
    scaled.round_ties_even().clamp(-8.0, 7.0)
}

/// Zero for a block of zeros, whose codes are then zero as well.
fn inverse(scale: f16) -> f32 {
    let scale = scale.to_f32();
    if scale == 0.0 { 0.0 } else { scale.recip() }
}

/// Reads values that [`encode`] wrote, as many as `out` has room for. Always put into what calls it, which may be for processors with longer vectors.
#[inline(always)]
pub(super) fn decode(format: WeightFormat, codes: &[u8], scales: &[u8], out: &mut [f32]) {
    match format {
        WeightFormat::F32 => {
            for (out, code) in out.iter_mut().zip(codes.as_chunks::<4>().0) {
                *out = f32::from_le_bytes(*code);
            }
        }
        WeightFormat::F16 => {
            for (out, code) in out.iter_mut().zip(codes.as_chunks::<2>().0) {
                *out = f16::from_le_bytes(*code).to_f32();
            }
        }
        WeightFormat::Q8 => {
            for ((out, codes), scale) in blocks::<32>(codes, scales, out) {
                let mut values = [0.0; BLOCK];
                for (value, code) in values.iter_mut().zip(codes) {
                    *value = scale * f32::from(code.cast_signed());
                }
                *out = values;
            }
        }
        WeightFormat::Q4 => {
            for ((out, codes), scale) in blocks::<16>(codes, scales, out) {
                let mut values = [0.0; BLOCK];
                let (low, high) = values.split_at_mut(BLOCK / 2);
                for ((low, high), code) in low.iter_mut().zip(high).zip(codes) {
                    *low = scale * (f32::from(code & 15) - 8.0);
                    *high = scale * (f32::from(code >> 4) - 8.0);
                }
                *out = values;
            }
        }
    }
}

/// Blocks of values with their codes and their scale. What is to be written into a block is best gathered elsewhere: compilers don't know that it isn't where
/// the codes are, and would do one value after another.
#[inline(always)]
fn blocks<'a, const BYTES: usize>(
    codes: &'a [u8],
    scales: &'a [u8],
    values: &'a mut [f32],
) -> impl Iterator<Item = ((&'a mut [f32; BLOCK], &'a [u8; BYTES]), f32)> {
    let scales = scales.as_chunks::<2>().0.iter();
    let blocks = values.as_chunks_mut::<BLOCK>().0.iter_mut();
    blocks
        .zip(codes.as_chunks::<BYTES>().0)
        .zip(scales.map(|scale| f16::from_le_bytes(*scale).to_f32()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random: a linear congruence, scaled to [-1, 1).
    fn values(count: usize) -> Vec<f32> {
        let mut state = 12_345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..count).map(|_| next() * next()).collect()
    }

    fn round_trip(format: WeightFormat, values: &[f32]) -> Vec<f32> {
        let mut codes = vec![0; format.code_bytes(values.len())];
        let mut scales = vec![0; format.scale_bytes(values.len())];
        encode(format, values, &mut codes, &mut scales).unwrap();
        let mut out = vec![f32::NAN; values.len()];
        decode(format, &codes, &scales, &mut out);
        out
    }

    #[test]
    fn single_precision_is_exact() {
        let values = values(96);
        assert_eq!(round_trip(WeightFormat::F32, &values), values);
    }

    #[test]
    fn no_value_moves_by_more_than_its_block_allows() {
        let values = values(32 * 100);
        // Half a step, and what rounding the scale to half precision adds at the last code; of `q4`, one end of the range has a code less
        // than the other, and a coarser or finer scale may be chosen: at most a whole step of the coarsest, and as much again at the clipped end.
        for (format, bound) in [(WeightFormat::Q8, 0.5 / 127.0 + 5e-4), (WeightFormat::Q4, 2.0 / 7.0)] {
            let decoded = round_trip(format, &values);
            for (block, decoded) in values.chunks(BLOCK).zip(decoded.chunks(BLOCK)) {
                let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                for (value, decoded) in block.iter().zip(decoded) {
                    assert!(
                        (value - decoded).abs() <= bound * largest,
                        "{format}: {value} became {decoded}, largest {largest}"
                    );
                }
            }
        }
    }

    #[test]
    fn choosing_among_scales_makes_the_error_of_q4_smaller() {
        let values = values(32 * 1000);
        let squared = |decoded: &[f32]| -> f32 { values.iter().zip(decoded).map(|(a, b)| (a - b).powi(2)).sum() };
        let chosen = squared(&round_trip(WeightFormat::Q4, &values));
        let plain: Vec<f32> = values
            .as_chunks::<BLOCK>()
            .0
            .iter()
            .flat_map(|block| {
                let scale = f16::from_f32(extreme(block) / -8.0);
                block.map(|value| scale.to_f32() * q4_code(value * inverse(scale)))
            })
            .collect();
        let ratio = chosen / squared(&plain);
        assert!(ratio < 0.95, "{ratio}");
    }

    #[test]
    fn what_was_quantised_once_stays_when_it_is_quantised_again() {
        let once = round_trip(WeightFormat::Q8, &values(32 * 50));
        let twice = round_trip(WeightFormat::Q8, &once);
        for (once, twice) in once.iter().zip(&twice) {
            assert!(
                (once - twice).abs() <= 1e-3 * once.abs() + 1e-7,
                "{once} became {twice}"
            );
        }
    }

    #[test]
    fn zeros_stay_zeros_and_tiny_values_are_not_lost() {
        for format in [WeightFormat::Q8, WeightFormat::Q4] {
            assert_eq!(round_trip(format, &[0.0; 64]), [0.0; 64]);
            // Their scales are below the normal numbers of half precision.
            let tiny: Vec<f32> = values(64).iter().map(|value| value * 1e-3).collect();
            let decoded = round_trip(format, &tiny);
            let error: f32 = tiny.iter().zip(&decoded).map(|(a, b)| (a - b).powi(2)).sum();
            let power: f32 = tiny.iter().map(|value| value * value).sum();
            assert!(error < 0.02 * power, "{format}: {error} of {power}");
        }
    }

    #[test]
    fn what_half_precision_cannot_hold_is_refused() {
        for format in [WeightFormat::F16, WeightFormat::Q8, WeightFormat::Q4] {
            let mut values = [1.0; BLOCK];
            values[3] = -1e9;
            let mut codes = [0; 64];
            let mut scales = [0; 2];
            let refused = encode(format, &values, &mut codes[..format.code_bytes(BLOCK)], &mut scales);
            assert_eq!(refused, Err(1e9), "{format}");
        }
    }

    #[test]
    fn a_row_that_is_no_whole_number_of_blocks_stays_in_half_precision() {
        assert_eq!(WeightFormat::Q8.for_columns(588), WeightFormat::F16);
        assert_eq!(WeightFormat::Q4.for_columns(768), WeightFormat::Q4);
        assert_eq!(WeightFormat::F32.for_columns(3), WeightFormat::F32);
    }

    #[test]
    fn names_of_formats_are_understood() {
        for format in WeightFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("int8".parse::<WeightFormat>().unwrap_err().contains("int8"));
    }
}
