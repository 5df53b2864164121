//! The search for prompt tokens: candidates, their fitness, and what the best of them predicts.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::Clip;
use rand_chacha::ChaCha8Rng;

use super::FoaOptions;
use crate::error::Result;
use crate::features::cma_es::{CmaEs, Covariance, default_population};
use crate::features::{entropy, log_softmax};
use crate::readback::read_rows;

/// The published size of a batch, by which the alignment's weight is to be understood.
const PUBLISHED_BATCH: f64 = 64.0;

/// What the class token after a block, as the next layer norm reads it, is for source pictures; both `[width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassStatistics {
    /// Its mean.
    pub mean: Vec<f32>,
    /// Its standard deviation, unbiased.
    pub deviation: Vec<f32>,
}

/// A search for prompt tokens.
pub struct PromptSearch {
    clip: Arc<Clip>,
    options: FoaOptions,
    /// `[labels, projection]`, normalised.
    text_features: Tensor<2>,
    first_block: usize,
    /// What the trunk gave for the views that the fitness is of, `[views of the chunk, tokens, width]` each.
    chunks: Vec<Tensor<3>>,
    /// Of the blocks from `first_block` on; without them the fitness is the entropy, and nothing is shifted.
    source: Option<Vec<ClassStatistics>>,
    search: CmaEs,
    /// Of the generation that is being looked at, the last first.
    waiting: Vec<Vec<f64>>,
    /// How many that generation has.
    candidates: usize,
    seen: Vec<(Vec<f64>, f64)>,
    best: Option<Found>,
}

/// A candidate with what it gave.
#[derive(Clone)]
struct Found {
    candidate: Vec<f64>,
    fitness: f64,
    /// Mean of the views' class tokens behind the last layer norm, `[width]`.
    class_mean: Vec<f64>,
}

impl PromptSearch {
    /// A search that hasn't begun. `chunks` `[views of the chunk, tokens, width]` are what the first `first_block` blocks gave for the
    /// views that the fitness is of; `source` has an entry for each block from `first_block` on.
    #[must_use]
    pub fn new(
        clip: Arc<Clip>,
        text_features: Tensor<2>,
        chunks: Vec<Tensor<3>>,
        first_block: usize,
        source: Option<Vec<ClassStatistics>>,
        options: FoaOptions,
        random: ChaCha8Rng,
    ) -> Self {
        let dimensions = options.prompt_tokens * clip.config.vision.transformer.width;
        let population = match options.population {
            0 => default_population(dimensions),
            population => population,
        };
        let covariance = Covariance::for_dimensions(dimensions);
        Self {
            search: CmaEs::new(vec![0.0; dimensions], options.sigma, population, covariance, random),
            waiting: Vec::new(),
            candidates: 0,
            seen: Vec::new(),
            best: None,
            clip,
            options,
            text_features,
            first_block,
            chunks,
            source,
        }
    }

    /// Candidates of the generation under way, or of the last one: the first has one more than the others.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.candidates
    }

    /// Those of them that were looked at.
    #[must_use]
    pub fn candidates_seen(&self) -> usize {
        self.candidates - self.waiting.len()
    }

    /// The lowest fitness so far; `None` before the first candidate.
    #[must_use]
    pub fn fitness(&self) -> Option<f64> {
        self.best.as_ref().map(|best| best.fitness)
    }

    /// Looks at one more candidate: one pass of the views through the tail. `true` where it was the last of its
    /// generation, from which the search has learned.
    ///
    /// # Errors
    /// Those of the device.
    pub async fn advance(&mut self) -> Result<bool> {
        if self.waiting.is_empty() {
            self.waiting = self.search.ask();
            // The published search begins with prompts near zero: what is found is then seldom worse than no prompts.
            if self.best.is_none() {
                self.waiting.insert(0, self.search.mean().to_vec());
            }
            self.candidates = self.waiting.len();
            self.waiting.reverse();
            // The best so far is told again with every generation.
            self.seen = self
                .best
                .iter()
                .map(|best| (best.candidate.clone(), best.fitness))
                .collect();
        }
        if let Some(candidate) = self.waiting.pop() {
            let fitness = self.consider(candidate.clone()).await?;
            self.seen.push((candidate, fitness));
        }
        let over = self.waiting.is_empty();
        if over {
            self.search.tell(&std::mem::take(&mut self.seen));
        }
        Ok(over)
    }

    /// The fitness of a candidate, which becomes the best where it is lower than any before.
    ///
    /// # Errors
    /// Those of the device.
    pub async fn consider(&mut self, candidate: Vec<f64>) -> Result<f64> {
        let (fitness, class_mean) = self.evaluate(&candidate).await?;
        if fitness.is_finite() && self.best.as_ref().is_none_or(|best| fitness < best.fitness) {
            self.best = Some(Found {
                candidate,
                fitness,
                class_mean,
            });
        }
        Ok(fitness)
    }

    /// The fitness of a candidate `[prompt tokens * width]`, and the mean of the views' class tokens at the end.
    ///
    /// # Errors
    /// Those of the device.
    pub async fn evaluate(&self, candidate: &[f64]) -> Result<(f64, Vec<f64>)> {
        let mut states: Vec<Vec<Tensor<2>>> = Vec::new();
        for tokens in &self.chunks {
            let of_chunk = self.states(tokens.clone(), candidate);
            states.resize_with(of_chunk.len(), Vec::new);
            for (all, state) in states.iter_mut().zip(of_chunk) {
                all.push(state);
            }
        }
        let states = states.into_iter().map(|chunks| Tensor::cat(chunks, 0)).collect();
        let values = read_rows(states, "candidate prompts").await?;

        let views: usize = self.chunks.iter().map(|chunk| chunk.dims()[0]).sum();
        let width = self.clip.config.vision.transformer.width;
        let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let labels = self.text_features.dims()[0];
        let logits = values.split_off(values.len().saturating_sub(views * labels));
        let mut fitness = 0.0;
        for row in logits.chunks_exact(labels) {
            let mut row = row.to_vec();
            log_softmax(&mut row);
            fitness += entropy(&row);
        }
        let places = values.chunks_exact(views * width);
        if let Some(source) = &self.source {
            let distance: f64 = places
                .clone()
                .zip(source)
                .map(|(states, source)| distance(states, source))
                .sum();
            fitness += self.options.alignment_weight * distance * views as f64 / PUBLISHED_BATCH;
        }
        let class_mean = places
            .last()
            .map(|states| column_means(states, width))
            .unwrap_or_default();
        Ok((fitness, class_mean))
    }

    /// The class tokens `[views, width]` of some views' `tokens` with a candidate's prompts, as the next layer norm reads them after each block that the
    /// fitness looks at, and the logits `[views, labels]`.
    fn states(&self, tokens: Tensor<3>, candidate: &[f64]) -> Vec<Tensor<2>> {
        let vision = &self.clip.vision;
        let (first, layers) = (self.first_block, vision.layers());
        let mut x = self.with_prompts(tokens, candidate);
        let mut states = Vec::with_capacity(layers - first + 1);
        for index in first..layers {
            x = vision.through_block(x, index, None);
            if self.source.is_some() && index + 1 < layers {
                states.push(vision.read_class_token(&x, index + 1));
            }
        }
        let class_tokens = vision.read_class_token(&x, layers);
        states.push(class_tokens.clone());
        let features = vision.project(class_tokens);
        states.push(self.clip.logits(features, self.text_features.clone()));
        states
    }

    /// Logits `[views, labels]` with the best prompts so far, shifted, from what the trunk gave, `[views, tokens, width]`;
    /// before the first candidate without prompts.
    #[must_use]
    pub fn logits(&self, tokens: Tensor<3>) -> Tensor<2> {
        let vision = &self.clip.vision;
        let Some(best) = &self.best else {
            let features = vision.tail(tokens, self.first_block, None);
            return self.clip.logits(features, self.text_features.clone());
        };
        let tokens = self.with_prompts(tokens, &best.candidate);
        let layers = vision.layers();
        let through = (self.first_block..layers).fold(tokens, |x, index| vision.through_block(x, index, None));
        let class_tokens = vision.read_class_token(&through, layers);
        let shifted = match self.shift(best) {
            Some(shift) => class_tokens + shift,
            None => class_tokens,
        };
        self.clip.logits(vision.project(shifted), self.text_features.clone())
    }

    /// `[1, width]`
    fn shift(&self, best: &Found) -> Option<Tensor<2>> {
        let source = self.source.as_ref()?.last()?;
        let shift: Vec<f32> = source
            .mean
            .iter()
            .zip(&best.class_mean)
            .map(|(&source, mean)| (self.options.shift * (f64::from(source) - mean)) as f32)
            .collect();
        let width = shift.len();
        Some(Tensor::from_data(
            TensorData::new(shift, [1, width]),
            self.clip.device.tensor_device(),
        ))
    }

    /// Puts prompt tokens after the class token: `[views, tokens, width]` to `[views, tokens + prompt tokens, width]`.
    fn with_prompts(&self, tokens: Tensor<3>, candidate: &[f64]) -> Tensor<3> {
        let [views, count, width] = tokens.dims();
        let prompts = candidate.len() / width;
        if prompts == 0 {
            return tokens;
        }
        let values: Vec<f32> = candidate.iter().map(|&value| value as f32).collect();
        let prompts = Tensor::<3>::from_data(
            TensorData::new(values, [1, prompts, width]),
            self.clip.device.tensor_device(),
        )
        .expand([views, prompts, width]);
        let class_token = tokens.clone().narrow(1, 0, 1);
        Tensor::cat(vec![class_token, prompts, tokens.narrow(1, 1, count - 1)], 1)
    }
}

/// The squared distances of mean and standard deviation of `states` `[views, width]` to the source's. One view has no
/// standard deviation: its part is left out.
fn distance(states: &[f64], source: &ClassStatistics) -> f64 {
    let width = source.mean.len();
    let views = states.len() / width.max(1);
    let means = column_means(states, width);
    let mut distance: f64 = means
        .iter()
        .zip(&source.mean)
        .map(|(mean, &source)| (mean - f64::from(source)).powi(2))
        .sum();
    if views > 1 {
        let mut squares = vec![0.0; width];
        for row in states.chunks_exact(width) {
            for ((square, value), mean) in squares.iter_mut().zip(row).zip(&means) {
                *square += (value - mean).powi(2);
            }
        }
        for (square, &source) in squares.iter().zip(&source.deviation) {
            distance += ((square / (views - 1) as f64).sqrt() - f64::from(source)).powi(2);
        }
    }
    distance
}

/// Of `[rows, width]`.
fn column_means(values: &[f64], width: usize) -> Vec<f64> {
    let rows = (values.len() / width.max(1)).max(1) as f64;
    let mut means = vec![0.0; width];
    for row in values.chunks_exact(width.max(1)) {
        crate::features::add_scaled(&mut means, 1.0 / rows, row);
    }
    means
}
