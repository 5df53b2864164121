//! TTL: test-time low-rank adaptation (arXiv 2407.15913).
//!
//! Low-rank adapters beside the query and value projections of the last vision blocks are trained on the views of
//! one picture, without a label, to minimise their weighted entropy
//! `L = 1/V sum_v exp(margin - H_v) H_v`, the weight taken as a constant. `n` steps make `n` updates (the published
//! code makes `n * n`). The loss is a mean over views, so its gradient is summed up over chunks of them, and memory
//! doesn't grow with their number.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::Clip;
use clip_model::lora::{Adapter, BlockAdapter, LowRank, Projection};
use rand_distr::{Distribution as _, Normal};

use crate::entropy::row_entropies;
use crate::error::{Error, Result};
use crate::optimizer::AdamW;
use crate::options::TtlOptions;
use crate::views::{Stream, random};

/// Which of an adapter's two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// `[rank, input]`, drawn at random.
    A,
    /// `[output, rank]`, zeros at first.
    B,
}

impl Factor {
    /// The name in PEFT's layout.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "lora_A",
            Self::B => "lora_B",
        }
    }
}

/// The place of a trained matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterKey {
    /// Index of the vision block, counted from 0.
    pub block: usize,
    /// The projection that it stands beside.
    pub projection: Projection,
    /// Which of the two matrices.
    pub factor: Factor,
}

impl std::fmt::Display for ParameterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (projection, factor) = (self.projection.as_str(), self.factor.as_str());
        write!(formatter, "layers.{}.{projection}.{factor}", self.block)
    }
}

/// The trained matrices, by place.
pub type Parameters = BTreeMap<ParameterKey, Tensor<2>>;

/// Adapters of a picture, and what trains them.
pub struct Ttl {
    clip: Arc<Clip>,
    /// `[labels, projection]`, normalised.
    text_features: Tensor<2>,
    options: TtlOptions,
    first_block: usize,
    /// What the blocks without adapters gave, `[views of the chunk, tokens, width]` each.
    chunks: Vec<Tensor<3>>,
    initial: Parameters,
    parameters: Parameters,
    gradients: Parameters,
    optimizer: AdamW,
}

impl Ttl {
    /// Adapters with first values drawn from the seed: `A` Xavier normal, `B` zero.
    ///
    /// # Errors
    /// [`Error::OptionInvalid`].
    pub fn new(clip: Arc<Clip>, text_features: Tensor<2>, options: TtlOptions) -> Result<Self> {
        let transformer = clip.config.vision.transformer;
        options.validate(transformer.layers, transformer.width)?;
        let first_block = transformer.layers - options.layers;
        let initial = draw_parameters(&clip, &options, first_block)?;
        Ok(Self::with_parameters(clip, text_features, options, initial))
    }

    /// Adapters with given first values; `options.layers` and `options.targets` must be those of the values.
    #[must_use]
    pub fn with_parameters(
        clip: Arc<Clip>,
        text_features: Tensor<2>,
        options: TtlOptions,
        initial: Parameters,
    ) -> Self {
        let first_block = clip.config.vision.transformer.layers.saturating_sub(options.layers);
        Self {
            optimizer: AdamW::new(options.adamw()),
            parameters: initial.clone(),
            gradients: Parameters::new(),
            chunks: Vec::new(),
            clip,
            text_features,
            options,
            first_block,
            initial,
        }
    }

    /// Index of the first block with adapters: so many blocks make up the trunk.
    #[must_use]
    pub fn first_block(&self) -> usize {
        self.first_block
    }

    /// The trained matrices as they are now.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The gradients summed up since the last update.
    #[must_use]
    pub fn gradients(&self) -> &Parameters {
        &self.gradients
    }

    /// Number of chunks of views.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Number of views in the first `chunks` chunks.
    #[must_use]
    pub fn views_in(&self, chunks: usize) -> usize {
        self.chunks.iter().take(chunks).map(|chunk| chunk.dims()[0]).sum()
    }

    /// Number of views.
    #[must_use]
    pub fn views(&self) -> usize {
        self.views_in(self.chunks.len())
    }

    /// Adds views that went through the trunk: `[views, tokens, width]`.
    pub fn push_tokens(&mut self, tokens: Tensor<3>) {
        self.chunks.push(tokens);
    }

    /// Puts the first values back, and forgets what the optimiser knew. The views stay.
    pub fn reset(&mut self) {
        self.parameters = self.initial.clone();
        self.gradients.clear();
        self.optimizer = AdamW::new(self.options.adamw());
    }

    /// Logits `[views of the chunk, labels]` with the adapters as they are, without a gradient.
    #[must_use]
    pub fn logits(&self, chunk: usize) -> Option<Tensor<2>> {
        let tokens = self.chunks.get(chunk)?.clone();
        Some(self.logits_of(tokens, &self.parameters))
    }

    /// The text features `[labels, projection]`, normalised.
    #[must_use]
    pub fn text_features(&self) -> Tensor<2> {
        self.text_features.clone()
    }

    /// What the trunk gave for the centre view, `[1, tokens, width]`.
    #[must_use]
    pub fn centre_tokens(&self) -> Option<Tensor<3>> {
        Some(self.chunks.first()?.clone().narrow(0, 0, 1))
    }

    /// Logits `[1, labels]` of the centre view, which is the one that predicts.
    #[must_use]
    pub fn predict(&self) -> Option<Tensor<2>> {
        Some(self.logits_of(self.centre_tokens()?, &self.parameters))
    }

    /// Takes a chunk forward and backward, and adds its part to the gradient of the loss over all views. Gives the
    /// chunk's logits `[views of the chunk, labels]`.
    #[must_use]
    pub fn accumulate(&mut self, chunk: usize) -> Option<Tensor<2>> {
        let tokens = self.chunks.get(chunk)?.clone().autodiff();
        let tracked: Parameters = self
            .parameters
            .iter()
            .map(|(key, value)| (*key, value.clone().autodiff().require_grad()))
            .collect();
        let logits = self.logits_of(tokens, &tracked);
        let loss = weighted_entropy(logits.clone(), self.options.margin).sum() / self.views() as f64;
        let tape = loss.backward();
        for (key, value) in &tracked {
            if let Some(part) = value.grad(&tape) {
                let sum = match self.gradients.remove(key) {
                    Some(sum) => sum + part,
                    None => part,
                };
                self.gradients.insert(*key, sum);
            }
        }
        Some(logits.without_autodiff())
    }

    /// Moves the adapters along the gradient that was summed up, and begins a new sum.
    pub fn update(&mut self) {
        let gradients = std::mem::take(&mut self.gradients);
        let pairs = self
            .parameters
            .iter()
            .map(|(key, value)| {
                // A matrix that the loss doesn't depend on has no gradient.
                let gradient = gradients.get(key).cloned().unwrap_or_else(|| value.zeros_like());
                (value.clone(), gradient)
            })
            .collect();
        let moved = self.optimizer.step(pairs);
        self.parameters = self.parameters.keys().copied().zip(moved).collect();
    }

    /// Where the matrices lie.
    #[must_use]
    pub fn device(&self) -> &burn::tensor::Device {
        self.clip.device.tensor_device()
    }

    /// Replaces the matrices, for replaying a recorded episode.
    pub fn set_parameters(&mut self, parameters: Parameters) {
        self.parameters = parameters;
    }

    fn logits_of(&self, tokens: Tensor<3>, parameters: &Parameters) -> Tensor<2> {
        let on_tape = tokens.is_autodiff();
        let adapter = self.adapter(parameters);
        let features = self.clip.vision.tail(tokens, self.first_block, Some(&adapter));
        let text = self.text_features.clone();
        self.clip.logits(features, if on_tape { text.autodiff() } else { text })
    }

    fn adapter(&self, parameters: &Parameters) -> Adapter {
        let scale = (self.options.alpha / self.options.rank as f64) as f32;
        let mut blocks = vec![BlockAdapter::default(); self.options.layers];
        for (index, block) in blocks.iter_mut().enumerate() {
            for projection in Projection::ALL {
                let key = |factor| ParameterKey {
                    block: self.first_block + index,
                    projection,
                    factor,
                };
                if let (Some(a), Some(b)) = (parameters.get(&key(Factor::A)), parameters.get(&key(Factor::B))) {
                    *block.slot(projection) = Some(LowRank {
                        a: a.clone(),
                        b: b.clone(),
                        scale,
                    });
                }
            }
        }
        Adapter {
            first_block: self.first_block,
            blocks,
        }
    }
}

/// `exp(margin - H) H` of each row's entropy `H`, the first factor taken as a constant: `[rows, labels]` to `[rows]`.
#[must_use]
pub fn weighted_entropy(logits: Tensor<2>, margin: f64) -> Tensor<1> {
    let entropies = row_entropies(logits);
    let weights = (entropies.clone().detach().neg() + margin).exp();
    weights * entropies
}

/// A view's weight in the loss, from its entropy.
#[must_use]
pub fn weight(entropy: f64, margin: f64) -> f64 {
    (margin - entropy).exp()
}

/// `A` Xavier normal, `B` zero (`torch.nn.init.xavier_normal_`: standard deviation `sqrt(2 / (input + rank))`).
fn draw_parameters(clip: &Clip, options: &TtlOptions, first_block: usize) -> Result<Parameters> {
    let width = clip.config.vision.transformer.width;
    let rank = options.rank;
    let deviation = (2.0 / (width + rank) as f64).sqrt();
    let normal = Normal::new(0.0, deviation).map_err(|error| Error::OptionInvalid {
        option: "rank",
        value: rank.to_string(),
        range: error.to_string(),
    })?;
    let mut random = random(options.seed, Stream::Adapter);
    let device = clip.device.tensor_device();
    let mut parameters = Parameters::new();
    for block in first_block..first_block + options.layers {
        for projection in Projection::ALL
            .into_iter()
            .filter(|projection| options.targets.contains(projection))
        {
            let values: Vec<f32> = (0..rank * width).map(|_| normal.sample(&mut random) as f32).collect();
            let a = Tensor::from_data(TensorData::new(values, [rank, width]), device);
            let b = Tensor::zeros([width, rank], device);
            parameters.insert(
                ParameterKey {
                    block,
                    projection,
                    factor: Factor::A,
                },
                a,
            );
            parameters.insert(
                ParameterKey {
                    block,
                    projection,
                    factor: Factor::B,
                },
                b,
            );
        }
    }
    Ok(parameters)
}
