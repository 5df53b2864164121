//! `methods` and `stats`: what methods there are, and what some of them need to know of a model's own pictures.

use serde_json::json;

use crate::common::{list, root, run};
use crate::eval::pictures;

#[test]
fn statistics_are_collected_found_beside_a_model_and_refused_for_another() {
    let (folder, map) = pictures("eval-stats");
    let model = folder.join("model");
    std::fs::create_dir(&model).unwrap();
    std::fs::copy(
        root().join("models/pocket/model.safetensors"),
        model.join("model.safetensors"),
    )
    .unwrap();
    let model = model.to_str().unwrap();
    let pictures = folder.join("pictures");
    let pictures = pictures.to_str().unwrap();
    let stats = |model: &str, file: &str| {
        let told = run([
            "stats", pictures, "-o", file, "--model", model, "--device", "cpu", "--json",
        ])
        .expect(0)
        .json();
        assert_eq!((&told["pictures"], &told["found"]), (&json!(4), &json!(4)));
        std::fs::read(file).unwrap()
    };
    let file = format!("{model}/statistics.safetensors");
    let first = stats(model, &file);
    assert!(stats(model, &file) == first, "the same pictures give the same file");

    let eval = |model: &str, more: &str| {
        let fixed = [
            "eval",
            pictures,
            "--classes",
            &map,
            "--model",
            model,
            "--device",
            "cpu",
            "--views",
            "4",
            "--limit",
            "1",
        ];
        run(fixed
            .into_iter()
            .chain(["--json", "--method", "prompt-align"])
            .chain(more.split_whitespace()))
    };
    let report = eval(model, "").expect(0).json();
    assert_eq!(report["summary"]["overall"]["methods"][1]["failed"], 0, "{report}");

    let other = folder.join("other.safetensors").display().to_string();
    stats("tests/fixtures/tiny-quick-gelu", &other);
    eval(model, &format!("--statistics {other}")).refuses(&["other.safetensors", "made with this model"]);
    run(["stats", pictures, "-o", "no/such/file", "--model", model]).refuses(&["no/such/file", "no such folder"]);
}

#[test]
fn methods_are_listed_with_their_options() {
    let document = run(["methods", "--json"]).expect(0).json();
    let names: Vec<&str> = list(&document["methods"])
        .iter()
        .map(|method| method["name"].as_str().unwrap())
        .collect();
    for name in [
        "ttl",
        "tpt",
        "c-tpt",
        "tps",
        "prompt-align",
        "foa",
        "oftta",
        "apt",
        "dect",
        "zero",
        "mta",
        "sts",
        "marginal",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for method in list(&document["methods"]) {
        assert!(!method["summary"].as_str().unwrap().is_empty());
        for option in list(&method["options"]) {
            assert!(
                option["description"].is_string() && !option["default"].is_null(),
                "{option}"
            );
        }
    }
    let told = run(["methods"]).expect(0);
    assert!(names.iter().all(|name| told.stdout.contains(name)), "{told:?}");
    let told = run(["methods", "ttl"]).expect(0);
    assert!(
        told.stdout.contains("--rank") && told.stdout.contains("default 16"),
        "{told:?}"
    );
    assert!(run(["methods", "ttt"]).expect(2).stderr.contains("ttt"));
}
