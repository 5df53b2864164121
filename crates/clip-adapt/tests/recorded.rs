//! Recorded episodes of PyTorch, `transformers` and `peft` are replayed on both devices.

mod common;

use clip_adapt::recorded::{Verification, verify};
use clip_model::device::DeviceChoice;

const EPISODES: [(&str, &str); 4] = [
    ("tests/fixtures/tiny-quick-gelu", "tests/fixtures/ttl-default.safetensors"),
    ("tests/fixtures/tiny-quick-gelu", "tests/fixtures/ttl-rank4-2layers-qkv.safetensors"),
    ("tests/fixtures/tiny-gelu", "tests/fixtures/ttl-gelu.safetensors"),
    ("models/pocket", "tests/fixtures/ttl-pocket-chelsea.safetensors"),
];

fn replay(model: &str, episode: &str, choice: DeviceChoice) -> Verification {
    let clip = common::clip(model, &common::device(choice));
    pollster::block_on(verify(&clip, &common::file(episode))).unwrap()
}

fn check(choice: DeviceChoice, kind: &str) {
    for (model, episode) in EPISODES {
        let verification = replay(model, episode, choice);
        assert_eq!(verification.device, kind);
        let summary: Vec<String> = verification
            .quantities
            .iter()
            .map(|q| format!("{:<20} {:.1e} of {:.0e} over {} ({})", q.name, q.largest_error, q.tolerance, q.compared, q.at))
            .collect();
        println!("{episode} on {}\n{}", verification.device_name, summary.join("\n"));
        assert!(verification.passed, "{episode} on {kind}:\n{}", summary.join("\n"));
        // Nothing was left out: features, logits, entropies, weights, losses, gradients, parameters, predictions.
        assert_eq!(verification.quantities.len(), 15, "{summary:?}");
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
