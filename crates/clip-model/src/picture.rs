//! Pictures: from the bytes of a file to upright RGB8 pixels.
//!
//! PNG, JPEG, WebP, GIF (first frame) and BMP. The EXIF orientation is applied, as browsers do it. What is transparent is laid over
//! white, as on a page; Pillow's `convert("RGB")` would instead show the colours hidden under it. Colour profiles are ignored,
//! as Pillow does it: CLIP was trained that way.

mod colour;
mod complete;

use crate::error::{Error, Result};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;

/// Largest width and height in pixels that is decoded.
pub const MAX_SIDE: u32 = 16_384;
/// Largest number of pixels that is decoded.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Largest number of bytes that the pixels may have in the file's own depth: all of [`MAX_PIXELS`] at 8 bits with transparency, half
/// of them at 16 bits. A browser's tab has to hold them.
const MAX_DECODED_BYTES: u64 = 4 * MAX_PIXELS;

/// A picture as RGB8 pixels, upright.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    /// Without the pixels.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Picture")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

impl Picture {
    /// Decodes the bytes of a PNG, JPEG, WebP, GIF or BMP file; the format is told by its first bytes.
    ///
    /// The size is read from the header and refused before memory is taken for pixels.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`] without bytes or with a side of 0 pixels, [`Error::PictureUnknownFormat`], [`Error::PictureTooLarge`]
    /// beyond [`MAX_SIDE`] or [`MAX_PIXELS`] (half of them at 16 bits a channel), [`Error::PictureUnsupported`] for a rare variant of a
    /// format, [`Error::PictureCorrupt`] if the file is damaged or its end is missing.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::PictureEmpty);
        }
        let format = image::guess_format(bytes).map_err(|_| Error::PictureUnknownFormat)?;
        let name = format_name(format).ok_or(Error::PictureUnknownFormat)?;
        if !complete::is_complete(format, bytes) {
            return Err(Error::PictureCorrupt {
                format: name,
                reason: "the file ends before the picture does".to_owned(),
            });
        }

        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_DECODED_BYTES);
        reader.limits(limits);
        let mut decoder = reader
            .into_decoder()
            .map_err(|error| from_image_error(error, name, None))?;
        let (width, height) = decoder.dimensions();
        let colour = decoder.color_type();
        check_size(width, height, u64::from(colour.bytes_per_pixel()))?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);

        let mut pixels = zeroed(decoder.total_bytes()).ok_or(too_large(width, height, MAX_PIXELS))?;
        decoder
            .read_image(&mut pixels)
            .map_err(|error| from_image_error(error, name, Some((width, height))))?;
        let rgb = colour::to_rgb8(colour, pixels).ok_or_else(|| Error::PictureUnsupported {
            format: name,
            reason: format!("its pixels are stored as {colour:?}"),
        })?;
        Self::from_rgb8(width, height, rgb)?.turned(orientation)
    }

    /// Takes RGB8 rows, top row first, without padding between rows.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`], [`Error::PictureTooLarge`], or [`Error::PicturePixels`] if the length isn't `width * height * 3`.
    pub fn from_rgb8(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self> {
        check_size(width, height, 3)?;
        check_length(width, height, 3, rgb.len())?;
        Ok(Self { width, height, rgb })
    }

    /// Takes RGBA8 rows as a canvas gives them (not premultiplied) and lays them over white.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`], [`Error::PictureTooLarge`], or [`Error::PicturePixels`] if the length isn't `width * height * 4`.
    pub fn from_rgba8(width: u32, height: u32, rgba: &[u8]) -> Result<Self> {
        check_size(width, height, 4)?;
        check_length(width, height, 4, rgba.len())?;
        let rgb = colour::over_white(rgba);
        Ok(Self { width, height, rgb })
    }

    /// Width in pixels, at least 1.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// RGB8 rows, shape `[height, width, 3]`.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Turns and mirrors the picture so that it stands upright.
    fn turned(self, orientation: Orientation) -> Result<Self> {
        if orientation == Orientation::NoTransforms {
            return Ok(self);
        }
        let found = self.rgb.len() as u64;
        let Some(pixels) = RgbImage::from_raw(self.width, self.height, self.rgb) else {
            return Err(Error::PicturePixels {
                expected: u64::from(self.width) * u64::from(self.height) * 3,
                found,
            });
        };
        let mut image = DynamicImage::ImageRgb8(pixels);
        image.apply_orientation(orientation);
        let pixels = image.into_rgb8();
        let (width, height) = pixels.dimensions();
        Self::from_rgb8(width, height, pixels.into_raw())
    }
}

fn format_name(format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Png => Some("PNG"),
        ImageFormat::Jpeg => Some("JPEG"),
        ImageFormat::WebP => Some("WebP"),
        ImageFormat::Gif => Some("GIF"),
        ImageFormat::Bmp => Some("BMP"),
        _ => None,
    }
}

fn check_size(width: u32, height: u32, bytes_per_pixel: u64) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::PictureEmpty);
    }
    let max_pixels = MAX_PIXELS.min(MAX_DECODED_BYTES / bytes_per_pixel.max(1));
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > max_pixels {
        return Err(too_large(width, height, max_pixels));
    }
    Ok(())
}

fn check_length(width: u32, height: u32, bytes_per_pixel: u64, found: usize) -> Result<()> {
    let expected = u64::from(width) * u64::from(height) * bytes_per_pixel;
    let found = found as u64;
    if expected == found {
        Ok(())
    } else {
        Err(Error::PicturePixels { expected, found })
    }
}

fn too_large(width: u32, height: u32, max_pixels: u64) -> Error {
    Error::PictureTooLarge {
        width,
        height,
        max_side: MAX_SIDE,
        max_pixels,
    }
}

/// Memory for the pixels, or none if there isn't that much: a wasm module can't grow without end, and must not die of it.
fn zeroed(length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).ok()?;
    bytes.resize(length, 0);
    Some(bytes)
}

/// `size` is the header's, once it is known; what exceeds the memory before that is no picture that anybody has made.
fn from_image_error(error: ImageError, format: &'static str, size: Option<(u32, u32)>) -> Error {
    match (error, size) {
        (ImageError::Limits(_), Some((width, height))) => too_large(width, height, MAX_PIXELS),
        (ImageError::Unsupported(unsupported), _) => Error::PictureUnsupported {
            format,
            reason: unsupported.to_string(),
        },
        (other, _) => Error::PictureCorrupt {
            format,
            reason: other.to_string(),
        },
    }
}
