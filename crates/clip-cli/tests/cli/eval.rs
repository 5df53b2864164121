//! `eval`: what is written, that a run goes on where it was cut, and what is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::{Run, bytes, folder, list, number, put, run};

/// Three classes, whose folders' names say nothing, and whose order is not that of the labels.
const CLASSES: &str = "10\tcat\n2\tdog\n1\tbridge\n7\tteapot\n";

/// Small pictures of three classes, and the map of their labels.
pub fn pictures(name: &str) -> (PathBuf, String) {
    let folder = folder(name);
    for (class, file) in [
        ("10", "chelsea.png"),
        ("10", "kitten.webp"),
        ("2", "german-shepherd.webp"),
        ("1", "bridge.jpg"),
    ] {
        let target = folder.join("pictures").join(class);
        std::fs::create_dir_all(&target).unwrap();
        std::fs::write(target.join(file), bytes(&format!("www/samples/{file}"))).unwrap();
    }
    let map = put(&folder, "classes.tsv", CLASSES);
    (folder, map)
}

/// Few views: seconds instead of minutes.
fn eval(folder: &Path, map: &str, more: &str) -> Run {
    eval_in(&folder.join("pictures"), map, more)
}

fn eval_in(pictures: &Path, map: &str, more: &str) -> Run {
    let fixed = [
        "--model",
        "models/pocket",
        "--device",
        "cpu",
        "--views",
        "4",
        "--classes",
        map,
    ];
    let arguments = ["eval", pictures.to_str().unwrap()]
        .into_iter()
        .chain(fixed)
        .chain(more.split_whitespace());
    run(arguments)
}

/// A report without what differs from run to run.
fn without_times(mut report: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(entries) => {
                for key in ["cost_ms", "shared_ms", "peak_memory_bytes"] {
                    entries.remove(key);
                }
                entries.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut report);
    report
}

fn report_of(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

/// The lines of a journal by picture and condition, without times.
fn records_of(folder: &Path) -> BTreeMap<(String, String), Value> {
    let text = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    let records = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .map(|record| {
            let key = |name: &str| record[name].as_str().unwrap().to_owned();
            ((key("path"), key("condition")), without_times(record.clone()))
        })
        .collect()
}

#[test]
fn a_report_holds_figures_plots_and_the_labels_of_the_map() {
    let (folder, map) = pictures("eval-report");
    let out = folder.join("out");
    let more = format!(
        "--method ttl,zero,ttl@slow --set ttl@slow.learning_rate=0.001 --corrupt clean --corrupt fog:2 --corrupt fog:4 --output {}",
        out.display()
    );
    let told = eval(&folder, &map, &more).expect(0);
    assert!(
        told.stdout.contains("| zero-shot |") && told.stdout.contains("report.md"),
        "{told:?}"
    );
    let report = report_of(&out);
    assert_eq!(report["labels"], json!(["cat", "dog", "bridge", "teapot"]));
    assert_eq!(
        (&report["pictures"], &report["passed_over"]["labels_without_pictures"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(report["conditions"], json!(["clean", "fog:2", "fog:4"]));
    let overall = &report["summary"]["overall"];
    assert_eq!(overall["questions"], 12);
    let names: Vec<&str> = list(&overall["methods"])
        .iter()
        .map(|method| method["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["zero-shot", "ttl", "zero", "ttl@slow"]);
    for method in list(&overall["methods"]) {
        assert_eq!(list(&method["calibration"]["bins"]).len(), 20);
        assert!((0.0..=1.0).contains(&number(&method["top1"]["value"])));
        assert_eq!(method["failed"], 0, "{method}");
        assert_eq!(method["against_zero_shot"].is_null(), method["name"] == "zero-shot");
    }
    let runs = list(&report["runs"]);
    assert_eq!(
        (
            &runs[0]["options"]["learning_rate"],
            &runs[2]["options"]["learning_rate"]
        ),
        (&json!(0.005), &json!(0.001))
    );
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    for plot in [
        "accuracy.svg",
        "differences.svg",
        "reliability.svg",
        "cost.svg",
        "severity.svg",
    ] {
        assert!(markdown.contains(&format!("({plot})")), "{plot}");
        assert!(
            std::fs::read_to_string(out.join(plot)).unwrap().starts_with("<svg"),
            "{plot}"
        );
    }
    assert!(
        markdown.contains("fog:2") && markdown.contains("ttl@slow"),
        "{markdown}"
    );
    // The pocket model's vision tower and its text tower, with the large token embedding.
    let formats: Vec<&str> = list(&report["formats"])
        .iter()
        .map(|format| format["dtype"].as_str().unwrap())
        .collect();
    assert_eq!(formats, ["q4", "q8"], "most values first");
    assert!(markdown.contains("Matrices in q4 and q8."), "{markdown}");
    let accuracy = std::fs::read_to_string(out.join("accuracy.svg")).unwrap();
    assert!(
        accuracy.contains("Right answers to 4 pictures under 3 conditions"),
        "{accuracy}"
    );
    for record in records_of(&out).values() {
        assert!(record["results"]["ttl"]["confidence"].is_number(), "{record}");
    }
}

#[test]
fn a_run_that_was_cut_goes_on_and_gives_the_same() {
    let (folder, map) = pictures("eval-cut");
    let (whole, cut) = (folder.join("whole"), folder.join("cut"));
    let more = |out: &Path| {
        format!(
            "--method ttl,marginal --corrupt gaussian_noise:3 --output {}",
            out.display()
        )
    };
    eval(&folder, &map, &more(&whole)).expect(0);
    std::fs::create_dir(&cut).unwrap();
    let journal = std::fs::read(whole.join("journal.jsonl")).unwrap();
    // In the middle of the third picture's line.
    let ends: Vec<usize> = journal
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(index, _)| index)
        .collect();
    std::fs::write(cut.join("journal.jsonl"), &journal[..ends[2] + 40]).unwrap();
    eval(&folder, &map, &more(&cut)).expect(0);
    assert_eq!(without_times(report_of(&whole)), without_times(report_of(&cut)));
    let resumed = std::fs::read(cut.join("journal.jsonl")).unwrap();
    assert_eq!(
        resumed[..=ends[2]],
        journal[..=ends[2]],
        "what was there is not computed again"
    );
    assert_eq!(records_of(&cut), records_of(&whole));
}

#[test]
fn a_finished_run_computes_nothing_again_and_can_be_extended() {
    let (folder, map) = pictures("eval-extend");
    let out = folder.join("out");
    let more =
        |limit: usize, corrupt: &str| format!("--method zero --limit {limit} {corrupt} --output {}", out.display());
    eval(&folder, &map, &more(2, "")).expect(0);
    let first = std::fs::read(out.join("journal.jsonl")).unwrap();
    eval(&folder, &map, &more(2, "")).expect(0);
    assert_eq!(std::fs::read(out.join("journal.jsonl")).unwrap(), first);
    eval(&folder, &map, &more(4, "--corrupt clean --corrupt snow:1")).expect(0);
    assert!(std::fs::read(out.join("journal.jsonl")).unwrap().starts_with(&first));
    assert_eq!(records_of(&out).len(), 8);
    assert_eq!(report_of(&out)["summary"]["overall"]["questions"], 8);
}

#[test]
fn a_corrected_map_is_not_answered_from_the_journal() {
    let (folder, map) = pictures("eval-corrected");
    let (out, fresh) = (folder.join("out"), folder.join("fresh"));
    let more = |out: &Path| format!("--method zero --output {}", out.display());
    eval(&folder, &map, &more(&out)).expect(0);
    let journal = std::fs::read(out.join("journal.jsonl")).unwrap();
    // The same labels in the same order, but another one is right.
    let corrected = put(
        &folder,
        "corrected.tsv",
        "10\tcat\n3\tdog\n2\tcat\n1\tbridge\n7\tteapot\n",
    );
    eval(&folder, &corrected, &more(&out)).expect(0);
    eval(&folder, &corrected, &more(&fresh)).expect(0);
    assert_eq!(without_times(report_of(&out)), without_times(report_of(&fresh)));
    let resumed = std::fs::read(out.join("journal.jsonl")).unwrap();
    let added = resumed.strip_prefix(journal.as_slice()).unwrap();
    assert_eq!(
        added.split(|byte| *byte == b'\n').count(),
        2,
        "one picture is asked about again"
    );
}

#[test]
fn what_did_not_run_as_it_was_asked_to_is_told() {
    let (folder, map) = pictures("eval-warned");
    let out = folder.join("out");
    let more = format!("--method ttl --set ttl.epsilon=0 --limit 2 --output {}", out.display());
    eval(&folder, &map, &more).expect(0);
    let report = report_of(&out);
    let warnings = &report["summary"]["overall"]["methods"][1]["warnings"];
    assert_eq!(
        (&warnings[0]["code"], &warnings[0]["count"]),
        (&json!("stopped"), &json!(2)),
        "{warnings}"
    );
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(markdown.contains("“stopped” with 2 of 2 answers"), "{markdown}");
    assert!(report["statistics_sha256"].is_string());
}

#[test]
fn labels_that_had_to_be_cut_are_named_once() {
    let (folder, _) = pictures("eval-cut-label");
    let long = format!("10\t{}cat\n2\tdog\n1\tbridge\n", "very ".repeat(100));
    let map = put(&folder, "long.tsv", long);
    let out = folder.join("out");
    let more = format!("--method ttl,zero --limit 2 --output {}", out.display());
    // The second time nothing is computed, and the labels are no shorter.
    for _ in 0..2 {
        let told = eval(&folder, &map, &more).expect(0);
        assert_eq!(told.stderr.matches("77 tokens").count(), 1, "{told:?}");
        let report = report_of(&out);
        let warnings = list(&report["warnings"]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0]["code"], "label-cut");
        for method in list(&report["summary"]["overall"]["methods"]) {
            assert_eq!(method["warnings"], json!([]), "it is no matter of the method");
        }
        let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
        let (_, to_know) = markdown.split_once("## What to know").unwrap();
        assert_eq!(to_know.matches("77 tokens").count(), 1, "{markdown}");
    }
}

#[test]
fn another_preprocessing_is_another_model() {
    let (folder, map) = pictures("eval-preprocessing");
    let model = format!("{}/", folder.join("model").display());
    run(["convert", "--from", "models/pocket", "--to", &model, "--quant", "f16"]).expect(0);
    // As it would be published: with its configuration beside the weights alone, under another key within them.
    let weights = format!("{model}model.safetensors");
    let mut file = std::fs::read(&weights).unwrap();
    let key = b"\"config.json\"";
    let place = file.windows(key.len()).position(|window| window == key).unwrap();
    file[place..place + key.len()].copy_from_slice(b"\"config.text\"");
    std::fs::write(&weights, file).unwrap();
    let out = folder.join("out").display().to_string();
    let pictures = folder.join("pictures").display().to_string();
    let eval = || {
        let fixed = [
            "eval",
            &pictures,
            "--classes",
            &map,
            "--device",
            "cpu",
            "--views",
            "2",
            "--limit",
            "1",
        ];
        run(fixed
            .into_iter()
            .chain(["--method", "zero", "--model", &model, "--output", &out]))
    };
    eval().expect(0);
    let preprocessor = format!("{model}preprocessor_config.json");
    let text = std::fs::read_to_string(&preprocessor).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["image_mean"] = json!([0.5, 0.5, 0.5]);
    std::fs::write(&preprocessor, json.to_string()).unwrap();
    eval().refuses(&["other settings", "model_sha256"]);
}

#[test]
fn neither_the_order_nor_the_number_of_pictures_changes_a_result() {
    let (folder, map) = pictures("eval-order");
    let (all, one) = (folder.join("all"), folder.join("one"));
    let more = |out: &Path| {
        format!(
            "--method ttl --corrupt clean --corrupt snow:3 --output {}",
            out.display()
        )
    };
    eval(&folder, &map, &more(&all)).expect(0);
    // The same pictures, with others before them in every order.
    let pictures = folder.join("pictures");
    std::fs::create_dir(pictures.join("0")).unwrap();
    std::fs::copy(pictures.join("1/bridge.jpg"), pictures.join("0/a.jpg")).unwrap();
    std::fs::copy(pictures.join("1/bridge.jpg"), pictures.join("10/0.jpg")).unwrap();
    let map = put(&folder, "more.tsv", format!("{CLASSES}0\tbridge\n"));
    eval(&folder, &map, &more(&one)).expect(0);
    let (all, one) = (records_of(&all), records_of(&one));
    assert_eq!((all.len(), one.len()), (8, 12));
    for (key, record) in &all {
        assert_eq!(one[key], *record);
    }
}

#[test]
fn a_journal_of_other_settings_is_refused_with_advice() {
    let (folder, map) = pictures("eval-other");
    let out = folder.join("out");
    let more = |rest: &str| format!("--method zero --limit 1 --output {} {rest}", out.display());
    eval(&folder, &map, &more("")).expect(0);
    eval(&folder, &map, &more("--seed 5")).refuses(&["other settings", "seed: 0 there, 5 now", "another folder"]);
    let selection = "methods.zero.options.selection: 0.3 there, 0.5 now";
    eval(&folder, &map, &more("--set zero.selection=0.5")).refuses(&["other settings", selection]);
    // The vision tower is in q8 as it is stored, and the text tower becomes so.
    eval(&folder, &map, &more("--dtype q8")).refuses(&["other settings", "formats.q8: "]);
    let kettle = put(&folder, "kettle.tsv", CLASSES.replace("teapot", "kettle"));
    let label = "labels[3]: \"teapot\" there, \"kettle\" now";
    eval(&folder, &kettle, &more("")).refuses(&["other settings", label]);
    std::fs::write(out.join("journal.jsonl"), "{\"a\": 1\n").unwrap();
    eval(&folder, &map, &more("")).refuses(&["no line of a journal"]);
}

#[test]
fn broken_pictures_are_named_and_counted_and_end_nothing() {
    let (folder, map) = pictures("eval-broken");
    let pictures = folder.join("pictures");
    let half = &bytes("www/samples/chelsea.png")[..5000];
    std::fs::write(pictures.join("2/half|<b>.png"), half).unwrap();
    std::fs::write(pictures.join("2/empty.jpg"), b"").unwrap();
    let out = folder.join("out");
    let told = eval(&folder, &map, &format!("--method zero --output {}", out.display())).expect(1);
    assert!(
        told.stdout.contains("report.md") && told.stderr.contains("empty.jpg"),
        "{told:?}"
    );
    let report = report_of(&out);
    assert_eq!(
        (&report["pictures"], &report["summary"]["overall"]["questions"]),
        (&json!(6), &json!(4))
    );
    let broken: Vec<&str> = list(&report["summary"]["broken"])
        .iter()
        .map(|entry| entry["path"].as_str().unwrap())
        .collect();
    assert_eq!(broken, ["2/empty.jpg", "2/half|<b>.png"]);
    assert_eq!(report["summary"]["broken"][0]["error"]["code"], "picture-empty");
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(
        markdown.contains("2 pictures could not be opened") && !markdown.contains("<b>"),
        "{markdown}"
    );
}

#[test]
fn what_has_no_meaning_is_refused_before_anything_is_computed() {
    let (folder, map) = pictures("eval-refused");
    let out = folder.join("out");
    let output = format!("--output {}", out.display());
    let refused = |more: &str, code: i32, said: &[&str]| {
        let run = eval(&folder, &map, &format!("{more} {output}")).expect(code);
        for said in said {
            assert!(run.stderr.contains(said), "{more}: {said:?} isn't said: {run:?}");
        }
        assert_eq!(run.stdout, "", "{run:?}");
        assert!(!out.exists(), "{more}: there is a folder for results");
    };
    refused("--method ttt", 2, &["there is no method \"ttt\"", "clip-ttl methods"]);
    refused("--method ttl,ttl", 2, &["--method names \"ttl\" twice", "NAME@VARIANT"]);
    refused(
        "--method ttl@",
        2,
        &["--method \"ttl@\": a variant has letters, digits, - and _"],
    );
    refused(
        "--corrupt smog:3",
        2,
        &["there is no corruption \"smog\"", "gaussian_noise"],
    );
    refused("--corrupt fog:9", 2, &["a severity of 9 is not possible: 1 to 5"]);
    refused("--corrupt fog", 2, &["a severity of \"\" is not possible: 1 to 5"]);
    refused(
        "--set ttl.ranks=3",
        2,
        &["--ranks is no option of ttl", "clip-ttl methods ttl"],
    );
    refused("--set ttl.rank=many", 2, &["--rank \"many\": a whole number is needed"]);
    refused("--set ttl.views=3", 2, &["--views is no option of ttl", "at once"]);
    refused(
        "--set zero.selection=0.5",
        2,
        &["--set is for \"zero\", which is not among the methods", "--method"],
    );
    refused(
        "--set rank=3",
        2,
        &["--set \"rank=3\" sets nothing", "METHOD.OPTION=VALUE"],
    );
    refused("--set ttl.rank=0", 1, &["--rank 0 is not possible"]);
    refused("--limit 0", 2, &["invalid value '0' for '--limit <N>'"]);
    refused("--views 0", 1, &["--views 0 is not possible"]);
    // What only the model tells.
    refused(
        "--set ttl.rank=193",
        1,
        &["--rank 193 is not possible: from 1 to 192 with this model"],
    );
    refused("--template photo", 1, &["the template \"photo\" has no {}"]);

    // A model that came without statistics.
    let pictures = folder.join("pictures").display().to_string();
    let bare = ["--model", "tests/fixtures/tiny-quick-gelu", "--method", "prompt-align"];
    run(["eval", &pictures, "--classes", &map, "--device", "cpu"]
        .into_iter()
        .chain(bare)
        .chain(output.split_whitespace()))
    .refuses(&[
        "prompt-align needs source statistics of the model, and there are none beside it",
        "clip-ttl stats",
    ]);

    let few = put(&folder, "few.tsv", "10\tcat\n2\tdog\n");
    eval(&folder, &few, &output).refuses(&["the folder \"1\" is not in", "few.tsv", "add a line"]);
    let damaged = put(&folder, "damaged.tsv", "10 cat\n");
    eval(&folder, &damaged, &output).refuses(&["line 1: a folder's name, a tab and its label are needed"]);
    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    eval_in(&empty, &map, &output).refuses(&["there is no picture in the folders of", "one folder for each class"]);
    eval_in(&folder.join("no/such"), &map, &output).refuses(&["cannot read", "no/such"]);
    assert!(!out.exists(), "there is a folder for results");
}
