//! STS: a shift of the text features in their own spectrum (arXiv 2511.09809, NeurIPS 2025).
//!
//! The right singular vectors of the label prototypes `T = U S V^T` whose singular values stand above noise span the
//! space in which one shift, the same for all labels, is sought: `t'_c = norm(t_c + B gamma)`. Its few coordinates
//! minimise the entropy of the mean prediction over the most confident views, plus `regularisation * ||gamma||`. A common
//! shift cancels in the softmax except for the norm, so what it does is a low-rank bias between labels. The published
//! weight of the second term is not known to us, so it is 0 unless it is given; it has no effect on a first step.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureState, FeatureStep, FeatureUpdates};
use super::{MethodDescription, MethodKind, Paper};
use crate::error::Result;
use crate::features::adamw::HostAdamW;
use crate::features::marginal::Marginal;
use crate::features::prototypes::{Predictions, Shifted};
use crate::features::selection::most_confident;
use crate::features::singular::Singular;
use crate::features::{FeatureSet, add_scaled, dot, indicator, softmax};
use crate::optimizer::AdamWSettings;
use crate::options::{OptionDescription, Options, adamw_descriptions, read};

/// Whose prediction is the picture's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predict {
    /// The mean of the selected views' predictions.
    Marginal,
    /// The centre view's.
    Centre,
}

/// Settings of STS.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StsOptions {
    /// Number of updates.
    pub steps: usize,
    /// The share of the views that the loss is of, the most confident before any step.
    pub selection: f64,
    /// Number of singular vectors; 0 for those above the threshold of Gavish and Donoho.
    pub rank: usize,
    /// The weight of the shift's length in the loss.
    pub regularisation: f64,
    /// Whose prediction is the picture's.
    pub predict: Predict,
    /// The optimiser's.
    #[serde(flatten)]
    pub optimizer: AdamWSettings,
}

/// The spectrum of a label set's prototypes: the same for every picture.
///
/// # Errors
/// Those of [`Singular::of`].
pub fn spectrum(features: &FeatureSet) -> Result<Arc<Singular>> {
    Ok(Arc::new(Singular::of(features.text(), features.width())?))
}

/// A shift of all prototypes that a picture moves.
#[derive(Debug, Clone)]
pub struct Sts {
    options: StsOptions,
    spectrum: Arc<Singular>,
    selected: Vec<usize>,
    /// `[rank]`
    coordinates: Vec<f64>,
    prototypes: Shifted,
    moved: bool,
    optimizer: HostAdamW,
}

impl Sts {
    /// A shift of length 0 in the `spectrum` of the labels.
    #[must_use]
    pub fn new(features: &FeatureSet, spectrum: Arc<Singular>, options: StsOptions) -> Self {
        let rank = match options.rank {
            0 => spectrum.signal_rank(features.labels()),
            rank => rank.min(spectrum.rank()),
        };
        Self {
            selected: most_confident(features.entropies(), options.selection),
            coordinates: vec![0.0; rank],
            prototypes: Shifted::new(features.text(), features.width()),
            moved: false,
            optimizer: HostAdamW::new(options.optimizer, rank),
            spectrum,
            options,
        }
    }

    /// Number of singular vectors.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.coordinates.len()
    }

    /// The views that the loss is of, most confident first.
    #[must_use]
    pub fn selected(&self) -> &[usize] {
        &self.selected
    }

    /// The prototypes as they are, `[labels, width]`, rows of length 1.
    #[must_use]
    pub fn prototypes(&self) -> &[f64] {
        self.prototypes.units()
    }

    fn directions(&self) -> &[f64] {
        self.spectrum.directions(self.rank())
    }

    /// The loss and its gradient towards the coordinates, with the prototypes as they are.
    #[must_use]
    pub fn gradient(&self, features: &FeatureSet) -> (f64, Vec<f64>) {
        let predictions = Predictions::of(features, &self.selected, self.prototypes());
        let (entropy, mut by_prototype) = predictions.marginal_entropy(features, &self.selected);
        self.prototypes.through_norm(&mut by_prototype);
        let mut by_shift = vec![0.0; features.width()];
        for row in by_prototype.chunks_exact(features.width()) {
            add_scaled(&mut by_shift, 1.0, row);
        }
        let length = dot(&self.coordinates, &self.coordinates).sqrt();
        // The length has no gradient at 0: none is taken.
        let pull = if length > 0.0 {
            self.options.regularisation / length
        } else {
            0.0
        };
        let directions = self.directions().chunks_exact(features.width());
        let gradient = directions
            .zip(&self.coordinates)
            .map(|(direction, coordinate)| dot(direction, &by_shift) + pull * coordinate);
        (entropy + self.options.regularisation * length, gradient.collect())
    }

    /// Moves the shift once, and gives the loss before that.
    ///
    /// # Errors
    /// Those of [`Shifted::set`].
    pub fn step(&mut self, features: &FeatureSet) -> Result<f64> {
        let (loss, gradient) = self.gradient(features);
        self.optimizer.step(&mut self.coordinates, &gradient);
        self.place(features)?;
        Ok(loss)
    }

    fn place(&mut self, features: &FeatureSet) -> Result<()> {
        self.moved = true;
        let mut shift = vec![0.0; features.width()];
        for (direction, coordinate) in self.directions().chunks_exact(features.width()).zip(&self.coordinates) {
            add_scaled(&mut shift, *coordinate, direction);
        }
        self.prototypes.set(features.text(), |_| &shift)
    }

    /// The picture's probabilities with the prototypes as they are, `[labels]`.
    #[must_use]
    pub fn predict(&self, features: &FeatureSet) -> Vec<f64> {
        match self.options.predict {
            Predict::Centre => softmax(&features.logits_between(features.view(0), self.prototypes())),
            Predict::Marginal => {
                let predictions = Predictions::of(features, &self.selected, self.prototypes());
                let mean = Marginal::of(predictions.rows());
                mean.log_probabilities().iter().map(|log_p| log_p.exp()).collect()
            }
        }
    }
}

/// The method, as it is found by its name. It keeps the spectrum of the label set it saw last: that takes longer than all the
/// rest, and is the same for every picture.
pub struct SpectralShift {
    last: Mutex<Option<(Vec<f64>, Arc<Singular>)>>,
}

impl SpectralShift {
    /// One that has seen no label set.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: Mutex::new(None) }
    }

    fn spectrum(&self, features: &FeatureSet) -> Result<Arc<Singular>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((text, spectrum)) = last.as_ref()
            && text == features.text()
        {
            return Ok(Arc::clone(spectrum));
        }
        let spectrum = spectrum(features)?;
        *last = Some((features.text().to_vec(), Arc::clone(&spectrum)));
        Ok(spectrum)
    }
}

impl Default for SpectralShift {
    fn default() -> Self {
        Self::new()
    }
}

impl FeatureMethod for SpectralShift {
    fn description(&self) -> MethodDescription {
        let mut options = vec![
            OptionDescription::integer("steps", "Steps", "Number of updates.", 1, [0, 1000]),
            OptionDescription::number(
                "selection",
                "Share of views",
                "The share of the views that the loss is of: the most confident before any step.",
                0.1,
                [0.0, 1.0],
            ),
            OptionDescription::integer(
                "rank",
                "Rank",
                "Number of singular vectors of the label set; 0 for those that stand above noise.",
                0,
                [0, 4096],
            ),
            OptionDescription::number(
                "regularisation",
                "Regularisation",
                "The weight of the shift's length in the loss. The published value is not known to us; it has no effect on a first step.",
                0.0,
                [0.0, 1e3],
            ),
            OptionDescription::choice(
                "predict",
                "Prediction",
                "Whose prediction is the picture's: the mean of the selected views', or the centre view's.",
                "marginal",
                &["marginal", "centre"],
            ),
        ];
        options.extend(adamw_descriptions());
        MethodDescription {
            name: "sts",
            title: "STS",
            paper: Some(Paper {
                authors: "Konstantinos M. Dafnis, Dimitris N. Metaxas",
                title: "Test-Time Spectrum-Aware Latent Steering for Zero-Shot Generalization in Vision-Language Models",
                year: 2025,
                url: "https://arxiv.org/abs/2511.09809",
            }),
            summary: "Moves all text features by one shift within the main directions of the label set until the confident views agree.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options,
        }
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let features = input.features;
        let sts = Sts::new(features, self.spectrum(features)?, read(options)?);
        Ok(FeatureComputation::Updates(Box::new(sts)))
    }
}

impl FeatureUpdates for Sts {
    fn update(&mut self, features: &FeatureSet) -> Result<FeatureStep> {
        let view_logits = self
            .moved
            .then(|| features.logits_between(features.image(), self.prototypes()));
        let loss = self.step(features)?;
        Ok(FeatureStep {
            loss,
            view_weights: indicator(&self.selected, features.views()),
            view_logits,
            probabilities: self.predict(features),
        })
    }

    fn state(&self, features: &FeatureSet) -> FeatureState {
        FeatureState {
            loss: self.gradient(features).0,
            view_weights: indicator(&self.selected, features.views()),
            view_logits: features.logits_between(features.image(), self.prototypes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss after moving one coordinate, against the gradient there; away from the start, where the shift has a length.
    #[test]
    fn the_gradient_is_that_of_central_differences_after_a_step() {
        let values = |count: usize, phase: f32| {
            (0..count)
                .map(|i| (i as f32 * 0.731 + phase).sin() + 0.2)
                .collect::<Vec<_>>()
        };
        let features = FeatureSet::new(&values(8 * 10, 0.4), &values(6 * 10, 2.1), 10, 20.0).unwrap();
        let options = StsOptions {
            steps: 1,
            predict: Predict::Marginal,
            selection: 0.5,
            rank: 3,
            regularisation: 0.7,
            optimizer: AdamWSettings {
                learning_rate: 5e-2,
                betas: [0.9, 0.999],
                epsilon: 1e-8,
                weight_decay: 0.01,
            },
        };
        let mut sts = Sts::new(&features, spectrum(&features).unwrap(), options);
        sts.step(&features).unwrap();
        let (_, gradient) = sts.gradient(&features);
        assert!(gradient.iter().any(|gradient| gradient.abs() > 1e-3));
        for (index, gradient) in gradient.iter().enumerate() {
            let at = |offset: f64| {
                let mut moved = sts.clone();
                moved.coordinates[index] += offset;
                moved.place(&features).unwrap();
                moved.gradient(&features).0
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((difference - gradient).abs() < 1e-8, "{index}: {difference} {gradient}");
        }
    }
}
