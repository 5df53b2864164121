//! What the demo says of its sample pictures is what comes of them: right, corrected, made worse, or wrong.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{bytes, list, number, run};

/// The likeliest label of a list of scores.
fn answer(scores: &Value) -> String {
    let likeliest = list(scores)
        .iter()
        .max_by(|a, b| number(&a["probability"]).total_cmp(&number(&b["probability"])))
        .unwrap();
    likeliest["label"].as_str().unwrap().to_owned()
}

#[test]
fn the_samples_come_out_as_the_page_says() {
    let samples: Value = serde_json::from_slice(&bytes("www/samples/samples.json")).unwrap();
    let mut said = BTreeSet::new();
    for sample in list(&samples) {
        let text = |key: &str| sample[key].as_str().unwrap();
        let labels: Vec<&str> = list(&sample["labels"])
            .iter()
            .map(|label| label.as_str().unwrap())
            .collect();
        let picture = format!("www/samples/{}", text("file"));
        let labels = labels.join(",");
        let line = ["adapt", &picture, "--labels", &labels, "--device", "cpu", "--json"];
        let report = run(line).expect(0).json();
        let is_right = |scores: &Value| answer(scores) == text("answer");
        let outcome = match (is_right(&report["before"]), is_right(&report["after"])) {
            (true, true) => "right",
            (false, true) => "corrected",
            (true, false) => "worse",
            (false, false) => "wrong",
        };
        assert_eq!(
            text("outcome"),
            outcome,
            "{picture}: {} {}",
            report["before"],
            report["after"]
        );
        said.insert(outcome);
    }
    // A page of successes alone would be an advertisement.
    assert_eq!(said, BTreeSet::from(["corrected", "right", "worse", "wrong"]));
}

#[test]
fn every_sample_has_its_source_its_author_and_its_licence_in_the_credits() {
    let samples: Value = serde_json::from_slice(&bytes("www/samples/samples.json")).unwrap();
    let credits = String::from_utf8(bytes("www/samples/CREDITS.md")).unwrap();
    for sample in list(&samples) {
        let text = |key: &str| sample[key].as_str().unwrap();
        let parts = [
            format!("| `{}` |", text("file")),
            format!("({})", text("source")),
            format!("| {} |", text("author")),
            format!("| {} |", text("licence")),
        ];
        let has_all = |line: &str| parts.iter().all(|part| line.contains(part));
        assert!(credits.lines().any(has_all), "{}", text("file"));
    }
}
