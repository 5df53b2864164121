//! TPT: test-time prompt tuning (arXiv 2209.07511), and with one more term C-TPT (arXiv 2403.14119).
//!
//! The embeddings of the prompt's context ("a photo of a") are trained on the views of one picture to minimise the
//! entropy of the mean prediction over the most confident views. Which views those are is decided once, at the first
//! step. The image features are computed once and kept; each step goes through the text tower, a chunk of labels at a
//! time: the gradient towards the labels' features first, then from there back to the context.
//!
//! C-TPT subtracts the text features' dispersion, `1/C sum_c ||t_c - mean t||`, times a weight: dispersed features go with
//! better calibrated predictions.

mod c_tpt;
mod method;
mod run;

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData, activation};
use clip_model::clip::{Clip, normalise};
use clip_model::fused::rows_product;

pub use self::c_tpt::CTptMethod;
pub use self::method::{TptMethod, TptOptions};
pub use self::run::TptRun;
use crate::error::Result;
use crate::features::selection::most_confident;
use crate::labels::CHUNK_LABELS;
use crate::optimizer::{AdamW, AdamWSettings};

/// The context of a label set's prompts, and what trains it.
pub struct Tpt {
    clip: Arc<Clip>,
    /// The token ids of each prompt, the context's places among them.
    prompts: Vec<Vec<u32>>,
    /// `[views, projection]`, normalised.
    image_features: Tensor<2>,
    /// `[tokens, width]`
    context: Tensor<2>,
    gradient: Option<Tensor<2>>,
    selected: Vec<usize>,
    dispersion_weight: f64,
    optimizer: AdamW,
}

impl Tpt {
    /// Prompts whose context tokens, those after the start token, begin as `context` `[tokens, width]`.
    /// `image_features` is `[views, projection]`; the text features' dispersion counts `dispersion_weight` times, 0 for TPT.
    #[must_use]
    pub fn new(
        clip: Arc<Clip>,
        prompts: Vec<Vec<u32>>,
        image_features: Tensor<2>,
        context: Tensor<2>,
        optimizer: AdamWSettings,
        dispersion_weight: f64,
    ) -> Self {
        Self {
            clip,
            prompts,
            image_features: normalise(image_features),
            context,
            gradient: None,
            selected: Vec::new(),
            dispersion_weight,
            optimizer: AdamW::new(optimizer),
        }
    }

    /// The context as it is now, `[tokens, width]`.
    #[must_use]
    pub fn context(&self) -> &Tensor<2> {
        &self.context
    }

    /// The gradient that [`Tpt::accumulate`] summed up, `[tokens, width]`.
    #[must_use]
    pub fn gradient(&self) -> Option<&Tensor<2>> {
        self.gradient.as_ref()
    }

    /// The views that the loss looks at, most confident first.
    #[must_use]
    pub fn selected(&self) -> &[usize] {
        &self.selected
    }

    /// Chooses the `share` of all views whose predictions, `[views, labels]` row-major, have the lowest entropy: at
    /// least one.
    pub fn select(&mut self, logits: &[f32], share: f64) {
        let entropies: Vec<f64> = logits
            .chunks_exact(self.prompts.len().max(1))
            .map(crate::entropy::entropy)
            .collect();
        self.selected = most_confident(&entropies, share);
    }

    /// The features `[labels, projection]` of the labels with the context as it is, normalised.
    ///
    /// # Errors
    /// Those of [`clip_model::text::TextTower::forward_with_context`].
    pub fn text_features(&self) -> Result<Tensor<2>> {
        let parts = (0..self.chunks())
            .map(|chunk| self.encode_chunk(chunk))
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(parts, 0))
    }

    /// Those of a chunk of labels.
    ///
    /// # Errors
    /// Those of [`clip_model::text::TextTower::forward_with_context`].
    pub fn encode_chunk(&self, chunk: usize) -> Result<Tensor<2>> {
        let ids = self.prompts.chunks(CHUNK_LABELS).nth(chunk).unwrap_or_default();
        self.encode(ids, self.context.clone())
    }

    /// The logits `[views, labels]` of all views for text features `[labels, projection]`, normalised.
    #[must_use]
    pub fn logits(&self, text: Tensor<2>) -> Tensor<2> {
        rows_product(self.image_features.clone(), text.transpose()) * self.clip.logit_scale
    }

    /// The gradient of the loss, over the selected views, towards the text features `text` `[labels, projection]`.
    #[must_use]
    pub fn text_gradient(&self, text: Tensor<2>) -> Tensor<2> {
        let rows: Vec<i32> = self
            .selected
            .iter()
            .filter_map(|&view| i32::try_from(view).ok())
            .collect();
        let rows = TensorData::new(rows, [self.selected.len()]);
        let rows = Tensor::<1, Int>::from_data(rows, self.clip.device.tensor_device());
        let features = self.image_features.clone().select(0, rows).autodiff();
        let text = text.autodiff().require_grad();
        let logits = rows_product(features, text.clone().transpose()) * self.clip.logit_scale;
        let mut loss = marginal_entropy(logits);
        if self.dispersion_weight > 0.0 {
            loss = loss - dispersion(text.clone()) * self.dispersion_weight;
        }
        let tape = loss.backward();
        text.grad(&tape).unwrap_or_else(|| text.without_autodiff().zeros_like())
    }

    /// Number of chunks of labels.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.prompts.len().div_ceil(CHUNK_LABELS)
    }

    /// Carries the part of a chunk of labels on from their features, towards which the loss has the gradient `text_gradient`
    /// `[labels, projection]`, to the context.
    ///
    /// # Errors
    /// Those of [`clip_model::text::TextTower::forward_with_context`].
    pub fn accumulate(&mut self, chunk: usize, text_gradient: &Tensor<2>) -> Result<()> {
        let first = chunk * CHUNK_LABELS;
        let Some(ids) = self.prompts.chunks(CHUNK_LABELS).nth(chunk) else {
            return Ok(());
        };
        let tracked = self.context.clone().autodiff().require_grad();
        let features = self.encode(ids, tracked.clone())?;
        let gradient = text_gradient.clone().narrow(0, first, ids.len()).autodiff();
        let tape = (features * gradient).sum().backward();
        if let Some(part) = tracked.grad(&tape) {
            self.gradient = Some(match self.gradient.take() {
                Some(sum) => sum + part,
                None => part,
            });
        }
        Ok(())
    }

    /// Moves the context along the gradient that was summed up, and begins a new sum.
    pub fn update(&mut self) {
        if let Some(gradient) = self.gradient.take() {
            let moved = self.optimizer.step(vec![(self.context.clone(), gradient)]);
            self.context = moved.into_iter().next().unwrap_or_else(|| self.context.clone());
        }
    }

    /// Replaces the context, for replaying a recorded episode.
    pub fn set_context(&mut self, context: Tensor<2>) {
        self.context = context;
    }

    fn encode(&self, ids: &[Vec<u32>], context: Tensor<2>) -> Result<Tensor<2>> {
        Ok(normalise(self.clip.text.forward_with_context(ids, context)?))
    }
}

/// The entropy of the mean prediction of some views, from their logits `[views, labels]`: `[1]`.
#[must_use]
pub fn marginal_entropy(logits: Tensor<2>) -> Tensor<1> {
    // The logarithm of a mean of probabilities, by their logarithms: log-sum-exp over the views.
    let views = logits.dims()[0] as f64;
    let log_probabilities = activation::log_softmax(logits, 1);
    let largest = log_probabilities.clone().detach().max_dim(0);
    let sum = (log_probabilities - largest.clone()).exp().sum_dim(0);
    let log_mean = sum.log() + largest - views.ln();
    (log_mean.clone().exp() * log_mean).sum().neg()
}

/// The mean distance of text features `[labels, projection]` from their mean: `[1]`.
#[must_use]
pub fn dispersion(text: Tensor<2>) -> Tensor<1> {
    // A distance of 0 has no gradient; below this one it is taken as constant.
    const LEAST: f64 = 1e-20;
    let mean = text.clone().mean_dim(0);
    let squares = (text - mean).powi_scalar(2).sum_dim(1);
    squares.clamp_min(LEAST).sqrt().mean()
}
