//! TPT: test-time prompt tuning (arXiv 2209.07511).
//!
//! The embeddings of the prompt's context ("a photo of a") are trained on the views of one picture to minimise the
//! entropy of the mean prediction over the most confident views. Which views those are is decided once, at the first
//! step. The image features are computed once and kept; each step goes through the text tower.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData, activation};
use clip_model::clip::{Clip, normalise};

use crate::entropy;
use crate::error::Result;
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
    optimizer: AdamW,
}

impl Tpt {
    /// Prompts whose context tokens, those after the start token, begin as `context` `[tokens, width]`.
    /// `image_features` is `[views, projection]`.
    #[must_use]
    pub fn new(
        clip: Arc<Clip>,
        prompts: Vec<Vec<u32>>,
        image_features: Tensor<2>,
        context: Tensor<2>,
        optimizer: AdamWSettings,
    ) -> Self {
        Self {
            clip,
            prompts,
            image_features: normalise(image_features),
            context,
            gradient: None,
            selected: Vec::new(),
            optimizer: AdamW::new(optimizer),
        }
    }

    /// The context as it is now, `[tokens, width]`.
    #[must_use]
    pub fn context(&self) -> &Tensor<2> {
        &self.context
    }

    /// The gradient of the last [`Tpt::accumulate`], `[tokens, width]`.
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
            .map(entropy::entropy)
            .collect();
        let count = ((entropies.len() as f64 * share) as usize).max(1);
        let mut order: Vec<usize> = (0..entropies.len()).collect();
        order.sort_by(|&a, &b| entropies[a].total_cmp(&entropies[b]));
        order.truncate(count);
        self.selected = order;
    }

    /// The logits `[views, labels]` of all views with the context as it is.
    ///
    /// # Errors
    /// Those of [`clip_model::text::TextTower::forward_with_context`].
    pub fn logits(&self) -> Result<Tensor<2>> {
        self.logits_of(self.image_features.clone(), self.context.clone())
    }

    /// Computes the gradient of the loss towards the context, over the selected views.
    ///
    /// # Errors
    /// Those of [`clip_model::text::TextTower::forward_with_context`].
    pub fn accumulate(&mut self) -> Result<()> {
        let rows: Vec<i32> = self
            .selected
            .iter()
            .filter_map(|&view| i32::try_from(view).ok())
            .collect();
        let rows = TensorData::new(rows, [self.selected.len()]);
        let rows = Tensor::<1, Int>::from_data(rows, self.clip.device.tensor_device());
        let tracked = self.context.clone().autodiff().require_grad();
        let features = self.image_features.clone().select(0, rows).autodiff();
        let tape = marginal_entropy(self.logits_of(features, tracked.clone())?).backward();
        self.gradient = tracked.grad(&tape);
        Ok(())
    }

    /// Moves the context along the gradient.
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

    /// `image_features` are normalised already.
    fn logits_of(&self, image_features: Tensor<2>, context: Tensor<2>) -> Result<Tensor<2>> {
        let text = normalise(self.clip.text.forward_with_context(&self.prompts, context)?);
        Ok(image_features.matmul(text.transpose()) * self.clip.logit_scale)
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
