//! `clip-ttl fidelity`: how far formats are from single precision.

use serde_json::json;

use crate::common::{bytes, folder, list, number, put, run, words};

/// The model that ships, unpacked, in a folder of a test's own.
fn unquantised(name: &str) -> String {
    let model = format!("{}/", folder(name).join("model").display());
    run(["convert", "--from", "models/pocket", "--to", &model, "--quant", "f32"]).expect(0);
    model
}

#[test]
fn four_bits_are_further_from_single_precision_than_the_others() {
    let model = unquantised("fidelity");
    let line = format!(
        "fidelity www/samples --labels cat,dog,horse,bridge --model {model} --limit 3 --adapt 1 --views 3 --device cpu --json"
    );
    let document = run(words(&line)).expect(0).json();
    assert_eq!(
        (
            &document["pictures"],
            &document["labels"],
            &document["adapted_pictures"]
        ),
        (&json!(3), &json!(4), &json!(1))
    );
    let formats = list(&document["formats"]);
    let names: Vec<_> = formats.iter().map(|row| &row["format"]).collect();
    assert_eq!(names, ["f32", "f16", "q8", "q4"]);
    let values = |key: &str| -> Vec<f64> { formats.iter().map(|row| number(&row[key])).collect() };
    let bytes = values("weights_bytes");
    assert!(bytes.is_sorted_by(|larger, smaller| larger > smaller), "{bytes:?}");
    // The vision tower's values are those of q8: half precision and q8 change next to nothing, and what an update does to the entropy little.
    for (key, times) in [
        ("mean_probability_change", 5.0),
        ("largest_probability_change", 5.0),
        ("largest_difference_of_entropy_change", 2.0),
    ] {
        let changes = values(key);
        assert!(
            changes[0] <= 0.0 && changes[..3].iter().all(|change| change < &(changes[3] / times)),
            "{key}: {changes:?}"
        );
    }
    for key in ["mean_cosine", "least_cosine"] {
        let cosines = values(key);
        assert!(
            cosines[..3].iter().all(|cosine| (cosine - 1.0).abs() < 1e-4),
            "{key}: {cosines:?}"
        );
        assert!(cosines[3] < 0.9999 && cosines[3] > 0.9, "{key}: {cosines:?}");
    }
    assert_eq!(formats[0]["top1_agreement"], json!(1.0));
    assert!(
        formats.iter().all(|row| number(&row["mean_entropy_change"]) < 0.0),
        "{document}"
    );
}

#[test]
fn a_picture_that_cannot_be_read_and_an_update_that_is_not_made_are_told() {
    let model = unquantised("fidelity-broken");
    let pictures = folder("fidelity-broken-pictures");
    let broken = put(&pictures, "broken.png", &bytes("www/samples/chelsea.png")[..5000]);
    for name in ["chelsea.png", "kitten.webp"] {
        put(&pictures, name, bytes(&format!("www/samples/{name}")));
    }
    let line = format!(
        "fidelity {} --labels cat,dog --model {model} --adapt 2 --steps 0 --views 2 --device cpu",
        pictures.display()
    );
    let told = run(words(&format!("{line} --json"))).expect(1);
    assert_eq!(told.stderr.matches(&broken).count(), 1, "{told:?}");
    let document = told.json();
    assert_eq!(
        (&document["pictures"], &document["failed"][0]["path"]),
        (&json!(2), &json!(broken))
    );
    assert_eq!(list(&document["formats"]).len(), 4);
    assert_eq!(document["adapted_pictures"], 2);
    for row in list(&document["formats"]) {
        assert_eq!(row["adapted_pictures"], 0, "{row}");
    }
    let table = run(words(&line)).expect(1).stdout;
    assert!(
        table.contains("f32 2, f16 2, q8 2, q4 2") && table.contains("could not be opened: 1"),
        "{table}"
    );
    // With none left there is nothing to compare.
    for name in ["chelsea.png", "kitten.webp"] {
        std::fs::remove_file(pictures.join(name)).unwrap();
    }
    run(words(&line)).refuses(&["none of the 1 pictures"]);
}

#[test]
fn a_quantised_model_and_an_empty_folder_are_refused() {
    run(words("fidelity www/samples --labels cat,dog --device cpu")).refuses(&["nothing more exact"]);
    let empty = folder("fidelity-empty").display().to_string();
    run(["fidelity", &empty, "--labels", "cat,dog", "--device", "cpu"]).refuses(&["no picture"]);
}
