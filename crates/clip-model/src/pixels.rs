//! From a picture to what the vision tower reads: views of it, square, in RGB8, then normalised.
//!
//! The pixels are those of Pillow and torchvision, with which CLIP is trained and evaluated: bicubic with antialiasing for the
//! centre view, bilinear with antialiasing for crops. `tests/fixtures/pixels-*.safetensors` record them.

mod preprocessing;
mod resample;

use crate::error::{Error, Result};
use crate::picture::Picture;
pub use preprocessing::Preprocessing;
use resample::{Axis, Filter, resample};
use serde::{Deserialize, Serialize};

/// A rectangle of a picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CropBox {
    /// Columns to the left of it.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Columns in it.
    pub width: u32,
    /// Rows in it.
    pub height: u32,
}

/// A square picture of the size that the model reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    rgb: Vec<u8>,
    size: u32,
}

impl View {
    /// RGB8 rows, shape `[size, size, 3]`.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Side length in pixels.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }
}

/// The view that classifies: the shorter edge resized to [`Preprocessing::shortest_edge`], the centre of that.
///
/// As torchvision's `resize` (bicubic, antialias) and `center_crop` on a PIL image.
///
/// # Errors
/// [`Error::PreprocessingUnsupported`] if the crop is empty or larger than the resized picture.
pub fn centre_view(picture: &Picture, preprocessing: &Preprocessing) -> Result<View> {
    preprocessing.check()?;
    let size = preprocessing.crop_size;
    let horizontal = centre_axis(picture.width(), picture.height(), preprocessing);
    let vertical = centre_axis(picture.height(), picture.width(), preprocessing);
    let rgb = resample(
        picture.rgb(),
        picture.width(),
        whole(picture),
        &horizontal,
        &vertical,
        Filter::Bicubic,
    );
    Ok(View { rgb, size })
}

/// Where [`centre_view`] lies in the picture, to the nearest pixel.
#[must_use]
pub fn centre_box(picture: &Picture, preprocessing: &Preprocessing) -> CropBox {
    let horizontal = centre_axis(picture.width(), picture.height(), preprocessing);
    let vertical = centre_axis(picture.height(), picture.width(), preprocessing);
    let (left, right) = in_source_pixels(&horizontal);
    let (top, bottom) = in_source_pixels(&vertical);
    CropBox {
        left,
        top,
        width: right - left,
        height: bottom - top,
    }
}

/// A rectangle of the picture resized to `size` x `size` pixels, then mirrored left to right if `flip`.
///
/// As torchvision's `resized_crop` (bilinear, antialias) and `hflip` on a PIL image: the crop comes first, so that pixels outside
/// the box have no influence.
///
/// # Errors
/// [`Error::CropOutside`] if the box is empty or reaches outside the picture; [`Error::Shape`] if `size` is 0.
pub fn crop_view(picture: &Picture, region: CropBox, flip: bool, size: u32) -> Result<View> {
    let inside =
        |start: u32, length: u32, side: u32| length > 0 && start.checked_add(length).is_some_and(|end| end <= side);
    if !inside(region.left, region.width, picture.width()) || !inside(region.top, region.height, picture.height()) {
        return Err(Error::CropOutside {
            left: region.left,
            top: region.top,
            width: region.width,
            height: region.height,
            picture_width: picture.width(),
            picture_height: picture.height(),
        });
    }
    if size == 0 {
        return Err(Error::Shape {
            operation: "crop view",
            expected: vec![1, 1, 3],
            found: vec![0, 0, 3],
        });
    }
    let axis = |source| Axis {
        source,
        target: size,
        window: 0..size,
    };
    let mut rgb = resample(
        picture.rgb(),
        picture.width(),
        region,
        &axis(region.width),
        &axis(region.height),
        Filter::Bilinear,
    );
    if flip {
        mirror(&mut rgb, size);
    }
    Ok(View { rgb, size })
}

/// What the vision tower reads: `(value x rescale_factor - mean) / std`, planar, shape `[3, size, size]`.
#[must_use]
pub fn normalise(view: &View, preprocessing: &Preprocessing) -> Vec<f32> {
    let (pixels, _) = view.rgb.as_chunks::<3>();
    let mut planes = Vec::with_capacity(view.rgb.len());
    for (channel, (mean, std)) in preprocessing.mean.iter().zip(preprocessing.std).enumerate() {
        let normalised = |value: u8| (f32::from(value) * preprocessing.rescale_factor - mean) / std;
        planes.extend(
            pixels
                .iter()
                .filter_map(|pixel| pixel.get(channel).copied())
                .map(normalised),
        );
    }
    planes
}

fn whole(picture: &Picture) -> CropBox {
    CropBox {
        left: 0,
        top: 0,
        width: picture.width(),
        height: picture.height(),
    }
}

/// One axis of the centre view, of a picture that is `length` long on this axis and `other` on the other one.
fn centre_axis(length: u32, other: u32, preprocessing: &Preprocessing) -> Axis {
    let target = if length <= other {
        preprocessing.shortest_edge
    } else {
        // torchvision drops the fraction of the longer edge.
        let target = u64::from(preprocessing.shortest_edge) * u64::from(length) / u64::from(other.max(1));
        u32::try_from(target).unwrap_or(u32::MAX)
    };
    // torchvision rounds the margin with Python's `round`: a half goes to the even neighbour.
    let spare = target.saturating_sub(preprocessing.crop_size);
    let start = spare / 2 + u32::from(spare % 4 == 3);
    Axis {
        source: length,
        target,
        window: start..start + preprocessing.crop_size,
    }
}

/// The window of a resized axis in pixels of the source, rounded: from, to.
fn in_source_pixels(axis: &Axis) -> (u32, u32) {
    let target = u64::from(axis.target.max(1));
    let scaled = |position: u32| {
        let rounded = (2 * u64::from(position) * u64::from(axis.source) + target) / (2 * target);
        u32::try_from(rounded).unwrap_or(u32::MAX).min(axis.source)
    };
    // Never empty, however much a tiny picture is enlarged.
    let start = scaled(axis.window.start).min(axis.source.saturating_sub(1));
    (start, scaled(axis.window.end).max(start + 1))
}

/// Mirrors RGB8 rows of `width` pixels left to right.
fn mirror(rgb: &mut [u8], width: u32) {
    let (pixels, _) = rgb.as_chunks_mut::<3>();
    for row in pixels.chunks_exact_mut(width as usize) {
        row.reverse();
    }
}
