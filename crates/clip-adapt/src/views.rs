//! The views of a picture: view 0 is the plain centre view, the others are random crops, half of them mirrored.
//!
//! Crops are drawn as `torchvision.transforms.RandomResizedCrop` and `RandomHorizontalFlip` draw them, in
//! distribution: the numbers themselves come from ChaCha, so that a seed gives the same views on every machine.

use clip_model::picture::Picture;
use clip_model::pixels::{self, CropBox, Preprocessing, View};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The aspect ratios (width by height) between which torchvision draws by default.
const ASPECT_RATIO: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];
/// After so many draws that don't fit into the picture, torchvision takes the largest central crop.
const ATTEMPTS: usize = 10;

/// Independent streams of one seed, so that the number of views doesn't change the adapters' first values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Crop boxes and mirroring.
    Views = 0,
    /// The adapters' first values.
    Adapter = 1,
}

/// The random numbers of one stream of a seed.
#[must_use]
pub fn random(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream as u64);
    random
}

/// Which part of the picture a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewBox {
    /// The part, in pixels of the picture.
    #[serde(rename = "box")]
    pub crop: CropBox,
    /// Whether left and right are swapped.
    pub flip: bool,
}

/// Draws the boxes of `views` views; the first is where the centre view lies.
#[must_use]
pub fn draw(
    picture: &Picture,
    preprocessing: &Preprocessing,
    views: usize,
    scale: [f64; 2],
    seed: u64,
) -> Vec<ViewBox> {
    let mut random = random(seed, Stream::Views);
    let mut boxes = vec![ViewBox {
        crop: pixels::centre_box(picture, preprocessing),
        flip: false,
    }];
    while boxes.len() < views {
        let crop = random_crop(picture.width(), picture.height(), scale, &mut random);
        let flip = random.random_bool(0.5);
        boxes.push(ViewBox { crop, flip });
    }
    boxes
}

/// The pixels of view `index`.
///
/// # Errors
/// Those of [`pixels::crop_view`].
pub fn render(picture: &Picture, preprocessing: &Preprocessing, index: usize, view: &ViewBox) -> Result<View> {
    Ok(if index == 0 {
        pixels::centre_view(picture, preprocessing)?
    } else {
        pixels::crop_view(picture, view.crop, view.flip, preprocessing.crop_size)?
    })
}

fn random_crop(width: u32, height: u32, scale: [f64; 2], random: &mut impl Rng) -> CropBox {
    let area = f64::from(width) * f64::from(height);
    for _ in 0..ATTEMPTS {
        let target = area * between(scale[0], scale[1], random);
        let aspect = between(ASPECT_RATIO[0].ln(), ASPECT_RATIO[1].ln(), random).exp();
        let crop_width = (target * aspect).sqrt().round_ties_even() as u32;
        let crop_height = (target / aspect).sqrt().round_ties_even() as u32;
        if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
            let top = random.random_range(0..=height - crop_height);
            let left = random.random_range(0..=width - crop_width);
            return CropBox {
                left,
                top,
                width: crop_width,
                height: crop_height,
            };
        }
    }
    central_crop(width, height)
}

/// The largest central crop whose aspect ratio lies in the range.
fn central_crop(width: u32, height: u32) -> CropBox {
    let aspect = f64::from(width) / f64::from(height);
    let (crop_width, crop_height) = if aspect < ASPECT_RATIO[0] {
        (width, (f64::from(width) / ASPECT_RATIO[0]).round_ties_even() as u32)
    } else if aspect > ASPECT_RATIO[1] {
        ((f64::from(height) * ASPECT_RATIO[1]).round_ties_even() as u32, height)
    } else {
        (width, height)
    };
    let (crop_width, crop_height) = (crop_width.clamp(1, width), crop_height.clamp(1, height));
    CropBox {
        left: (width - crop_width) / 2,
        top: (height - crop_height) / 2,
        width: crop_width,
        height: crop_height,
    }
}

fn between(low: f64, high: f64, random: &mut impl Rng) -> f64 {
    low + (high - low) * random.random::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Picture {
        Picture::from_rgb8(width, height, vec![7; (width * height * 3) as usize]).unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_views_and_more_views_begin_with_them() {
        let picture = picture(451, 300);
        let preprocessing = Preprocessing::for_image_size(64);
        let some = draw(&picture, &preprocessing, 8, [0.08, 1.0], 3);
        let more = draw(&picture, &preprocessing, 64, [0.08, 1.0], 3);
        let others = draw(&picture, &preprocessing, 64, [0.08, 1.0], 4);
        assert_eq!(some[..], more[..8]);
        assert_ne!(more[1..], others[1..]);
        assert_eq!(more.len(), 64);
    }

    #[test]
    fn crops_lie_in_the_picture_and_keep_to_scale_and_aspect() {
        let (width, height) = (451, 300);
        let boxes = draw(
            &picture(width, height),
            &Preprocessing::for_image_size(64),
            2000,
            [0.08, 0.6],
            1,
        );
        let area = f64::from(width * height);
        let mut flips = 0;
        let mut mean_share = 0.0;
        for view in &boxes[1..] {
            let CropBox {
                left,
                top,
                width: w,
                height: h,
            } = view.crop;
            assert!(left + w <= width && top + h <= height);
            let share = f64::from(w * h) / area;
            assert!((0.075..0.61).contains(&share), "{share}");
            let aspect = f64::from(w) / f64::from(h);
            assert!((0.73..1.37).contains(&aspect), "{aspect}");
            flips += usize::from(view.flip);
            mean_share += share / 1999.0;
        }
        // Half are mirrored, and the area is uniform: five standard errors each.
        assert!((888..1112).contains(&flips), "{flips}");
        assert!((mean_share - 0.34).abs() < 0.017, "{mean_share}");
    }

    #[test]
    fn a_picture_that_no_crop_fits_is_cut_in_the_middle() {
        let boxes = draw(&picture(2000, 7), &Preprocessing::for_image_size(64), 3, [1.0, 1.0], 0);
        assert_eq!(
            boxes[1].crop,
            CropBox {
                left: 995,
                top: 0,
                width: 9,
                height: 7
            }
        );
        let boxes = draw(&picture(1, 1), &Preprocessing::for_image_size(64), 3, [0.08, 1.0], 0);
        assert_eq!(
            boxes[2].crop,
            CropBox {
                left: 0,
                top: 0,
                width: 1,
                height: 1
            }
        );
    }
}
