//! `convert`, and what the other commands make of its files.

use safetensors::SafeTensors;
use serde_json::Value;

use crate::common::{CHELSEA, bytes, edited, folder, keys, number, put, root, run, words};

const TINY: &str = "tests/fixtures/tiny-quick-gelu";
const EPISODE: &str = "tests/fixtures/ttl-default.safetensors";

fn convert(from: &str, to: &str, more: &str) -> Value {
    run(words(&format!("convert --from {from} --to {to} --json {more}")))
        .expect(0)
        .json()
}

#[test]
fn a_converted_model_needs_nothing_beside_it() {
    let folder = folder("convert-alone");
    let to = folder.join("tiny.safetensors").display().to_string();
    let document = convert(TINY, &to, "--quant f32");
    assert_eq!(
        keys(&document),
        [
            "bytes_after",
            "bytes_before",
            "format",
            "from",
            "parameters",
            "source_sha256",
            "to"
        ]
    );
    assert_eq!(
        number(&document["bytes_before"]) as usize,
        bytes(&format!("{TINY}/model.safetensors")).len()
    );
    // As exact as the folder it came from.
    let verified = run(words(&format!("verify {EPISODE} --model {to} --device cpu --json"))).expect(0);
    assert_eq!(verified.json()["passed"], Value::Bool(true));
}

#[test]
fn the_same_model_gives_the_same_file() {
    let folder = folder("convert-again");
    let [first, second, third] = ["a", "b", "c"].map(|name| folder.join(name).display().to_string());
    for quant in ["f16", "q8", "q4"] {
        convert(TINY, &first, &format!("--quant {quant}"));
        convert(TINY, &second, &format!("--quant {quant}"));
        assert_eq!(
            std::fs::read(&first).unwrap(),
            std::fs::read(&second).unwrap(),
            "{quant}"
        );
        // Converted into what it is already, its weights stay what they are; its source is then another one.
        convert(&first, &third, &format!("--quant {quant}"));
        let [first, third] = [&first, &third].map(|path| std::fs::read(path).unwrap());
        let tensors = |file: &[u8]| {
            let mut tensors = SafeTensors::deserialize(file).unwrap().tensors();
            tensors.sort_by(|a, b| a.0.cmp(&b.0));
            tensors
                .into_iter()
                .map(|(name, view)| (name, view.data().to_vec()))
                .collect::<Vec<_>>()
        };
        assert!(tensors(&first) == tensors(&third), "{quant}");
    }
    assert!(!folder.join("a.part").exists());
}

#[test]
fn quantised_files_are_as_small_as_their_blocks() {
    let folder = folder("convert-size");
    let to = folder.join("tiny.safetensors").display().to_string();
    let bytes = ["f32", "f16", "q8", "q4"].map(|quant| {
        let document = convert(TINY, &to, &format!("--quant {quant}"));
        number(&document["bytes_after"])
    });
    assert!(bytes.is_sorted_by(|larger, smaller| larger > smaller), "{bytes:?}");
    let [embedding, text, text_but_embedding] = ["--embedding q4", "--text q4", "--text q4 --embedding q8"]
        .map(|mixed| number(&convert(TINY, &to, &format!("--quant q8 {mixed}"))["bytes_after"]));
    let mixed = [bytes[3], text, embedding, bytes[2]];
    assert!(mixed.is_sorted_by(|smaller, larger| smaller < larger), "{mixed:?}");
    assert!(
        text < text_but_embedding && text_but_embedding < bytes[2],
        "{text_but_embedding} among {mixed:?}"
    );
}

#[test]
fn a_quantised_model_answers_nearly_as_before() {
    let folder = folder("convert-answers");
    let line = |model: &str| format!("classify {CHELSEA} --labels cat,dog,teapot --device cpu --json {model}");
    let before = run(words(&line(""))).expect(0).json();
    for (quant, tolerance) in [("q8", 0.05), ("q4", 0.4)] {
        let to = folder.join(quant).display().to_string();
        run(words(&format!(
            "convert --from models/pocket --to {to} --quant {quant}"
        )))
        .expect(0);
        let after = run(words(&line(&format!("--model {to}")))).expect(0).json();
        for index in 0..3 {
            let score = |document: &Value| number(&document["results"][0]["scores"][index]["probability"]);
            let change = (score(&before) - score(&after)).abs();
            assert!(change < tolerance, "{quant}: {change}");
        }
    }
}

#[test]
fn a_model_is_kept_in_the_format_that_is_asked_for() {
    let line = |dtype: &str| format!("bench --model {TINY} --device cpu --dtype {dtype} --repeat 0 --json");
    for dtype in ["f32", "f16", "q8", "q4"] {
        let document = run(words(&line(dtype))).expect(0).json();
        assert_eq!(document["dtype"], dtype);
    }
    run(words(&line("int8"))).expect(2);
}

#[test]
fn what_cannot_be_converted_leaves_nothing_behind() {
    let folder = folder("convert-refused");
    let to = folder.join("out.safetensors");
    let line = |from: &str, to: &str| words(&format!("convert --from {from} --to {to}"));
    run(line("no/such/model", to.to_str().unwrap())).refuses(&["no/such/model"]);
    let broken = put(&folder, "broken.safetensors", b"<!doctype html>");
    put(&folder, "config.json", bytes(&format!("{TINY}/config.json")));
    run(line(&broken, to.to_str().unwrap())).refuses(&["not a complete safetensors file"]);
    run(line(TINY, "no/such/folder/out.safetensors")).refuses(&["cannot write no/such/folder/out.safetensors"]);
    assert!(!to.exists());
    // Its own weights would be lost.
    put(
        &folder,
        "model.safetensors",
        bytes(&format!("{TINY}/model.safetensors")),
    );
    run(line(folder.to_str().unwrap(), folder.to_str().unwrap()))
        .refuses(&["is the model itself", "--to another file"]);
    assert_eq!(
        std::fs::read(folder.join("model.safetensors")).unwrap(),
        bytes(&format!("{TINY}/model.safetensors"))
    );
    assert!(!root().join("no").exists());
}

#[test]
fn the_folder_of_a_model_is_not_written_over() {
    let folder = folder("convert-beside");
    let config = put(&folder, "config.json", bytes(&format!("{TINY}/config.json")));
    let other = put(
        &folder,
        "other.safetensors",
        bytes(&format!("{TINY}/model.safetensors")),
    );
    let weights = put(&folder, "model.safetensors", "another model");
    run(["convert", "--from", &other, "--to", folder.to_str().unwrap()])
        .refuses(&["the model itself is in", "--to another folder"]);
    assert_eq!(std::fs::read(&config).unwrap(), bytes(&format!("{TINY}/config.json")));
    assert_eq!(std::fs::read_to_string(&weights).unwrap(), "another model");
}

/// A device that is full for whoever writes to it is what the new file is, until it is whole.
#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_leaves_what_was_there() {
    let folder = folder("convert-full");
    let to = put(&folder, "out.safetensors", "an earlier file");
    let part = folder.join("out.safetensors.part");
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    run(["convert", "--from", TINY, "--to", &to]).refuses(&["cannot write", &to]);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "an earlier file");
    assert!(part.symlink_metadata().is_err(), "nothing is left of the new one");
}

#[test]
fn a_folder_gets_the_files_of_hugging_faces_layout() {
    let folder = folder("convert-folder");
    let to = format!("{}/", folder.join("unpacked").display());
    convert("models/pocket", &to, "--quant f32");
    let config: Value = serde_json::from_slice(&std::fs::read(format!("{to}config.json")).unwrap()).unwrap();
    assert_eq!(
        config["dtype"], "float32",
        "the configuration that came along says something else"
    );
    assert!(std::fs::exists(format!("{to}preprocessor_config.json")).unwrap());
    let episode = "tests/fixtures/ttl-pocket-chelsea.safetensors";
    run(words(&format!("verify {episode} --model {to} --device cpu"))).expect(0);
}

#[test]
fn values_that_half_precision_cannot_hold_are_refused_by_the_name_of_their_tensor() {
    let folder = folder("convert-range");
    let name = "vision_model.encoder.layers.0.mlp.fc1.weight";
    let weights = edited(&bytes(&format!("{TINY}/model.safetensors")), |tensors| {
        crate::common::set(tensors, name, 5, 1e30);
    });
    put(&folder, "config.json", bytes(&format!("{TINY}/config.json")));
    put(&folder, "model.safetensors", weights);
    let (from, to) = (folder.display(), folder.join("out").display().to_string());
    run(words(&format!("convert --from {from} --to {to} --quant f16"))).refuses(&[name, "1e30", "choose f32"]);
}
