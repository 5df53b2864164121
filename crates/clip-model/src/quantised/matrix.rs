//! A frozen matrix on the host, in the number format of its codes.

use std::ops::Range;

use super::format::{self, BLOCK, WeightFormat};
use crate::error::{Error, Result};
use crate::flex::for_each_part;
use crate::product::{COLUMNS, PANEL};

// Files and the words that go to the device are little-endian; here they are read as bytes without being turned around.
#[cfg(target_endian = "big")]
compile_error!("clip-model reads weights as little-endian words");

/// A matrix `[rows, columns]`, row by row. Codes and scales lie in 32-bit words, since that is what a graphics device can read; the
/// last word is filled up with zeros.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    format: WeightFormat,
    rows: usize,
    columns: usize,
    codes: Vec<u32>,
    scales: Vec<u32>,
}

impl PackedMatrix {
    /// A matrix of zeros, to be filled. A quantised format falls back to half precision where a row is no whole number
    /// of blocks.
    #[must_use]
    pub fn zeros(format: WeightFormat, [rows, columns]: [usize; 2]) -> Self {
        let format = format.for_columns(columns);
        let values = rows * columns;
        Self {
            format,
            rows,
            columns,
            codes: vec![0; format.code_bytes(values).div_ceil(4)],
            scales: vec![0; format.scale_bytes(values).div_ceil(4)],
        }
    }

    /// The format of its values.
    #[must_use]
    pub fn format(&self) -> WeightFormat {
        self.format
    }

    /// `[rows, columns]`
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether it has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.codes.len() + self.scales.len()) * 4
    }

    /// The codes and the scales, as words for the device.
    #[must_use]
    pub fn into_words(self) -> (Vec<u32>, Vec<u32>) {
        (self.codes, self.scales)
    }

    /// The codes of values, which begin and end with a block, as bytes.
    #[must_use]
    pub fn codes(&self, values: Range<usize>) -> &[u8] {
        let bytes = self.code_range(values);
        bytemuck::cast_slice(&self.codes).get(bytes).unwrap_or_default()
    }

    /// The scales of values, which begin and end with a block, as bytes.
    #[must_use]
    pub fn scales(&self, values: Range<usize>) -> &[u8] {
        let bytes = self.scale_range(values);
        bytemuck::cast_slice(&self.scales).get(bytes).unwrap_or_default()
    }

    /// As [`PackedMatrix::codes`], to be written.
    #[must_use]
    pub fn codes_mut(&mut self, values: Range<usize>) -> &mut [u8] {
        let bytes = self.code_range(values);
        bytemuck::cast_slice_mut(&mut self.codes)
            .get_mut(bytes)
            .unwrap_or_default()
    }

    /// As [`PackedMatrix::scales`], to be written.
    #[must_use]
    pub fn scales_mut(&mut self, values: Range<usize>) -> &mut [u8] {
        let bytes = self.scale_range(values);
        bytemuck::cast_slice_mut(&mut self.scales)
            .get_mut(bytes)
            .unwrap_or_default()
    }

    fn code_range(&self, values: Range<usize>) -> Range<usize> {
        self.format.code_bytes(values.start)..self.format.code_bytes(values.end)
    }

    fn scale_range(&self, values: Range<usize>) -> Range<usize> {
        self.format.scale_bytes(values.start)..self.format.scale_bytes(values.end)
    }

    /// Puts values in, from value `first` on, converted to the matrix's format. Of a quantised matrix they begin and end
    /// with a block.
    ///
    /// # Errors
    /// [`Error::TensorNotFinite`]; [`Error::TensorRange`] for values that the format can't hold; [`Error::TensorShape`] for more values
    /// than there is room for. `name` is what they call the matrix.
    pub fn set(&mut self, name: &str, first: usize, values: &[f32]) -> Result<()> {
        let count = values.iter().filter(|value| !value.is_finite()).count();
        if count > 0 {
            return Err(Error::TensorNotFinite {
                tensor: name.to_owned(),
                count,
            });
        }
        let (format, range) = (self.format, first..first + values.len());
        let (codes, scales) = (self.code_range(range.clone()), self.scale_range(range));
        let (Some(codes), Some(scales)) = (
            bytemuck::cast_slice_mut(&mut self.codes).get_mut(codes),
            bytemuck::cast_slice_mut(&mut self.scales).get_mut(scales),
        ) else {
            return Err(Error::TensorShape {
                tensor: name.to_owned(),
                expected: vec![self.rows * self.columns],
                found: vec![first + values.len()],
            });
        };
        format::encode(format, values, codes, scales).map_err(|largest| Error::TensorRange {
            tensor: name.to_owned(),
            largest,
            format: format.as_str(),
        })
    }

    /// All values.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        decode_words(self.format, &self.codes, &self.scales, self.len())
    }

    /// The same matrix in another format; by way of single precision.
    ///
    /// # Errors
    /// As [`PackedMatrix::set`].
    pub fn convert(&self, name: &str, format: WeightFormat) -> Result<Self> {
        let mut converted = Self::zeros(format, self.shape());
        if converted.format == self.format {
            return Ok(self.clone());
        }
        converted.set(name, 0, &self.to_f32())?;
        Ok(converted)
    }

    /// Appends row `index` to `out`; `None` where there is no such row.
    #[must_use]
    pub fn append_row(&self, index: usize, out: &mut Vec<f32>) -> Option<()> {
        if index >= self.rows {
            return None;
        }
        let values = index * self.columns..(index + 1) * self.columns;
        let start = out.len();
        out.resize(start + self.columns, 0.0);
        format::decode(
            self.format,
            self.codes(values.clone()),
            self.scales(values),
            out.get_mut(start..)?,
        );
        Some(())
    }
}

/// The first `count` values of a packed matrix's words.
pub(super) fn decode_words(format: WeightFormat, codes: &[u32], scales: &[u32], count: usize) -> Vec<f32> {
    debug_assert!(!format.is_quantised() || count.is_multiple_of(BLOCK));
    let mut out = vec![0.0; count];
    format::decode(
        format,
        bytemuck::cast_slice(codes),
        bytemuck::cast_slice(scales),
        &mut out,
    );
    out
}

/// Values of a packed matrix's words, from value `first` on, as many as `out` has; they begin and end with a block.
#[inline(always)]
pub(super) fn decode_part(format: WeightFormat, codes: &[u32], scales: &[u32], first: usize, out: &mut [f32]) {
    format::decode(
        format,
        &bytemuck::cast_slice(codes)[format.code_bytes(first)..],
        &bytemuck::cast_slice(scales)[format.scale_bytes(first)..],
        out,
    );
}

/// The panels of [`multiply`](crate::product) of a matrix `[rows, columns]`, transposed: each has the values of some
/// rows, column by column.
pub(super) fn decode_panels_transposed(
    format: WeightFormat,
    codes: &[u32],
    scales: &[u32],
    [rows, columns]: [usize; 2],
) -> Vec<f32> {
    let mut out = vec![0.0; rows.next_multiple_of(COLUMNS) * columns];
    let room = || vec![0.0; PANEL * columns];
    for_each_part(&mut out, PANEL * columns, room, |panel, out, group| {
        // There may be a panel more than rows fill.
        let first = rows.min(panel * PANEL);
        let taken = PANEL.min(rows - first);
        decode_part(format, codes, scales, first * columns, &mut group[..taken * columns]);
        for (row, values) in group.chunks_exact(columns).enumerate().take(taken) {
            for (out, value) in out.chunks_exact_mut(PANEL).zip(values) {
                out[row] = *value;
            }
        }
    });
    out
}

/// The panels of [`multiply`](crate::product) of a matrix `[rows, columns]` as it is: each has the values of some
/// columns, row by row.
pub(super) fn decode_panels(
    format: WeightFormat,
    codes: &[u32],
    scales: &[u32],
    [rows, columns]: [usize; 2],
) -> Vec<f32> {
    let mut out = vec![0.0; columns.next_multiple_of(COLUMNS) * rows];
    // The panels of one block of each row.
    for_each_part(
        &mut out,
        BLOCK * rows,
        || [0.0; BLOCK],
        |part, out, values| {
            let first = part * BLOCK;
            let values = &mut values[..BLOCK.min(columns - first)];
            for row in 0..rows {
                decode_part(format, codes, scales, row * columns + first, values);
                for (panel, values) in out.chunks_exact_mut(PANEL * rows).zip(values.chunks(PANEL)) {
                    panel[row * PANEL..][..values.len()].copy_from_slice(values);
                }
            }
        },
    );
    out
}

/// Rows whose values come to lie side by side at a time: as many as fit into one line of the cache twice.
#[cfg(not(target_family = "wasm"))]
const GROUP: usize = 8;

/// All values of a matrix `[rows, columns]`, transposed: `[columns, rows]`, row by row, for the library's product. Matrix products read that order without
/// bringing it into another first.
#[cfg(not(target_family = "wasm"))]
pub(super) fn decode_transposed(
    format: WeightFormat,
    codes: &[u32],
    scales: &[u32],
    [rows, columns]: [usize; 2],
) -> Vec<f32> {
    let mut out = vec![0.0; rows * columns];
    let mut group = vec![0.0; GROUP * columns];
    for first in (0..rows).step_by(GROUP) {
        let taken = GROUP.min(rows - first);
        let group = &mut group[..taken * columns];
        decode_part(format, codes, scales, first * columns, group);
        for (column, out) in out.chunks_exact_mut(rows).enumerate() {
            for (out, value) in out[first..first + taken]
                .iter_mut()
                .zip(group[column..].iter().step_by(columns))
            {
                *out = *value;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(format: WeightFormat, shape: [usize; 2]) -> (PackedMatrix, Vec<f32>) {
        let values: Vec<f32> = (0..shape[0] * shape[1])
            .map(|index| ((index * 37 + 11) % 101) as f32 / 50.0 - 1.0)
            .collect();
        let mut matrix = PackedMatrix::zeros(format, shape);
        matrix.set("w", 0, &values).unwrap();
        (matrix, values)
    }

    #[test]
    fn filling_it_in_parts_is_the_same_as_at_once() {
        for format in WeightFormat::ALL {
            let (whole, values) = matrix(format, [5, 96]);
            let mut parts = PackedMatrix::zeros(format, [5, 96]);
            for first in (0..values.len()).step_by(32).rev() {
                parts.set("w", first, &values[first..first + 32]).unwrap();
            }
            assert_eq!(parts.into_words(), whole.into_words(), "{format}");
        }
    }

    #[test]
    fn a_row_is_what_the_whole_matrix_has_there() {
        for format in WeightFormat::ALL {
            let (matrix, _) = matrix(format, [3, 32]);
            let all = matrix.to_f32();
            let mut row = vec![7.0];
            matrix.append_row(2, &mut row).unwrap();
            assert_eq!(row[0].to_bits(), 7.0_f32.to_bits());
            assert_eq!(&row[1..], &all[64..96], "{format}");
            assert_eq!(matrix.append_row(3, &mut row), None);
            assert_eq!(row.len(), 33, "nothing is appended for a row that isn't there");
        }
    }

    #[test]
    fn it_takes_what_its_format_says() {
        // Blocks and rows both odd in number: scales don't fill their last word.
        for (format, bytes) in [
            (WeightFormat::F32, 4 * 96),
            (WeightFormat::F16, 2 * 96),
            (WeightFormat::Q8, 96 + 8),
            (WeightFormat::Q4, 48 + 8),
        ] {
            assert_eq!(PackedMatrix::zeros(format, [3, 32]).bytes(), bytes, "{format}");
        }
    }

    #[test]
    fn panels_have_the_values_of_the_matrix() {
        // The last panel isn't full in either direction.
        for (format, [rows, columns]) in [
            (WeightFormat::Q8, [11, 32]),
            (WeightFormat::Q4, [8, 96]),
            (WeightFormat::F16, [5, 13]),
        ] {
            let (matrix, _) = matrix(format, [rows, columns]);
            let all = matrix.to_f32();
            let (codes, scales) = matrix.into_words();
            let as_is = decode_panels(format, &codes, &scales, [rows, columns]);
            let transposed = decode_panels_transposed(format, &codes, &scales, [rows, columns]);
            for row in 0..rows {
                for column in 0..columns {
                    let value = all[row * columns + column].to_bits();
                    let place = ((column / PANEL) * rows + row) * PANEL + column % PANEL;
                    assert_eq!(as_is[place].to_bits(), value, "{format} {row} {column}");
                    let place = ((row / PANEL) * columns + column) * PANEL + row % PANEL;
                    assert_eq!(
                        transposed[place].to_bits(),
                        value,
                        "{format} {row} {column}, transposed"
                    );
                }
            }
        }
    }

    #[test]
    fn bytes_of_a_part_are_where_they_were_written() {
        let (source, _) = matrix(WeightFormat::Q4, [4, 64]);
        let mut copy = PackedMatrix::zeros(WeightFormat::Q4, [4, 64]);
        for range in [0..96, 96..256] {
            copy.codes_mut(range.clone())
                .copy_from_slice(source.codes(range.clone()));
            copy.scales_mut(range.clone()).copy_from_slice(source.scales(range));
        }
        assert_eq!(copy.into_words(), source.into_words());
    }

    #[test]
    fn a_value_that_is_not_a_number_is_refused_by_name() {
        let mut matrix = PackedMatrix::zeros(WeightFormat::Q8, [1, 32]);
        let mut values = [0.5; 32];
        values[7] = f32::NAN;
        let error = matrix.set("q_proj", 0, &values).unwrap_err();
        assert!(error.to_string().contains("q_proj"), "{error}");
    }
}
