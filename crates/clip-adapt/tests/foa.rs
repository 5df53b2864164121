//! The search for prompt tokens, without a gradient anywhere: its fitness against what it is made of, and the whole
//! episode, on quantised weights too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(clippy::float_cmp, reason = "where nothing may change, not the last bit may")]

mod common;
#[path = "common/pocket.rs"]
mod pocket;

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_adapt::comparison::{Choice, CompareEvent, CompareRequest};
use clip_adapt::entropy::entropy;
use clip_adapt::methods::foa::{ClassStatistics, FoaOptions, PromptSearch};
use clip_adapt::options::ViewOptions;
use clip_adapt::views::{Stream, random};
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::{Clip, normalise};
use clip_model::device::DeviceChoice;
use clip_model::quantised::WeightFormat;
use pocket::{TEMPLATE, cat, labels};
use pollster::block_on;
use serde_json::json;

const VIEWS: usize = 3;
const LABELS: usize = 5;
const MODEL: &str = "tests/fixtures/tiny-quick-gelu";

/// Smooth values without a period that the patches could share.
fn values(count: usize, phase: f32) -> Vec<f32> {
    (0..count)
        .map(|i| (i as f32 * 0.731 + phase).sin() + (i as f32 * 0.117 + phase).cos())
        .collect()
}

fn clip(format: FormatChoice, device: DeviceChoice) -> Arc<Clip> {
    common::clip(MODEL, format, &common::device(device))
}

/// The block before which the prompts enter: the last two have them.
fn first_block(clip: &Clip) -> usize {
    clip.vision.layers() - 2
}

fn tokens(clip: &Clip, views: usize) -> Tensor<3> {
    let side = clip.config.vision.image_size;
    let pixels = clip.upload_views(values(views * 3 * side * side, 0.2)).unwrap();
    clip.vision.trunk(pixels, first_block(clip)).unwrap()
}

fn text(clip: &Clip) -> Tensor<2> {
    let projection = clip.config.projection;
    let data = TensorData::new(values(LABELS * projection, 1.1), [LABELS, projection]);
    normalise(Tensor::from_data(data, clip.device.tensor_device()))
}

fn options() -> FoaOptions {
    FoaOptions {
        prompt_tokens: 2,
        population: 6,
        ..FoaOptions::default()
    }
}

fn search(clip: &Arc<Clip>, source: Option<Vec<ClassStatistics>>, options: FoaOptions, seed: u64) -> PromptSearch {
    let tokens = tokens(clip, VIEWS);
    let random = random(seed, Stream::Adapter);
    PromptSearch::new(
        Arc::clone(clip),
        text(clip),
        vec![tokens],
        first_block(clip),
        source,
        options,
        random,
    )
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn logits_without_prompts(clip: &Clip, views: usize) -> Vec<f32> {
    let features = clip.vision.tail(tokens(clip, views), first_block(clip), None);
    numbers(clip.logits(features, text(clip)))
}

/// The views' class tokens `[views, width]` behind the last layer norm, without prompts.
fn class_tokens(clip: &Clip) -> Tensor<2> {
    let layers = clip.vision.layers();
    let tokens = clip.vision.advance(tokens(clip, VIEWS), first_block(clip), layers);
    clip.vision.read_class_token(&tokens, layers)
}

/// Mean and unbiased standard deviation of the views' class tokens after each block of the tail, as the fitness reads them.
fn own_statistics(clip: &Clip) -> Vec<ClassStatistics> {
    let mut x = tokens(clip, VIEWS);
    let mut statistics = Vec::new();
    for block in first_block(clip)..clip.vision.layers() {
        x = clip.vision.through_block(x, block, None);
        let class_tokens = clip.vision.read_class_token(&x, block + 1);
        let mean = class_tokens.clone().mean_dim(0);
        let squares = (class_tokens - mean.clone()).powi_scalar(2).sum_dim(0);
        let deviation = (squares / (VIEWS - 1) as f64).sqrt();
        statistics.push(ClassStatistics {
            mean: numbers(mean),
            deviation: numbers(deviation),
        });
    }
    statistics
}

fn generations(search: &mut PromptSearch, count: usize) -> Vec<f64> {
    let mut fitness = Vec::new();
    while fitness.len() < count {
        if block_on(search.advance()).unwrap() {
            fitness.push(search.fitness().unwrap());
        }
    }
    fitness
}

#[test]
fn without_prompts_and_statistics_the_fitness_is_the_views_entropy() {
    for device in [DeviceChoice::Cpu, DeviceChoice::Gpu] {
        let clip = clip(FormatChoice::AsStored, device);
        let expected: f64 = logits_without_prompts(&clip, VIEWS)
            .chunks_exact(LABELS)
            .map(entropy)
            .sum();
        let (fitness, _) = block_on(search(&clip, None, options(), 0).evaluate(&[])).unwrap();
        assert!((fitness - expected).abs() < 1e-4, "{fitness} {expected}");
    }
}

#[test]
fn the_fitness_has_the_squared_distance_to_the_sources_statistics() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    let fitness = |source| block_on(search(&clip, source, options(), 0).evaluate(&[])).unwrap().0;
    let entropies = fitness(None);
    let mut source = own_statistics(&clip);
    assert!(
        (fitness(Some(source.clone())) - entropies).abs() < 1e-4,
        "their own are no distance away"
    );
    source[0].mean[3] += 2.0;
    source[1].deviation[1] += 5.0;
    let expected = 0.4 * (4.0 + 25.0) * VIEWS as f64 / 64.0;
    assert!((fitness(Some(source)) - entropies - expected).abs() < 1e-3);
}

#[test]
fn one_view_has_no_deviation_to_compare() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    let mut source = own_statistics(&clip);
    for block in &mut source {
        block.deviation.fill(1e9);
    }
    let one = tokens(&clip, 1);
    let random = random(0, Stream::Adapter);
    let search = PromptSearch::new(
        clip.clone(),
        text(&clip),
        vec![one],
        first_block(&clip),
        Some(source),
        options(),
        random,
    );
    let (fitness, _) = block_on(search.evaluate(&[])).unwrap();
    assert!(fitness.is_finite() && fitness < 1e6, "{fitness}");
}

#[test]
fn prompts_stand_beside_the_pictures_tokens_and_change_the_prediction() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    let width = clip.config.vision.transformer.width;
    let search = search(&clip, None, options(), 0);
    let evaluate = |candidate: &[f64]| block_on(search.evaluate(candidate)).unwrap().0;
    let (one, other): (Vec<f64>, Vec<f64>) = (
        values(width, 0.3).into_iter().map(f64::from).collect(),
        values(width, 2.3).into_iter().map(f64::from).collect(),
    );
    let without = evaluate(&[]);
    let both = evaluate(&[one.clone(), other.clone()].concat());
    assert!((both - without).abs() > 1e-4);
    // Attention knows no order: prompts have no positions.
    assert!((both - evaluate(&[other, one].concat())).abs() < 1e-4);
}

#[test]
fn the_search_lowers_the_fitness_on_weights_of_every_format() {
    let formats = [
        FormatChoice::AsStored,
        FormatChoice::Fixed(WeightFormat::Q8),
        FormatChoice::Fixed(WeightFormat::Q4),
    ];
    for format in formats {
        let clip = clip(format, DeviceChoice::Cpu);
        let mut search = search(&clip, Some(own_statistics(&clip)), options(), 0);
        let fitness = generations(&mut search, 6);
        assert!(
            fitness.is_sorted_by(|before, after| after <= before),
            "{format:?} {fitness:?}"
        );
        assert!(fitness[5] < fitness[0], "{format:?} {fitness:?}");
    }
}

#[test]
fn a_seed_gives_the_same_prompts_and_another_seed_others() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    let run = |seed| {
        let mut search = search(&clip, None, options(), seed);
        let fitness = generations(&mut search, 2);
        (fitness, numbers(search.logits(tokens(&clip, VIEWS))))
    };
    let first = run(1);
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
    assert_ne!(first.1, logits_without_prompts(&clip, VIEWS));
}

#[test]
fn the_first_generation_also_looks_at_the_middle_of_what_it_draws_from() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    // So narrow that nothing else can be much better, or so wide that nothing else is any good.
    for sigma in [1e-6, 1e3] {
        let mut search = search(&clip, None, FoaOptions { sigma, ..options() }, 0);
        generations(&mut search, 1);
        assert_eq!(search.candidates(), options().population + 1);
        let middle = vec![0.0; options().prompt_tokens * clip.config.vision.transformer.width];
        let (fitness, _) = block_on(search.evaluate(&middle)).unwrap();
        assert!(search.fitness().unwrap() <= fitness);
        generations(&mut search, 1);
        assert_eq!(search.candidates(), options().population);
    }
}

#[test]
fn before_the_first_candidate_nothing_has_changed() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    let search = search(&clip, Some(own_statistics(&clip)), options(), 0);
    let logits = numbers(search.logits(tokens(&clip, VIEWS)));
    assert_eq!(logits, logits_without_prompts(&clip, VIEWS));
    assert_eq!(search.fitness(), None);
}

#[test]
fn the_shift_goes_towards_the_sources_mean_by_its_share() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    // How far the source's mean lies from the views', along one channel.
    let way = 3.0;
    let mut source = own_statistics(&clip);
    source[1].mean[0] += way;
    let shifted = |share: f32| {
        let options = FoaOptions {
            shift: f64::from(share),
            ..options()
        };
        let mut search = search(&clip, Some(source.clone()), options, 0);
        // A candidate without a prompt, whose class tokens are known.
        block_on(search.consider(Vec::new())).unwrap();
        numbers(search.logits(tokens(&clip, VIEWS)))
    };
    // Every view is moved along that channel alone, all the way with the whole shift: there the views' mean is the source's.
    let expected = |share: f32| {
        let class_tokens = class_tokens(&clip);
        let width = class_tokens.dims()[1];
        let mut shift = vec![0.0; width];
        shift[0] = share * way;
        let shift = Tensor::<2>::from_data(TensorData::new(shift, [1, width]), clip.device.tensor_device());
        numbers(clip.logits(clip.vision.project(class_tokens + shift), text(&clip)))
    };
    for share in [0.0, 0.5, 1.0] {
        let (found, expected) = (shifted(share), expected(share));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{share}: {found} {expected}");
        }
    }
    for [less, more] in [[0.0, 0.5], [0.5, 1.0]] {
        let (less, more) = (expected(less), expected(more));
        let moved = less.iter().zip(&more).any(|(a, b)| (a - b).abs() > 1e-2);
        assert!(moved, "{less:?} {more:?}");
    }
}

#[test]
fn without_statistics_nothing_is_shifted() {
    let clip = clip(FormatChoice::AsStored, DeviceChoice::Cpu);
    let mut source = own_statistics(&clip);
    source[1].mean[0] += 3.0;
    let logits = |source, shift| {
        // The alignment's weight is 0, so that the same prompts are best whatever the source is.
        let options = FoaOptions {
            shift,
            alignment_weight: 0.0,
            ..options()
        };
        let mut search = search(&clip, source, options, 0);
        generations(&mut search, 1);
        numbers(search.logits(tokens(&clip, VIEWS)))
    };
    let without = logits(None, 1.0);
    assert_eq!(without, logits(Some(source.clone()), 0.0));
    assert_ne!(without, logits(Some(source), 1.0));
}

/// The shipped model's weights are quantised.
#[test]
fn an_episode_on_quantised_weights_goes_forward_only_and_says_what_it_lacks() {
    let session = pocket::session(DeviceChoice::Cpu);
    assert!(session.clip().main_format().is_quantised());
    let options = json!({"generations": 3, "population": 6, "selection": 0.5});
    let request = CompareRequest {
        views: ViewOptions {
            views: 6,
            chunk_views: 4,
            ..ViewOptions::default()
        },
        methods: vec![Choice {
            method: "foa".to_owned(),
            options: options.as_object().unwrap().clone(),
        }],
    };
    let mut comparison = session.compare(cat(), &labels(), TEMPLATE, &request).unwrap();
    let outcome = loop {
        if let CompareEvent::MethodDone { outcome, .. } = block_on(comparison.advance()).unwrap() {
            break outcome;
        }
    };
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.steps.len(), 3);
    assert_eq!(outcome.backward_passes, 0.0);
    // Three of the blocks: for all views before each generation, for half of them once without prompts and 3 * 6 + 1 times with.
    let share = 3.0 / session.clip().vision.layers() as f64;
    assert!(
        (outcome.forward_passes - share * (3.0 + 0.5 * 20.0)).abs() < 1e-9,
        "{}",
        outcome.forward_passes
    );
    let warnings: Vec<&str> = outcome.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(warnings, ["statistics-missing"]);
    // From the first generation on the best so far is the fitness, which only falls.
    let losses: Vec<f64> = outcome.steps.iter().map(|step| step.views.loss).collect();
    assert!(losses[2] <= losses[1], "{losses:?}");
    let sum: f32 = outcome.after.iter().map(|score| score.probability).sum();
    assert!((sum - 1.0).abs() < 1e-5);
}
