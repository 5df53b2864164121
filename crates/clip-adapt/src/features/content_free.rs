//! Pictures without content: what a model answers to them is what it prefers before it has seen anything (contextual
//! calibration, arXiv 2102.09690; there with texts such as "N/A").

use clip_model::picture::Picture;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;

/// The middle of what a pixel can be.
const GREY: u8 = 128;

/// A grey picture, a picture of uniform noise (always the same), and one of `picture`'s mean colour, which is a blur
/// without end; each `side` x `side` pixels.
///
/// # Errors
/// Those of [`Picture::from_rgb8`], for a side of 0.
pub fn content_free_pictures(picture: &Picture, side: u32) -> Result<[Picture; 3]> {
    let pixels = side as usize * side as usize;
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let noise = (0..pixels * 3).map(|_| random.random::<u8>()).collect();
    let mean = mean_colour(picture).repeat(pixels);
    Ok([
        Picture::from_rgb8(side, side, vec![GREY; pixels * 3])?,
        Picture::from_rgb8(side, side, noise)?,
        Picture::from_rgb8(side, side, mean)?,
    ])
}

fn mean_colour(picture: &Picture) -> [u8; 3] {
    let (pixels, _) = picture.rgb().as_chunks::<3>();
    let mut sums = [0_u64; 3];
    for pixel in pixels {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(value);
        }
    }
    let count = (pixels.len() as u64).max(1);
    // A mean of bytes is a byte.
    sums.map(|sum| ((sum + count / 2) / count) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_grey_one_noise_and_one_the_mean_colour() {
        let picture = Picture::from_rgb8(2, 1, vec![10, 0, 255, 20, 1, 255]).unwrap();
        let [grey, noise, mean] = content_free_pictures(&picture, 16).unwrap();
        assert!(grey.rgb().iter().all(|&value| value == 128));
        assert!(mean.rgb().chunks_exact(3).all(|pixel| pixel == [15, 1, 255]));
        let average = noise.rgb().iter().map(|&value| f64::from(value)).sum::<f64>() / (16.0 * 16.0 * 3.0);
        // Five standard errors of the mean of 768 uniform bytes.
        assert!((average - 127.5).abs() < 14.0, "{average}");
        assert_eq!(content_free_pictures(&picture, 16).unwrap()[1].rgb(), noise.rgb());
        assert!(content_free_pictures(&picture, 0).is_err());
    }
}
