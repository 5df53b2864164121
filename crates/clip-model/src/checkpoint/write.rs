//! Writing a checkpoint into one file: a `.safetensors` whose metadata carry the configuration and the preprocessing.
//!
//! Tensors keep their names and shapes of Hugging Face's layout. A quantised matrix `x` is `x` with its codes, I8 `[rows, columns]` for `q8` or U8
//! `[rows, columns / 2]` for `q4`, and `x.scales`, F16 `[rows, columns / 32]`. The same input gives the same file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Checkpoint, tensors};
use crate::quantised::{BLOCK, PackedMatrix, WeightFormat};

/// What follows a quantised tensor's name in the name of its scales.
pub const SCALES_SUFFIX: &str = ".scales";
/// Key of the metadata that has the text of `config.json`.
pub const CONFIG_KEY: &str = "config.json";
/// Key of the metadata that has the text of `preprocessor_config.json`.
pub const PREPROCESSOR_KEY: &str = "preprocessor_config.json";
/// Key of the metadata that has the format of the matrices.
pub const FORMAT_KEY: &str = "clip_ttl.format";
/// Key of the metadata that says where the weights come from.
pub const SOURCE_KEY: &str = "clip_ttl.source";
/// Key of the metadata that has the SHA-256 of the file they come from, in hexadecimal digits.
pub const SOURCE_HASH_KEY: &str = "clip_ttl.source_sha256";

/// What a file says about itself besides its tensors.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// The text of `config.json`.
    pub config_json: String,
    /// The text of `preprocessor_config.json`, where there is one.
    pub preprocessor_json: Option<String>,
    /// Where the weights come from: a repository's name, or a file's.
    pub source: String,
    /// SHA-256 of the file they come from, in hexadecimal digits.
    pub source_sha256: String,
}

/// A tensor of the file, and where its bytes are.
struct Stored<'a> {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

/// Writes the file. `progress` is told how many of how many bytes are written.
///
/// # Errors
/// Those of `out`.
pub fn write(
    checkpoint: &Checkpoint,
    description: &Description,
    out: &mut impl Write,
    mut progress: impl FnMut(u64, u64),
) -> io::Result<()> {
    let mut stored = Vec::new();
    tensors::for_each(&checkpoint.config, |needed| {
        if let Some(tensor) = checkpoint.weights.get(&needed.name) {
            list(&needed.name, tensor, needed.shape, &mut stored);
        }
        Ok(())
    })
    .map_err(io::Error::other)?;
    // The widest numbers first, so that every tensor begins at a multiple of its numbers' size.
    let rank = |dtype: &str| ["F32", "F16", "I8", "U8"].iter().position(|known| *known == dtype);
    stored.sort_by(|a, b| (rank(a.dtype), &a.name).cmp(&(rank(b.dtype), &b.name)));
    let header = header(&stored, &metadata(checkpoint, description))?;
    let total = header.len() as u64 + stored.iter().map(|tensor| tensor.bytes.len() as u64).sum::<u64>();
    out.write_all(&header)?;
    let mut written = header.len() as u64;
    for tensor in &stored {
        out.write_all(tensor.bytes)?;
        written += tensor.bytes.len() as u64;
        progress(written, total);
    }
    out.flush()
}

fn list<'a>(name: &str, tensor: &'a PackedMatrix, shape: Vec<usize>, out: &mut Vec<Stored<'a>>) {
    let all = 0..tensor.len();
    let [rows, columns] = tensor.shape();
    let format = tensor.format();
    let (dtype, shape) = match format {
        WeightFormat::F32 => ("F32", shape),
        WeightFormat::F16 => ("F16", shape),
        WeightFormat::Q8 => ("I8", vec![rows, columns]),
        WeightFormat::Q4 => ("U8", vec![rows, columns / 2]),
    };
    out.push(Stored {
        name: name.to_owned(),
        dtype,
        shape,
        bytes: tensor.codes(all.clone()),
    });
    if format.is_quantised() {
        out.push(Stored {
            name: format!("{name}{SCALES_SUFFIX}"),
            dtype: "F16",
            shape: vec![rows, columns / BLOCK],
            bytes: tensor.scales(all),
        });
    }
}

fn metadata(checkpoint: &Checkpoint, description: &Description) -> BTreeMap<&'static str, String> {
    let mut metadata = BTreeMap::from([
        (CONFIG_KEY, description.config_json.clone()),
        (FORMAT_KEY, checkpoint.weights.main_format().as_str().to_owned()),
        (SOURCE_KEY, description.source.clone()),
        (SOURCE_HASH_KEY, description.source_sha256.clone()),
        // What `transformers` asks of a file before it reads it.
        ("format", "pt".to_owned()),
    ]);
    if let Some(json) = &description.preprocessor_json {
        metadata.insert(PREPROCESSOR_KEY, json.clone());
    }
    metadata
}

/// The length of the header and the header, with keys in alphabetical order.
fn header(tensors: &[Stored<'_>], metadata: &BTreeMap<&'static str, String>) -> io::Result<Vec<u8>> {
    let mut entries = BTreeMap::<&str, Value>::new();
    entries.insert("__metadata__", json!(metadata));
    let mut offset = 0;
    for tensor in tensors {
        let end = offset + tensor.bytes.len();
        entries.insert(
            &tensor.name,
            json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [offset, end]}),
        );
        offset = end;
    }
    let mut json = serde_json::to_vec(&entries)?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    Ok(header)
}
