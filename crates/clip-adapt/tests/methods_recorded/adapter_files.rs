//! Adapters as files: what peft wrote is read, and what is written is what peft has read.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Tensor;
use clip_adapt::adapter::{AdapterFiles, TrainedMatrix, read_back};
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use clip_model::lora::{Factor, ParameterKey, Parameters, Projection, Tower};

use crate::common;
use crate::recording::{ABSOLUTE, Recording, model, read};

const MODEL: &str = "tests/fixtures/tiny-bf16-legacy";
/// What peft's `save_pretrained` wrote.
const BY_PEFT: &str = "tests/fixtures/peft-adapter";
/// The same matrices as they are written here; peft has loaded these files and found the recorded logits.
const BY_US: &str = "tests/fixtures/exported-adapter";

fn files(folder: &str) -> AdapterFiles {
    AdapterFiles {
        weights: common::file(&format!("{folder}/adapter_model.safetensors")),
        config: String::from_utf8(common::file(&format!("{folder}/adapter_config.json"))).unwrap(),
    }
}

/// The recorded logits are those with the adapters of the files.
fn check(folder: &str, choice: DeviceChoice) {
    let clip = model(MODEL, choice);
    let recording = Recording::open("method-adapter");
    let adapters = files(folder).read(&clip).unwrap();
    let (vision, text) = (adapters.vision.unwrap(), adapters.text.unwrap());
    let tokens = Tensor::cat(recording.tokens(&clip, vision.first_block), 0);
    let plain = clip.vision.tail(tokens.clone(), vision.first_block, None);
    recording.compare(
        "logits_before",
        read(clip.logits(plain, recording.text_features(&clip))),
        ABSOLUTE,
    );

    let image = clip.vision.tail(tokens, vision.first_block, Some(&vision));
    let labels = normalise(clip.text.forward_adapted(&recording.prompts(), &text).unwrap());
    recording.compare("logits", read(clip.logits(image, labels)), ABSOLUTE);
}

/// The matrices of both towers, in the order of their places.
fn matrices(clip: &Arc<Clip>) -> Vec<TrainedMatrix> {
    let adapters = files(BY_PEFT).read(clip).unwrap();
    let mut parameters = Parameters::new();
    for (tower, adapter) in [(Tower::Vision, adapters.vision), (Tower::Text, adapters.text)] {
        for (block, projection, low_rank) in adapter.unwrap().low_ranks() {
            for (factor, value) in [(Factor::A, &low_rank.a), (Factor::B, &low_rank.b)] {
                let key = ParameterKey {
                    tower,
                    block,
                    projection,
                    factor,
                };
                parameters.insert(key, value.clone());
            }
        }
    }
    assert!(
        parameters
            .keys()
            .all(|key| matches!(key.projection, Projection::Query | Projection::Value))
    );
    pollster::block_on(read_back(&parameters)).unwrap()
}

#[test]
fn what_peft_wrote_is_read_on_the_cpu() {
    check(BY_PEFT, DeviceChoice::Cpu);
}

#[test]
fn what_peft_wrote_is_read_on_webgpu() {
    check(BY_PEFT, DeviceChoice::Gpu);
}

#[test]
fn what_is_written_is_read() {
    check(BY_US, DeviceChoice::Cpu);
}

#[test]
fn what_is_written_is_what_peft_has_read() {
    let matrices = matrices(&model(MODEL, DeviceChoice::Cpu));
    let written = AdapterFiles::write(&matrices, 3, 5.0, "tiny-bf16-legacy").unwrap();
    let recorded = files(BY_US);
    if written.config != recorded.config || written.weights != recorded.weights {
        // At hand for peft to read: tests/oracle/README.md says how.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported-adapter");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("adapter_model.safetensors"), written.weights).unwrap();
        std::fs::write(folder.join("adapter_config.json"), written.config).unwrap();
        panic!(
            "the files aren't those that peft has read, but those in {}",
            folder.display()
        );
    }
}
