//! AdamW on the host, in f64, with the arithmetic of `torch.optim.AdamW`.
//!
//! The first step moves each coordinate by `learning_rate * g / (|g| + epsilon)`: the gradient's sign, except where the
//! gradient is as small as epsilon.

use crate::optimizer::AdamWSettings;

/// The running means of a vector of parameters.
#[derive(Debug, Clone)]
pub struct HostAdamW {
    settings: AdamWSettings,
    steps: i32,
    mean: Vec<f64>,
    square: Vec<f64>,
}

impl HostAdamW {
    /// For `parameters` numbers; it has made no step.
    #[must_use]
    pub fn new(settings: AdamWSettings, parameters: usize) -> Self {
        Self {
            settings,
            steps: 0,
            mean: vec![0.0; parameters],
            square: vec![0.0; parameters],
        }
    }

    /// Moves the parameters along their gradient.
    pub fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        self.steps += 1;
        let AdamWSettings {
            learning_rate,
            betas: [beta_1, beta_2],
            epsilon,
            weight_decay,
        } = self.settings;
        let correction_1 = 1.0 - beta_1.powi(self.steps);
        let root_2 = (1.0 - beta_2.powi(self.steps)).sqrt();
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((value, gradient), (mean, square)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *mean = *mean * beta_1 + gradient * (1.0 - beta_1);
            *square = *square * beta_2 + gradient * gradient * (1.0 - beta_2);
            let denominator = square.sqrt() / root_2 + epsilon;
            let update = if denominator > 0.0 { *mean / denominator } else { 0.0 };
            *value -= *value * learning_rate * weight_decay + update * learning_rate / correction_1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::AdamW;
    use burn::tensor::{Device, Tensor, TensorData};

    fn settings() -> AdamWSettings {
        AdamWSettings {
            learning_rate: 5e-3,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }

    #[test]
    fn the_first_step_goes_by_the_gradients_sign() {
        let mut parameters = [0.0, 0.0, 1.0, 0.0];
        HostAdamW::new(settings(), 4).step(&mut parameters, &[3e-3, -70.0, 0.0, 1e-8]);
        let expected = [-5e-3, 5e-3, 1.0 - 5e-5, -2.5e-3];
        for (found, expected) in parameters.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn no_gradient_and_no_epsilon_is_no_step() {
        let mut parameters = [0.5];
        let settings = AdamWSettings {
            epsilon: 0.0,
            weight_decay: 0.0,
            ..settings()
        };
        HostAdamW::new(settings, 1).step(&mut parameters, &[0.0]);
        assert!((parameters[0] - 0.5).abs() < 1e-300);
    }

    #[test]
    fn it_is_the_optimiser_of_the_device() {
        let device = Device::flex();
        let gradients = [[0.3_f32, -0.1, 0.02], [-0.2, -0.3, 0.001], [0.05, 0.4, -0.7]];
        let mut on_host = [0.25, -1.0, 0.0];
        let mut host = HostAdamW::new(settings(), 3);
        let mut on_device = Tensor::<2>::from_floats([[0.25, -1.0, 0.0]], &device);
        let mut optimizer = AdamW::new(settings());
        for gradient in gradients {
            host.step(&mut on_host, &gradient.map(f64::from));
            let gradient = Tensor::from_data(TensorData::new(gradient.to_vec(), [1, 3]), &device);
            on_device = optimizer.step(vec![(on_device, gradient)]).remove(0);
        }
        for (host, device) in on_host.into_iter().zip(on_device.into_data().iter::<f32>()) {
            assert!((host - f64::from(device)).abs() < 1e-6, "{host} {device}");
        }
    }
}
