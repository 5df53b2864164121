//! What the views' predictions say together, from their logits.

use crate::entropy;
use crate::methods::ttl::weight;

/// Losses and entropies of all views, in nats.
pub(crate) struct ViewStatistics {
    /// Mean of weight times entropy.
    pub(crate) loss: f64,
    /// Mean of the views' entropies.
    pub(crate) entropy: f64,
    /// Entropy of the views' mean prediction.
    pub(crate) marginal_entropy: f64,
    /// Each view's entropy.
    pub(crate) entropies: Vec<f64>,
    /// Each view's weight.
    pub(crate) weights: Vec<f64>,
}

impl ViewStatistics {
    /// From logits `[views, labels]`, row-major.
    pub(crate) fn of(logits: &[f32], labels: usize, margin: f64) -> Self {
        let entropies: Vec<f64> = logits.chunks_exact(labels.max(1)).map(entropy::entropy).collect();
        let weights: Vec<f64> = entropies.iter().map(|&entropy| weight(entropy, margin)).collect();
        let count = entropies.len().max(1) as f64;
        Self {
            loss: entropies
                .iter()
                .zip(&weights)
                .map(|(entropy, weight)| entropy * weight)
                .sum::<f64>()
                / count,
            entropy: entropies.iter().sum::<f64>() / count,
            marginal_entropy: entropy::marginal_entropy(logits, labels),
            entropies,
            weights,
        }
    }
}

/// For reports, which have no use for more digits.
pub(crate) fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}
