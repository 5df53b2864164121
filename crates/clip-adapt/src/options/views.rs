//! What all methods share: the views of a picture.

use serde::{Deserialize, Serialize};

use super::{OptionDescription, Options, complete, read};
use crate::error::Result;

/// The largest seed that a JavaScript number holds exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;

/// The views that a method is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewOptions {
    /// Number of views, the centre view among them.
    pub views: usize,
    /// Smallest and largest part of the picture's area that a crop takes.
    pub crop_scale: [f64; 2],
    /// Seed of the crops and of whatever a method draws.
    pub seed: u64,
    /// Views that are worked on at a time: memory grows with it, not with the number of views. FOA takes all that it has selected at once.
    pub chunk_views: usize,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self {
            views: 64,
            crop_scale: [0.08, 1.0],
            seed: 0,
            chunk_views: 16,
        }
    }
}

impl ViewOptions {
    /// From options that are of the views alone; what is left out has its default.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`]; [`crate::Error::OptionUnknown`].
    pub fn read(options: &Options) -> Result<Self> {
        read(&complete(&Self::descriptions(), options)?)
    }

    /// What they are called, do, and may be.
    #[must_use]
    pub fn descriptions() -> Vec<OptionDescription> {
        let default = Self::default();
        vec![
            OptionDescription::integer(
                "views",
                "Views",
                "Number of views of the picture, the centre view among them.",
                default.views as u64,
                [1, 4096],
            ),
            OptionDescription::range(
                "crop_scale",
                "Crop area",
                "Smallest and largest part of the picture's area that a crop takes.",
                default.crop_scale,
                [1e-4, 1.0],
            ),
            OptionDescription::integer(
                "seed",
                "Seed",
                "Seed of the crops and of whatever the method draws: the same seed gives the same result.",
                default.seed,
                [0, MAX_SEED],
            ),
            OptionDescription::integer(
                "chunk_views",
                "Views at a time",
                "Views that are worked on at a time: memory grows with it, the result stays the same.",
                default.chunk_views as u64,
                [1, 4096],
            ),
        ]
    }
}
