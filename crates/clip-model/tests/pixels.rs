//! Preprocessing against pixels recorded from torchvision and Pillow, and its own properties.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

mod common;

use clip_model::Error;
use clip_model::picture::Picture;
use clip_model::pixels::{CropBox, Preprocessing, View, centre_box, centre_view, crop_view, normalise};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

fn fixture(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The scalars of a recorded file: JSON in its metadata.
fn metadata<T: DeserializeOwned>(bytes: &[u8]) -> T {
    let (_, metadata) = SafeTensors::read_metadata(bytes).unwrap();
    serde_json::from_str(&metadata.metadata().as_ref().unwrap()["json"]).unwrap()
}

fn recorded_picture(tensors: &SafeTensors<'_>, name: &str) -> Picture {
    let source = tensors.tensor(name).unwrap();
    let [height, width, 3] = *source.shape() else {
        panic!("{name} is no picture");
    };
    Picture::from_rgb8(width as u32, height as u32, source.data().to_vec()).unwrap()
}

fn assert_equal(view: &View, tensors: &SafeTensors<'_>, name: &str) {
    let expected = tensors.tensor(name).unwrap();
    assert_eq!(
        expected.shape(),
        [view.size() as usize, view.size() as usize, 3],
        "{name}"
    );
    let different = view.rgb().iter().zip(expected.data()).filter(|(a, b)| a != b).count();
    assert_eq!(different, 0, "{name}: values that differ");
}

/// A picture without any regularity.
fn noise(width: u32, height: u32) -> Picture {
    let mut state = 1_u32;
    let rgb = (0..width * height * 3)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    Picture::from_rgb8(width, height, rgb).unwrap()
}

fn whole(picture: &Picture) -> CropBox {
    CropBox {
        left: 0,
        top: 0,
        width: picture.width(),
        height: picture.height(),
    }
}

#[derive(Deserialize)]
struct RecordedBox {
    #[serde(flatten)]
    region: CropBox,
    flip: bool,
}

#[derive(Deserialize)]
struct RecordedViews {
    size: u32,
    boxes: Vec<RecordedBox>,
}

#[test]
fn a_photograph_gives_torchvisions_pixels() {
    for file in ["pixels-chelsea-224.safetensors", "pixels-chelsea-64.safetensors"] {
        let bytes = fixture(file);
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let recorded: RecordedViews = metadata(&bytes);
        let picture = recorded_picture(&tensors, "source");
        let preprocessing = Preprocessing::for_image_size(recorded.size);
        let centre = centre_view(&picture, &preprocessing).unwrap();
        assert_equal(&centre, &tensors, "centre");
        assert_eq!(recorded.boxes.len(), 6);
        for (index, RecordedBox { region, flip }) in recorded.boxes.iter().enumerate() {
            let view = crop_view(&picture, *region, *flip, recorded.size).unwrap();
            assert_equal(&view, &tensors, &format!("view{index}"));
        }

        let normalised = tensors.tensor("centre_normalised").unwrap();
        let (values, _) = normalised.data().as_chunks::<4>();
        let found = normalise(&centre, &preprocessing);
        let expected: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let largest = common::largest_difference(&found, &expected);
        assert!(largest < 1e-6, "{file}: {largest}");
    }
}

#[test]
fn pictures_of_awkward_shapes_give_pillows_pixels() {
    let bytes = fixture("pixels-shapes.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let cases: BTreeMap<String, RecordedViews> = metadata(&bytes);
    assert!(cases.len() >= 14);
    for (name, case) in cases {
        let picture = recorded_picture(&tensors, &format!("{name}.source"));
        let preprocessing = Preprocessing::for_image_size(case.size);
        let centre = centre_view(&picture, &preprocessing).unwrap();
        assert_equal(&centre, &tensors, &format!("{name}.centre"));
        for (index, RecordedBox { region, flip }) in case.boxes.iter().enumerate() {
            let view = crop_view(&picture, *region, *flip, case.size).unwrap();
            assert_equal(&view, &tensors, &format!("{name}.crop{index}"));
        }
    }
}

#[test]
fn a_picture_of_the_wanted_size_stays_as_it_is() {
    let picture = noise(64, 64);
    let view = crop_view(&picture, whole(&picture), false, 64).unwrap();
    assert_eq!(view.rgb(), picture.rgb());
    let centre = centre_view(&picture, &Preprocessing::for_image_size(64)).unwrap();
    assert_eq!(centre.rgb(), picture.rgb());
}

#[test]
fn mirroring_twice_gives_the_first_view_back() {
    let picture = noise(90, 50);
    let region = CropBox {
        left: 7,
        top: 3,
        width: 61,
        height: 40,
    };
    let mirrored = crop_view(&picture, region, true, 32).unwrap();
    assert_ne!(mirrored, crop_view(&picture, region, false, 32).unwrap());
    let mirrored = Picture::from_rgb8(32, 32, mirrored.rgb().to_vec()).unwrap();
    let twice = crop_view(&mirrored, whole(&mirrored), true, 32).unwrap();
    assert_eq!(twice, crop_view(&picture, region, false, 32).unwrap());
}

#[test]
fn pixels_outside_the_box_have_no_influence() {
    let region = CropBox {
        left: 10,
        top: 5,
        width: 20,
        height: 30,
    };
    let picture = noise(50, 60);
    let mut rgb = picture.rgb().to_vec();
    for (index, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let (left, top) = (index as u32 % 50, index as u32 / 50);
        if !(10..30).contains(&left) || !(5..35).contains(&top) {
            pixel.fill(0);
        }
    }
    let blackened = Picture::from_rgb8(50, 60, rgb).unwrap();
    assert_eq!(
        crop_view(&picture, region, false, 16).unwrap(),
        crop_view(&blackened, region, false, 16).unwrap()
    );
}

#[test]
fn a_box_beyond_the_picture_or_without_area_is_refused() {
    let picture = noise(10, 20);
    for (left, top, width, height) in [
        (0, 0, 11, 20),
        (0, 0, 10, 21),
        (10, 0, 1, 1),
        (0, 0, 0, 5),
        (0, 0, 5, 0),
        (u32::MAX, 0, 2, 1),
        (0, 3, 1, u32::MAX),
    ] {
        let region = CropBox {
            left,
            top,
            width,
            height,
        };
        let error = crop_view(&picture, region, false, 8).unwrap_err();
        assert_eq!(error.code(), "crop-outside", "{region:?}");
    }
}

#[test]
fn a_view_of_no_size_is_refused() {
    let picture = noise(10, 20);
    assert!(crop_view(&picture, whole(&picture), false, 0).is_err());
    assert!(centre_view(&picture, &Preprocessing::for_image_size(0)).is_err());
}

#[test]
fn the_longest_picture_there_can_be_needs_no_more_than_its_window() {
    let picture = noise(16_384, 1);
    let view = centre_view(&picture, &Preprocessing::for_image_size(224)).unwrap();
    assert_eq!(view.rgb().len(), 224 * 224 * 3);
}

#[test]
fn the_centre_box_is_the_middle_square() {
    let centre = |width, height, size| centre_box(&noise(width, height), &Preprocessing::for_image_size(size));
    assert_eq!(
        centre(400, 200, 50),
        CropBox {
            left: 100,
            top: 0,
            width: 200,
            height: 200
        }
    );
    assert_eq!(
        centre(30, 90, 224),
        CropBox {
            left: 0,
            top: 30,
            width: 30,
            height: 30
        }
    );
    let tiny = centre(1, 1, 224);
    assert_eq!(
        tiny,
        CropBox {
            left: 0,
            top: 0,
            width: 1,
            height: 1
        }
    );
}

#[test]
fn the_centre_box_lies_within_every_picture() {
    for (width, height) in [(1, 1), (1, 700), (700, 1), (3, 5), (451, 300), (224, 224), (225, 224)] {
        let picture = noise(width, height);
        for size in [1, 32, 224] {
            let region = centre_box(&picture, &Preprocessing::for_image_size(size));
            assert!(
                crop_view(&picture, region, false, size).is_ok(),
                "{width}x{height} {size}: {region:?}"
            );
        }
    }
}

#[test]
fn old_new_and_sparse_configurations_mean_the_same() {
    let clip = Preprocessing::for_image_size(224);
    for json in [
        "{}",
        r#"{"size": 224, "crop_size": 224, "do_resize": true, "resample": 3}"#,
        r#"{"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "do_convert_rgb": true}"#,
        r#"{"feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711], "rescale_factor": 0.00392156862745098, "size": null}"#,
    ] {
        assert_eq!(Preprocessing::from_json(json, 224).unwrap(), clip, "{json}");
    }
}

#[test]
fn a_shortest_edge_beyond_the_crop_leaves_a_border_out() {
    let json = r#"{"size": {"shortest_edge": 256}, "crop_size": 224}"#;
    let preprocessing = Preprocessing::from_json(json, 224).unwrap();
    assert_eq!((preprocessing.shortest_edge, preprocessing.crop_size), (256, 224));
    let region = centre_box(&noise(256, 256), &preprocessing);
    assert_eq!(
        region,
        CropBox {
            left: 16,
            top: 16,
            width: 224,
            height: 224
        }
    );
}

#[test]
fn what_would_give_other_pixels_is_refused() {
    for json in [
        r#"{"do_resize": false}"#,
        r#"{"do_center_crop": false}"#,
        r#"{"do_rescale": false}"#,
        r#"{"do_normalize": false}"#,
        r#"{"resample": 2}"#,
        r#"{"size": {"height": 224, "width": 224}}"#,
        r#"{"crop_size": {"height": 224, "width": 200}}"#,
        r#"{"crop_size": 336}"#,
        r#"{"size": 200, "crop_size": 224}"#,
        r#"{"image_std": [0.0, 1.0, 1.0]}"#,
        r#"{"rescale_factor": 1e39}"#,
    ] {
        let error = Preprocessing::from_json(json, 224).unwrap_err();
        assert_eq!(error.code(), "preprocessing-unsupported", "{json}: {error}");
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    for json in [
        "",
        "[1",
        r#"{"size": -1}"#,
        r#"{"image_mean": [0.5]}"#,
        r#"{"crop_size": {"height": 224}}"#,
    ] {
        let error = Preprocessing::from_json(json, 224).unwrap_err();
        assert!(matches!(error, Error::ConfigInvalid { .. }), "{json}: {error}");
    }
}
