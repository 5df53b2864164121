//! The loss over views, its gradient towards the adapters' matrices, and the update along it.

use burn::tensor::{Gradients, Tensor};

use super::{AdapterKind, Matrices, Tail};
use crate::entropy::row_entropies;
use crate::error::Result;
use crate::labels::CHUNK_LABELS;

impl<A: AdapterKind> Tail<A> {
    /// Takes a chunk forward and backward, and adds its part to the gradient of the loss over all views. Gives the chunk's
    /// logits `[views of the chunk, labels]`.
    #[must_use]
    pub fn accumulate(&mut self, chunk: usize) -> Option<Tensor<2>> {
        let tokens = self.chunks.get(chunk)?.clone();
        Some(self.add_loss(tokens, self.views()))
    }

    /// Takes a chunk of labels backward through the text tower, once the gradient towards their features is summed up.
    ///
    /// # Errors
    /// Those of the text tower.
    pub fn accumulate_text(&mut self, chunk: usize) -> Result<()> {
        let Some(gradient) = self.text_gradient.clone() else {
            return Ok(());
        };
        let tracked = self.tracked();
        if let Some(adapter) = self.kind.adapters(&self.clip, &tracked).text {
            let features = self.encode_texts(chunk, &adapter)?;
            let gradient = gradient.narrow(0, chunk * CHUNK_LABELS, features.dims()[0]);
            // Its gradient is the loss's, carried on from the features.
            let carried = (features * gradient.autodiff()).sum();
            self.collect(&carried.backward(), &tracked);
        }
        Ok(())
    }

    /// Moves the adapters along the gradient that was summed up, and begins a new sum.
    ///
    /// # Errors
    /// Those of the text tower, where it has adapters.
    pub fn update(&mut self) -> Result<()> {
        self.move_matrices();
        self.refresh_text()
    }

    /// The same without the labels' features.
    pub(super) fn move_matrices(&mut self) {
        let gradients = std::mem::take(&mut self.gradients);
        self.text_gradient = None;
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
        self.last_gradients = gradients;
        self.parameters = self.parameters.keys().copied().zip(moved).collect();
    }

    /// Adds the part of some views to the gradient of a loss over `count` views; gives their logits.
    pub(super) fn add_loss(&mut self, tokens: Tensor<3>, count: usize) -> Tensor<2> {
        let tracked = self.tracked();
        let adapters = self.kind.adapters(&self.clip, &tracked);
        let first = self.settings.first_block;
        let features = match &adapters.vision {
            Some(adapter) => self.clip.vision.tail(tokens.autodiff(), first, Some(adapter)),
            None => self.clip.vision.tail(tokens, first, None).autodiff(),
        };
        let text = self.text.clone().autodiff();
        let text = if adapters.text.is_some() {
            text.require_grad()
        } else {
            text
        };
        let logits = self.clip.logits(features, text.clone());
        let loss = weighted_entropy(logits.clone(), self.settings.margin).sum() / count as f64;
        let tape = loss.backward();
        self.collect(&tape, &tracked);
        if adapters.text.is_some()
            && let Some(part) = text.grad(&tape)
        {
            self.text_gradient = Some(match self.text_gradient.take() {
                Some(sum) => sum + part,
                None => part,
            });
        }
        logits.without_autodiff()
    }

    pub(super) fn tracked(&self) -> Matrices<A::Key> {
        self.parameters
            .iter()
            .map(|(key, value)| (*key, value.clone().autodiff().require_grad()))
            .collect()
    }

    pub(super) fn collect(&mut self, tape: &Gradients, tracked: &Matrices<A::Key>) {
        for (key, value) in tracked {
            if let Some(part) = value.grad(tape) {
                add(&mut self.gradients, *key, part);
            }
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

/// Each view's weight, 0 for those that aren't `selected`, and the loss: the mean of weight times entropy over those that are.
#[must_use]
pub fn weighted(entropies: &[f64], selected: &[usize], margin: f64) -> (Vec<f64>, f64) {
    let mut weights = vec![0.0; entropies.len()];
    let mut sum = 0.0;
    let mut selected = selected.to_vec();
    selected.sort_unstable();
    for &view in &selected {
        if let (Some(&entropy), Some(slot)) = (entropies.get(view), weights.get_mut(view)) {
            *slot = weight(entropy, margin);
            sum += *slot * entropy;
        }
    }
    (weights, sum / selected.len().max(1) as f64)
}

fn add<K: Ord>(sums: &mut Matrices<K>, key: K, part: Tensor<2>) {
    let sum = match sums.remove(&key) {
        Some(sum) => sum + part,
        None => part,
    };
    sums.insert(key, sum);
}
