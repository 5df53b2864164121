//! The methods that train something in the towers' last blocks, against PyTorch: TTL with its further options, PromptAlign's
//! term added to it, and APT's bypass.

use std::collections::BTreeMap;
use std::sync::Arc;

use clip_adapt::labels::Prompts;
use clip_adapt::methods::adaptation::{Adaptation, Outcome, Prediction, Update};
use clip_adapt::methods::alignment::Alignment;
use clip_adapt::methods::apt::{Apt, AptOptions};
use clip_adapt::methods::tail::{AdapterKind, Matrices, Predict, Tail, Texts};
use clip_adapt::methods::ttl::{Encoder, Ttl, TtlOptions};
use clip_adapt::report::ViewsState;
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use clip_model::lora::Projection;
use serde::Deserialize;

use crate::recording::{
    ABSOLUTE, RecordedOptimizer, Recording, StepLog, Trusted, assert_selected, model, read, read_singles, upload, whole,
};

const MODEL: &str = "tests/fixtures/tiny-bf16-legacy";

/// What the recordings of all these methods say.
#[derive(Deserialize)]
struct Settings {
    layers: usize,
    rank: usize,
    margin: f64,
    /// The share of the views that is selected, and which ones that is.
    keep: f64,
    selected: Vec<usize>,
    /// How much the alignment counts in the loss, where there is one.
    #[serde(default)]
    alignment_weight: f64,
    #[serde(flatten)]
    optimizer: RecordedOptimizer,
    log: Vec<StepLog>,
}

/// What only the recordings of low-rank adapters say.
#[derive(Deserialize)]
struct LowRankSettings {
    alpha: f64,
    targets: Vec<Projection>,
    #[serde(default)]
    encoder: Encoder,
    #[serde(default = "one")]
    templates: usize,
}

fn one() -> usize {
    1
}

/// The recorded prompts, one set for each template, and the features of their mean.
fn texts(recording: &Recording, clip: &Clip, templates: usize) -> Texts {
    let ids = recording.prompts();
    let labels = ids.len() / templates;
    let each = ids.chunks_exact(labels);
    let features = each.clone().map(|ids| normalise(clip.text.forward(ids).unwrap()));
    let sum = features.reduce(|sum, part| sum + part).unwrap();
    let prompts = each.map(|ids| Prompts {
        labels: (0..labels).map(|label| format!("label {label}")).collect(),
        template: "{}".to_owned(),
        ids: ids.to_vec(),
        warnings: Vec::new(),
    });
    Texts {
        features: normalise(sum / templates as f64),
        prompts: prompts.collect(),
    }
}

fn all_logits<A: AdapterKind>(tail: &Tail<A>) -> Vec<f64> {
    (0..tail.chunks())
        .flat_map(|chunk| read(tail.logits(chunk).unwrap()))
        .collect()
}

/// The mean over the views of weight times entropy: what the loss is without an alignment.
fn weighted_entropies(views: &ViewsState) -> f64 {
    let parts = views.view_weights.iter().zip(&views.view_entropies);
    let parts = parts.map(|(weight, entropy)| f64::from(*weight) * f64::from(*entropy));
    parts.sum::<f64>() / views.view_weights.len() as f64
}

/// Replays an episode step by step; `name` is what a matrix is called in the recording, and the flag says whether the loss
/// is of the selected views alone.
fn replay<A: AdapterKind>(
    recording: &Recording,
    clip: &Arc<Clip>,
    tail: &mut Tail<A>,
    name: impl Fn(&A::Key) -> String,
    (settings, loss_of_selected): (&Settings, bool),
) {
    for tokens in recording.tokens(clip, tail.first_block()) {
        tail.push(tokens);
    }
    let initial: Matrices<A::Key> = tail
        .parameters()
        .keys()
        .map(|key| (*key, recording.matrix(&format!("init.{}", name(key)), clip)))
        .collect();
    assert_eq!(
        initial.len(),
        recording.names("init.").count(),
        "every recorded matrix is trained"
    );
    tail.set_parameters(initial).unwrap();
    recording.compare("logits_before", all_logits(tail), ABSOLUTE);

    let mut trusted = Trusted::default();
    for (step, log) in settings.log.iter().enumerate() {
        recording.compare(&format!("step{step}.logits"), all_logits(tail), ABSOLUTE);
        let update: Update = whole(|| pollster::block_on(tail.step()).unwrap().unwrap());
        recording.compare_scalar(&format!("step{step}.loss"), update.views.loss, log.loss);
        if let Some(alignment) = log.alignment {
            // Each by itself: the alignment is nearly all of the loss.
            let entropies = weighted_entropies(&update.views);
            let weight = settings.alignment_weight;
            let recorded = log.loss - weight * alignment;
            recording.compare_scalar(&format!("step{step}.entropies"), entropies, recorded);
            let ours = (update.views.loss - entropies) / weight;
            recording.compare_scalar(&format!("step{step}.alignment"), ours, alignment);
        }
        if loss_of_selected {
            assert_selected(&update.views, &settings.selected);
        }
        let mut moved = BTreeMap::new();
        for (key, value) in tail.parameters() {
            let (gradient_name, after_name) = (
                format!("step{step}.grad.{}", name(key)),
                format!("step{step}.after.{}", name(key)),
            );
            match tail.last_gradients().get(key) {
                Some(gradient) => recording.compare_gradient(&gradient_name, read(gradient.clone())),
                None => assert!(
                    recording.values(&gradient_name).iter().all(|value| *value == 0.0),
                    "{gradient_name}"
                ),
            }
            let trusted = trusted.look_at(&name(key), recording.values(&gradient_name));
            let mut after = read_singles(value.clone());
            recording.compare_parameter(&after_name, &mut after, trusted);
            moved.insert(*key, upload(after, value.dims(), clip));
        }
        tail.set_parameters(moved).unwrap();
        let name = format!("step{step}.prediction_logits");
        recording.compare(&name, read(tail.centre_logits().unwrap()), ABSOLUTE);
    }
    assert!(pollster::block_on(tail.step()).unwrap().is_none(), "no update is left");
}

fn low_rank_options(settings: &Settings, low_rank: &LowRankSettings) -> TtlOptions {
    TtlOptions {
        steps: settings.log.len(),
        rank: settings.rank,
        alpha: low_rank.alpha,
        layers: settings.layers,
        targets: low_rank.targets.clone(),
        encoder: low_rank.encoder,
        margin: settings.margin,
        optimizer: settings.optimizer.settings(),
        ..TtlOptions::default()
    }
}

fn check_ttl(choice: DeviceChoice) {
    let clip = model(MODEL, choice);
    for name in [
        "method-ttl-both-towers",
        "method-ttl-text-tower",
        "method-ttl-templates",
    ] {
        let recording = Recording::open(name);
        let (settings, low_rank): (Settings, LowRankSettings) = (recording.settings(), recording.settings());
        let options = TtlOptions {
            selection: settings.keep,
            ..low_rank_options(&settings, &low_rank)
        };
        let texts = texts(&recording, &clip, low_rank.templates);
        let begin = |options: &TtlOptions| Ttl::new(Arc::clone(&clip), texts.clone(), options, None, 0).unwrap();
        let mut tail = begin(&options);
        replay(&recording, &clip, &mut tail, ToString::to_string, (&settings, true));

        recording.compare("final.logits", all_logits(&tail), ABSOLUTE);
        let trained = tail.parameters().clone();
        let answers = [
            ("centre", Predict::Centre),
            ("marginal", Predict::Marginal),
            ("vote", Predict::Vote),
        ];
        for (answer, predict) in answers {
            let mut tail = begin(&TtlOptions {
                predict,
                steps: 0,
                ..options.clone()
            });
            for tokens in recording.tokens(&clip, tail.first_block()) {
                tail.push(tokens);
            }
            tail.set_parameters(trained.clone()).unwrap();
            let Outcome { prediction, .. } = whole(|| pollster::block_on(tail.finish()).unwrap());
            let values = |prediction: Prediction| prediction.probabilities.into_iter().map(f64::from);
            recording.compare(&format!("final.{answer}"), values(prediction), ABSOLUTE);
        }
    }
}

fn check_prompt_align(choice: DeviceChoice) {
    let clip = model(MODEL, choice);
    let recording = Recording::open("method-prompt-align-ttl");
    let (settings, low_rank): (Settings, LowRankSettings) = (recording.settings(), recording.settings());
    let options = low_rank_options(&settings, &low_rank);
    let alignment = Alignment::new(
        &Arc::new(recording.statistics(&clip)),
        options.first_block(&clip),
        settings.alignment_weight,
        settings.keep,
        clip.device.tensor_device(),
    );
    let texts = texts(&recording, &clip, 1);
    let mut tail = Ttl::new(Arc::clone(&clip), texts, &options, Some(alignment), 0).unwrap();
    replay(&recording, &clip, &mut tail, ToString::to_string, (&settings, false));
}

fn check_apt(choice: DeviceChoice) {
    let clip = model(MODEL, choice);
    let recording = Recording::open("method-apt");
    #[derive(Deserialize)]
    struct BypassSettings {
        scale: f64,
    }
    let settings: Settings = recording.settings();
    let options = AptOptions {
        steps: settings.log.len(),
        rank: settings.rank,
        scale: recording.settings::<BypassSettings>().scale,
        layers: settings.layers,
        margin: settings.margin,
        selection: settings.keep,
        optimizer: settings.optimizer.settings(),
        ..AptOptions::default()
    };
    let mut tail = Apt::new(Arc::clone(&clip), texts(&recording, &clip, 1), &options, 0).unwrap();
    let name = |(block, factor): &_| format!("layers.{block}.apt.{factor:?}");
    replay(&recording, &clip, &mut tail, name, (&settings, true));
}

#[test]
fn ttl_in_both_towers_with_templates_and_answers_of_the_views_on_the_cpu() {
    check_ttl(DeviceChoice::Cpu);
}

#[test]
fn ttl_in_both_towers_with_templates_and_answers_of_the_views_on_webgpu() {
    check_ttl(DeviceChoice::Gpu);
}

#[test]
fn prompt_align_with_ttl_on_the_cpu() {
    check_prompt_align(DeviceChoice::Cpu);
}

#[test]
fn prompt_align_with_ttl_on_webgpu() {
    check_prompt_align(DeviceChoice::Gpu);
}

#[test]
fn apt_on_the_cpu() {
    check_apt(DeviceChoice::Cpu);
}

#[test]
fn apt_on_webgpu() {
    check_apt(DeviceChoice::Gpu);
}
