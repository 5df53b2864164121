//! The header of a safetensors file: what lies where in it.
//!
//! Read on its own, before the data: of a published checkpoint it says within some kilobytes whether the rest is worth
//! fetching. (The `safetensors` crate validates a header only together with the whole file.)

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

use crate::error::{Error, Result};

/// Bytes of the number at a file's start, which is the length of the header that follows.
pub const LENGTH_BYTES: usize = 8;

/// The longest header that is read, in bytes: what the format allows, or in 32 bits, where reading that much would take all memory, a
/// hundred times what the largest CLIP has.
pub const MAX_HEADER_BYTES: u64 = if cfg!(target_pointer_width = "32") {
    16_000_000
} else {
    100_000_000
};

/// A number format of tensors in a file, of those that weights come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    F32,
    F16,
    Bf16,
    I8,
    U8,
}

impl Dtype {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            "I8" => Self::I8,
            "U8" => Self::U8,
            _ => return None,
        })
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::I8 | Self::U8 => 1,
        }
    }
}

/// A tensor in the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The format's name as the file has it; [`Entry::dtype`] where it is one that weights come in.
    pub(super) dtype_name: String,
    pub(super) shape: Vec<usize>,
    /// From the start of the file, in bytes.
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Entry {
    pub(super) fn dtype(&self) -> Option<Dtype> {
        Dtype::parse(&self.dtype_name)
    }
}

/// A header that contradicts neither itself nor, where that is known, the file's length.
#[derive(Debug, Clone)]
pub struct Header {
    entries: HashMap<String, Entry>,
    metadata: BTreeMap<String, String>,
    file_bytes: u64,
}

#[derive(Deserialize)]
struct RawEntry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

impl Header {
    /// Reads the first bytes of a file: the length of the header, and the header. More may follow.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`].
    pub fn parse(bytes: &[u8], file_bytes: Option<u64>) -> Result<Self> {
        let json_bytes = json_length(bytes)?;
        let json = bytes
            .get(LENGTH_BYTES..)
            .and_then(|rest| rest.get(..json_bytes))
            .ok_or_else(|| corrupt("the header is incomplete".into()))?;
        let data_start = (LENGTH_BYTES + json_bytes) as u64;
        let invalid = |error: &serde_json::Error| corrupt(format!("the header can't be read: {error}"));
        let raw: HashMap<String, Value> = serde_json::from_slice(json).map_err(|error| invalid(&error))?;
        let mut entries = HashMap::with_capacity(raw.len());
        let mut metadata = BTreeMap::new();
        for (name, value) in raw {
            if name == "__metadata__" {
                metadata = serde_json::from_value(value).map_err(|error| invalid(&error))?;
            } else {
                let entry = read_entry(value, data_start).map_err(|error| invalid(&error))?;
                entries.insert(name, entry);
            }
        }
        let end = check_offsets(&entries, data_start)?;
        if let Some(file_bytes) = file_bytes
            && file_bytes != end
        {
            return Err(corrupt(format!(
                "its header describes {end} bytes, but the file has {file_bytes}"
            )));
        }
        Ok(Self {
            entries,
            metadata,
            file_bytes: end,
        })
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// What the file says about itself.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }
}

/// The length of the header's JSON, which a file's first eight bytes say.
///
/// # Errors
/// [`Error::CheckpointCorrupt`] where there are fewer bytes, or the length is beyond what the format allows.
pub fn json_length(bytes: &[u8]) -> Result<usize> {
    let length = bytes
        .first_chunk::<LENGTH_BYTES>()
        .map(|bytes| u64::from_le_bytes(*bytes))
        .ok_or_else(|| corrupt("it has no header".into()))?;
    if length > MAX_HEADER_BYTES {
        return Err(corrupt(format!(
            "a header of {length} bytes is longer than the {MAX_HEADER_BYTES} that can be read"
        )));
    }
    usize::try_from(length).map_err(|_| corrupt("the header is too long".into()))
}

fn read_entry(value: Value, data_start: u64) -> serde_json::Result<Entry> {
    let RawEntry {
        dtype,
        shape,
        data_offsets: [start, end],
    } = serde_json::from_value(value)?;
    let overflow = || serde_json::Error::custom("an offset is too large");
    Ok(Entry {
        dtype_name: dtype,
        shape,
        start: start.checked_add(data_start).ok_or_else(overflow)?,
        end: end.checked_add(data_start).ok_or_else(overflow)?,
    })
}

/// Tensors lie side by side, without gaps, each as long as its shape and format say. Gives the end of the last one.
fn check_offsets(entries: &HashMap<String, Entry>, data_start: u64) -> Result<u64> {
    let mut sorted: Vec<(&String, &Entry)> = entries.iter().collect();
    sorted.sort_unstable_by_key(|(name, entry)| (entry.start, entry.end, *name));
    let mut end = data_start;
    for (name, entry) in sorted {
        if entry.start != end || entry.end < entry.start {
            return Err(corrupt(format!(
                "its header says that {name} lies from byte {} to {}, but the tensor before it ends at {end}",
                entry.start, entry.end
            )));
        }
        if let Some(dtype) = entry.dtype() {
            let bytes = entry
                .shape
                .iter()
                .try_fold(dtype.bytes(), |bytes, &size| bytes.checked_mul(size));
            if bytes.map(|bytes| bytes as u64) != Some(entry.end - entry.start) {
                return Err(corrupt(format!(
                    "its header gives {name} of shape {:?} in {} {} bytes",
                    entry.shape,
                    entry.dtype_name,
                    entry.end - entry.start
                )));
            }
        }
        end = entry.end;
    }
    Ok(end)
}

pub(super) fn corrupt(reason: String) -> Error {
    Error::CheckpointCorrupt { reason }
}
