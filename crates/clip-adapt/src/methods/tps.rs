//! TPS: test-time prototype shifting (Sui et al., "Just Shift It", arXiv 2403.12952).
//!
//! Each label's prototype moves by a vector of its own, `t'_c = norm(t_c + shift_c)`, to minimise the entropy of the
//! mean prediction over the most confident views; the picture is then classified by its centre view. The towers run
//! once: the gradient is closed, [`crate::features::prototypes`] has it. As the first step of AdamW goes by the
//! gradient's sign, one step of `learning_rate` moves every label whose gradient isn't tiny equally far,
//! `learning_rate * sqrt(width)`, however little it has to do with the picture.

use serde::{Deserialize, Serialize};

use super::on_features::{FeatureComputation, FeatureInput, FeatureMethod, FeatureState, FeatureStep, FeatureUpdates};
use super::{MethodDescription, MethodKind, Paper};
use crate::error::Result;
use crate::features::adamw::HostAdamW;
use crate::features::marginal::Marginal;
use crate::features::prototypes::{Predictions, Shifted};
use crate::features::selection::most_confident;
use crate::features::{FeatureSet, indicator, softmax};
use crate::optimizer::AdamWSettings;
use crate::options::{OptionDescription, Options, adamw_descriptions, read};

/// Settings of TPS.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TpsOptions {
    /// Number of updates.
    pub steps: usize,
    /// The share of the views that the loss is of, the most confident, chosen anew at each step.
    pub selection: f64,
    /// The optimiser's.
    #[serde(flatten)]
    pub optimizer: AdamWSettings,
}

/// Prototypes that a picture moves.
#[derive(Debug, Clone)]
pub struct Tps {
    options: TpsOptions,
    /// `[labels, width]`
    shift: Vec<f64>,
    prototypes: Shifted,
    moved: bool,
    optimizer: HostAdamW,
}

impl Tps {
    /// Prototypes that haven't moved.
    #[must_use]
    pub fn new(features: &FeatureSet, options: TpsOptions) -> Self {
        let parameters = features.text().len();
        Self {
            shift: vec![0.0; parameters],
            prototypes: Shifted::new(features.text(), features.width()),
            moved: false,
            optimizer: HostAdamW::new(options.optimizer, parameters),
            options,
        }
    }

    /// The prototypes as they are, `[labels, width]`, rows of length 1.
    #[must_use]
    pub fn prototypes(&self) -> &[f64] {
        self.prototypes.units()
    }

    /// The views that the loss is of, with the prototypes as they are; most confident first.
    #[must_use]
    pub fn selected(&self, features: &FeatureSet) -> Vec<usize> {
        if self.moved {
            let all: Vec<usize> = (0..features.views()).collect();
            let entropies = Predictions::of(features, &all, self.prototypes()).entropies();
            most_confident(&entropies, self.options.selection)
        } else {
            most_confident(features.entropies(), self.options.selection)
        }
    }

    /// The loss over the selected views, with the prototypes as they are.
    #[must_use]
    pub fn loss(&self, features: &FeatureSet, selected: &[usize]) -> f64 {
        Marginal::of(Predictions::of(features, selected, self.prototypes()).rows()).entropy()
    }

    /// The loss over the selected views and its gradient towards the shifts, `[labels, width]`, with the prototypes as
    /// they are.
    #[must_use]
    pub fn gradient(&self, features: &FeatureSet, selected: &[usize]) -> (f64, Vec<f64>) {
        let predictions = Predictions::of(features, selected, self.prototypes());
        let (loss, mut gradient) = predictions.marginal_entropy(features, selected);
        self.prototypes.through_norm(&mut gradient);
        (loss, gradient)
    }

    /// Moves the prototypes once, and gives the loss before that.
    ///
    /// # Errors
    /// Those of [`Shifted::set`].
    pub fn step(&mut self, features: &FeatureSet, selected: &[usize]) -> Result<f64> {
        let (loss, gradient) = self.gradient(features, selected);
        self.optimizer.step(&mut self.shift, &gradient);
        self.place(features)?;
        Ok(loss)
    }

    fn place(&mut self, features: &FeatureSet) -> Result<()> {
        self.moved = true;
        let (shift, width) = (&self.shift, features.width());
        self.prototypes
            .set(features.text(), |label| crate::features::row(shift, width, label))
    }
}

/// The method, as it is found by its name.
pub struct PrototypeShift;

impl FeatureMethod for PrototypeShift {
    fn description(&self) -> MethodDescription {
        let mut options = vec![
            OptionDescription::integer("steps", "Steps", "Number of updates.", 1, [0, 1000]),
            OptionDescription::number(
                "selection",
                "Share of views",
                "The share of the views that the loss is of: the most confident, chosen anew at each step.",
                0.1,
                [0.0, 1.0],
            ),
        ];
        options.extend(adamw_descriptions());
        MethodDescription {
            name: "tps",
            title: "TPS",
            paper: Some(Paper {
                authors: "Elaine Sui, Xiaohan Wang, Serena Yeung-Levy",
                title: "Just Shift It: Test-Time Prototype Shifting for Zero-Shot Generalization with Vision-Language Models",
                year: 2024,
                url: "https://arxiv.org/abs/2403.12952",
            }),
            summary: "Moves each label's text feature by a vector of its own until the confident views agree; no tower is run again.",
            kind: MethodKind::Features,
            needs_statistics: false,
            options,
        }
    }

    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation> {
        let tps = Tps::new(input.features, read(options)?);
        Ok(FeatureComputation::Updates(Box::new(tps)))
    }
}

impl FeatureUpdates for Tps {
    fn update(&mut self, features: &FeatureSet) -> Result<FeatureStep> {
        let view_logits = self
            .moved
            .then(|| features.logits_between(features.image(), self.prototypes()));
        let selected = self.selected(features);
        let loss = self.step(features, &selected)?;
        Ok(FeatureStep {
            loss,
            view_weights: indicator(&selected, features.views()),
            view_logits,
            probabilities: softmax(&features.logits_between(features.view(0), self.prototypes())),
        })
    }

    fn state(&self, features: &FeatureSet) -> FeatureState {
        let selected = self.selected(features);
        FeatureState {
            loss: self.loss(features, &selected),
            view_weights: indicator(&selected, features.views()),
            view_logits: features.logits_between(features.image(), self.prototypes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss after moving one number of the shifts, against the gradient there; away from the start, where the norm
    /// that is divided by isn't 1.
    #[test]
    fn the_gradient_is_that_of_central_differences_after_a_step() {
        let values = |count: usize, phase: f32| {
            (0..count)
                .map(|i| (i as f32 * 0.731 + phase).sin() + 0.2)
                .collect::<Vec<_>>()
        };
        let features = FeatureSet::new(&values(8 * 10, 0.4), &values(4 * 10, 2.1), 10, 20.0).unwrap();
        let optimizer = AdamWSettings {
            learning_rate: 5e-2,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.01,
        };
        let options = TpsOptions {
            steps: 1,
            selection: 1.0,
            optimizer,
        };
        let all: Vec<usize> = (0..8).collect();
        let mut tps = Tps::new(&features, options);
        tps.step(&features, &all).unwrap();
        let (_, gradient) = tps.gradient(&features, &all);
        for (index, gradient) in gradient.iter().enumerate() {
            let at = |offset: f64| {
                let mut moved = tps.clone();
                moved.shift[index] += offset;
                moved.place(&features).unwrap();
                moved.gradient(&features, &all).0
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((difference - gradient).abs() < 1e-8, "{index}: {difference} {gradient}");
        }
    }
}
