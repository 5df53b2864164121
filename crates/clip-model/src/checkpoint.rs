//! Reading a checkpoint in Hugging Face's layout: `config.json`, `preprocessor_config.json` and
//! `model.safetensors` of a `CLIPModel`, as `save_pretrained` of `transformers` writes them.

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use crate::config::ClipConfig;
use crate::error::{Error, Result};
use crate::pixels::Preprocessing;

/// A checkpoint whose weights lie in memory as they lie in the file.
pub struct Checkpoint<'a> {
    /// The model's sizes.
    pub config: ClipConfig,
    /// How pictures are made into its input.
    pub preprocessing: Preprocessing,
    tensors: SafeTensors<'a>,
}

impl<'a> Checkpoint<'a> {
    /// Takes the three files of a checkpoint. Without `preprocessor_config.json`, CLIP's own preprocessing at the
    /// model's input size is assumed.
    ///
    /// # Errors
    /// Those of [`ClipConfig::from_json`] and [`Preprocessing::from_json`]; [`Error::CheckpointCorrupt`] where the
    /// weights are truncated or their header contradicts their length.
    pub fn from_parts(config_json: &str, preprocessor_json: Option<&str>, safetensors: &'a [u8]) -> Result<Self> {
        let config = ClipConfig::from_json(config_json)?;
        let image_size = u32::try_from(config.vision.image_size).unwrap_or(u32::MAX);
        let preprocessing = match preprocessor_json {
            Some(json) => Preprocessing::from_json(json, image_size)?,
            None => Preprocessing::for_image_size(image_size),
        };
        if preprocessing.crop_size != image_size {
            return Err(Error::PreprocessingUnsupported {
                reason: format!(
                    "crop_size = {}, but the model's image_size is {image_size}",
                    preprocessing.crop_size
                ),
            });
        }
        let tensors = SafeTensors::deserialize(safetensors).map_err(|error| Error::CheckpointCorrupt {
            reason: error.to_string(),
        })?;
        Ok(Self {
            config,
            preprocessing,
            tensors,
        })
    }

    /// The values of a tensor as f32, row-major.
    ///
    /// # Errors
    /// [`Error::TensorMissing`], [`Error::TensorShape`], [`Error::TensorDtype`], [`Error::TensorNotFinite`].
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let stored = self.stored(name, shape)?;
        let values = stored.to_f32();
        let count = values.iter().filter(|value| !value.is_finite()).count();
        if count > 0 {
            return Err(Error::TensorNotFinite {
                tensor: name.to_owned(),
                count,
            });
        }
        Ok(values)
    }

    /// A matrix `[rows, columns]` kept on the host in the number format of the file.
    ///
    /// # Errors
    /// As [`Checkpoint::values`].
    pub fn host_matrix(&self, name: &str, shape: [usize; 2]) -> Result<HostMatrix> {
        let stored = self.stored(name, &shape)?;
        let count = stored.not_finite();
        if count > 0 {
            return Err(Error::TensorNotFinite {
                tensor: name.to_owned(),
                count,
            });
        }
        Ok(HostMatrix {
            columns: shape[1],
            rows: shape[0],
            values: stored.to_owned_values(),
        })
    }

    fn stored(&self, name: &str, shape: &[usize]) -> Result<Stored<'_>> {
        let view = self.tensors.tensor(name).map_err(|_| Error::TensorMissing {
            tensor: name.to_owned(),
            expected: shape.to_vec(),
        })?;
        if view.shape() != shape {
            return Err(Error::TensorShape {
                tensor: name.to_owned(),
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        let format = match view.dtype() {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            Dtype::BF16 => Format::Bf16,
            other => {
                return Err(Error::TensorDtype {
                    tensor: name.to_owned(),
                    found: format!("{other:?}"),
                });
            }
        };
        Ok(Stored {
            format,
            bytes: view.data(),
        })
    }
}

#[derive(Clone, Copy)]
enum Format {
    F32,
    F16,
    Bf16,
}

/// A tensor's bytes in the file: little-endian, of no particular alignment.
struct Stored<'a> {
    format: Format,
    bytes: &'a [u8],
}

impl Stored<'_> {
    fn to_f32(&self) -> Vec<f32> {
        match self.format {
            Format::F32 => self.numbers(f32::from_le_bytes).collect(),
            Format::F16 => self.numbers(|b| f16::from_le_bytes(b).to_f32()).collect(),
            Format::Bf16 => self.numbers(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        }
    }

    fn not_finite(&self) -> usize {
        match self.format {
            Format::F32 => self.numbers(f32::from_le_bytes).filter(|x| !x.is_finite()).count(),
            Format::F16 => self.numbers(f16::from_le_bytes).filter(|x| !x.is_finite()).count(),
            Format::Bf16 => self.numbers(bf16::from_le_bytes).filter(|x| !x.is_finite()).count(),
        }
    }

    fn to_owned_values(&self) -> HostValues {
        match self.format {
            Format::F32 => HostValues::F32(self.numbers(f32::from_le_bytes).collect()),
            Format::F16 => HostValues::F16(self.numbers(f16::from_le_bytes).collect()),
            Format::Bf16 => HostValues::Bf16(self.numbers(bf16::from_le_bytes).collect()),
        }
    }

    fn numbers<const N: usize, T>(&self, convert: impl Fn([u8; N]) -> T) -> impl Iterator<Item = T> {
        let (chunks, _) = self.bytes.as_chunks::<N>();
        chunks.iter().map(move |bytes| convert(*bytes))
    }
}

enum HostValues {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

/// A matrix `[rows, columns]` that stays on the host, of which single rows are read: the token embedding, the
/// largest part of a small CLIP, of which a label needs a dozen rows.
pub struct HostMatrix {
    rows: usize,
    columns: usize,
    values: HostValues,
}

impl HostMatrix {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends row `index` to `out`; `None` where there is no such row.
    #[must_use]
    pub fn append_row(&self, index: usize, out: &mut Vec<f32>) -> Option<()> {
        let start = index.checked_mul(self.columns)?;
        let range = start..start.checked_add(self.columns)?;
        match &self.values {
            HostValues::F32(values) => out.extend_from_slice(values.get(range)?),
            HostValues::F16(values) => out.extend(values.get(range)?.iter().map(|x| x.to_f32())),
            HostValues::Bf16(values) => out.extend(values.get(range)?.iter().map(|x| x.to_f32())),
        }
        Some(())
    }
}
