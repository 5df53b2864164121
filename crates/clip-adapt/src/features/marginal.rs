//! The entropy of the mean of several predictions, and its gradient in closed form.
//!
//! With `p_i` the predictions of `n` views, `log m_c = logsumexp_i(log p_ic) - log n`, `L = -sum_c m_c log m_c` and
//! `dL/dl_ic = -(p_ic / n) (log m_c - sum_k p_ik log m_k)` for the logits `l`.

/// Adds up predictions by their logarithms.
#[derive(Debug, Clone)]
pub struct Marginal {
    log_mean: Vec<f64>,
}

impl Marginal {
    /// The mean of predictions, each given by the logarithms of its probabilities, `[labels]`; all have the same number
    /// of labels.
    #[must_use]
    pub fn of<'a>(predictions: impl Iterator<Item = &'a [f64]> + Clone) -> Self {
        let labels = predictions.clone().next().map_or(0, <[f64]>::len);
        let mut largest = vec![f64::NEG_INFINITY; labels];
        let mut count = 0_usize;
        for prediction in predictions.clone() {
            for (largest, log_p) in largest.iter_mut().zip(prediction) {
                *largest = largest.max(*log_p);
            }
            count += 1;
        }
        let mut sums = vec![0.0; labels];
        for prediction in predictions {
            for ((sum, log_p), largest) in sums.iter_mut().zip(prediction).zip(&largest) {
                *sum += (log_p - largest).exp();
            }
        }
        let log_count = (count.max(1) as f64).ln();
        let log_mean = sums
            .into_iter()
            .zip(largest)
            .map(|(sum, largest)| largest + sum.ln() - log_count);
        Self {
            log_mean: log_mean.collect(),
        }
    }

    /// The logarithms of the mean's probabilities, `[labels]`.
    #[must_use]
    pub fn log_probabilities(&self) -> &[f64] {
        &self.log_mean
    }

    /// The mean's entropy, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        super::entropy(&self.log_mean)
    }

    /// The gradient of that entropy towards the logits of one of the `count` predictions, into `gradient` `[labels]`.
    pub fn gradient(&self, prediction: &[f64], count: usize, gradient: &mut [f64]) {
        let expected: f64 = prediction
            .iter()
            .zip(&self.log_mean)
            .map(|(log_p, log_mean)| log_p.exp() * log_mean)
            .sum();
        let count = count.max(1) as f64;
        for ((gradient, log_p), log_mean) in gradient.iter_mut().zip(prediction).zip(&self.log_mean) {
            *gradient = -log_p.exp() / count * (log_mean - expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::log_softmax;

    fn predictions(logits: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let mut rows = logits.to_vec();
        for row in &mut rows {
            log_softmax(row);
        }
        rows
    }

    fn loss(logits: &[Vec<f64>]) -> f64 {
        Marginal::of(predictions(logits).iter().map(Vec::as_slice)).entropy()
    }

    #[test]
    fn the_mean_of_two_opposite_certain_predictions_is_undecided() {
        let certain = vec![vec![900.0, 0.0], vec![0.0, 900.0]];
        assert!((loss(&certain) - 2.0_f64.ln()).abs() < 1e-12);
        assert!(loss(&certain[..1]).abs() < 1e-12);
    }

    #[test]
    fn the_gradient_is_that_of_central_differences() {
        let logits = vec![vec![1.0, -0.5, 0.3], vec![-2.0, 0.7, 0.1], vec![0.0, 0.0, 3.0]];
        let rows = predictions(&logits);
        let marginal = Marginal::of(rows.iter().map(Vec::as_slice));
        let mut gradient = vec![0.0; 3];
        for (view, row) in rows.iter().enumerate() {
            marginal.gradient(row, rows.len(), &mut gradient);
            for label in 0..3 {
                let at = |offset: f64| {
                    let mut moved = logits.clone();
                    moved[view][label] += offset;
                    loss(&moved)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((difference - gradient[label]).abs() < 1e-9, "{view} {label}");
            }
        }
    }

    #[test]
    fn probabilities_that_underflow_leave_no_trace_of_infinity() {
        let rows = predictions(&[vec![0.0, -4000.0], vec![0.0, -3000.0]]);
        let marginal = Marginal::of(rows.iter().map(Vec::as_slice));
        let mut gradient = vec![f64::NAN; 2];
        marginal.gradient(&rows[0], 2, &mut gradient);
        assert!(marginal.entropy().abs() < 1e-300 && gradient.iter().all(|value| value.abs() < 1e-300));
    }
}
