//! FOA's fitness and activation shift for given prompts, and OFTTA with its mixed normalisation, against PyTorch.

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_adapt::features::FeatureSet;
use clip_adapt::methods::adaptation::Update;
use clip_adapt::methods::foa::{ClassStatistics, FoaOptions, PromptSearch};
use clip_adapt::methods::oftta::Oftta;
use clip_adapt::methods::on_features::{FeatureComputation, FeatureInput, FeatureMethod as _};
use clip_adapt::methods::{self, Setting};
use clip_adapt::options::{self, Options};
use clip_adapt::views::{Stream, random};
use clip_model::clip::Clip;
use clip_model::device::DeviceChoice;
use clip_model::picture::Picture;
use pollster::block_on;
use serde::Deserialize;
use serde_json::json;

use crate::recording::{ABSOLUTE, Recording, assert_selected, doubles, model, read, read_singles, whole};

#[derive(Deserialize)]
struct FoaSettings {
    layers: usize,
    prompt_tokens: usize,
    /// The share of the views that is selected, and which ones that is.
    keep: f64,
    selected: Vec<usize>,
    alignment_weight: f64,
    shift: f64,
    /// Of each candidate the views' entropies, and the distance to the source: what the fitness is made of.
    parts: Vec<[f64; 2]>,
}

fn setting(recording: &Recording, clip: &Arc<Clip>) -> Setting {
    Setting {
        clip: Arc::clone(clip),
        picture: Arc::new(Picture::from_rgb8(1, 1, vec![0; 3]).unwrap()),
        prompts: Vec::new(),
        text_features: recording.text_features(clip),
        seed: 0,
        statistics: Some(Arc::new(recording.statistics(clip))),
    }
}

/// The run that the list of methods begins looks at the recorded views.
fn check_choice_of_views(recording: &Recording, settings: &FoaSettings, clip: &Arc<Clip>) {
    let method = methods::find("foa").unwrap();
    let given = json!({"layers": settings.layers, "selection": settings.keep, "generations": 1, "population": 4});
    let options = options::complete(&method.description().options, given.as_object().unwrap()).unwrap();
    let mut run = method.begin(&options, setting(recording, clip)).unwrap();
    for tokens in recording.tokens(clip, run.first_block()) {
        run.push(tokens);
    }
    let update: Update = whole(|| block_on(run.step()).unwrap().unwrap());
    assert_selected(&update.views, &settings.selected);
}

fn check_foa(choice: DeviceChoice) {
    let recording = Recording::open("method-foa");
    let settings: FoaSettings = recording.settings();
    let clip = model("tests/fixtures/tiny-bf16-legacy", choice);
    let first = clip.vision.layers() - settings.layers;
    let tokens = Tensor::cat(recording.tokens(&clip, first), 0);
    let text = recording.text_features(&clip);
    let logits = clip.logits(clip.vision.tail(tokens.clone(), first, None), text.clone());
    recording.compare("logits_before", read(logits), ABSOLUTE);
    check_choice_of_views(&recording, &settings, &clip);

    let statistics = recording.statistics(&clip);
    let source: Vec<ClassStatistics> = statistics.blocks[first..]
        .iter()
        .map(|block| ClassStatistics {
            mean: block.class_mean.clone(),
            deviation: block.class_deviation.clone(),
        })
        .collect();
    let selected = settings.selected.iter().map(|&view| tokens.clone().narrow(0, view, 1));
    let selected = Tensor::cat(selected.collect(), 0);
    let options = FoaOptions {
        layers: settings.layers,
        prompt_tokens: settings.prompt_tokens,
        alignment_weight: settings.alignment_weight,
        shift: settings.shift,
        ..FoaOptions::default()
    };
    let &[candidates, prompts, width] = recording.shape("candidates") else {
        panic!("candidates are not [candidates, tokens, width]");
    };
    // Each is the best that its own search has seen.
    let search = |source: Option<Vec<ClassStatistics>>| {
        PromptSearch::new(
            Arc::clone(&clip),
            text.clone(),
            vec![selected.clone()],
            first,
            source,
            options,
            random(0, Stream::Adapter),
        )
    };
    // How much the distance counts in the fitness: of 64 views as much as the weight says.
    let distance_weight = settings.alignment_weight * settings.selected.len() as f64 / 64.0;
    assert_eq!(settings.parts.len(), candidates);
    let mut found = Vec::with_capacity(candidates);
    let rows = recording.values("candidates").chunks_exact(prompts * width);
    for (index, (prompt, [entropies, distance])) in rows.zip(&settings.parts).enumerate() {
        let of_candidate = |quantity: &str| format!("candidate{index}.{quantity}");
        let mut shifted = search(Some(source.clone()));
        let fitness = block_on(shifted.consider(doubles(prompt))).unwrap();
        found.push(fitness);
        let prediction = shifted.logits(tokens.clone().narrow(0, 0, 1));
        recording.compare(&of_candidate("prediction_logits"), read(prediction), ABSOLUTE);
        // Without a source nothing is shifted, and the fitness is the entropies alone.
        let mut plain = search(None);
        let plain_fitness = block_on(plain.consider(doubles(prompt))).unwrap();
        recording.compare_scalar(&of_candidate("entropies"), plain_fitness, *entropies);
        let ours = (fitness - plain_fitness) / distance_weight;
        recording.compare_scalar(&of_candidate("distance"), ours, *distance);
        let logits = read(plain.logits(tokens.clone()));
        recording.compare(&of_candidate("logits"), logits, ABSOLUTE);
    }
    recording.compare("fitness", found, ABSOLUTE);
}

fn check_oftta(choice: DeviceChoice) {
    let recording = Recording::open("method-oftta-mixed");
    let clip = model("tests/fixtures/tiny-quick-gelu", choice);
    let mut given = Options::new();
    given.insert("normalisation_mix".to_owned(), json!(true));
    let options = options::complete(&Oftta.description().options, &given).unwrap();
    let setting = setting(&recording, &clip);
    let first = Oftta.first_block(&options, clip.vision.layers());
    let tokens = recording.tokens(&clip, first);
    let encoded = Tensor::cat(Oftta.encode(&setting, &options, first, &tokens).unwrap(), 0);
    recording.compare("image_features", read(encoded.clone()), ABSOLUTE);

    let (image, text) = (read_singles(encoded), read_singles(setting.text_features.clone()));
    let features = FeatureSet::new(&image, &text, clip.config.projection, clip.logit_scale).unwrap();
    let input = FeatureInput {
        features: &features,
        further: &[],
        statistics: setting.statistics.as_deref(),
        seed: 0,
    };
    let FeatureComputation::Whole(step) = Oftta.compute(&input, &options).unwrap() else {
        panic!("OFTTA makes no updates");
    };
    let probabilities = step.probabilities.iter().copied();
    recording.compare("probabilities", probabilities, ABSOLUTE);
}

#[test]
fn foas_fitness_and_shift_on_the_cpu() {
    check_foa(DeviceChoice::Cpu);
}

#[test]
fn foas_fitness_and_shift_on_webgpu() {
    check_foa(DeviceChoice::Gpu);
}

#[test]
fn oftta_with_mixed_normalisation_on_the_cpu() {
    check_oftta(DeviceChoice::Cpu);
}

#[test]
fn oftta_with_mixed_normalisation_on_webgpu() {
    check_oftta(DeviceChoice::Gpu);
}
