//! `verify`: recorded episodes, sound and tampered with.

use crate::common::{bytes, edited, folder, keys, list, number, put, run, set, words};

const EPISODES: [(&str, &[&str]); 5] = [
    (
        "tests/fixtures/tiny-quick-gelu",
        &[
            "tests/fixtures/tpt-default.safetensors",
            "tests/fixtures/ttl-default.safetensors",
            "tests/fixtures/ttl-rank4-2layers-qkv.safetensors",
        ],
    ),
    (
        "tests/fixtures/tiny-gelu",
        &[
            "tests/fixtures/tpt-gelu.safetensors",
            "tests/fixtures/ttl-gelu.safetensors",
        ],
    ),
    (
        "tests/fixtures/tiny-f16-sparse",
        &["tests/fixtures/ttl-f16-sparse.safetensors"],
    ),
    (
        "tests/fixtures/tiny-bf16-legacy",
        &["tests/fixtures/ttl-bf16-legacy.safetensors"],
    ),
    ("models/pocket", &["tests/fixtures/ttl-pocket-chelsea.safetensors"]),
];

#[test]
fn all_recorded_episodes_pass_on_the_cpu() {
    for (model, episodes) in EPISODES {
        let line = format!("verify {} --model {model} --device cpu --json", episodes.join(" "));
        let document = run(words(&line)).expect(0).json();
        assert_eq!(document["passed"], true);
        let results = list(&document["results"]);
        assert_eq!(results.len(), episodes.len());
        for (result, episode) in results.iter().zip(episodes) {
            assert_eq!(
                keys(result),
                ["device", "device_name", "episode", "method", "passed", "quantities"]
            );
            assert_eq!(result["episode"], *episode);
            assert_eq!(result["device"], "cpu");
            let quantities = list(&result["quantities"]);
            let expected = if result["method"] == "ttl" { 15 } else { 7 };
            assert_eq!(quantities.len(), expected, "{result}");
            for quantity in quantities {
                assert!(
                    number(&quantity["largest_error"]) <= number(&quantity["tolerance"]),
                    "{quantity}"
                );
            }
        }
    }
}

/// The list above is the whole folder.
#[test]
fn no_recorded_episode_is_left_out() {
    let mut found: Vec<String> = std::fs::read_dir(crate::common::root().join("tests/fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| (name.starts_with("ttl-") || name.starts_with("tpt-")) && name.ends_with(".safetensors"))
        .map(|name| format!("tests/fixtures/{name}"))
        .collect();
    found.sort_unstable();
    let mut listed: Vec<&str> = EPISODES
        .iter()
        .flat_map(|(_, episodes)| episodes.iter().copied())
        .collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

#[test]
fn a_recorded_episode_passes_on_webgpu() {
    let line = "verify tests/fixtures/ttl-default.safetensors --model tests/fixtures/tiny-quick-gelu --device gpu";
    let run = run(words(line)).expect(0);
    assert!(run.stdout.contains("WebGPU"), "{run:?}");
    assert!(run.stdout.contains("passed: 15 of 15"), "{run:?}");
}

#[test]
fn a_person_sees_each_quantity_with_its_tolerance() {
    let line = "verify tests/fixtures/ttl-gelu.safetensors --model tests/fixtures/tiny-gelu --device cpu";
    let run = run(words(line)).expect(0);
    for (quantity, tolerance) in [
        ("text_features", "1e-3"),
        ("logits_before", "1e-3"),
        ("grad.lora_A", "1e-3"),
        ("after.lora_B", "1e-4"),
        ("prediction_entropy", "1e-3"),
    ] {
        let line = run
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(quantity))
            .unwrap();
        assert!(line.contains(tolerance), "{line}");
    }
}

#[test]
fn an_episode_that_was_tampered_with_fails() {
    let folder = folder("tampered");
    let sound = bytes("tests/fixtures/ttl-default.safetensors");
    let cases = [
        ("step1.entropy", 9.0_f32),
        ("step2.after.layers.3.v_proj.lora_B", 0.5),
        ("image_features", f32::NAN),
    ];
    for (name, value) in cases {
        let file = put(
            &folder,
            &format!("{name}.safetensors"),
            edited(&sound, |tensors| set(tensors, name, 0, value)),
        );
        let line = format!("verify {file} --model tests/fixtures/tiny-quick-gelu --device cpu");
        let text = run(words(&line)).expect(1);
        assert!(text.stdout.contains("FAILED"), "{text:?}");
        assert!(text.stdout.contains(&format!("exceeded at {name}")), "{text:?}");
        let document = run(words(&format!("{line} --json"))).expect(1).json();
        assert_eq!(document["passed"], false);
    }
}

#[test]
fn what_cannot_be_replayed_is_named_and_the_others_go_on() {
    let folder = folder("unplayable");
    let sound = "tests/fixtures/ttl-default.safetensors";
    let cut = put(&folder, "cut.safetensors", &bytes(sound)[..5000]);
    let mut other = bytes(sound);
    let method = b"\\\"method\\\": \\\"ttl";
    let place = other.windows(method.len()).position(|window| window == method).unwrap() + method.len();
    other[place - 3..place].copy_from_slice(b"abc");
    let other_method = put(&folder, "other-method.safetensors", &other);
    let line = format!(
        "verify nowhere.safetensors {cut} Cargo.toml {other_method} {sound} --model tests/fixtures/tiny-quick-gelu --device cpu --json"
    );
    let run = run(words(&line)).expect(1);
    let document = run.json();
    let codes: Vec<&str> = list(&document["results"])
        .iter()
        .filter_map(|result| result["error"]["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        [
            "file-unreadable",
            "recording-invalid",
            "recording-invalid",
            "recording-invalid"
        ]
    );
    assert_eq!(document["results"][4]["passed"], true);
    assert!(
        run.stderr.contains("nowhere.safetensors") && run.stderr.contains(&cut),
        "{run:?}"
    );
}

#[test]
fn an_episode_of_another_model_is_refused() {
    for model in ["tests/fixtures/tiny-gelu", "models/pocket"] {
        let line = format!("verify tests/fixtures/ttl-default.safetensors --model {model} --device cpu");
        run(words(&line)).refuses(&["ttl-default.safetensors", "is --model the model"]);
    }
}
