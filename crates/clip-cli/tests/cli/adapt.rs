//! `adapt`: the report, its reproducibility, and the adapter that is saved.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::common::{CHELSEA, folder, keys, list, number, put, root, run, words};

/// Few views and a low rank: a second instead of ten.
fn adapt(more: &str) -> Vec<String> {
    words(&format!(
        "adapt {CHELSEA} --labels cat,dog,lion --views 6 --chunk-views 4 --rank 4 --device cpu {more}"
    ))
}

fn report(more: &str) -> Value {
    run(adapt(&format!("--json {more}"))).expect(0).json()
}

/// What may differ between two runs.
fn without_times(mut report: Value) -> Value {
    report["timing_ms"] = Value::Null;
    for step in report["steps"].as_array_mut().unwrap() {
        step["duration_ms"] = Value::Null;
    }
    report
}

#[test]
fn the_report_has_all_keys() {
    let report = report("--steps 3");
    assert_eq!(
        keys(&report),
        [
            "after",
            "before",
            "before_entropy",
            "device",
            "device_name",
            "final_state",
            "labels",
            "method",
            "model",
            "options",
            "seed",
            "steps",
            "stopped",
            "template",
            "timing_ms",
            "views",
            "warnings"
        ]
    );
    assert_eq!(
        (&report["method"], &report["device"], &report["model"]),
        (&json!("ttl"), &json!("cpu"), &json!("pocket"))
    );
    assert_eq!(report["labels"], json!(["cat", "dog", "lion"]));
    assert_eq!(report["stopped"], Value::Null);
    let steps = list(&report["steps"]);
    assert_eq!(steps.len(), 3, "--steps 3 makes 3 updates");
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step["step"], index + 1);
        for key in [
            "loss",
            "entropy",
            "marginal_entropy",
            "prediction_entropy",
            "duration_ms",
        ] {
            assert!(number(&step[key]).is_finite(), "{key}");
        }
        assert_eq!(list(&step["prediction"]).len(), 3);
    }
    let views = list(&report["views"]);
    assert_eq!(views.len(), 6);
    for view in views {
        assert_eq!(keys(view), ["box", "entropy_after", "entropy_before", "flip", "weight"]);
        assert_eq!(keys(&view["box"]), ["height", "left", "top", "width"]);
    }
    for side in ["before", "after"] {
        let sum: f64 = list(&report[side])
            .iter()
            .map(|score| number(&score["probability"]))
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{side} adds up to {sum}");
    }
    assert_eq!(list(&report["after"])[1]["label"], "dog", "in the order of the labels");
    assert_ne!(report["before"], report["after"], "it adapts");
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_one_does_not() {
    let first = without_times(report("--seed 7 --steps 2"));
    assert_eq!(first, without_times(report("--seed 7 --steps 2")));
    let other = without_times(report("--seed 8 --steps 2"));
    assert_eq!(first["before"], other["before"], "the centre view has no seed");
    assert_ne!(first["after"], other["after"]);
}

#[test]
fn options_reach_the_episode() {
    let report =
        report("--lr 0.001 --alpha 3 --layers 2 --targets k,out --margin -1 --crop-scale 0.3,0.5 --weight-decay 0");
    let options = &report["options"];
    assert_eq!(options["learning_rate"], 0.001);
    assert_eq!(options["alpha"], 3.0);
    assert_eq!(options["layers"], 2);
    assert_eq!(options["targets"], json!(["k_proj", "out_proj"]));
    assert_eq!(options["margin"], -1.0);
    assert_eq!(options["crop_scale"], json!([0.3, 0.5]));
    assert_eq!(options["weight_decay"], 0.0);
}

#[test]
fn without_steps_nothing_changes() {
    let report = report("--steps 0");
    assert_eq!(list(&report["steps"]).len(), 0);
    assert_eq!(report["before"], report["after"]);
}

#[test]
fn it_runs_on_webgpu() {
    let arguments = adapt("--json")
        .into_iter()
        .map(|word| if word == "cpu" { "gpu".to_owned() } else { word });
    let gpu = run(arguments).expect(0).json();
    assert_eq!(gpu["device"], "webgpu");
    let cpu = report("");
    for (gpu, cpu) in list(&gpu["after"]).iter().zip(list(&cpu["after"])) {
        let (gpu, cpu) = (number(&gpu["probability"]), number(&cpu["probability"]));
        assert!((gpu - cpu).abs() < 1e-3, "{gpu} on WebGPU, {cpu} on the CPU");
    }
}

#[test]
fn a_person_sees_before_after_and_the_entropy_over_the_steps() {
    let run = run(adapt("--steps 3")).expect(0);
    let line_of = |start: &str| {
        run.stdout
            .lines()
            .find(|line| line.trim_start().starts_with(start))
            .unwrap_or_else(|| panic!("no line begins with {start:?}: {run:?}"))
    };
    assert!(line_of("before").contains("after"), "{run:?}");
    assert!(line_of("cat").contains(" pp"), "{run:?}");
    assert!(
        line_of("The prediction").contains("stays") || line_of("The prediction").contains("changes"),
        "{run:?}"
    );
    let bars = line_of("prediction")
        .chars()
        .filter(|letter| ('▁'..='█').contains(letter))
        .count();
    assert_eq!(bars, 4, "before, and after each of three updates: {run:?}");
    assert!(run.stdout.contains("3 steps, 6 views"), "{run:?}");
    assert!(!run.stdout.contains('\x1b'), "{run:?}");
    assert_eq!(run.stderr, "", "{run:?}");
}

#[test]
fn a_loss_that_is_no_number_stops_and_keeps_the_answer() {
    // At the first step A has no gradient: without an epsilon, AdamW divides zero by zero.
    let more = "--steps 5 --epsilon 0";
    let report = report(more);
    assert_ne!(report["stopped"], Value::Null, "{report}");
    assert_eq!(report["before"], report["after"]);
    let folder = folder("stopped");
    let file = folder.join("adapter_model.safetensors");
    let run = run(adapt(&format!("{more} --save-adapter {}", file.display()))).expect(1);
    assert!(run.stdout.contains("stopped: "), "{run:?}");
    assert!(run.stderr.contains("was not saved"), "{run:?}");
    assert!(!file.exists());
}

#[test]
fn the_saved_adapter_has_pefts_names_and_shapes() {
    let folder = folder("adapter");
    let file = folder.join("adapter_model.safetensors");
    run(adapt(&format!(
        "--layers 2 --targets q,out --alpha 8 --save-adapter {}",
        file.display()
    )))
    .expect(0);

    let bytes = std::fs::read(&file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut expected = Vec::new();
    for block in [10, 11] {
        for projection in ["out_proj", "q_proj"] {
            for factor in ["A", "B"] {
                expected.push(format!(
                    "base_model.model.vision_model.encoder.layers.{block}.self_attn.{projection}.lora_{factor}.weight"
                ));
            }
        }
    }
    let mut names: Vec<String> = tensors.names().into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    assert_eq!(names, expected);
    for name in &names {
        let view = tensors.tensor(name).unwrap();
        assert_eq!(view.dtype(), Dtype::F32);
        assert_eq!(
            view.shape(),
            if name.contains("lora_A") { [4, 192] } else { [192, 4] },
            "{name}"
        );
        let values = view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes));
        let moved = values
            .inspect(|value| assert!(value.is_finite()))
            .any(|value| value != 0.0);
        assert!(moved, "{name} was trained: B is no longer zero");
    }

    let config: Value = serde_json::from_slice(&std::fs::read(folder.join("adapter_config.json")).unwrap()).unwrap();
    assert_eq!(config["peft_type"], "LORA");
    assert_eq!((&config["r"], &config["lora_alpha"]), (&json!(4), &json!(8.0)));
    assert_eq!(config["bias"], "none");
    assert_eq!(config["layers_to_transform"], json!([10, 11]));
    assert_eq!(config["base_model_name_or_path"], "pocket");
    for module in list(&config["target_modules"]) {
        assert!(
            module.as_str().unwrap().starts_with("vision_model."),
            "the text tower gets none: {module}"
        );
    }
    assert_eq!(list(&config["target_modules"]).len(), 4);
}

#[test]
fn the_adapter_is_saved_whether_or_not_somebody_reads_the_report() {
    let folder = folder("adapter-unread").join("made-for-it");
    let file = folder.join("adapter_model.safetensors");
    let line = adapt(&format!("--json --save-adapter {}", file.display())).join(" ");
    let script = format!(
        "\"{}\" {line} | true; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_clip-ttl")
    );
    let ended = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(file.is_file() && folder.join("adapter_config.json").is_file());
}

#[test]
fn a_second_adapter_does_not_take_the_configuration_of_the_first() {
    let folder = folder("adapter-second");
    let config = put(&folder, "adapter_config.json", "{}");
    let other = folder.join("other.safetensors");
    run(adapt(&format!("--save-adapter {}", other.display())))
        .refuses(&["cannot save the adapter", "another adapter's configuration"]);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "{}");
    // An adapter's own file may be written again.
    let first = put(&folder, "first.safetensors", []);
    run(adapt(&format!("--save-adapter {first}"))).expect(0);
    assert!(std::fs::read_to_string(&config).unwrap().contains("lora_alpha"));
}

#[test]
fn a_method_that_trains_no_adapter_is_refused_before_it_runs() {
    let file = folder("adapter-none").join("adapter_model.safetensors");
    // Not even the model is read.
    let line = format!(
        "adapt {CHELSEA} --labels cat,dog --model no/such/model --method zero --save-adapter {}",
        file.display()
    );
    run(words(&line)).refuses(&["there is no adapter", "ttl does"]);
}

#[test]
fn a_place_where_no_adapter_can_be_saved_is_refused_at_once() {
    let folder = folder("adapter-place");
    let missing = folder.join("no/such/adapter.safetensors");
    for place in [folder.as_path(), &missing, Path::new("adapter_config.json")] {
        run(adapt(&format!("--save-adapter {}", place.display())))
            .refuses(&["cannot save the adapter", place.to_str().unwrap()]);
    }
}
