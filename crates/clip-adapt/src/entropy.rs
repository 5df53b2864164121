//! Entropy, in nats, of predictions given as logits: on the device, where gradients flow through it, and on the
//! host, for reports.
//!
//! Always from log-softmax, never the logarithm of a softmax: a probability may underflow to 0, its logarithm not.

use burn::tensor::{Tensor, activation};

/// The entropy of each row: `[rows, labels]` to `[rows]`.
#[must_use]
pub fn row_entropies(logits: Tensor<2>) -> Tensor<1> {
    let log_probabilities = activation::log_softmax(logits, 1);
    let terms = log_probabilities.clone().exp() * log_probabilities;
    terms.sum_dim(1).squeeze_dim::<1>(1).neg()
}

/// The logarithms of a prediction's probabilities.
#[must_use]
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted: Vec<f64> = logits
        .iter()
        .map(|&logit| f64::from(logit) - f64::from(largest))
        .collect();
    let log_sum = shifted.iter().map(|x| x.exp()).sum::<f64>().ln();
    shifted.into_iter().map(|x| x - log_sum).collect()
}

/// A prediction's probabilities.
#[must_use]
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    log_softmax(logits).into_iter().map(|x| x.exp() as f32).collect()
}

/// A prediction's entropy.
#[must_use]
pub fn entropy(logits: &[f32]) -> f64 {
    -log_softmax(logits)
        .into_iter()
        .map(|log_p| log_p.exp() * log_p)
        .sum::<f64>()
}

/// The entropy of the mean of several predictions, given as logits `[rows, labels]`, row-major.
#[must_use]
pub fn marginal_entropy(logits: &[f32], labels: usize) -> f64 {
    let mut mean = vec![0.0_f64; labels];
    let mut rows = 0_usize;
    for row in logits.chunks_exact(labels.max(1)) {
        for (sum, log_p) in mean.iter_mut().zip(log_softmax(row)) {
            *sum += log_p.exp();
        }
        rows += 1;
    }
    -mean
        .into_iter()
        .map(|sum| sum / rows.max(1) as f64)
        .filter(|&p| p > 0.0)
        .map(|p| p * p.ln())
        .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_prediction_has_the_largest_entropy() {
        for labels in [2_usize, 10, 1000] {
            let largest = (labels as f64).ln();
            assert!((entropy(&vec![3.5; labels]) - largest).abs() < 1e-12);
            assert!((marginal_entropy(&vec![3.5; labels * 4], labels) - largest).abs() < 1e-12);
        }
    }

    #[test]
    fn a_certain_prediction_has_none_even_where_probabilities_underflow() {
        assert!(entropy(&[2000.0, 0.0, -2000.0]).abs() < 1e-300);
        assert_eq!(softmax(&[2000.0, 0.0, -2000.0]), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn the_mean_of_two_opposite_certain_predictions_is_undecided() {
        let logits = [100.0, 0.0, 0.0, 100.0];
        assert!((marginal_entropy(&logits, 2) - 2.0_f64.ln()).abs() < 1e-12);
        assert!(entropy(&logits[..2]) < 1e-12);
    }

    #[test]
    fn one_label_is_always_certain() {
        assert_eq!(softmax(&[-3.0]), [1.0]);
        assert!(entropy(&[-3.0]).abs() < 1e-300);
    }

    #[test]
    fn device_and_host_agree() {
        let device = burn::tensor::Device::flex();
        let logits = [[1.0_f32, -2.0, 30.0], [0.1, 0.2, 0.3], [-50.0, 80.0, 79.0]];
        let on_device = row_entropies(Tensor::<2>::from_floats(logits, &device)).into_data();
        for (row, found) in logits.iter().zip(on_device.iter::<f32>()) {
            assert!((entropy(row) - f64::from(found)).abs() < 1e-5);
        }
    }
}
