//! Decoding: every format, orientation, transparency, limits, and files that are damaged or hostile.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use clip_model::picture::{MAX_PIXELS, MAX_SIDE, Picture};
use clip_model::{Error, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{
    DynamicImage, ExtendedColorType, ImageBuffer, ImageEncoder, ImageFormat, Luma, LumaA, Pixel, Rgb, RgbImage, Rgba,
    RgbaImage,
};
use std::io::Cursor;

/// Smooth enough for JPEG, without any symmetry.
fn sample(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([
            (x * 255 / width) as u8,
            (y * 255 / height) as u8,
            ((x + 2 * y) % 256) as u8,
        ])
    })
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The sample in every format that is read.
fn files() -> Vec<(ImageFormat, Vec<u8>)> {
    [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
    ]
    .map(|format| (format, encoded(&DynamicImage::ImageRgb8(sample(37, 23)), format)))
    .into()
}

fn code(result: Result<Picture>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "decoded")
}

#[test]
fn lossless_formats_give_back_the_pixels() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let bytes = encoded(&DynamicImage::ImageRgb8(sample(37, 23)), format);
        let picture = Picture::decode(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (37, 23), "{format:?}");
        assert_eq!(picture.rgb(), sample(37, 23).as_raw(), "{format:?}");
    }
}

#[test]
fn lossy_formats_give_nearly_the_pixels() {
    for format in [ImageFormat::Jpeg, ImageFormat::Gif] {
        let bytes = encoded(&DynamicImage::ImageRgb8(sample(37, 23)), format);
        let picture = Picture::decode(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (37, 23), "{format:?}");
        let error: u32 = picture
            .rgb()
            .iter()
            .zip(sample(37, 23).as_raw())
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        let mean = f64::from(error) / f64::from(37 * 23 * 3);
        assert!(mean < 16.0, "{format:?}: {mean}");
    }
}

#[test]
fn decoding_twice_gives_the_same_picture() {
    for (format, bytes) in files() {
        let first = Picture::decode(&bytes).unwrap();
        assert!(first == Picture::decode(&bytes).unwrap(), "{format:?}");
    }
}

#[test]
fn every_depth_of_png_becomes_rgb8_over_white() {
    fn pixel_of<P>(pixel: P) -> Vec<u8>
    where
        P: Pixel + image::PixelWithColorType,
        [P::Subpixel]: image::EncodableLayout,
        DynamicImage: From<ImageBuffer<P, Vec<P::Subpixel>>>,
    {
        let image = DynamicImage::from(ImageBuffer::from_pixel(2, 1, pixel));
        Picture::decode(&encoded(&image, ImageFormat::Png)).unwrap().rgb()[..3].to_vec()
    }
    assert_eq!(pixel_of(Luma([77_u8])), [77; 3]);
    assert_eq!(pixel_of(LumaA([0_u8, 0])), [255; 3]);
    assert_eq!(pixel_of(LumaA([100_u8, 255])), [100; 3]);
    assert_eq!(pixel_of(Rgba([200_u8, 100, 0, 51])), [244, 224, 204]);
    assert_eq!(pixel_of(Luma([0x8080_u16])), [128; 3]);
    assert_eq!(pixel_of(LumaA([0_u16, 0xFFFF])), [0; 3]);
    assert_eq!(pixel_of(Rgb([0xFFFF_u16, 0, 0x101])), [255, 0, 1]);
    assert_eq!(pixel_of(Rgba([0_u16, 0, 0, 0])), [255; 3]);
}

#[test]
fn what_is_transparent_in_a_gif_is_white() {
    let image = RgbaImage::from_fn(4, 1, |x, _| {
        if x < 2 {
            Rgba([255, 0, 0, 255])
        } else {
            Rgba([0, 0, 0, 0])
        }
    });
    let picture = Picture::decode(&encoded(&DynamicImage::ImageRgba8(image), ImageFormat::Gif)).unwrap();
    assert_eq!(picture.rgb()[6..], [255; 6]);
}

#[test]
fn the_first_frame_of_an_animation_is_the_picture() {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for value in [[250, 0, 0, 255], [0, 250, 0, 255]] {
            let frame = image::Frame::new(RgbaImage::from_pixel(3, 2, Rgba(value)));
            encoder.encode_frame(frame).unwrap();
        }
    }
    assert_eq!(Picture::decode(&bytes).unwrap().rgb()[..3], [250, 0, 0]);
}

/// An EXIF block with nothing but the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

#[test]
fn every_exif_orientation_is_turned_upright() {
    let stored = sample(16, 8);
    let at = |x: u32, y: u32| *stored.get_pixel(x, y);
    // Where the upright picture's pixel (x, y) lies in the file, as the EXIF standard numbers the orientations.
    type Origin = fn(u32, u32) -> (u32, u32);
    let origins: [Origin; 8] = [
        |x, y| (x, y),
        |x, y| (15 - x, y),
        |x, y| (15 - x, 7 - y),
        |x, y| (x, 7 - y),
        |x, y| (y, x),
        |x, y| (y, 7 - x),
        |x, y| (15 - y, 7 - x),
        |x, y| (15 - y, x),
    ];
    for (orientation, origin) in (1_u8..).zip(origins) {
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder
            .write_image(stored.as_raw(), 16, 8, ExtendedColorType::Rgb8)
            .unwrap();
        let mut webp = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder
            .write_image(stored.as_raw(), 16, 8, ExtendedColorType::Rgb8)
            .unwrap();
        for (format, bytes) in [("PNG", png), ("WebP", webp)] {
            let picture = Picture::decode(&bytes).unwrap();
            let size = if orientation < 5 { (16, 8) } else { (8, 16) };
            assert_eq!((picture.width(), picture.height()), size, "{format} {orientation}");
            let upright = RgbImage::from_fn(size.0, size.1, |x, y| {
                let (x, y) = origin(x, y);
                at(x, y)
            });
            assert_eq!(picture.rgb(), upright.as_raw(), "{format} {orientation}");
        }
    }
}

#[test]
fn a_turned_jpeg_is_turned_upright() {
    // Left half white, right half black, to be turned clockwise: white comes to lie above.
    let stored = RgbImage::from_fn(32, 16, |x, _| Rgb([if x < 16 { 255 } else { 0 }; 3]));
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(6)).unwrap();
    encoder
        .write_image(stored.as_raw(), 32, 16, ExtendedColorType::Rgb8)
        .unwrap();
    let picture = Picture::decode(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (16, 32));
    assert!(picture.rgb()[..48].iter().all(|value| *value > 200));
    assert!(picture.rgb()[31 * 48..].iter().all(|value| *value < 50));
}

#[test]
fn a_cmyk_jpeg_has_its_colours() {
    // By Pillow, as Adobe's inverted CMYK: `Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save("cmyk-red.jpg", quality=90)`.
    let bytes = include_bytes!("../../../tests/fixtures/cmyk-red.jpg");
    let picture = Picture::decode(bytes).unwrap();
    let [red, green, blue] = picture.rgb()[..3] else {
        panic!()
    };
    assert!(red > 240 && green < 15 && blue < 15, "{red} {green} {blue}");
}

#[test]
fn what_is_no_picture_is_refused_by_name() {
    assert_eq!(code(Picture::decode(b"")), "picture-empty");
    for bytes in [
        &b"hello"[..],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\0\0",
        b"%PDF-1.7",
        &[0xFF; 100],
    ] {
        assert_eq!(code(Picture::decode(bytes)), "picture-unknown-format", "{bytes:?}");
    }
    // A format that the decoding library knows, but that isn't offered.
    assert_eq!(code(Picture::decode(b"II*\0\x08\0\0\0")), "picture-unknown-format");
}

#[test]
fn a_file_cut_anywhere_is_an_error_or_the_whole_picture() {
    for (format, bytes) in files() {
        let whole = Picture::decode(&bytes).unwrap();
        let mut complete = 0;
        for end in 0..bytes.len() {
            match Picture::decode(&bytes[..end]) {
                // Only what comes after the pixels is missing.
                Ok(picture) => {
                    assert!(picture == whole, "{format:?} cut at {end} of {}", bytes.len());
                    complete += 1;
                }
                Err(error) => assert!(
                    matches!(
                        error.code(),
                        "picture-corrupt" | "picture-unknown-format" | "picture-empty"
                    ),
                    "{format:?} cut at {end}: {error}"
                ),
            }
        }
        assert!(complete < 24, "{format:?}: {complete} cuts went unnoticed");
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut state = 1_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for (_, bytes) in files() {
        for _ in 0..300 {
            let mut changed = bytes.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % changed.len();
                changed[at] = random() as u8;
            }
            if let Ok(picture) = Picture::decode(&changed) {
                assert_eq!(
                    picture.rgb().len() as u64,
                    u64::from(picture.width()) * u64::from(picture.height()) * 3
                );
            }
        }
    }
}

/// A PNG file of nothing but a header.
fn png_header(width: u32, height: u32, depth: u8, colour_type: u8) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([depth, colour_type, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(13_u32.to_be_bytes());
    file.extend(&header);
    file.extend(crc32(&header).to_be_bytes());
    // An empty chunk of picture data: decoders read up to its head for the description of the picture.
    file.extend(0_u32.to_be_bytes());
    file.extend(b"IDAT");
    file.extend(crc32(b"IDAT").to_be_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

/// Asserts that the size alone is the reason, whatever follows the header.
fn assert_too_large(bytes: &[u8], expected: (u32, u32)) {
    match Picture::decode(bytes) {
        Err(Error::PictureTooLarge {
            width,
            height,
            max_side,
            ..
        }) => {
            assert_eq!((width, height), expected);
            assert_eq!(max_side, MAX_SIDE);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_header_of_too_many_pixels_is_refused_before_they_are_read() {
    const TRUECOLOUR: u8 = 2;
    const WITH_ALPHA: u8 = 6;
    for size in [(20_000, 1), (1, 20_000), (16_385, 16_385), (8_001, 8_000)] {
        assert_too_large(&png_header(size.0, size.1, 8, TRUECOLOUR), size);
    }
    let impossible = code(Picture::decode(&png_header(
        u32::MAX >> 1,
        u32::MAX >> 1,
        8,
        TRUECOLOUR,
    )));
    assert!(
        matches!(impossible, "picture-corrupt" | "picture-too-large"),
        "{impossible}"
    );
    // 16 bits a channel with transparency take twice the memory: half the pixels.
    assert_too_large(&png_header(8_000, 4_001, 16, WITH_ALPHA), (8_000, 4_001));
    let allowed = Picture::decode(&png_header(8_000, 4_000, 16, WITH_ALPHA));
    assert_eq!(code(allowed), "picture-corrupt");
}

#[test]
fn a_large_header_of_any_format_is_refused() {
    // GIF: a screen of 65,535 x 65,535.
    assert_too_large(b"GIF89a\xFF\xFF\xFF\xFF\0\0\0,\0\0\0\0\x01\0\x01\0\0", (65_535, 65_535));
    let mut bmp = encoded(&DynamicImage::ImageRgb8(sample(2, 2)), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&30_000_i32.to_le_bytes());
    assert_too_large(&bmp, (30_000, 2));
    // JPEG: the height and the width stand in the frame header, behind its length and depth.
    let mut jpeg = encoded(&DynamicImage::ImageRgb8(sample(8, 8)), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
    assert_too_large(&jpeg, (60_000, 60_000));
}

#[test]
fn a_header_without_pixels_is_refused() {
    for (width, height) in [(0, 5), (5, 0), (0, 0)] {
        let code = code(Picture::decode(&png_header(width, height, 8, 2)));
        assert!(matches!(code, "picture-corrupt" | "picture-empty"), "{code}");
    }
    let code = code(Picture::decode(b"GIF89a\0\0\0\0\0\0\0;"));
    assert!(matches!(code, "picture-corrupt" | "picture-empty"), "{code}");
}

#[test]
fn a_gif_whose_frame_is_larger_than_its_screen_is_bounded() {
    let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
    gif.extend(b",\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\x02\x4C\x01\0;");
    assert_ne!(code(Picture::decode(&gif)), "decoded");
}

#[test]
fn pixel_buffers_must_fit_their_size() {
    assert_eq!(code(Picture::from_rgb8(2, 2, vec![0; 12])), "decoded");
    for length in [0, 11, 13, 16] {
        let error = Picture::from_rgb8(2, 2, vec![0; length]).unwrap_err();
        assert!(matches!(error, Error::PicturePixels { expected: 12, found } if found == length as u64));
    }
    assert_eq!(code(Picture::from_rgba8(2, 2, &[0; 12])), "picture-pixels");
    assert_eq!(code(Picture::from_rgb8(0, 2, Vec::new())), "picture-empty");
    assert_eq!(code(Picture::from_rgba8(2, 0, &[])), "picture-empty");
    assert_eq!(
        code(Picture::from_rgb8(MAX_SIDE + 1, 1, Vec::new())),
        "picture-too-large"
    );
    let side = (MAX_PIXELS as f64).sqrt() as u32 + 1;
    assert_eq!(code(Picture::from_rgba8(side, side, &[])), "picture-too-large");
}

#[test]
fn canvas_pixels_are_laid_over_white() {
    let picture = Picture::from_rgba8(2, 1, &[10, 20, 30, 255, 0, 0, 0, 0]).unwrap();
    assert_eq!(picture.rgb(), [10, 20, 30, 255, 255, 255]);
}
