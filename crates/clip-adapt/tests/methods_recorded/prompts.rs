//! TPT and the methods that train the prompt's context as it does, with a term added to its loss, against PyTorch.

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_adapt::entropy::softmax;
use clip_adapt::labels::Prompts;
use clip_adapt::methods::Setting;
use clip_adapt::methods::adaptation::{Adaptation as _, Update};
use clip_adapt::methods::alignment::Alignment;
use clip_adapt::methods::tpt::{Tpt, TptOptions, TptRun};
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use clip_model::picture::Picture;
use pollster::block_on;
use serde::Deserialize;

use crate::recording::{
    ABSOLUTE, RecordedOptimizer, Recording, StepLog, Trusted, assert_selected, doubles, model, read, read_singles,
    upload, whole,
};
use crate::{common, vocabulary};

const MODEL: &str = "tests/fixtures/tiny-bf16-legacy";
/// A token each.
const WORDS: &str = "a b c d";

#[derive(Deserialize)]
struct Settings {
    keep: f64,
    selected: Vec<usize>,
    #[serde(default)]
    dispersion_weight: f64,
    #[serde(default)]
    alignment_weight: f64,
    /// The blocks whose outputs are aligned.
    #[serde(default)]
    places: Vec<usize>,
    #[serde(flatten)]
    optimizer: RecordedOptimizer,
    log: Vec<StepLog>,
}

impl Settings {
    /// The first block whose output is aligned; without an alignment the views go through all blocks before.
    fn first_block(&self, clip: &Clip) -> usize {
        if self.alignment_weight > 0.0 {
            self.places[0]
        } else {
            clip.vision.layers()
        }
    }
}

/// Replays what is trained, step by step.
fn check(name: &'static str, choice: DeviceChoice) {
    let recording = Recording::open(name);
    let settings: Settings = recording.settings();
    let clip = model(MODEL, choice);
    let first = settings.first_block(&clip);
    let tokens = Tensor::cat(recording.tokens(&clip, first), 0);
    let mut method = Tpt::new(
        Arc::clone(&clip),
        recording.prompts(),
        clip.vision.tail(tokens, first, None),
        recording.matrix("init.ctx", &clip),
        settings.optimizer.settings(),
        settings.dispersion_weight,
    );
    let logits = read_singles(method.logits(method.text_features().unwrap()));
    recording.compare("logits_before", doubles(&logits), ABSOLUTE);
    method.select(&logits, settings.keep);
    assert_eq!(method.selected(), settings.selected);

    let mut trusted = Trusted::default();
    for step in 0..settings.log.len() {
        let of_step = |quantity: &str| format!("step{step}.{quantity}");
        let text = method.text_features().unwrap();
        recording.compare(&of_step("logits"), read(method.logits(text.clone())), ABSOLUTE);
        let text_gradient = method.text_gradient(text);
        for chunk in 0..method.chunks() {
            method.accumulate(chunk, &text_gradient).unwrap();
        }
        let gradient = method.gradient().unwrap().clone();
        recording.compare_gradient(&of_step("grad.ctx"), read(gradient));
        let trusted = trusted.look_at("ctx", recording.values(&of_step("grad.ctx")));
        method.update();
        let shape = method.context().dims();
        let mut context = read_singles(method.context().clone());
        recording.compare_parameter(&of_step("after.ctx"), &mut context, trusted);
        method.set_context(upload(context, shape, &clip));
        let prediction = method.logits(method.text_features().unwrap()).narrow(0, 0, 1);
        recording.compare(&of_step("prediction_logits"), read(prediction), ABSOLUTE);
    }
}

/// Replays the run that the list of methods begins: the choice of views, the loss with all its terms, and the prediction. Nothing is
/// put back to what is recorded there: no gradient of these contexts is so near zero that rounding could turn a step around.
fn check_run(name: &'static str, folder: &str, choice: DeviceChoice) {
    let recording = Recording::open(name);
    let settings: Settings = recording.settings();
    let mut weights = common::file(&format!("{folder}/model.safetensors"));
    let ids = vocabulary::spell(&recording.prompts(), WORDS, &mut weights);
    let clip = common::clip_of(folder, &weights, FormatChoice::AsStored, &common::device(choice));
    let first = settings.first_block(&clip);
    let alignment = (settings.alignment_weight > 0.0).then(|| {
        Alignment::new(
            &Arc::new(recording.statistics(&clip)),
            first,
            settings.alignment_weight,
            settings.keep,
            clip.device.tensor_device(),
        )
    });
    let setting = Setting {
        clip: Arc::clone(&clip),
        picture: Arc::new(Picture::from_rgb8(1, 1, vec![0; 3]).unwrap()),
        text_features: normalise(clip.text.forward(&ids).unwrap()),
        prompts: vec![Prompts {
            labels: (0..ids.len()).map(|label| format!("label {label}")).collect(),
            template: format!("{WORDS} {{}}"),
            ids,
            warnings: Vec::new(),
        }],
        seed: 0,
        statistics: None,
    };
    let options = TptOptions {
        steps: settings.log.len(),
        selection: settings.keep,
        optimizer: settings.optimizer.settings(),
    };
    let mut run = TptRun::new(&setting, options, settings.dispersion_weight, alignment, first).unwrap();
    for tokens in recording.tokens(&clip, first) {
        run.push(tokens);
    }
    for (step, log) in settings.log.iter().enumerate() {
        let of_step = |quantity: &str| format!("step{step}.{quantity}");
        let Update { views, prediction, .. } = whole(|| block_on(run.step()).unwrap().unwrap());
        assert_selected(&views, &settings.selected);
        recording.compare_scalar(&of_step("loss"), views.loss, log.loss);
        let recorded = softmax(recording.values(&of_step("prediction_logits")));
        let (found, recorded) = (doubles(&prediction.probabilities), doubles(&recorded));
        recording.compare_with(&of_step("prediction"), found, &recorded, ABSOLUTE);
    }
    assert!(block_on(run.step()).unwrap().is_none(), "no update is left");
}

fn check_runs(choice: DeviceChoice) {
    for (name, folder) in [
        ("tpt-default", "tests/fixtures/tiny-quick-gelu"),
        ("tpt-gelu", "tests/fixtures/tiny-gelu"),
        ("method-c-tpt", MODEL),
        ("method-prompt-align-tpt", MODEL),
    ] {
        check_run(name, folder, choice);
    }
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

#[test]
fn whole_runs_on_the_cpu() {
    check_runs(DeviceChoice::Cpu);
}

#[test]
fn whole_runs_on_webgpu() {
    check_runs(DeviceChoice::Gpu);
}
