//! The methods that train the prompt's context as TPT does, with a term added to its loss, against PyTorch.

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_adapt::entropy::marginal_entropy;
use clip_adapt::methods::alignment::Alignment;
use clip_adapt::methods::tpt::{Tpt, dispersion};
use clip_adapt::optimizer::AdamWSettings;
use clip_model::device::DeviceChoice;
use serde::Deserialize;

use crate::recording::{ABSOLUTE, Recording, StepLog, Trusted, model, read};

const MODEL: &str = "tests/fixtures/tiny-bf16-legacy";

#[derive(Deserialize)]
struct Settings {
    keep: f64,
    selected: Vec<usize>,
    dispersion_weight: f64,
    alignment_weight: f64,
    /// The blocks whose outputs are aligned.
    places: Vec<usize>,
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    log: Vec<StepLog>,
}

fn check(name: &'static str, choice: DeviceChoice) {
    let recording = Recording::open(name);
    let settings: Settings = recording.settings();
    let clip = model(MODEL, choice);
    let first = settings.places[0];
    let tokens = Tensor::cat(recording.tokens(&clip, first), 0);
    let prompts = recording.prompts();
    let labels = prompts.len();
    let optimizer = AdamWSettings {
        learning_rate: settings.lr,
        betas: settings.betas,
        epsilon: settings.eps,
        weight_decay: settings.weight_decay,
    };
    let mut method = Tpt::new(
        Arc::clone(&clip),
        prompts,
        clip.vision.tail(tokens.clone(), first, None),
        recording.matrix("init.ctx", &clip),
        optimizer,
        settings.dispersion_weight,
    );
    let logits: Vec<f64> = read(method.logits(method.text_features().unwrap())).collect();
    recording.compare("logits_before", logits.iter().copied(), ABSOLUTE);
    method.select(&singles(&logits), settings.keep);
    assert_eq!(method.selected(), settings.selected);

    // The context moves no visual token: this part of the loss stays the same.
    let mut alignment_part = 0.0;
    if settings.alignment_weight > 0.0 {
        let source = Arc::new(recording.statistics(&clip));
        let mut alignment = Alignment::new(
            &source,
            first,
            settings.alignment_weight,
            settings.keep,
            clip.device.tensor_device(),
        );
        let views = settings.selected.iter().map(|&view| tokens.clone().narrow(0, view, 1));
        alignment.set_views(views.collect());
        (0..alignment.chunks()).for_each(|chunk| alignment.add_means(&clip.vision, chunk, None));
        (0..alignment.chunks()).for_each(|chunk| alignment.add_variances(&clip.vision, chunk, None));
        alignment_part = settings.alignment_weight * read(alignment.value().unwrap()).sum::<f64>();
    }

    let mut trusted = Trusted::default();
    for (step, log) in settings.log.iter().enumerate() {
        let of_step = |quantity: &str| format!("step{step}.{quantity}");
        let text = method.text_features().unwrap();
        let logits: Vec<f64> = read(method.logits(text.clone())).collect();
        recording.compare(&of_step("logits"), logits.iter().copied(), ABSOLUTE);
        let rows = method
            .selected()
            .iter()
            .flat_map(|view| &logits[view * labels..(view + 1) * labels]);
        let chosen = singles(&rows.copied().collect::<Vec<f64>>());
        let dispersion_part = settings.dispersion_weight * read(dispersion(text.clone())).sum::<f64>();
        let loss = marginal_entropy(&chosen, labels) - dispersion_part + alignment_part;
        recording.compare_scalar(&of_step("loss"), loss, log.loss);

        let text_gradient = method.text_gradient(text);
        for chunk in 0..method.chunks() {
            method.accumulate(chunk, &text_gradient).unwrap();
        }
        let gradient = method.gradient().unwrap().clone();
        recording.compare_gradient(&of_step("grad.ctx"), read(gradient));
        trusted.look_at("ctx", recording.values(&of_step("grad.ctx")));
        method.update();
        let context = read(method.context().clone());
        recording.compare_where(&of_step("after.ctx"), context, ABSOLUTE, |index| {
            trusted.holds("ctx", index)
        });
        method.set_context(recording.matrix(&of_step("after.ctx"), &clip));
        let prediction = method.logits(method.text_features().unwrap()).narrow(0, 0, 1);
        recording.compare(&of_step("prediction_logits"), read(prediction), ABSOLUTE);
    }
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[test]
fn c_tpt_on_the_cpu() {
    check("method-c-tpt", DeviceChoice::Cpu);
}

#[test]
fn c_tpt_on_webgpu() {
    check("method-c-tpt", DeviceChoice::Gpu);
}

#[test]
fn prompt_align_with_tpt_on_the_cpu() {
    check("method-prompt-align-tpt", DeviceChoice::Cpu);
}

#[test]
fn prompt_align_with_tpt_on_webgpu() {
    check("method-prompt-align-tpt", DeviceChoice::Gpu);
}
