//! `classify`: probabilities, and how they are shown.

use serde_json::Value;

use crate::common::{CHELSEA, bytes, folder, keys, list, number, put, run, run_with_input, words};

fn reference() -> Value {
    serde_json::from_slice(&bytes("tests/fixtures/zeroshot-chelsea.json")).unwrap()
}

fn reference_labels() -> Vec<String> {
    list(&reference()["labels"])
        .iter()
        .map(|label| label.as_str().unwrap().to_owned())
        .collect()
}

fn check_against_pytorch(device: &str, kind: &str) {
    let reference = reference();
    let labels = reference_labels();
    let template = reference["template"].as_str().unwrap().to_owned();
    let run = run([
        "classify",
        CHELSEA,
        "--labels",
        &labels.join(","),
        "--template",
        &template,
        "--device",
        device,
        "--json",
    ])
    .expect(0);
    let document = run.json();
    let result = &list(&document["results"])[0];
    assert_eq!(result["device"], kind);
    assert_eq!(result["model"], "pocket");
    for (index, label) in labels.iter().enumerate() {
        let score = &result["scores"][index];
        assert_eq!(score["label"], label.as_str(), "in the order of the labels");
        let (ours, theirs) = (
            number(&score["probability"]),
            number(&reference["probabilities"][index]),
        );
        assert!((ours - theirs).abs() < 2e-3, "{label}: {ours}, PyTorch has {theirs}");
    }
}

#[test]
fn probabilities_are_those_of_pytorch_on_the_cpu() {
    check_against_pytorch("cpu", "cpu");
}

#[test]
fn probabilities_are_those_of_pytorch_on_webgpu() {
    check_against_pytorch("gpu", "webgpu");
}

#[test]
fn each_picture_has_an_entry_with_all_keys() {
    let arguments = words(&format!("classify {CHELSEA} - --labels cat,dog --device cpu --json"));
    let document = run_with_input(arguments, &bytes(CHELSEA)).expect(0).json();
    assert_eq!(keys(&document), ["results"]);
    let results = list(&document["results"]);
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["image"], CHELSEA);
    assert_eq!(results[1]["image"], "-");
    assert_eq!(
        results[0]["scores"], results[1]["scores"],
        "a file and standard input are the same"
    );
    for result in results {
        assert_eq!(
            keys(result),
            [
                "device",
                "device_name",
                "entropy",
                "image",
                "model",
                "scores",
                "template",
                "timing_ms",
                "warnings"
            ]
        );
    }
}

#[test]
fn a_picture_that_cannot_be_read_does_not_stop_the_others() {
    let line = format!("classify nowhere.png {CHELSEA} --labels cat,dog --device cpu --json");
    let run = run(words(&line)).expect(1);
    assert!(run.stderr.contains("nowhere.png"), "{run:?}");
    let document = run.json();
    assert_eq!(document["results"][0]["error"]["code"], "file-unreadable");
    assert_eq!(list(&document["results"][1]["scores"]).len(), 2);
}

#[test]
fn a_person_sees_sorted_bars_without_colours_in_a_file() {
    let joined = reference_labels().join(",");
    let run = run(["classify", CHELSEA, "--labels", &joined, "--device", "cpu"]).expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].contains(CHELSEA) && lines[0].contains("pocket on the CPU"),
        "{run:?}"
    );
    let labels = reference_labels();
    let mut ranking: Vec<(f64, &String)> = list(&reference()["probabilities"])
        .iter()
        .map(number)
        .zip(&labels)
        .collect();
    ranking.sort_by(|a, b| b.0.total_cmp(&a.0));
    for ((probability, label), line) in ranking[..2].iter().zip(&lines[1..]) {
        let share = format!("{:.1} %", 100.0 * probability);
        assert!(
            line.trim_start().starts_with(*label) && line.contains(&share) && line.contains('█'),
            "{label} {share}: {run:?}"
        );
    }
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{run:?}");
    assert!(!run.stdout.contains('\x1b'), "{run:?}");
    assert_eq!(run.stderr, "", "no progress bar in a file");
}

#[test]
fn ten_labels_are_shown_unless_all_are_wanted() {
    let folder = folder("many-labels");
    let lines: Vec<String> = (1..=100).map(|index| format!("thing number {index}")).collect();
    let file = put(&folder, "labels.txt", lines.join("\n\n"));
    let arguments = words(&format!(
        "classify {CHELSEA} --labels cat --labels-file {file} --device cpu"
    ));
    let short = run(arguments.iter()).expect(0);
    assert!(short.stdout.contains("and 91 more"), "{short:?}");
    assert_eq!(short.stdout.matches(" %").count(), 10, "{short:?}");
    let all = run(arguments.iter().map(String::as_str).chain(["--all"])).expect(0);
    assert_eq!(all.stdout.matches(" %").count(), 101, "{all:?}");
}

#[test]
fn a_label_of_a_hundred_words_is_cut_with_a_warning() {
    let label = "very ".repeat(100);
    let arguments = [
        "classify",
        CHELSEA,
        "--device",
        "cpu",
        "--labels",
        "cat",
        "--labels",
        label.trim(),
    ];
    let text = run(arguments).expect(0);
    assert!(
        text.stderr.contains("warning: ") && text.stderr.contains("77 tokens"),
        "{text:?}"
    );
    let document = run(arguments.into_iter().chain(["--json"])).expect(0).json();
    assert_eq!(document["results"][0]["warnings"][0]["code"], "label-cut");
}

#[test]
fn a_warning_about_labels_is_told_once_whichever_picture_can_be_read() {
    let label = "very ".repeat(100);
    let pictures = ["classify", "nowhere.png", CHELSEA, CHELSEA];
    let labels = ["--device", "cpu", "--labels", "cat", "--labels", label.trim()];
    let text = run(pictures.into_iter().chain(labels)).expect(1);
    assert_eq!(text.stderr.matches("77 tokens").count(), 1, "{text:?}");
}

#[test]
fn markup_emoji_and_escapes_in_labels_are_text() {
    let folder = folder("odd-labels");
    let file = put(&folder, "labels.txt", "<b>cat</b>\n🐈\n\x1b[31mred\n");
    let arguments = words(&format!("classify {CHELSEA} --labels-file {file} --device cpu"));
    let text = run(arguments.iter()).expect(0);
    assert!(
        text.stdout.contains("<b>cat</b>") && text.stdout.contains('🐈'),
        "{text:?}"
    );
    assert!(!text.stdout.contains('\x1b'), "{text:?}");
    let document = run(arguments.iter().map(String::as_str).chain(["--json"]))
        .expect(0)
        .json();
    assert_eq!(
        document["results"][0]["scores"][2]["label"], "\x1b[31mred",
        "JSON has it as it is"
    );
}

#[test]
fn a_model_file_with_its_configuration_in_it_is_a_model_wherever_it_lies() {
    let folder = folder("model-file");
    // What lies beside it is about some other model.
    put(&folder, "config.json", "{}");
    let file = put(&folder, "my-clip.safetensors", bytes("models/pocket/model.safetensors"));
    let line = format!("classify {CHELSEA} --labels cat,dog --device cpu --json");
    let embedded = run(words(&line)).expect(0).json();
    let from_folder = run(words(&format!("{line} --model models/pocket"))).expect(0).json();
    let from_file = run(words(&format!("{line} --model {file}"))).expect(0).json();
    assert_eq!(from_folder["results"][0]["scores"], embedded["results"][0]["scores"]);
    assert_eq!(from_file["results"][0]["scores"], embedded["results"][0]["scores"]);
    assert_eq!(from_file["results"][0]["model"], "my-clip");
}
