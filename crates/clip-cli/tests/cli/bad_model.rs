//! Checkpoints that are missing, damaged, or of another kind. All are made from one that a recorded episode passes with.

use std::path::Path;

use crate::common::{Run, bytes, edited, folder, put, run, set, words};

const SOUND: &str = "tests/fixtures/tiny-quick-gelu";

/// Replays a recorded episode with a model.
fn verify(model: &Path) -> Run {
    let episode = "tests/fixtures/ttl-default.safetensors";
    run(words(&format!(
        "verify {episode} --device cpu --model {}",
        model.display()
    )))
}

fn config() -> String {
    String::from_utf8(bytes(&format!("{SOUND}/config.json"))).unwrap()
}

fn weights() -> Vec<u8> {
    bytes(&format!("{SOUND}/model.safetensors"))
}

/// A model with these files; the program's answer to it must be a refusal that says all of this.
fn refuses(name: &str, config: &str, weights: &[u8], said: &[&str]) {
    let folder = folder(name);
    put(&folder, "config.json", config);
    put(&folder, "model.safetensors", weights);
    verify(&folder).refuses(&[&[folder.to_str().unwrap()], said].concat());
}

#[test]
fn the_model_that_the_others_are_made_of_is_sound() {
    let folder = folder("sound-model");
    put(&folder, "config.json", config());
    put(&folder, "model.safetensors", edited(&weights(), |_| ()));
    verify(&folder).expect(0);
}

#[test]
fn a_model_that_is_not_there_is_named() {
    verify(Path::new("no/such/model")).refuses(&["no/such/model"]);
}

#[test]
fn a_folder_without_the_files_of_a_model_says_which() {
    let empty = folder("empty-model");
    verify(&empty).refuses(&["config.json", "--model takes a folder"]);
    put(&empty, "config.json", config());
    verify(&empty).refuses(&["there is no model.safetensors"]);
    put(&empty, "pytorch_model.bin", []);
    verify(&empty).refuses(&["pytorch_model.bin", "safe_serialization"]);
    put(&empty, "model.safetensors.index.json", "{}");
    verify(&empty).refuses(&["split over several files"]);
}

#[test]
fn a_truncated_checkpoint_is_refused() {
    let weights = weights();
    refuses(
        "cut-in-the-weights",
        &config(),
        &weights[..weights.len() - 100],
        &["not a complete safetensors file"],
    );
    refuses(
        "cut-in-the-header",
        &config(),
        &weights[..100],
        &["not a complete safetensors file"],
    );
    refuses("cut-to-nothing", &config(), &[], &["not a complete safetensors file"]);
}

#[test]
fn a_header_that_lies_is_refused() {
    let weights = weights();
    for (name, length) in [
        ("header-too-long", u64::MAX),
        ("header-past-the-end", 1 << 40),
        ("header-too-short", 3),
    ] {
        let mut lying = weights.clone();
        lying[..8].copy_from_slice(&length.to_le_bytes());
        refuses(name, &config(), &lying, &["not a complete safetensors file"]);
    }
    // A shape that needs more bytes than the tensor has.
    let header_end = 8 + usize::try_from(u64::from_le_bytes(weights[..8].try_into().unwrap())).unwrap();
    let header = String::from_utf8(weights[8..header_end].to_vec()).unwrap();
    let lying = header.replacen("\"shape\":[64,64]", "\"shape\":[64,99]", 1);
    assert_ne!(header, lying, "{header}");
    let lying = [&weights[..8], lying.as_bytes(), &weights[header_end..]].concat();
    refuses(
        "header-with-another-shape",
        &config(),
        &lying,
        &["not a complete safetensors file"],
    );
}

#[test]
fn a_missing_tensor_is_named_with_its_shape() {
    let name = "vision_model.encoder.layers.2.self_attn.q_proj.weight";
    let weights = edited(&weights(), |tensors| assert!(tensors.remove(name).is_some()));
    refuses("tensor-missing", &config(), &weights, &[name, "[64, 64]"]);
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both() {
    let name = "visual_projection.weight";
    let weights = edited(&weights(), |tensors| {
        let (_, shape, _) = tensors.get_mut(name).unwrap();
        assert_eq!(shape, &[48, 64]);
        *shape = vec![64, 48];
    });
    refuses("tensor-shape", &config(), &weights, &[name, "[48, 64]", "[64, 48]"]);
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    for (folder, name) in [
        ("nan-in-vision", "vision_model.encoder.layers.0.mlp.fc1.weight"),
        ("nan-in-text", "text_model.embeddings.token_embedding.weight"),
    ] {
        let weights = edited(&weights(), |tensors| set(tensors, name, 17, f32::NAN));
        refuses(folder, &config(), &weights, &[name, "not finite"]);
    }
}

#[test]
fn an_unknown_activation_is_refused() {
    let config = config().replace("\"quick_gelu\"", "\"relu\"");
    refuses("activation", &config, &weights(), &["hidden_act", "relu", "quick_gelu"]);
}

#[test]
fn a_configuration_that_is_no_json_is_refused() {
    refuses("no-json", "{", &weights(), &["config.json"]);
    refuses("another-model", r#"{"model_type": "siglip"}"#, &weights(), &["siglip"]);
}

#[test]
fn a_text_file_is_no_checkpoint() {
    let folder = folder("text-checkpoint");
    put(&folder, "config.json", config());
    put(
        &folder,
        "model.safetensors",
        "this is no checkpoint, but it is long enough to have a header\n",
    );
    verify(&folder).refuses(&["not a complete safetensors file"]);
    verify(Path::new("Cargo.toml")).refuses(&["Cargo.toml", "config.json"]);
}
