//! A run of a method over one picture, as whoever drives it sees it: the same for methods that train adapters, for methods
//! that train a prompt, for searches without gradients, and for arithmetic on features.

use std::pin::Pin;

use burn::tensor::Tensor;
use clip_model::lora::Parameters;

use crate::entropy;
use crate::error::Result;
use crate::report::{AdapterNorm, ViewsState, Warning};

/// A future that stays on its thread: the browser has one.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a bounded piece of work gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece<T> {
    /// It isn't whole yet.
    Part {
        /// So many views, or whatever the method counts, are done.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// All of it.
    Whole(T),
}

/// What a picture is taken for.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// In the order of the labels.
    pub probabilities: Vec<f32>,
    /// Entropy of that, in nats.
    pub entropy: f64,
}

impl Prediction {
    /// From logits.
    #[must_use]
    pub fn of_logits(logits: &[f32]) -> Self {
        Self {
            probabilities: entropy::softmax(logits),
            entropy: entropy::entropy(logits),
        }
    }

    /// From probabilities.
    #[must_use]
    pub fn of_probabilities(probabilities: &[f64]) -> Self {
        let entropy = probabilities.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum();
        Self {
            probabilities: probabilities.iter().map(|&p| p as f32).collect(),
            entropy,
        }
    }

    /// Whether all of it is numbers.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.entropy.is_finite() && self.probabilities.iter().all(|p| p.is_finite())
    }
}

/// One update.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The views before it.
    pub views: ViewsState,
    /// The prediction after it.
    pub prediction: Prediction,
    /// The adapters after it; empty for a method without adapters.
    pub adapter_norms: Vec<AdapterNorm>,
}

/// How things stand after the last update.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The views.
    pub views: ViewsState,
    /// The method's answer.
    pub prediction: Prediction,
}

/// Work of the vision tower beside the shared encoding of the views; 1 is one pass of all views through all blocks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Passes {
    /// Forward.
    pub forward: f64,
    /// Backward.
    pub backward: f64,
}

/// The part of a whole pass that the blocks from `first_block` on make up, of a tower with so many `layers`.
pub(super) fn tail_share(first_block: usize, layers: usize) -> f64 {
    (layers - first_block.min(layers)) as f64 / layers.max(1) as f64
}

/// Trained low-rank adapters.
#[derive(Debug, Clone, Copy)]
pub struct TrainedAdapter<'a> {
    /// Their matrices.
    pub parameters: &'a Parameters,
    /// Their rank.
    pub rank: usize,
    /// Their output is multiplied by `alpha / rank`.
    pub alpha: f64,
}

/// A run of a method over one picture. It is made with first values that change nothing; then come all views, chunk by
/// chunk, and then the updates.
pub trait Adaptation {
    /// It wants the views' tokens as they are after so many of the vision tower's blocks.
    fn first_block(&self) -> usize;

    /// Takes a chunk of views, `[views, tokens, width]`; the first view of the first chunk is the centre view.
    fn push(&mut self, tokens: Tensor<3>);

    /// Does the next bounded piece of the next update; `None` where no update is left.
    ///
    /// # Errors
    /// Those of the towers and the device.
    fn step(&mut self) -> LocalFuture<'_, Result<Option<Piece<Update>>>>;

    /// Looks at all views after the last update, a bounded piece at a time.
    ///
    /// # Errors
    /// Those of the towers and the device.
    fn finish(&mut self) -> LocalFuture<'_, Result<Piece<Outcome>>>;

    /// The prediction as things are.
    ///
    /// # Errors
    /// Those of the towers and the device.
    fn predict(&self) -> LocalFuture<'_, Result<Prediction>>;

    /// Allows so many more updates.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`] where these are too many, or the method makes no updates.
    fn extend(&mut self, steps: usize) -> Result<()>;

    /// Puts the first values back, and allows no update. The views stay.
    fn reset(&mut self);

    /// How many updates are made and allowed, where that is known.
    fn steps(&self) -> usize;

    /// Whether the method's answer needs all views once more, so that only [`Adaptation::finish`] has it.
    fn predicts_from_views(&self) -> bool {
        false
    }

    /// The trained adapters, for a method that has some.
    fn adapter(&self) -> Option<TrainedAdapter<'_>> {
        None
    }

    /// What the user should know of this run.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// What the vision tower has done for it so far.
    fn passes(&self) -> Passes;
}
