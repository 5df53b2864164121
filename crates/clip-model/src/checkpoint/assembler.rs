//! Puts a checkpoint together from pieces of its file, in any order, converting each as it comes.

use half::{bf16, f16};

use super::header::{Dtype, Header, corrupt};
use super::plan::{self, FormatChoice, Part, Plan, Segment};
use super::weights::Weights;
use super::{Checkpoint, write};
use crate::config::ClipConfig;
use crate::error::{Error, Result};
use crate::pixels::Preprocessing;
use crate::quantised::WeightFormat;

/// A checkpoint under construction.
pub struct Assembler {
    config: ClipConfig,
    preprocessing: Preprocessing,
    plan: Plan,
    is_there: Vec<bool>,
    /// Reused from piece to piece.
    values: Vec<f32>,
}

impl Assembler {
    /// Reads what the configuration and the file's header say, and plans the pieces. Without `config_json` the file's own
    /// metadata must have the configuration, as [`write`](super::write) puts it there; without `preprocessor_json`, the metadata's is
    /// taken, or else CLIP's own preprocessing at the model's input size is assumed.
    ///
    /// # Errors
    /// Those of [`ClipConfig::from_json`] and [`Preprocessing::from_json`]; [`Error::ConfigInvalid`] where there is no configuration;
    /// [`Error::TensorMissing`], [`Error::TensorShape`], [`Error::TensorDtype`], [`Error::CheckpointTooLarge`].
    pub fn new(
        config_json: Option<&str>,
        preprocessor_json: Option<&str>,
        header: &Header,
        choice: FormatChoice,
    ) -> Result<Self> {
        let metadata = |key: &str| header.metadata().get(key).map(String::as_str);
        let config_json = config_json
            .or(metadata(write::CONFIG_KEY))
            .ok_or(Error::ConfigInvalid {
                file: "config.json",
                reason: "there is none, neither beside the weights nor in their file".into(),
            })?;
        let config = ClipConfig::from_json(config_json)?;
        let image_size = u32::try_from(config.vision.image_size).unwrap_or(u32::MAX);
        let preprocessing = match preprocessor_json.or(metadata(write::PREPROCESSOR_KEY)) {
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
        let plan = plan::plan(&config, header, choice)?;
        Ok(Self {
            config,
            preprocessing,
            is_there: vec![false; plan.pieces.len()],
            plan,
            values: Vec::new(),
        })
    }

    /// Where each piece lies in the file: its first byte, and the byte after its last. In the order of the file, without
    /// overlaps; what is between them isn't needed.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, u64)> {
        self.plan.pieces.iter().map(|piece| (piece.start, piece.end))
    }

    /// Bytes of all pieces.
    #[must_use]
    pub fn source_bytes(&self) -> u64 {
        self.pieces().map(|(start, end)| end - start).sum()
    }

    /// Bytes of the weights as they will be kept.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.plan.weights.bytes()
    }

    /// Number of values of the model.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.plan.weights.parameters()
    }

    /// The format of most values that are multiplied by, in the file: `"f32"`, `"f16"`, `"bf16"`, `"q8"` or `"q4"`.
    #[must_use]
    pub fn stored_format(&self) -> &'static str {
        self.plan.stored
    }

    /// The format that most of them will have.
    #[must_use]
    pub fn kept_format(&self) -> WeightFormat {
        self.plan.kept
    }

    /// Takes piece `index` as it lies in the file.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`] for a wrong index or length; [`Error::TensorNotFinite`], [`Error::TensorRange`].
    pub fn push(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let Plan { pieces, weights, .. } = &mut self.plan;
        let piece = pieces.get(index).ok_or_else(|| no_piece(index))?;
        if bytes.len() as u64 != piece.end - piece.start {
            return Err(plan::wrong_length(index, piece.end - piece.start, bytes.len()));
        }
        let mut rest = bytes;
        for segment in &piece.segments {
            let (own, others) = rest
                .split_at_checked((segment.end - segment.start) as usize)
                .unwrap_or((rest, &[]));
            store(weights, segment, own, &mut self.values)?;
            rest = others;
        }
        self.note(index);
        Ok(())
    }

    /// What became of piece `index`: what [`Assembler::restore`] takes, on this machine or later.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`] for a wrong index.
    pub fn encoded(&self, index: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let piece = self.plan.pieces.get(index).ok_or_else(|| no_piece(index))?;
        for segment in &piece.segments {
            if let Some(tensor) = self.plan.weights.tensor(segment.tensor) {
                let range = segment.values.clone();
                if segment.part != Part::Scales {
                    bytes.extend_from_slice(tensor.codes(range.clone()));
                }
                if segment.part != Part::Codes {
                    bytes.extend_from_slice(tensor.scales(range));
                }
            }
        }
        Ok(bytes)
    }

    /// Takes back piece `index` as [`Assembler::encoded`] gave it for the same file, configuration and choice.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`] for a wrong index or length.
    pub fn restore(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        let Plan { pieces, weights, .. } = &mut self.plan;
        for segment in &pieces.get(index).ok_or_else(|| no_piece(index))?.segments {
            let Some(tensor) = weights.tensor_mut(segment.tensor) else {
                continue;
            };
            let range = segment.values.clone();
            if segment.part != Part::Scales {
                copy_front(&mut rest, tensor.codes_mut(range.clone()))?;
            }
            if segment.part != Part::Codes {
                copy_front(&mut rest, tensor.scales_mut(range))?;
            }
        }
        if !rest.is_empty() {
            return Err(corrupt(format!(
                "stored piece {index} is {} bytes too long",
                rest.len()
            )));
        }
        self.note(index);
        Ok(())
    }

    fn note(&mut self, index: usize) {
        if let Some(there) = self.is_there.get_mut(index) {
            *there = true;
        }
    }

    /// The checkpoint, once all pieces are there.
    ///
    /// # Errors
    /// [`Error::CheckpointCorrupt`] where one is missing.
    pub fn finish(self) -> Result<Checkpoint> {
        if let Some(missing) = self.is_there.iter().position(|there| !there) {
            return Err(corrupt(format!("piece {missing} is missing")));
        }
        Ok(Checkpoint {
            config: self.config,
            preprocessing: self.preprocessing,
            weights: self.plan.weights,
        })
    }
}

fn no_piece(index: usize) -> Error {
    corrupt(format!("there is no piece {index}"))
}

/// Fills `target` with the first bytes of `rest`, and moves `rest` on.
fn copy_front(rest: &mut &[u8], target: &mut [u8]) -> Result<()> {
    let (own, others) = rest
        .split_at_checked(target.len())
        .ok_or_else(|| corrupt("a stored piece is too short".into()))?;
    target.copy_from_slice(own);
    *rest = others;
    Ok(())
}

/// Puts a segment's bytes where they belong, converted.
fn store(weights: &mut Weights, segment: &Segment, bytes: &[u8], values: &mut Vec<f32>) -> Result<()> {
    let name = weights.name(segment.tensor).to_owned();
    let Some(tensor) = weights.tensor_mut(segment.tensor) else {
        return Ok(());
    };
    match segment.part {
        Part::Values(dtype) => {
            values.clear();
            match dtype {
                Dtype::F32 => values.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
                Dtype::F16 => values.extend(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
                Dtype::Bf16 => values.extend(bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32())),
                // Never planned as values.
                Dtype::I8 | Dtype::U8 => {}
            }
            tensor.set(&name, segment.values.start, values)
        }
        Part::Codes => copy_front(&mut &*bytes, tensor.codes_mut(segment.values.clone())),
        Part::Scales => {
            let (scales, _) = bytes.as_chunks();
            let count = scales.iter().filter(|b| !f16::from_le_bytes(**b).is_finite()).count();
            if count > 0 {
                return Err(Error::TensorNotFinite {
                    tensor: format!("{name}{}", write::SCALES_SUFFIX),
                    count,
                });
            }
            copy_front(&mut &*bytes, tensor.scales_mut(segment.values.clone()))
        }
    }
}
