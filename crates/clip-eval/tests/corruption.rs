//! Corruptions: what must hold for every kind, severity, and size.
#![allow(clippy::float_cmp, reason = "where a value is exact, the test says so")]
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::path::Path;

use clip_eval::corruption::{Corruption, Kind};
use clip_eval::error::Error;
use clip_model::picture::Picture;
use clip_model::pixels::{self, CropBox};

/// A sample picture, square, of this side.
fn sample(name: &str, side: u32) -> Picture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../www/samples")
        .join(name);
    let picture = Picture::decode(&std::fs::read(path).unwrap()).unwrap();
    let square = picture.width().min(picture.height());
    let region = CropBox {
        left: 0,
        top: 0,
        width: square,
        height: square,
    };
    let view = pixels::crop_view(&picture, region, false, side).unwrap();
    Picture::from_rgb8(side, side, view.rgb().to_vec()).unwrap()
}

fn change(a: &Picture, b: &Picture) -> f64 {
    let differences = a.rgb().iter().zip(b.rgb()).map(|(&a, &b)| f64::from(a.abs_diff(b)));
    differences.sum::<f64>() / a.rgb().len() as f64
}

fn all() -> impl Iterator<Item = Corruption> {
    Kind::ALL
        .into_iter()
        .flat_map(|kind| Corruption::SEVERITIES.map(move |severity| Corruption::new(kind, severity).unwrap()))
}

/// How little of the picture's edges is left: one less the correlation of the differences between neighbouring pixels.
fn edges_lost(a: &Picture, b: &Picture) -> f64 {
    let row = 3 * a.width() as usize;
    let edges = |picture: &Picture| -> Vec<f64> {
        let rgb = picture.rgb();
        let difference = |to: &u8, from: &u8| f64::from(*to) - f64::from(*from);
        let across = rgb
            .chunks_exact(row)
            .flat_map(|row| row[3..].iter().zip(row).map(|(to, from)| difference(to, from)));
        let down = rgb[row..].iter().zip(rgb).map(|(to, from)| difference(to, from));
        across.chain(down).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (a, b) = (edges(a), edges(b));
    1.0 - dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

#[test]
fn a_higher_severity_changes_more() {
    // What is laid over a picture may brighten and darken it in turn: of that the edges that it leaves are measured, of the rest the mean change.
    let overlays = [Kind::Frost, Kind::Fog];
    for side in [64, 240] {
        let pictures = ["chelsea.png", "bridge.jpg"].map(|name| sample(name, side));
        for kind in Kind::ALL {
            let changes: Vec<f64> = Corruption::SEVERITIES
                .map(|severity| {
                    let corruption = Corruption::new(kind, severity).unwrap();
                    // The mean over pictures and seeds: one draw of flakes may hide less than another.
                    let of = |picture: &Picture, seed: u64| {
                        let corrupted = corruption.apply(picture, seed).unwrap();
                        let measure = if overlays.contains(&kind) { edges_lost } else { change };
                        measure(picture, &corrupted)
                    };
                    let of_picture = |picture: &Picture| (0..2_u64).map(|seed| of(picture, seed)).sum::<f64>();
                    pictures.iter().map(of_picture).sum::<f64>() / 4.0
                })
                .collect();
            assert!(
                changes[0] > 0.02,
                "{kind} at {side} pixels changes something: {changes:?}"
            );
            for (severity, pair) in changes.windows(2).enumerate() {
                // As published: two severities that move everything, then three that distort locally; and as much snow at 3 as at 2, in larger flakes.
                let is_break = severity == 1 && matches!(kind, Kind::ElasticTransform | Kind::Snow);
                assert!(
                    is_break || pair[1] > pair[0],
                    "{kind} at {side} pixels, severity {} and the next: {changes:?}",
                    severity + 1
                );
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_picture_and_another_one_another() {
    let picture = sample("chelsea.png", 64);
    let without_chance = [
        Kind::DefocusBlur,
        Kind::ZoomBlur,
        Kind::Brightness,
        Kind::Contrast,
        Kind::Pixelate,
        Kind::JpegCompression,
    ];
    for corruption in all() {
        let first = corruption.apply(&picture, 7).unwrap();
        assert!(first == corruption.apply(&picture, 7).unwrap(), "{corruption}");
        let same = first == corruption.apply(&picture, 8).unwrap();
        assert_eq!(same, without_chance.contains(&corruption.kind()), "{corruption}");
    }
}

#[test]
fn the_size_is_kept_however_odd_it_is() {
    for (width, height) in [(1, 1), (2, 1), (3, 500), (500, 3), (65, 63), (449, 230)] {
        let values = (0..width * height * 3).map(|index| (index * 37 % 251) as u8).collect();
        let picture = Picture::from_rgb8(width, height, values).unwrap();
        for corruption in all().filter(|corruption| [1, 5].contains(&corruption.severity())) {
            let corrupted = corruption.apply(&picture, 3).unwrap();
            assert_eq!((corrupted.width(), corrupted.height()), (width, height), "{corruption}");
        }
    }
}

#[test]
fn black_and_white_pictures_are_no_exception() {
    for value in [0, 255] {
        let picture = Picture::from_rgb8(32, 32, vec![value; 32 * 32 * 3]).unwrap();
        for corruption in all() {
            corruption.apply(&picture, 1).unwrap();
        }
    }
}

#[test]
fn noise_is_as_strong_as_the_published_one_after_resizing() {
    // On mid grey, severity 1 and at the published size: a standard deviation of 0.08.
    let deviation = |side: u32, reduced: u32| {
        let picture = Picture::from_rgb8(side, side, vec![128; (side * side * 3) as usize]).unwrap();
        let noisy = Corruption::new(Kind::GaussianNoise, 1)
            .unwrap()
            .apply(&picture, 5)
            .unwrap();
        let block = side / reduced;
        let mut squares = 0.0;
        for row in 0..reduced {
            for column in 0..reduced {
                let values = (0..block * block).map(|index| {
                    let (x, y) = (column * block + index % block, row * block + index / block);
                    f64::from(noisy.rgb()[((y * side + x) * 3) as usize])
                });
                let mean = values.sum::<f64>() / f64::from(block * block);
                squares += ((mean - 128.0) / 255.0).powi(2);
            }
        }
        (squares / f64::from(reduced * reduced)).sqrt()
    };
    assert!((deviation(224, 224) - 0.08).abs() < 0.002);
    assert!(
        (deviation(448, 224) - 0.08).abs() < 0.002,
        "a picture twice as large, halved"
    );
    let halved = deviation(224, 112);
    assert!(
        (deviation(112, 112) - halved).abs() < 0.003,
        "one half as large, and the published one halved"
    );
}

#[test]
fn the_effects_go_the_way_their_names_say() {
    let picture = sample("chelsea.png", 128);
    let apply = |kind: Kind| Corruption::new(kind, 3).unwrap().apply(&picture, 1).unwrap();
    let mean = |picture: &Picture| {
        picture.rgb().iter().map(|&value| f64::from(value)).sum::<f64>() / picture.rgb().len() as f64
    };
    // Deviation within a channel: the picture's own colour stays where its contrast goes.
    let spread = |picture: &Picture| {
        let reds: Vec<f64> = picture.rgb().iter().step_by(3).map(|&value| f64::from(value)).collect();
        let mean = reds.iter().sum::<f64>() / reds.len() as f64;
        (reds.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / reds.len() as f64).sqrt()
    };
    // How much neighbouring pixels differ.
    let roughness = |picture: &Picture| {
        let rgb = picture.rgb();
        rgb.iter()
            .zip(&rgb[3..])
            .map(|(&a, &b)| f64::from(a.abs_diff(b)))
            .sum::<f64>()
            / rgb.len() as f64
    };
    assert!(mean(&apply(Kind::Brightness)) > mean(&picture) + 20.0);
    assert!(mean(&apply(Kind::Snow)) > mean(&picture));
    let contrast = spread(&apply(Kind::Contrast)) / spread(&picture);
    assert!(
        (contrast - 0.2).abs() < 0.02,
        "severity 3 keeps a fifth of the contrast: {contrast}"
    );
    assert!(
        edges_lost(&picture, &apply(Kind::Contrast)) < 0.02,
        "and nothing else changes"
    );
    assert!(edges_lost(&picture, &apply(Kind::Fog)) > 0.2);
    for kind in [Kind::DefocusBlur, Kind::GlassBlur, Kind::MotionBlur, Kind::ZoomBlur] {
        assert!(roughness(&apply(kind)) < 0.8 * roughness(&picture), "{kind}");
    }
    for kind in [Kind::GaussianNoise, Kind::ShotNoise, Kind::ImpulseNoise] {
        assert!(roughness(&apply(kind)) > 1.5 * roughness(&picture), "{kind}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
        assert_eq!(kind.as_str().replace('_', "-").parse::<Kind>().unwrap(), kind);
    }
    assert_eq!("jpeg".parse::<Kind>().unwrap(), Kind::JpegCompression);
    let error = "gausian".parse::<Kind>().unwrap_err();
    assert_eq!(error.code(), "corruption-unknown");
    assert!(error.advice().unwrap().contains("gaussian_noise"));
    assert!(matches!(
        Corruption::new(Kind::Fog, 6),
        Err(Error::SeverityInvalid { .. })
    ));
    assert!(Corruption::new(Kind::Fog, 0).is_err());
}
