//! What the views' predictions say together, from their logits.

use crate::entropy;
use crate::report::ViewsState;

impl ViewsState {
    /// From logits `[views, labels]`, row-major; `weigh` gives each view's weight and the loss, from their entropies.
    pub fn of(logits: &[f32], labels: usize, weigh: impl FnOnce(&[f64]) -> (Vec<f64>, f64)) -> Self {
        let rows = || logits.chunks_exact(labels.max(1));
        let entropies: Vec<f64> = rows().map(entropy::entropy).collect();
        let (weights, loss) = weigh(&entropies);
        let count = entropies.len().max(1) as f64;
        let (view_labels, view_probabilities) = rows().map(likeliest).unzip();
        Self {
            loss,
            entropy: entropies.iter().sum::<f64>() / count,
            marginal_entropy: entropy::marginal_entropy(logits, labels),
            view_entropies: singles(&entropies),
            view_weights: singles(&weights),
            view_labels,
            view_probabilities,
        }
    }
}

/// The label with the largest of the logits, the first of equal ones, and its probability.
fn likeliest(logits: &[f32]) -> (usize, f32) {
    let mut best = 0;
    for (label, logit) in logits.iter().enumerate() {
        if logits.get(best).is_some_and(|largest| logit > largest) {
            best = label;
        }
    }
    let probability = entropy::softmax(logits).get(best).copied().unwrap_or_default();
    (best, probability)
}

/// For reports, which have no use for more digits.
pub(crate) fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}
