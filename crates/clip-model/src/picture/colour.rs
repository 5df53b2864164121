//! From the colour types that decoders give to RGB8.

use image::ColorType;

/// Converts decoded pixels to RGB8, transparency laid over white; `None` for colour types that the supported formats don't have.
///
/// 16-bit values are in the machine's byte order.
pub(super) fn to_rgb8(colour: ColorType, pixels: Vec<u8>) -> Option<Vec<u8>> {
    match colour {
        ColorType::Rgb8 => Some(pixels),
        ColorType::Rgba8 => Some(over_white(&pixels)),
        ColorType::L8 => Some(grey(&pixels)),
        ColorType::La8 => Some(grey_over_white(&pixels)),
        ColorType::Rgb16 => Some(to_8_bits(&pixels)),
        ColorType::Rgba16 => Some(over_white(&to_8_bits(&pixels))),
        ColorType::L16 => Some(grey(&to_8_bits(&pixels))),
        ColorType::La16 => Some(grey_over_white(&to_8_bits(&pixels))),
        _ => None,
    }
}

/// RGBA8, not premultiplied, over white.
pub(super) fn over_white(rgba: &[u8]) -> Vec<u8> {
    let (pixels, _) = rgba.as_chunks::<4>();
    let mut rgb = Vec::with_capacity(pixels.len() * 3);
    for [red, green, blue, alpha] in pixels {
        rgb.extend([red, green, blue].map(|value| blend(*value, *alpha)));
    }
    rgb
}

fn grey(values: &[u8]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(values.len() * 3);
    for value in values {
        rgb.extend([*value; 3]);
    }
    rgb
}

fn grey_over_white(pixels: &[u8]) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<2>();
    let mut rgb = Vec::with_capacity(pixels.len() * 3);
    for [value, alpha] in pixels {
        rgb.extend([blend(*value, *alpha); 3]);
    }
    rgb
}

/// A value of the given opacity over white, rounded.
fn blend(value: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    let sum = u32::from(value) * alpha + 255 * (255 - alpha);
    u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
}

/// 0..=65535 to 0..=255, rounded.
fn to_8_bits(values: &[u8]) -> Vec<u8> {
    let (values, _) = values.as_chunks::<2>();
    values
        .iter()
        .map(|bytes| {
            let value = u32::from(u16::from_ne_bytes(*bytes));
            u8::try_from((value + 128) / 257).unwrap_or(u8::MAX)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_stays_and_transparent_becomes_white() {
        assert_eq!(over_white(&[1, 2, 3, 255, 1, 2, 3, 0]), [1, 2, 3, 255, 255, 255]);
        assert_eq!(grey_over_white(&[7, 255, 7, 0]), [7, 7, 7, 255, 255, 255]);
        assert_eq!(blend(0, 128), 127);
    }

    #[test]
    fn sixteen_bits_keep_black_white_and_the_middle() {
        let values: Vec<u8> = [0_u16, 0x8080, 0xFFFF].into_iter().flat_map(u16::to_ne_bytes).collect();
        assert_eq!(to_8_bits(&values), [0, 128, 255]);
    }
}
