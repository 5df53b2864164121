//! What a model's visual tokens are like for source pictures: what PromptAlign and FOA compare a picture's views with.
//!
//! One `.safetensors` of F32 tensors; `{l}` counts vision blocks from 0:
//! `blocks.{l}.token_mean` and `blocks.{l}.token_variance` `[tokens, width]`, mean and biased variance over the pictures of the
//! block's output (of the last block only row 0, the class token, is read); `blocks.{l}.class_mean` and `blocks.{l}.class_std`
//! `[width]`, mean and unbiased standard deviation of the class token as the next layer norm reads it. The metadata has
//! `pictures`, their number.

use std::borrow::Cow;
use std::collections::HashMap;

use clip_model::clip::Clip;
use clip_model::config::ClipConfig;
use clip_model::picture::Picture;
use clip_model::pixels;
use safetensors::{Dtype, SafeTensors, View};

use crate::error::{Error, Result};
use crate::readback::read_values;

/// What the tokens are like, block by block.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatistics {
    /// Number of pictures.
    pub pictures: usize,
    /// One entry for each vision block.
    pub blocks: Vec<BlockStatistics>,
}

/// What comes out of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockStatistics {
    /// `[tokens, width]`, row-major; of the last block `[1, width]`.
    pub token_mean: Vec<f32>,
    /// Biased, of the same shape.
    pub token_variance: Vec<f32>,
    /// `[width]`, of the class token as the next layer norm reads it.
    pub class_mean: Vec<f32>,
    /// `[width]`, unbiased, of the same.
    pub class_deviation: Vec<f32>,
}

impl SourceStatistics {
    /// Reads statistics of a model of this configuration.
    ///
    /// # Errors
    /// [`Error::StatisticsInvalid`].
    pub fn read(bytes: &[u8], config: &ClipConfig) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| invalid(error.to_string()))?;
        let pictures = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get("pictures"))
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| invalid("its metadata doesn't have the number of pictures"))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| invalid(error.to_string()))?;
        let transformer = config.vision.transformer;
        let (layers, width, tokens) = (transformer.layers, transformer.width, config.vision.tokens());
        let blocks = (0..layers)
            .map(|block| {
                let read =
                    |name: &str, shapes: &[&[usize]]| floats(&tensors, &format!("blocks.{block}.{name}"), shapes);
                let rows: &[&[usize]] = if block + 1 == layers {
                    &[&[1, width], &[tokens, width]]
                } else {
                    &[&[tokens, width]]
                };
                let statistics = BlockStatistics {
                    token_mean: read("token_mean", rows)?,
                    token_variance: read("token_variance", rows)?,
                    class_mean: read("class_mean", &[&[width]])?,
                    class_deviation: read("class_std", &[&[width]])?,
                };
                let mut spreads = statistics.token_variance.iter().chain(&statistics.class_deviation);
                if spreads.any(|&spread| spread < 0.0) {
                    return Err(invalid(format!("a variance of block {block} is below 0")));
                }
                Ok(statistics)
            })
            .collect::<Result<_>>()?;
        Ok(Self { pictures, blocks })
    }

    /// The file: the same statistics give the same bytes.
    ///
    /// # Errors
    /// [`Error::StatisticsInvalid`] where a tensor isn't whole rows.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let width = block.class_mean.len();
            for (name, values) in [
                ("token_mean", &block.token_mean),
                ("token_variance", &block.token_variance),
            ] {
                let shape = vec![values.len() / width.max(1), width];
                tensors.push((format!("blocks.{index}.{name}"), HostTensor { shape, values }));
            }
            for (name, values) in [("class_mean", &block.class_mean), ("class_std", &block.class_deviation)] {
                let shape = vec![values.len()];
                tensors.push((format!("blocks.{index}.{name}"), HostTensor { shape, values }));
            }
        }
        // One entry: several would be written in an order of chance.
        let metadata = HashMap::from([("pictures".to_owned(), self.pictures.to_string())]);
        safetensors::serialize(tensors, Some(metadata)).map_err(|error| invalid(error.to_string()))
    }
}

/// Gathers statistics, a picture at a time.
pub struct StatisticsCollector<'a> {
    clip: &'a Clip,
    pictures: usize,
    tokens: Vec<Running>,
    class_tokens: Vec<Running>,
}

impl<'a> StatisticsCollector<'a> {
    /// A collector that has seen nothing.
    #[must_use]
    pub fn new(clip: &'a Clip) -> Self {
        let blocks = clip.vision.layers();
        Self {
            clip,
            pictures: 0,
            tokens: vec![Running::default(); blocks],
            class_tokens: vec![Running::default(); blocks],
        }
    }

    /// Shows it the centre view of a picture.
    ///
    /// # Errors
    /// Those of the preprocessing and of the device.
    pub async fn add(&mut self, picture: &Picture) -> Result<()> {
        let Clip {
            preprocessing, vision, ..
        } = self.clip;
        let view = pixels::centre_view(picture, preprocessing)?;
        let pixels = self.clip.upload_views(pixels::normalise(&view, preprocessing))?;
        let mut state = vision.trunk(pixels, 0)?;
        for block in 0..vision.layers() {
            state = vision.through_block(state, block, None);
            let class_token = vision.read_class_token(&state, block + 1);
            let values = read_values(state.clone(), "tokens of a source picture").await?;
            if let Some(running) = self.tokens.get_mut(block) {
                running.add(&values);
            }
            let values = read_values(class_token, "tokens of a source picture").await?;
            if let Some(running) = self.class_tokens.get_mut(block) {
                running.add(&values);
            }
        }
        self.pictures += 1;
        Ok(())
    }

    /// Number of pictures so far.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// The statistics of what it has seen.
    ///
    /// # Errors
    /// [`Error::StatisticsInvalid`] for fewer than two pictures, which have no variance.
    pub fn finish(self) -> Result<SourceStatistics> {
        if self.pictures < 2 {
            return Err(invalid("they need at least two pictures"));
        }
        let count = self.pictures as f64;
        let blocks = self
            .tokens
            .into_iter()
            .zip(self.class_tokens)
            .map(|(tokens, class_tokens)| BlockStatistics {
                token_mean: singles(tokens.mean.iter().copied()),
                token_variance: singles(tokens.squares.iter().map(|square| square / count)),
                class_mean: singles(class_tokens.mean.iter().copied()),
                class_deviation: singles(
                    class_tokens
                        .squares
                        .iter()
                        .map(|square| (square / (count - 1.0)).sqrt()),
                ),
            })
            .collect();
        Ok(SourceStatistics {
            pictures: self.pictures,
            blocks,
        })
    }
}

/// Welford's running mean and sum of squared deviations.
#[derive(Debug, Clone, Default)]
struct Running {
    count: usize,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Running {
    fn add(&mut self, values: &[f32]) {
        self.mean.resize(values.len(), 0.0);
        self.squares.resize(values.len(), 0.0);
        self.count += 1;
        for ((mean, square), &value) in self.mean.iter_mut().zip(&mut self.squares).zip(values) {
            let before = f64::from(value) - *mean;
            *mean += before / self.count as f64;
            *square += before * (f64::from(value) - *mean);
        }
    }
}

fn singles(values: impl Iterator<Item = f64>) -> Vec<f32> {
    values.map(|value| value as f32).collect()
}

fn floats(tensors: &SafeTensors<'_>, name: &str, shapes: &[&[usize]]) -> Result<Vec<f32>> {
    let view = tensors.tensor(name).map_err(|_| {
        invalid(format!(
            "they have no tensor {name}; each vision block of the model needs one"
        ))
    })?;
    if view.dtype() != Dtype::F32 || !shapes.contains(&view.shape()) {
        let expected: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
        return Err(invalid(format!(
            "{name} is {:?} of shape {:?}; this model needs F32 of shape {}",
            view.dtype(),
            view.shape(),
            expected.join(" or ")
        )));
    }
    let values: Vec<f32> = view
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(invalid(format!("{name} holds values that are not finite")))
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::StatisticsInvalid { reason: reason.into() }
}

/// A tensor as safetensors stores it: F32, little-endian.
struct HostTensor<'a> {
    shape: Vec<usize>,
    values: &'a [f32],
}

impl View for HostTensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}
