//! Labels' prototypes: unit features that views are compared with, and how a loss of the logits depends on them.

use super::marginal::Marginal;
use super::{FeatureSet, add_scaled, dot, entropy, invalid, log_softmax};
use crate::error::Result;

/// Logits `[views, labels]` of unit features `[views, width]` against unit prototypes `[labels, width]`.
#[must_use]
pub fn logits(image: &[f64], prototypes: &[f64], width: usize, scale: f64) -> Vec<f64> {
    let labels = prototypes.len() / width.max(1);
    let mut logits = Vec::with_capacity(image.len() / width.max(1) * labels);
    for view in image.chunks_exact(width.max(1)) {
        logits.extend(
            prototypes
                .chunks_exact(width.max(1))
                .map(|prototype| scale * dot(view, prototype)),
        );
    }
    logits
}

/// Prototypes `norm(start_c + shift_c)`, and the lengths that were divided by.
#[derive(Debug, Clone)]
pub struct Shifted {
    width: usize,
    /// `[labels, width]`, rows of length 1.
    units: Vec<f64>,
    /// `[labels]`
    lengths: Vec<f64>,
}

impl Shifted {
    /// Prototypes without a shift yet: `start` `[labels, width]`, rows of length 1.
    #[must_use]
    pub fn new(start: &[f64], width: usize) -> Self {
        Self {
            width,
            units: start.to_vec(),
            lengths: vec![1.0; start.len() / width.max(1)],
        }
    }

    /// Moves to `norm(start_c + shift_c)`; `shift` gives each label's row, `[width]`.
    ///
    /// # Errors
    /// [`crate::Error::FeaturesInvalid`] where a shift cancels its prototype or isn't finite.
    pub fn set<'a>(&mut self, start: &[f64], shift: impl Fn(usize) -> &'a [f64]) -> Result<()> {
        let rows = self
            .units
            .chunks_exact_mut(self.width)
            .zip(start.chunks_exact(self.width));
        for (label, ((unit, start), length)) in rows.zip(&mut self.lengths).enumerate() {
            for ((value, start), shift) in unit.iter_mut().zip(start).zip(shift(label)) {
                *value = start + shift;
            }
            *length = dot(unit, unit).sqrt();
            if !length.is_finite() || *length <= 0.0 {
                return Err(invalid(&format!(
                    "the shift of label {} leaves a prototype of length {length}: a smaller learning rate may help",
                    label + 1
                )));
            }
            for value in unit {
                *value /= *length;
            }
        }
        Ok(())
    }

    /// The prototypes, `[labels, width]`, rows of length 1.
    #[must_use]
    pub fn units(&self) -> &[f64] {
        &self.units
    }

    /// Takes a gradient towards the unit prototypes, `[labels, width]`, back to the shifts:
    /// `(I - u u^T) g / length`, row by row.
    pub fn through_norm(&self, gradient: &mut [f64]) {
        let rows = gradient
            .chunks_exact_mut(self.width)
            .zip(self.units.chunks_exact(self.width));
        for ((gradient, unit), length) in rows.zip(&self.lengths) {
            let along = dot(gradient, unit);
            for (gradient, unit) in gradient.iter_mut().zip(unit) {
                *gradient = (*gradient - along * unit) / length;
            }
        }
    }
}

/// The predictions of some views against prototypes that move.
#[derive(Debug, Clone)]
pub struct Predictions {
    labels: usize,
    /// The logarithms of probabilities, `[views, labels]`.
    log_probabilities: Vec<f64>,
}

impl Predictions {
    /// Of the views given, against unit prototypes `[labels, width]`.
    #[must_use]
    pub fn of(features: &FeatureSet, views: &[usize], prototypes: &[f64]) -> Self {
        let (width, labels) = (features.width(), features.labels());
        let mut log_probabilities = Vec::with_capacity(views.len() * labels);
        for &view in views {
            log_probabilities.extend(logits(features.view(view), prototypes, width, features.scale()));
        }
        for row in log_probabilities.chunks_exact_mut(labels) {
            log_softmax(row);
        }
        Self {
            labels,
            log_probabilities,
        }
    }

    /// Each view's logarithms of probabilities, `[labels]`.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> + Clone {
        self.log_probabilities.chunks_exact(self.labels)
    }

    /// Each view's entropy, in nats.
    #[must_use]
    pub fn entropies(&self) -> Vec<f64> {
        self.rows().map(entropy).collect()
    }

    /// The entropy of the mean prediction, in nats, and its gradient towards the unit prototypes, `[labels, width]`:
    /// `dL/du_c = scale * sum_i dL/dl_ic f_i`. `views` are those that the predictions were made of.
    #[must_use]
    pub fn marginal_entropy(&self, features: &FeatureSet, views: &[usize]) -> (f64, Vec<f64>) {
        let width = features.width();
        let marginal = Marginal::of(self.rows());
        let mut gradient = vec![0.0; self.labels * width];
        let mut by_logit = vec![0.0; self.labels];
        for (prediction, &view) in self.rows().zip(views) {
            marginal.gradient(prediction, views.len(), &mut by_logit);
            let feature = features.view(view);
            for (row, by_logit) in gradient.chunks_exact_mut(width).zip(&by_logit) {
                add_scaled(row, features.scale() * by_logit, feature);
            }
        }
        (marginal.entropy(), gradient)
    }
}
