//! `clip-ttl fidelity`: how far formats are from single precision.

use serde_json::json;

use crate::common::{folder, list, number, run, words};

#[test]
fn four_bits_are_further_from_single_precision_than_the_others() {
    let model = format!("{}/", folder("fidelity").join("model").display());
    run(["convert", "--from", "models/pocket", "--to", &model, "--quant", "f32"]).expect(0);
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
    for key in [
        "mean_probability_change",
        "largest_probability_change",
        "largest_difference_of_entropy_change",
    ] {
        let changes = values(key);
        // The vision tower's values are those of q8: half precision and q8 change next to nothing.
        assert!(
            changes[0] <= 0.0 && changes[..3].iter().all(|change| change < &(changes[3] / 5.0)),
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
fn a_quantised_model_and_an_empty_folder_are_refused() {
    run(words("fidelity www/samples --labels cat,dog --device cpu")).refuses(&["nothing more exact"]);
    let empty = folder("fidelity-empty").display().to_string();
    run(["fidelity", &empty, "--labels", "cat,dog", "--device", "cpu"]).refuses(&["no picture"]);
}
