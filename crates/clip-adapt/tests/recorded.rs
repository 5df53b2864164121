//! Recorded episodes of PyTorch, `transformers` and `peft` are replayed on both devices.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stdout, reason = "with --nocapture the largest errors are shown")]

mod common;

use clip_adapt::recorded::verify;
use clip_model::checkpoint::FormatChoice;
use clip_model::device::DeviceChoice;

/// Model, episode, and how many kinds of quantities it holds: none may be left out.
const EPISODES: [(&str, &str, usize); 8] = [
    (
        "tests/fixtures/tiny-quick-gelu",
        "tests/fixtures/ttl-default.safetensors",
        15,
    ),
    (
        "tests/fixtures/tiny-quick-gelu",
        "tests/fixtures/ttl-rank4-2layers-qkv.safetensors",
        15,
    ),
    ("tests/fixtures/tiny-gelu", "tests/fixtures/ttl-gelu.safetensors", 15),
    ("models/pocket", "tests/fixtures/ttl-pocket-chelsea.safetensors", 15),
    (
        "tests/fixtures/tiny-quick-gelu",
        "tests/fixtures/tpt-default.safetensors",
        7,
    ),
    ("tests/fixtures/tiny-gelu", "tests/fixtures/tpt-gelu.safetensors", 7),
    (
        "tests/fixtures/tiny-f16-sparse",
        "tests/fixtures/ttl-f16-sparse.safetensors",
        15,
    ),
    (
        "tests/fixtures/tiny-bf16-legacy",
        "tests/fixtures/ttl-bf16-legacy.safetensors",
        15,
    ),
];

fn check(choice: DeviceChoice, kind: &str) {
    let device = common::device(choice);
    for (model, episode, kinds) in EPISODES {
        let clip = common::clip(model, FormatChoice::AsStored, &device);
        let verification = pollster::block_on(verify(&clip, &common::file(episode))).unwrap();
        assert_eq!(verification.device, kind);
        let summary: Vec<String> = verification
            .quantities
            .iter()
            .map(|q| {
                format!(
                    "{:<20} {:.1e} of {:.0e} over {} ({})",
                    q.name, q.largest_error, q.tolerance, q.compared, q.at
                )
            })
            .collect();
        let summary = summary.join("\n");
        println!("{episode} on {}\n{summary}", verification.device_name);
        assert!(verification.passed, "{episode} on {kind}:\n{summary}");
        assert_eq!(verification.quantities.len(), kinds, "{summary}");
    }
}

#[test]
fn episodes_agree_on_the_cpu() {
    check(DeviceChoice::Cpu, "cpu");
}

#[test]
fn episodes_agree_on_webgpu() {
    check(DeviceChoice::Gpu, "webgpu");
}

#[test]
fn what_is_no_recording_of_the_model_is_refused() {
    let clip = common::clip(
        "tests/fixtures/tiny-gelu",
        FormatChoice::AsStored,
        &common::device(DeviceChoice::Cpu),
    );
    let refused = |bytes: &[u8]| pollster::block_on(verify(&clip, bytes)).unwrap_err().code();
    assert_eq!(refused(b""), "recording-invalid");
    assert_eq!(
        refused(&common::file("tests/fixtures/tiny-gelu/model.safetensors")),
        "recording-invalid"
    );
    let other = common::file("tests/fixtures/ttl-default.safetensors");
    assert_eq!(refused(&other), "recording-invalid", "recorded with another model");
    assert_eq!(refused(&other[..other.len() - 1]), "recording-invalid");
}

/// A recording with its first value of a tensor changed.
fn tampered(name: &str, change: impl Fn(f32) -> f32) -> Vec<u8> {
    let mut bytes = common::file("tests/fixtures/ttl-default.safetensors");
    let (header_bytes, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let at = size_of::<u64>() + header_bytes + metadata.info(name).unwrap().data_offsets.0;
    let value = f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    bytes[at..at + 4].copy_from_slice(&change(value).to_le_bytes());
    bytes
}

/// The quantities that a tampered recording differs in.
fn differing(recording: &[u8]) -> Vec<String> {
    let clip = common::clip(
        "tests/fixtures/tiny-quick-gelu",
        FormatChoice::AsStored,
        &common::device(DeviceChoice::Cpu),
    );
    let verification = pollster::block_on(verify(&clip, recording)).unwrap();
    let differing = verification.quantities.into_iter().filter(|quantity| !quantity.passed);
    let names: Vec<String> = differing.map(|quantity| quantity.name).collect();
    assert_eq!(verification.passed, names.is_empty());
    names
}

#[test]
fn a_tampered_recording_fails() {
    assert_eq!(differing(&tampered("step2.logits", |logit| logit * 2.0)), ["logits"]);
    assert_eq!(differing(&tampered("step2.logits", |_| f32::NAN)), ["logits"]);
}

#[test]
fn a_parameter_that_is_a_tenth_of_a_step_away_fails() {
    let name = "step0.after.layers.3.v_proj.lora_B";
    assert_eq!(differing(&tampered(name, |value| value + 5e-4)), ["after.lora_B"]);
    assert!(differing(&tampered(name, |value| value + 1e-5)).is_empty());
}
