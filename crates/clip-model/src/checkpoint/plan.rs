//! Which parts of a checkpoint's file are needed, where each goes, and in which pieces they come.
//!
//! A piece is a stretch of the file, at most [`PIECE_BYTES`] long: a part of a large matrix that begins and ends with whole blocks, or
//! several small tensors that lie side by side. Pieces may come in any order, and each is converted on its own: so a
//! checkpoint of 600 MB is quantised while it is fetched, and never lies in memory.

use std::ops::Range;

use super::header::{Dtype, Entry, Header, corrupt};
use super::tensors::{self, LOGIT_SCALE, Needed, Role};
use super::weights::Weights;
use super::write::SCALES_SUFFIX;
use crate::config::ClipConfig;
use crate::error::{Error, Result};
use crate::quantised::{PackedMatrix, WeightFormat};

/// Largest piece, in bytes. Four of them in flight and one being converted are 40 MB.
pub const PIECE_BYTES: u64 = 8 << 20;

/// Matrices of more than this, in bytes of the file, are quantised where [`FormatChoice::Compact`] is chosen.
const COMPACT_FROM_BYTES: u64 = 64 << 20;

/// Most that weights may take in memory: what WebAssembly can address leaves room for little more than this; elsewhere a header that
/// promises more than any CLIP has is damage or malice.
const MAX_KEPT_BYTES: u64 = if cfg!(target_pointer_width = "32") {
    3 << 30
} else {
    256 << 30
};

/// Values between which a tensor may be cut: whole blocks, and whole words of scales.
const CUT_VALUES: u64 = 64;

/// In which format the frozen matrices are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FormatChoice {
    /// As they lie in the file; BF16, which has no counterpart, as single precision.
    #[default]
    AsStored,
    /// As they lie in the file, but quantised to `q8` where that is large: what a browser should do unless it is told otherwise.
    Compact,
    /// In this one. What is quantised in the file already stays as it is while it is put together; [`Checkpoint::from_parts`](super::Checkpoint::from_parts)
    /// converts it afterwards.
    Fixed(WeightFormat),
}

impl std::str::FromStr for FormatChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::AsStored),
            other => other
                .parse()
                .map(Self::Fixed)
                .map_err(|_| format!("unknown format of weights \"{other}\": auto, f32, f16, q8 and q4 are known")),
        }
    }
}

/// What of a tensor a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Numbers that are converted to the tensor's format.
    Values(Dtype),
    /// Codes of a matrix that is quantised in the file already.
    Codes,
    /// Its scales.
    Scales,
}

/// A stretch of the file that goes into one tensor.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) tensor: usize,
    pub(super) part: Part,
    /// Which values of the tensor, codes or scales of these.
    pub(super) values: Range<usize>,
    /// In the file.
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A stretch of the file.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) segments: Vec<Segment>,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What is to be fetched, and where it goes.
pub(super) struct Plan {
    pub(super) pieces: Vec<Piece>,
    /// The tensors, all zeros yet.
    pub(super) weights: Weights,
    /// The format of most values that are multiplied by: in the file, and the one they will have.
    pub(super) stored: &'static str,
    pub(super) kept: WeightFormat,
}

/// Looks for all that the configuration asks for, and refuses what doesn't fit before anything is fetched or allocated.
pub(super) fn plan(config: &ClipConfig, header: &Header, choice: FormatChoice) -> Result<Plan> {
    let mut found = Vec::new();
    let mut matrix_bytes = 0;
    tensors::for_each(config, |needed| {
        let source = Source::find(header, &needed)?;
        if needed.role.packable().is_some() {
            matrix_bytes += source.bytes();
        }
        found.push((needed, source));
        Ok(())
    })?;
    let is_large = matrix_bytes > COMPACT_FROM_BYTES;
    let formats: Vec<(WeightFormat, [usize; 2])> = found
        .iter()
        .map(|(needed, source)| match needed.role.packable() {
            Some(shape) => (source.kept_as(choice, is_large).for_columns(shape[1]), shape),
            None => (WeightFormat::F32, [1, needed.shape.iter().product()]),
        })
        .collect();
    check_size(&formats)?;
    let mut weights = Weights::default();
    let mut segments = Vec::new();
    let mut stored = Most::default();
    for ((needed, source), (format, shape)) in found.into_iter().zip(formats) {
        let count = shape[0] * shape[1];
        if matches!(needed.role, Role::Matrix(_)) {
            stored.count(source.name(), count);
        }
        let tensor = weights.push(needed.name, PackedMatrix::zeros(format, shape), needed.role);
        source.segments(tensor, count, &mut segments);
    }
    segments.sort_unstable_by_key(|segment| segment.start);
    Ok(Plan {
        pieces: gather(segments),
        stored: stored.most(),
        kept: weights.main_format(),
        weights,
    })
}

/// Counts in 64 bits: on 32, sizes that a hostile configuration and header agree on would wrap.
fn check_size(formats: &[(WeightFormat, [usize; 2])]) -> Result<()> {
    let mut total = 0_u64;
    for (format, [rows, columns]) in formats {
        let values = (*rows as u64).saturating_mul(*columns as u64);
        let bytes = format.bytes(values);
        total = total.saturating_add(bytes);
        // No single buffer may be larger than half of what can be addressed, and values are counted in `usize` from here on.
        let largest = values.max(bytes);
        if total > MAX_KEPT_BYTES || largest > isize::MAX as u64 {
            return Err(Error::CheckpointTooLarge {
                bytes: total.max(largest),
                limit: MAX_KEPT_BYTES.min(isize::MAX as u64),
            });
        }
    }
    Ok(())
}

/// Where a tensor lies in the file.
enum Source<'a> {
    Plain(Dtype, &'a Entry),
    Packed {
        format: WeightFormat,
        codes: &'a Entry,
        scales: &'a Entry,
    },
}

impl<'a> Source<'a> {
    fn find(header: &'a Header, needed: &Needed) -> Result<Self> {
        let entry = header.entry(&needed.name).ok_or_else(|| Error::TensorMissing {
            tensor: needed.name.clone(),
            expected: needed.shape.clone(),
        })?;
        let shape_error = |name: &str, expected: &[usize], found: &Entry| Error::TensorShape {
            tensor: name.to_owned(),
            expected: expected.to_vec(),
            found: found.shape.clone(),
        };
        let dtype_error = |found: &Entry| Error::TensorDtype {
            tensor: needed.name.clone(),
            found: found.dtype_name.clone(),
        };
        let format = match (entry.dtype(), needed.role.packable()) {
            (Some(dtype @ (Dtype::F32 | Dtype::F16 | Dtype::Bf16)), _) => {
                // A scalar in new checkpoints, `[1]` in some converted ones.
                let is_scalar = needed.name == LOGIT_SCALE && entry.shape == [1];
                return if entry.shape == needed.shape || is_scalar {
                    Ok(Self::Plain(dtype, entry))
                } else {
                    Err(shape_error(&needed.name, &needed.shape, entry))
                };
            }
            (Some(Dtype::I8), Some(shape)) => (WeightFormat::Q8, shape),
            (Some(Dtype::U8), Some(shape)) => (WeightFormat::Q4, shape),
            _ => return Err(dtype_error(entry)),
        };
        let (format, [rows, columns]) = format;
        let scales_name = format!("{}{SCALES_SUFFIX}", needed.name);
        // Eight or four bits without scales are some other scheme than ours.
        let scales = header.entry(&scales_name).ok_or_else(|| dtype_error(entry))?;
        if format.for_columns(columns) != format {
            return Err(dtype_error(entry));
        }
        for (name, entry, expected) in [
            (&needed.name, entry, [rows, format.code_bytes(columns)]),
            (&scales_name, scales, [rows, format.scale_bytes(columns) / 2]),
        ] {
            if entry.shape != expected {
                return Err(shape_error(name, &expected, entry));
            }
        }
        if scales.dtype() != Some(Dtype::F16) {
            return Err(Error::TensorDtype {
                tensor: scales_name,
                found: scales.dtype_name.clone(),
            });
        }
        Ok(Self::Packed {
            format,
            codes: entry,
            scales,
        })
    }

    /// What is quantised in the file stays as it is: its codes and scales may come in different pieces.
    fn kept_as(&self, choice: FormatChoice, is_large: bool) -> WeightFormat {
        match (choice, self) {
            (_, Self::Packed { format, .. }) => *format,
            (FormatChoice::Fixed(format), _) => format,
            (FormatChoice::Compact, _) if is_large => WeightFormat::Q8,
            (_, Self::Plain(Dtype::F16, _)) => WeightFormat::F16,
            (_, Self::Plain(..)) => WeightFormat::F32,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Packed { format, .. } => format.as_str(),
            Self::Plain(Dtype::F16, _) => "f16",
            Self::Plain(Dtype::Bf16, _) => "bf16",
            Self::Plain(..) => "f32",
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Plain(_, entry) => entry.end - entry.start,
            Self::Packed { codes, scales, .. } => codes.end - codes.start + (scales.end - scales.start),
        }
    }

    /// Cuts the tensor's stretches of the file so that none is longer than a piece.
    fn segments(&self, tensor: usize, count: usize, out: &mut Vec<Segment>) {
        let stretches = match self {
            Self::Plain(dtype, entry) => vec![(Part::Values(*dtype), *entry)],
            Self::Packed { codes, scales, .. } => vec![(Part::Codes, *codes), (Part::Scales, *scales)],
        };
        for (part, entry) in stretches {
            let bytes = entry.end - entry.start;
            if bytes == 0 {
                continue;
            }
            // Bytes of so many values that a cut may follow them; a tensor with fewer is never cut.
            let unit = ((u128::from(bytes) * u128::from(CUT_VALUES) / count as u128) as u64).max(1);
            let units = (PIECE_BYTES / unit).max(1);
            let mut first = 0;
            while first < count {
                let last = (first + (units * CUT_VALUES) as usize).min(count);
                let at = |value: usize| entry.start + (u128::from(bytes) * value as u128 / count as u128) as u64;
                out.push(Segment {
                    tensor,
                    part,
                    values: first..last,
                    start: at(first),
                    end: at(last),
                });
                first = last;
            }
        }
    }
}

/// Joins segments that lie side by side, in the order of the file.
fn gather(segments: Vec<Segment>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for segment in segments {
        match pieces.last_mut() {
            Some(piece) if piece.end == segment.start && segment.end - piece.start <= PIECE_BYTES => {
                piece.end = segment.end;
                piece.segments.push(segment);
            }
            _ => pieces.push(Piece {
                start: segment.start,
                end: segment.end,
                segments: vec![segment],
            }),
        }
    }
    pieces
}

/// Counts values by the name of their format.
#[derive(Default)]
struct Most(std::collections::BTreeMap<&'static str, usize>);

impl Most {
    fn count(&mut self, name: &'static str, values: usize) {
        *self.0.entry(name).or_default() += values;
    }

    fn most(&self) -> &'static str {
        self.0
            .iter()
            .max_by_key(|(_, values)| **values)
            .map_or("f32", |(name, _)| name)
    }
}

/// The error of a piece that isn't as long as it should be.
pub(super) fn wrong_length(index: usize, expected: u64, found: usize) -> Error {
    corrupt(format!("piece {index} has {found} bytes instead of {expected}"))
}
