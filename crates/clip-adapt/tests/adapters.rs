//! Adapter files: written, read back, used, and refused where they don't fit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/pocket.rs"]
mod pocket;
#[path = "common/reports.rs"]
mod reports;

use std::collections::HashMap;

use clip_adapt::adapter::AdapterFiles;
use clip_adapt::report::EpisodeReport;
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use clip_model::device::DeviceChoice;
use pocket::{TEMPLATE, cat, labels};
use pollster::block_on;
use reports::{finish, largest_difference};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

fn adapted(session: &Session, method: &str, options: &Value) -> (EpisodeReport, clip_adapt::Result<AdapterFiles>) {
    let setup = Setup::new(method, options.as_object().unwrap()).unwrap();
    let mut episode = session.start(cat(), &labels(), TEMPLATE, setup).unwrap();
    let error = block_on(episode.adapter_files("pocket")).err().unwrap();
    assert_eq!(error.code(), "episode-running");
    let report = finish(&mut episode);
    (report, block_on(episode.adapter_files("pocket")))
}

#[test]
fn a_saved_adapter_gives_the_adapted_answer_again() {
    let session = pocket::session(DeviceChoice::Cpu);
    for encoder in ["vision", "text", "both"] {
        let options = json!({"views": 3, "rank": 4, "layers": 2, "encoder": encoder, "steps": 2});
        let (report, files) = adapted(&session, "ttl", &options);
        let files = files.unwrap();
        let again = block_on(session.classify_with_adapter(&cat(), &labels(), TEMPLATE, &files)).unwrap();
        let difference = largest_difference(&again.scores, &report.after);
        assert!(difference < 1e-5, "{encoder}: {difference}");
        // And leaves nothing behind.
        let plain = block_on(session.classify(&cat(), &labels(), TEMPLATE)).unwrap();
        let difference = largest_difference(&plain.scores, &report.before);
        assert!(difference < 1e-5, "{encoder}: {difference}");
        let norms = &report.steps[1].adapter_norms;
        let towers = if encoder == "both" { 2 } else { 1 };
        assert_eq!(norms.len(), towers * 2 * 2, "blocks and projections");
        assert!(norms.iter().all(|norm| norm.norm > 0.0), "{norms:?}");
    }
}

#[test]
fn the_norm_is_that_of_the_matrix_product() {
    let session = pocket::session(DeviceChoice::Cpu);
    let (report, files) = adapted(
        &session,
        "ttl",
        &json!({"views": 2, "rank": 3, "alpha": 6, "layers": 1}),
    );
    let files = files.unwrap();
    let tensors = SafeTensors::deserialize(&files.weights).unwrap();
    for norm in &report.steps[0].adapter_norms {
        let name = format!(
            "base_model.model.vision_model.encoder.layers.{}.self_attn.{}",
            norm.block,
            norm.projection.as_str()
        );
        let read = |factor: &str| -> Vec<f32> {
            let view = tensors.tensor(&format!("{name}.lora_{factor}.weight")).unwrap();
            view.data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect()
        };
        let (a, b) = (read("A"), read("B"));
        let (rank, width) = (3, a.len() / 3);
        let mut sum = 0.0_f64;
        for row in b.chunks_exact(rank) {
            for column in 0..width {
                let product: f32 = (0..rank).map(|r| row[r] * a[r * width + column]).sum();
                sum += f64::from(2.0 * product).powi(2);
            }
        }
        assert!(
            (f64::from(norm.norm) - sum.sqrt()).abs() < 1e-4 * sum.sqrt(),
            "{norm:?} {}",
            sum.sqrt()
        );
    }
}

#[test]
fn only_low_rank_adapters_can_be_saved() {
    let session = pocket::session(DeviceChoice::Cpu);
    for (method, options) in [
        ("tpt", json!({"views": 2})),
        ("apt", json!({"views": 2})),
        ("zero", json!({"views": 2})),
    ] {
        let (_, files) = adapted(&session, method, &options);
        assert_eq!(files.unwrap_err().code(), "adapter-missing", "{method}");
    }
    let (report, files) = adapted(&session, "ttl", &json!({"views": 2, "epsilon": 0.0}));
    assert!(report.stopped.is_some());
    assert_eq!(files.unwrap_err().code(), "adapter-missing");
}

#[test]
fn an_adapter_that_does_not_fit_is_refused() {
    let session = pocket::session(DeviceChoice::Cpu);
    let (_, files) = adapted(
        &session,
        "ttl",
        &json!({"views": 2, "rank": 2, "layers": 1, "targets": ["q_proj"]}),
    );
    let good = files.unwrap();
    let refused = |files: &AdapterFiles, what: &str| {
        let error = block_on(session.classify_with_adapter(&cat(), &labels(), TEMPLATE, files)).err();
        let error = error.unwrap_or_else(|| panic!("{what} is taken"));
        assert_eq!(error.code(), "adapter-invalid", "{what}: {error}");
        error.to_string()
    };
    let config: Value = serde_json::from_str(&good.config).unwrap();
    for (key, value) in [
        ("peft_type", json!("IA3")),
        ("r", json!(0)),
        ("r", json!(3)),
        ("r", json!(-1)),
        ("lora_alpha", json!("much")),
        ("use_dora", json!(true)),
        ("bias", json!("all")),
        ("fan_in_fan_out", json!(true)),
        ("rank_pattern", json!({"q_proj": 8})),
        ("modules_to_save", json!(["head"])),
        ("init_lora_weights", json!("pissa_niter_4")),
        ("init_lora_weights", json!("olora")),
        ("layer_replication", json!([[0, 6], [3, 12]])),
        ("trainable_token_indices", json!([1, 2])),
        ("alora_invocation_tokens", json!([320])),
        ("use_qalora", json!(true)),
        ("target_modules", json!(["v_proj"])),
        ("target_modules", json!(["q_proj", "v_proj"])),
    ] {
        let mut changed = config.clone();
        changed[key] = value.clone();
        let files = AdapterFiles {
            config: changed.to_string(),
            ..good.clone()
        };
        refused(&files, &format!("{key} = {value}"));
    }
    for config in ["", "{}", "[]", "nonsense"] {
        let files = AdapterFiles {
            config: config.to_owned(),
            ..good.clone()
        };
        refused(&files, config);
    }
    for length in 0..good.weights.len().min(300) {
        let files = AdapterFiles {
            weights: good.weights[..length].to_vec(),
            ..good.clone()
        };
        refused(&files, "a file that was cut");
    }

    let name = "base_model.model.vision_model.encoder.layers.11.self_attn.q_proj.lora_";
    let a = format!("{name}A.weight");
    let b = format!("{name}B.weight");
    let zeros = vec![0; 2 * 192 * 4];
    let file = |tensors: &[(&str, [usize; 2], &[u8])]| {
        let views: HashMap<String, TensorView<'_>> = tensors
            .iter()
            .map(|(name, shape, data)| {
                (
                    (*name).to_owned(),
                    TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap(),
                )
            })
            .collect();
        AdapterFiles {
            weights: safetensors::serialize(views, None).unwrap(),
            ..good.clone()
        }
    };
    let fits = file(&[(&a, [2, 192], &zeros), (&b, [192, 2], &zeros)]);
    block_on(session.classify_with_adapter(&cat(), &labels(), TEMPLATE, &fits)).unwrap();
    refused(&file(&[(&a, [2, 192], &zeros)]), "half a pair");
    refused(
        &file(&[(&a, [192, 2], &zeros), (&b, [192, 2], &zeros)]),
        "a wrong shape",
    );
    let nan = f32::NAN.to_le_bytes().repeat(2 * 192);
    refused(&file(&[(&a, [2, 192], &nan), (&b, [192, 2], &zeros)]), "no number");
    let far = a.replace("layers.11", "layers.12");
    assert!(refused(&file(&[(&far, [2, 192], &zeros)]), "a block too far").contains("12 blocks"));
    let other = a.replace("self_attn.q_proj", "mlp.fc1");
    refused(&file(&[(&other, [2, 192], &zeros)]), "another module");
    refused(&file(&[]), "nothing");
}

#[test]
fn rank_stabilised_scaling_is_understood() {
    let session = pocket::session(DeviceChoice::Cpu);
    let (_, files) = adapted(&session, "ttl", &json!({"views": 2, "rank": 4, "alpha": 8}));
    let files = files.unwrap();
    // alpha / sqrt(rank) with half the alpha is the same as alpha / rank.
    let mut config: Value = serde_json::from_str(&files.config).unwrap();
    config["use_rslora"] = json!(true);
    config["lora_alpha"] = json!(4);
    let stabilised = AdapterFiles {
        config: config.to_string(),
        ..files.clone()
    };
    let classify = |files: &AdapterFiles| {
        block_on(session.classify_with_adapter(&cat(), &labels(), TEMPLATE, files))
            .unwrap()
            .scores
    };
    assert_eq!(classify(&files), classify(&stabilised));
}
