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

#[test]
fn a_tampered_recording_fails() {
    let clip = common::clip(
        "tests/fixtures/tiny-quick-gelu",
        FormatChoice::AsStored,
        &common::device(DeviceChoice::Cpu),
    );
    let mut bytes = common::file("tests/fixtures/ttl-default.safetensors");
    // One recorded logit, little-endian, with another exponent.
    let view = safetensors::SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensor("step2.logits")
        .unwrap()
        .data()
        .to_vec();
    let at = bytes.windows(view.len()).position(|window| window == view).unwrap();
    bytes[at + 3] ^= 0x40;
    let verification = pollster::block_on(verify(&clip, &bytes)).unwrap();
    assert!(!verification.passed);
}
