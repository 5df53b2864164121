//! The methods that train something in the towers' last blocks, against PyTorch: TTL with its further options, PromptAlign's
//! term added to it, and APT's bypass.

use std::collections::BTreeMap;
use std::sync::Arc;

use clip_adapt::labels::Prompts;
use clip_adapt::methods::adaptation::{Adaptation, Outcome, Piece, Prediction, Update};
use clip_adapt::methods::alignment::Alignment;
use clip_adapt::methods::apt::{Apt, AptOptions};
use clip_adapt::methods::tail::{AdapterKind, Matrices, Predict, Tail, Texts};
use clip_adapt::methods::ttl::{Encoder, Ttl, TtlOptions};
use clip_adapt::optimizer::AdamWSettings;
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use clip_model::lora::Projection;
use serde::Deserialize;

use crate::recording::{ABSOLUTE, Recording, StepLog, Trusted, model, read};

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
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    log: Vec<StepLog>,
}

impl Settings {
    fn optimizer(&self) -> AdamWSettings {
        AdamWSettings {
            learning_rate: self.lr,
            betas: self.betas,
            epsilon: self.eps,
            weight_decay: self.weight_decay,
        }
    }
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

/// One whole update, or the last look, however many pieces it takes.
fn whole<T>(mut piece: impl FnMut() -> Piece<T>) -> T {
    loop {
        if let Piece::Whole(whole) = piece() {
            return whole;
        }
    }
}

fn all_logits<A: AdapterKind>(tail: &Tail<A>) -> Vec<f64> {
    (0..tail.chunks())
        .flat_map(|chunk| read(tail.logits(chunk).unwrap()))
        .collect()
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
        if loss_of_selected {
            let weights = update.views.view_weights.iter().enumerate();
            let mut weighed: Vec<usize> = weights
                .filter(|(_, weight)| **weight > 0.0)
                .map(|(view, _)| view)
                .collect();
            let mut selected = settings.selected.clone();
            weighed.sort_unstable();
            selected.sort_unstable();
            assert_eq!(weighed, selected);
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
            trusted.look_at(&name(key), recording.values(&gradient_name));
            let trusts = |index| trusted.holds(&name(key), index);
            recording.compare_where(&after_name, read(value.clone()), ABSOLUTE, trusts);
            moved.insert(*key, recording.matrix(&after_name, clip));
        }
        // What rounding turned around would make all later steps differ.
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
        optimizer: settings.optimizer(),
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
    #[derive(Deserialize)]
    struct AlignmentSettings {
        alignment_weight: f64,
    }
    let (settings, low_rank): (Settings, LowRankSettings) = (recording.settings(), recording.settings());
    let AlignmentSettings { alignment_weight } = recording.settings();
    let options = low_rank_options(&settings, &low_rank);
    let alignment = Alignment::new(
        &Arc::new(recording.statistics(&clip)),
        options.first_block(&clip),
        alignment_weight,
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
        optimizer: settings.optimizer(),
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
