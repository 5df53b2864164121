//! FOA's fitness and activation shift for given prompts, and OFTTA with its mixed normalisation, against PyTorch.

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_adapt::features::FeatureSet;
use clip_adapt::methods::Setting;
use clip_adapt::methods::foa::{ClassStatistics, FoaOptions, PromptSearch};
use clip_adapt::methods::oftta::Oftta;
use clip_adapt::methods::on_features::{FeatureInput, FeatureMethod as _};
use clip_adapt::options::{self, Options};
use clip_adapt::views::{Stream, random};
use clip_model::device::DeviceChoice;
use clip_model::picture::Picture;
use serde::Deserialize;
use serde_json::json;

use crate::recording::{ABSOLUTE, Recording, model, read};

#[derive(Deserialize)]
struct FoaSettings {
    layers: usize,
    prompt_tokens: usize,
    selected: Vec<usize>,
    alignment_weight: f64,
    shift: f64,
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
    let mut found = Vec::with_capacity(candidates);
    for (index, prompt) in recording.values("candidates").chunks_exact(prompts * width).enumerate() {
        // Each is the best that its own search has seen.
        let mut search = PromptSearch::new(
            Arc::clone(&clip),
            text.clone(),
            selected.clone(),
            first,
            Some(source.clone()),
            options,
            random(0, Stream::Adapter),
        );
        let prompt = prompt.iter().copied().map(f64::from).collect();
        found.push(pollster::block_on(search.consider(prompt)).unwrap());
        let centre = tokens.clone().narrow(0, 0, 1);
        let name = format!("candidate{index}.prediction_logits");
        recording.compare(&name, read(search.logits(centre)), ABSOLUTE);
    }
    recording.compare("fitness", found, ABSOLUTE);
}

fn check_oftta(choice: DeviceChoice) {
    let recording = Recording::open("method-oftta-mixed");
    let clip = model("tests/fixtures/tiny-quick-gelu", choice);
    let mut given = Options::new();
    given.insert("normalisation_mix".to_owned(), json!(true));
    let options = options::complete(&Oftta.description().options, &given).unwrap();
    let text = recording.text_features(&clip);
    let setting = Setting {
        clip: Arc::clone(&clip),
        picture: Arc::new(Picture::from_rgb8(1, 1, vec![0; 3]).unwrap()),
        prompts: Vec::new(),
        text_features: text.clone(),
        seed: 0,
        statistics: Some(Arc::new(recording.statistics(&clip))),
    };
    let first = Oftta.first_block(&options, clip.vision.layers());
    let tokens = recording.tokens(&clip, first);
    let encoded = Tensor::cat(Oftta.encode(&setting, &options, first, &tokens).unwrap(), 0);
    recording.compare("image_features", read(encoded.clone()), ABSOLUTE);

    let singles = |tensor| -> Vec<f32> { read(tensor).map(|value| value as f32).collect() };
    let width = clip.config.projection;
    let features = FeatureSet::new(&singles(encoded), &singles(text), width, clip.logit_scale).unwrap();
    let input = FeatureInput {
        features: &features,
        further: &[],
        statistics: setting.statistics.as_deref(),
        seed: 0,
    };
    let outcome = Oftta.compute(&input, &options).unwrap();
    let probabilities = outcome.steps[0].probabilities.iter().copied();
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
