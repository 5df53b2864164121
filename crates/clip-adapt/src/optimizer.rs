//! AdamW (arXiv 1711.05101), with the arithmetic of `torch.optim.AdamW`.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Settings of AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdamWSettings {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the running means of the gradient and of its square.
    pub betas: [f64; 2],
    /// Added to the denominator.
    pub epsilon: f64,
    /// Decoupled weight decay: each step multiplies a parameter by `1 - learning_rate * weight_decay`.
    pub weight_decay: f64,
}

impl Default for AdamWSettings {
    /// TPT's, which all that follow it have taken over.
    fn default() -> Self {
        Self {
            learning_rate: 5e-3,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// The running means of each parameter.
#[derive(Debug, Clone)]
pub struct AdamW {
    settings: AdamWSettings,
    steps: i32,
    moments: Vec<Option<Moments>>,
}

#[derive(Debug, Clone)]
struct Moments {
    mean: Tensor<2>,
    square: Tensor<2>,
}

impl AdamW {
    /// An optimiser that has made no step.
    #[must_use]
    pub fn new(settings: AdamWSettings) -> Self {
        Self {
            settings,
            steps: 0,
            moments: Vec::new(),
        }
    }

    /// One step: the parameters' new values from their values and gradients, in the same order at every call.
    #[must_use]
    pub fn step(&mut self, parameters: Vec<(Tensor<2>, Tensor<2>)>) -> Vec<Tensor<2>> {
        self.steps += 1;
        self.moments.resize(parameters.len(), None);
        let AdamWSettings {
            learning_rate,
            betas: [beta_1, beta_2],
            epsilon,
            weight_decay,
        } = self.settings;
        let correction_1 = 1.0 - beta_1.powi(self.steps);
        let correction_2 = 1.0 - beta_2.powi(self.steps);
        parameters
            .into_iter()
            .zip(&mut self.moments)
            .map(|((value, gradient), moments)| {
                let squared = gradient.clone().powi_scalar(2) * (1.0 - beta_2);
                let scaled = gradient * (1.0 - beta_1);
                let next = match moments.take() {
                    Some(old) => Moments {
                        mean: old.mean * beta_1 + scaled,
                        square: old.square * beta_2 + squared,
                    },
                    None => Moments {
                        mean: scaled,
                        square: squared,
                    },
                };
                let denominator = next.square.clone().sqrt() / correction_2.sqrt() + epsilon;
                let update = next.mean.clone() / denominator * (learning_rate / correction_1);
                *moments = Some(next);
                value * (1.0 - learning_rate * weight_decay) - update
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn settings() -> AdamWSettings {
        AdamWSettings {
            learning_rate: 5e-3,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }

    fn values(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().iter::<f32>().collect()
    }

    #[test]
    fn the_first_step_goes_by_the_gradients_sign() {
        let device = Device::flex();
        let start = Tensor::<2>::from_floats([[0.0, 1.0, -2.0]], &device);
        let gradient = Tensor::<2>::from_floats([[1e-3, -40.0, 0.0]], &device);
        let after = AdamW::new(settings()).step(vec![(start, gradient)]);
        let expected = [-5e-3, 1.0 * (1.0 - 5e-5) + 5e-3, -2.0 * (1.0 - 5e-5)];
        for (found, expected) in values(&after[0]).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    /// Against the recursion in f64, written out for one number.
    #[test]
    fn several_steps_follow_the_recursion() {
        let device = Device::flex();
        let gradients = [0.3_f64, -0.1, 0.05, -0.7];
        let mut optimizer = AdamW::new(settings());
        let mut found = Tensor::<2>::from_floats([[0.25]], &device);
        let (mut value, mut mean, mut square) = (0.25_f64, 0.0_f64, 0.0_f64);
        for (step, gradient) in gradients.into_iter().enumerate() {
            let tensor = Tensor::<2>::from_floats([[gradient as f32]], &device);
            found = optimizer.step(vec![(found, tensor)]).remove(0);
            let t = step as i32 + 1;
            value *= 1.0 - 5e-3 * 0.01;
            mean = 0.9 * mean + 0.1 * gradient;
            square = 0.999 * square + 0.001 * gradient * gradient;
            let denominator = (square / (1.0 - 0.999_f64.powi(t))).sqrt() + 1e-8;
            value -= 5e-3 * (mean / (1.0 - 0.9_f64.powi(t))) / denominator;
            assert!((f64::from(values(&found)[0]) - value).abs() < 1e-6);
        }
    }
}
