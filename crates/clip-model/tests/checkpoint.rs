//! Checkpoints as they are published, and damaged in every way that a download can be.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use clip_model::checkpoint::{Checkpoint, FormatChoice};
use clip_model::clip::Clip;
use clip_model::device::ComputeDevice;
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

const TINY: &str = "tests/fixtures/tiny-quick-gelu";

fn file(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(TINY)
            .join(name),
    )
    .unwrap()
}

fn config() -> String {
    String::from_utf8(file("config.json")).unwrap()
}

/// The code and the message of what loading says, or `Ok`.
fn load(config: &str, weights: &[u8]) -> Result<Clip, (String, String)> {
    Checkpoint::from_parts(Some(config), None, weights, FormatChoice::AsStored)
        .and_then(|checkpoint| Clip::load(checkpoint, &ComputeDevice::cpu()))
        .map_err(|error| (error.code().to_owned(), error.to_string()))
}

/// A tensor's format, shape and bytes.
type Stored = (Dtype, Vec<usize>, Vec<u8>);

/// The tiny checkpoint with some tensors replaced, removed (`None`) or added.
fn edited(edit: impl Fn(&mut BTreeMap<String, Stored>)) -> Vec<u8> {
    let bytes = file("model.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut all: BTreeMap<String, Stored> = tensors
        .iter()
        .map(|(name, view)| {
            (
                name.to_owned(),
                (view.dtype(), view.shape().to_vec(), view.data().to_vec()),
            )
        })
        .collect();
    edit(&mut all);
    let views: BTreeMap<&str, TensorView<'_>> = all
        .iter()
        .map(|(name, (dtype, shape, data))| (name.as_str(), TensorView::new(*dtype, shape.clone(), data).unwrap()))
        .collect();
    safetensors::serialize(views, None).unwrap()
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

fn text_features(clip: &Clip) -> Vec<f32> {
    let ids = vec![vec![1022, 5, 17, 900, 1023], vec![1022, 3, 1023]];
    clip.text.forward(&ids).unwrap().into_data().iter::<f32>().collect()
}

#[test]
fn half_precision_checkpoints_give_nearly_the_same_features() {
    let whole = text_features(&load(&config(), &file("model.safetensors")).unwrap());
    let convert = |dtype: Dtype, narrow: fn(f32) -> [u8; 2]| {
        edited(|all| {
            for (stored, _, data) in all.values_mut() {
                *stored = dtype;
                *data = floats(data).flat_map(narrow).collect();
            }
        })
    };
    let f16s = convert(Dtype::F16, |x| f16::from_f32(x).to_le_bytes());
    let bf16s = convert(Dtype::BF16, |x| bf16::from_f32(x).to_le_bytes());
    for (weights, tolerance) in [(f16s, 5e-3), (bf16s, 4e-2)] {
        let narrow = text_features(&load(&config(), &weights).unwrap());
        let largest = common::largest_difference(&whole, &narrow);
        assert!(largest > 0.0 && largest < tolerance, "{largest}");
    }
}

#[test]
fn position_ids_of_older_checkpoints_are_skipped() {
    let weights = edited(|all| {
        let ids = (0..77_i64).flat_map(i64::to_le_bytes).collect();
        all.insert(
            "text_model.embeddings.position_ids".into(),
            (Dtype::I64, vec![1, 77], ids),
        );
    });
    load(&config(), &weights).unwrap();
}

#[test]
fn a_missing_tensor_is_named_with_its_shape() {
    let name = "vision_model.encoder.layers.2.mlp.fc1.weight";
    let weights = edited(|all| {
        all.remove(name);
    });
    let (code, message) = load(&config(), &weights).err().unwrap();
    assert_eq!(code, "tensor-missing");
    assert!(message.contains(name) && message.contains("[256, 64]"), "{message}");
}

#[test]
fn a_wrong_shape_is_named_with_both_shapes() {
    let name = "visual_projection.weight";
    let weights = edited(|all| {
        all.insert(name.into(), (Dtype::F32, vec![2, 3], vec![0; 24]));
    });
    let (code, message) = load(&config(), &weights).err().unwrap();
    assert_eq!(code, "tensor-shape");
    assert!(
        message.contains(name) && message.contains("[2, 3]") && message.contains("[48, 64]"),
        "{message}"
    );
}

#[test]
fn a_config_that_does_not_fit_the_weights_is_a_wrong_shape_whatever_it_promises() {
    for (from, to) in [
        ("\"patch_size\": 8", "\"patch_size\": 4"),
        ("\"vocab_size\": 1024", "\"vocab_size\": 1048576"),
        ("\"intermediate_size\": 256", "\"intermediate_size\": 1000000"),
    ] {
        let changed = config().replace(from, to);
        assert_ne!(changed, config(), "{from}");
        let (code, message) = load(&changed, &file("model.safetensors")).err().unwrap();
        assert_eq!(code, "tensor-shape", "{message}");
    }
}

#[test]
fn values_that_are_not_finite_are_counted() {
    for (name, bad) in [
        ("vision_model.post_layernorm.bias", f32::NAN),
        ("text_model.embeddings.token_embedding.weight", f32::INFINITY),
        ("logit_scale", f32::NAN),
    ] {
        let weights = edited(|all| all.get_mut(name).unwrap().2[..4].copy_from_slice(&bad.to_le_bytes()));
        let (code, message) = load(&config(), &weights).err().unwrap();
        assert_eq!(code, "tensor-not-finite");
        assert!(message.contains(name) && message.contains("holds 1 value"), "{message}");
    }
}

#[test]
fn a_number_format_that_is_not_read_is_named() {
    let weights = edited(|all| {
        let tensor = all.get_mut("text_projection.weight").unwrap();
        tensor.0 = Dtype::I32;
    });
    let (code, message) = load(&config(), &weights).err().unwrap();
    assert_eq!(code, "tensor-dtype");
    assert!(message.contains("I32"), "{message}");
}

#[test]
fn a_checkpoint_cut_anywhere_is_refused() {
    let weights = file("model.safetensors");
    for length in [0, 1, 7, 8, 9, 100, 5000, weights.len() / 2, weights.len() - 1] {
        let (code, _) = load(&config(), &weights[..length]).err().unwrap();
        assert_eq!(code, "checkpoint-corrupt", "{length} bytes");
    }
}

#[test]
fn a_lying_header_is_refused() {
    let weights = file("model.safetensors");
    for length in [u64::MAX, 1 << 40, 100_000_001, weights.len() as u64, 0] {
        let mut lying = weights.clone();
        lying[..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(
            load(&config(), &lying).err().unwrap().0,
            "checkpoint-corrupt",
            "{length}"
        );
    }
    // Offsets that point outside, or overlap.
    let header_length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(weights[8..8 + header_length].to_vec()).unwrap();
    let moved = header.replacen("\"data_offsets\":[0,", "\"data_offsets\":[9,", 1);
    assert_ne!(moved, header);
    let mut lying = (moved.len() as u64).to_le_bytes().to_vec();
    lying.extend(moved.as_bytes());
    lying.extend(&weights[8 + header_length..]);
    assert_eq!(load(&config(), &lying).err().unwrap().0, "checkpoint-corrupt");
    // Something else entirely.
    assert_eq!(
        load(&config(), b"<!doctype html><title>404</title>").err().unwrap().0,
        "checkpoint-corrupt"
    );
}

#[test]
fn text_features_do_not_depend_on_padding_or_on_the_rest_of_the_batch() {
    let clip = load(&config(), &file("model.safetensors")).unwrap();
    let features =
        |ids: Vec<Vec<u32>>| -> Vec<f32> { clip.text.forward(&ids).unwrap().into_data().iter::<f32>().collect() };
    let short = vec![1022, 3, 1023];
    let padded: Vec<u32> = short.iter().copied().chain(std::iter::repeat_n(1023, 74)).collect();
    let alone = features(vec![short]);
    let among = features(vec![padded, vec![1022, 5, 17, 900, 12, 1023]]);
    for (a, b) in alone.iter().zip(&among) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let too_long = vec![vec![7; 78]];
    assert_eq!(clip.text.forward(&too_long).err().unwrap().code(), "shape");
    assert_eq!(
        clip.text.forward(&[vec![1024]]).err().unwrap().code(),
        "token-outside-vocabulary"
    );
    assert_eq!(clip.text.forward(&[]).err().unwrap().code(), "shape");
}
