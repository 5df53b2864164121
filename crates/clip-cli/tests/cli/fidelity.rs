//! `clip-ttl fidelity`: the coarser the format, the further from single precision.

use serde_json::json;

use crate::common::{folder, list, number, run, words};

#[test]
fn coarser_formats_are_further_from_single_precision() {
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
    for (key, is_rising) in [
        ("weights_bytes", false),
        ("mean_probability_change", true),
        ("largest_probability_change", true),
        ("mean_cosine", false),
        ("largest_difference_of_entropy_change", true),
    ] {
        let values: Vec<f64> = formats.iter().map(|row| number(&row[key])).collect();
        let is_so = |pair: &[f64]| {
            if is_rising {
                pair[0] < pair[1]
            } else {
                pair[0] > pair[1]
            }
        };
        // In half precision a quantised model's values are the same ones.
        assert!(values[1..].windows(2).all(is_so), "{key}: {values:?}");
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
