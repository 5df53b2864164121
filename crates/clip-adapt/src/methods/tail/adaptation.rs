//! The trainer as a run over one picture, and the answer that it ends with.

use burn::tensor::Tensor;

use super::{AdapterKind, Predict, Tail, Work};
use crate::error::Result;
use crate::features::FeatureSet;
use crate::methods::adaptation::{Adaptation, LocalFuture, Outcome, Passes, Piece, Prediction, TrainedAdapter, Update};
use crate::methods::marginal::{MarginalOptions, mean_prediction};
use crate::methods::zero::{ZeroOptions, vote};
use crate::optimizer::AdamW;
use crate::options::{MAX_STEPS, invalid};
use crate::readback::read_rows;

/// What the last look has seen of a chunk.
pub(super) struct Looked {
    /// `[views, labels]`
    logits: Tensor<2>,
    /// `[views, projection]`
    features: Tensor<2>,
}

impl<A: AdapterKind> Tail<A> {
    async fn look_last(&mut self) -> Result<Piece<Outcome>> {
        let chunk = self.looked.len();
        if let Some(tokens) = self.chunks.get(chunk).cloned() {
            let features = self.features_of(tokens);
            let logits = self.clip.logits(features.clone(), self.text.clone());
            if self.predicts_from_views() {
                self.count_pass(Some(&logits), false);
            }
            self.looked.push(Looked { logits, features });
        }
        if self.looked.len() < self.chunks.len() {
            return Ok(Piece::Part {
                done: self.looked.iter().map(|looked| looked.logits.dims()[0]).sum(),
                total: self.views(),
            });
        }
        let looked = std::mem::take(&mut self.looked);
        let mut tensors: Vec<_> = looked.iter().map(|looked| looked.logits.clone()).collect();
        let alignment = self.look_at_alignment();
        let is_aligned = alignment.is_some();
        tensors.extend(alignment);
        let mut rows = read_rows(tensors, "last look at the views").await?;
        let alignment = if is_aligned { rows.pop() } else { None };
        let prediction = match self.settings.predict {
            Predict::Centre => Prediction::of_logits(rows.get(..self.text.dims()[0]).unwrap_or_default()),
            _ => {
                self.predict_from(looked.into_iter().map(|looked| looked.features).collect())
                    .await?
            }
        };
        Ok(Piece::Whole(Outcome {
            views: self.aligned_state(&rows, alignment),
            prediction,
        }))
    }

    /// The answer of several views, from the features of all of them.
    async fn predict_from(&self, features: Vec<Tensor<2>>) -> Result<Prediction> {
        let [labels, projection] = self.text.dims();
        let image = read_rows(features, "predictions of the views").await?;
        let text = read_rows(vec![self.text.clone()], "predictions of the views").await?;
        if image.iter().chain(&text).any(|value| !value.is_finite()) {
            return Ok(Prediction::of_logits(&vec![f32::NAN; labels]));
        }
        let features = FeatureSet::new(&image, &text, projection, self.clip.logit_scale)?;
        Ok(Prediction::of_probabilities(&match self.settings.predict {
            Predict::Vote => vote(&features, ZeroOptions::default()).shares(),
            _ => mean_prediction(&features, MarginalOptions::default()).0,
        }))
    }
}

impl<A: AdapterKind> Adaptation for Tail<A> {
    fn first_block(&self) -> usize {
        self.settings.first_block
    }

    fn push(&mut self, tokens: Tensor<3>) {
        self.chunks.push(tokens);
    }

    fn step(&mut self) -> LocalFuture<'_, Result<Option<Piece<Update>>>> {
        Box::pin(self.advance())
    }

    fn finish(&mut self) -> LocalFuture<'_, Result<Piece<Outcome>>> {
        Box::pin(self.look_last())
    }

    fn predict(&self) -> LocalFuture<'_, Result<Prediction>> {
        Box::pin(async move {
            if self.predicts_from_views() {
                let features = self.chunks.iter().map(|chunk| self.features_of(chunk.clone()));
                return self.predict_from(features.collect()).await;
            }
            let logits = self.centre_logits().into_iter().collect();
            Ok(Prediction::of_logits(&read_rows(logits, "prediction").await?))
        })
    }

    fn extend(&mut self, steps: usize) -> Result<()> {
        let steps = self.steps_done.saturating_add(steps);
        if steps > MAX_STEPS {
            return Err(invalid("steps", steps, format!("from 0 to {MAX_STEPS}")));
        }
        self.steps_allowed = steps;
        Ok(())
    }

    fn reset(&mut self) {
        self.parameters = self.initial.clone();
        self.gradients.clear();
        self.last_gradients.clear();
        self.text = self.text_before.clone();
        self.text_gradient = None;
        self.optimizer = AdamW::new(self.settings.optimizer);
        self.work = Work::default();
        self.looked.clear();
        self.steps_done = 0;
        self.steps_allowed = 0;
        self.passes = Passes::default();
    }

    fn steps(&self) -> usize {
        self.steps_allowed
    }

    fn predicts_from_views(&self) -> bool {
        self.settings.predict != Predict::Centre
    }

    fn adapter(&self) -> Option<TrainedAdapter<'_>> {
        self.kind.trained(&self.parameters)
    }

    fn passes(&self) -> Passes {
        self.passes
    }
}
