//! What a checkpoint's `preprocessor_config.json` says.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
const CLIP_RESCALE_FACTOR: f32 = 1.0 / 255.0;
const FILE: &str = "preprocessor_config.json";
/// Pillow's number for bicubic.
const BICUBIC: u32 = 3;

/// How a picture becomes the model's input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// The shorter edge of the picture is resized to this many pixels.
    pub shortest_edge: u32,
    /// Side length in pixels of the square that is cut out of the middle: the model's image size.
    pub crop_size: u32,
    /// Subtracted from red, green and blue after rescaling.
    pub mean: [f32; 3],
    /// Red, green and blue are divided by this after that.
    pub std: [f32; 3],
    /// Brings 0 to 255 to 0 to 1.
    pub rescale_factor: f32,
}

/// The file, as any version of transformers writes it. Other keys have no influence on the pixels.
#[derive(Deserialize)]
struct File {
    do_resize: Option<bool>,
    size: Option<Size>,
    resample: Option<u32>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f32>,
    do_normalize: Option<bool>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
}

/// A size as a number (old files) or as an object.
#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(untagged)]
enum Size {
    Number(u32),
    ShortestEdge { shortest_edge: u32 },
    Sides { height: u32, width: u32 },
}

impl Preprocessing {
    /// CLIP's own preprocessing for a model that reads `image_size` x `image_size` pixels.
    #[must_use]
    pub fn for_image_size(image_size: u32) -> Self {
        Self {
            shortest_edge: image_size,
            crop_size: image_size,
            mean: CLIP_MEAN,
            std: CLIP_STD,
            rescale_factor: CLIP_RESCALE_FACTOR,
        }
    }

    /// Reads `preprocessor_config.json` for a model that reads `image_size` x `image_size` pixels. A missing key means CLIP's value.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] if it isn't JSON of the expected form, [`Error::PreprocessingUnsupported`] if it asks for pixels
    /// other than those made here: another filter, a squashed picture, a step left out, a size that isn't the model's.
    pub fn from_json(json: &str, image_size: u32) -> Result<Self> {
        let file: File = serde_json::from_str(json).map_err(|error| Error::ConfigInvalid {
            file: FILE,
            reason: error.to_string(),
        })?;
        for (key, value) in [
            ("do_resize", file.do_resize),
            ("do_center_crop", file.do_center_crop),
            ("do_rescale", file.do_rescale),
            ("do_normalize", file.do_normalize),
        ] {
            if value == Some(false) {
                return unsupported(format!("{key} = false, but every step is always done"));
            }
        }
        if let Some(resample) = file.resample.filter(|resample| *resample != BICUBIC) {
            return unsupported(format!("resample = {resample}, but only {BICUBIC} (bicubic) is known"));
        }
        let defaults = Self::for_image_size(image_size);
        let shortest_edge = match file.size {
            None => defaults.shortest_edge,
            Some(Size::Number(edge) | Size::ShortestEdge { shortest_edge: edge }) => edge,
            Some(Size::Sides { height, width }) => {
                return unsupported(format!(
                    "size = {{height: {height}, width: {width}}} squashes the picture; only a shortest_edge is known"
                ));
            }
        };
        let crop_size = match file.crop_size {
            None => defaults.crop_size,
            Some(Size::Number(side)) => side,
            Some(Size::Sides { height, width }) if height == width => width,
            Some(other) => return unsupported(format!("crop_size = {other:?} is no square")),
        };
        if crop_size != image_size {
            return unsupported(format!(
                "crop_size = {crop_size}, but the model reads {image_size} x {image_size} pixels"
            ));
        }
        let preprocessing = Self {
            shortest_edge,
            crop_size,
            mean: file.image_mean.unwrap_or(defaults.mean),
            std: file.image_std.unwrap_or(defaults.std),
            rescale_factor: file.rescale_factor.unwrap_or(defaults.rescale_factor),
        };
        preprocessing.check()?;
        Ok(preprocessing)
    }

    /// Refuses values that make no picture, or not a finite one.
    pub(super) fn check(&self) -> Result<()> {
        if self.crop_size == 0 {
            return unsupported("crop_size = 0".to_owned());
        }
        if self.crop_size > self.shortest_edge {
            return unsupported(format!(
                "crop_size = {} is larger than the resized picture's shortest_edge = {}",
                self.crop_size, self.shortest_edge
            ));
        }
        // From the darkest to the brightest pixel.
        let is_finite = |(mean, std): (&f32, &f32)| {
            [0.0, 255.0]
                .iter()
                .all(|value| ((value * self.rescale_factor - mean) / std).is_finite())
        };
        if !self.mean.iter().zip(&self.std).all(is_finite) {
            return unsupported(format!(
                "image_mean = {:?}, image_std = {:?} and rescale_factor = {} don't give finite values",
                self.mean, self.std, self.rescale_factor
            ));
        }
        Ok(())
    }
}

fn unsupported<T>(reason: String) -> Result<T> {
    Err(Error::PreprocessingUnsupported { reason })
}
