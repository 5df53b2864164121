//! Whether a file is there to its end, for the formats whose decoders don't say so.

use image::ImageFormat;

/// Whether the file goes on to where its format says that it ends; formats whose decoders miss a lost end by themselves always pass.
pub(super) fn is_complete(format: ImageFormat, bytes: &[u8]) -> bool {
    match format {
        // The decoder would fill what is missing with grey.
        ImageFormat::Jpeg => jpeg_is_complete(bytes),
        // The decoder would leave out the EXIF block, which comes last, and with it the orientation.
        ImageFormat::WebP => webp_is_complete(bytes),
        _ => true,
    }
}

/// Compares the length that a RIFF container announces. Some writers count a byte of padding that they leave out.
fn webp_is_complete(bytes: &[u8]) -> bool {
    let length = |head: &[u8]| Some(u32::from_le_bytes(head.get(4..8)?.try_into().ok()?));
    length(bytes).is_some_and(|length| u64::from(length) + 8 <= bytes.len() as u64 + 1)
}

const MARKER: u8 = 0xFF;
const END_OF_IMAGE: u8 = 0xD9;

/// Follows the segments of a JPEG file up to the marker that ends the picture.
///
/// Searching for that marker anywhere wouldn't do: a preview within the file's head has one of its own.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        // What lies between segments is compressed picture data, or padding.
        let Some(at) = rest.iter().position(|byte| *byte == MARKER) else {
            return false;
        };
        rest = rest.get(at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte != MARKER) else {
            return false;
        };
        let (marker, after) = match rest.get(length..) {
            Some([marker, after @ ..]) => (*marker, after),
            _ => return false,
        };
        rest = match marker {
            END_OF_IMAGE => return true,
            // An escaped 0xFF of the picture data, or a marker without content.
            0x00 | 0x01 | 0xD0..=0xD8 => after,
            // The length counts its own two bytes.
            _ => match after {
                [high, low, ..] => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    after.get(length.max(2)..).unwrap_or_default()
                }
                _ => return false,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_marker_of_a_preview_is_not_the_end() {
        let head = [0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        assert!(!jpeg_is_complete(&head));
        assert!(jpeg_is_complete(&[&head[..], &[0xFF, 0xD9]].concat()));
    }

    #[test]
    fn escaped_bytes_and_restart_markers_belong_to_the_data() {
        let data = [
            0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 0xFF, 0x00, 0xD9, 0xFF, 0xD0, 1, 0xFF, 0xFF, 0xD9,
        ];
        assert!(jpeg_is_complete(&data));
        assert!((0..data.len()).all(|end| !jpeg_is_complete(&data[..end])));
    }

    #[test]
    fn a_webp_file_is_as_long_as_its_head_says() {
        let file = b"RIFF\x0A\0\0\0WEBP123456";
        assert!(webp_is_complete(file));
        // One byte of padding may be missing.
        assert!(webp_is_complete(&file[..17]));
        assert!(!webp_is_complete(&file[..16]));
        assert!(!webp_is_complete(b"RIFF"));
    }
}
