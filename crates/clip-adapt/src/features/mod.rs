//! What the methods that never go back through the towers compute with: the features of a picture's views and of the
//! labels' texts, on the host, in f64.
//!
//! The towers run once; everything here is arithmetic on `[views, width]` and `[labels, width]`, which takes about a
//! millisecond and is the same on every device.

pub mod adamw;
pub mod cma_es;
pub mod content_free;
pub mod marginal;
pub mod prototypes;
pub mod selection;
pub mod singular;
pub mod symmetric;

use crate::error::{Error, Result};

/// Unit features of views and labels, and what they say about each other.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSet {
    width: usize,
    labels: usize,
    /// `[views, width]`, rows of length 1.
    image: Vec<f64>,
    /// `[labels, width]`, rows of length 1.
    text: Vec<f64>,
    scale: f64,
    /// `[views, labels]`
    logits: Vec<f64>,
    /// `[views, labels]`
    log_probabilities: Vec<f64>,
    /// `[views]`, in nats.
    entropies: Vec<f64>,
}

impl FeatureSet {
    /// From features as the towers give them, row-major: `image` `[views, width]` with the centre view first, `text`
    /// `[labels, width]`; `scale` is what cosines are multiplied by. Rows need not be normalised.
    ///
    /// # Errors
    /// [`Error::FeaturesInvalid`] where there is no view, no label, a row that isn't whole, a value that is no finite
    /// number, or a row of zeros, which has no direction.
    pub fn new(image: &[f32], text: &[f32], width: usize, scale: f32) -> Result<Self> {
        if !scale.is_finite() {
            return Err(invalid("the scale of the logits is not a finite number"));
        }
        let image = unit_rows(image, width, "view")?;
        let text = unit_rows(text, width, "label")?;
        let labels = text.len() / width;
        let scale = f64::from(scale);
        let logits = prototypes::logits(&image, &text, width, scale);
        let mut log_probabilities = logits.clone();
        let mut entropies = Vec::with_capacity(image.len() / width);
        for row in log_probabilities.chunks_exact_mut(labels) {
            log_softmax(row);
            entropies.push(entropy(row));
        }
        Ok(Self {
            width,
            labels,
            image,
            text,
            scale,
            logits,
            log_probabilities,
            entropies,
        })
    }

    /// Number of views.
    #[must_use]
    pub fn views(&self) -> usize {
        self.entropies.len()
    }

    /// Number of labels.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// Length of a feature.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// What cosines are multiplied by to give logits.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// All views' features, `[views, width]`, rows of length 1.
    #[must_use]
    pub fn image(&self) -> &[f64] {
        &self.image
    }

    /// All labels' features, `[labels, width]`, rows of length 1.
    #[must_use]
    pub fn text(&self) -> &[f64] {
        &self.text
    }

    /// One view's feature, `[width]`.
    #[must_use]
    pub fn view(&self, view: usize) -> &[f64] {
        row(&self.image, self.width, view)
    }

    /// One view's logits, `[labels]`.
    #[must_use]
    pub fn logits(&self, view: usize) -> &[f64] {
        row(&self.logits, self.labels, view)
    }

    /// Logits `[views, labels]` of unit features `[views, width]` against unit prototypes `[labels, width]`, neither of which need be the set's own.
    #[must_use]
    pub fn logits_between(&self, views: &[f64], prototypes: &[f64]) -> Vec<f64> {
        prototypes::logits(views, prototypes, self.width, self.scale)
    }

    /// The logarithms of one view's probabilities, `[labels]`.
    #[must_use]
    pub fn log_probabilities(&self, view: usize) -> &[f64] {
        row(&self.log_probabilities, self.labels, view)
    }

    /// Each view's entropy, in nats.
    #[must_use]
    pub fn entropies(&self) -> &[f64] {
        &self.entropies
    }

    /// The squared distances between the views' features, `[views, views]`.
    #[must_use]
    pub fn squared_distances(&self) -> Vec<f64> {
        let views = self.views();
        let mut distances = vec![0.0; views * views];
        for p in 0..views {
            for q in 0..p {
                let distance = squared_distance(self.view(p), self.view(q));
                distances[p * views + q] = distance;
                distances[q * views + p] = distance;
            }
        }
        distances
    }

    /// The probabilities of the centre view, without adaptation.
    #[must_use]
    pub fn zero_shot(&self) -> Vec<f64> {
        self.log_probabilities(0).iter().map(|log_p| log_p.exp()).collect()
    }
}

/// Row `index` of a row-major matrix of `width` columns; empty where there is none.
pub(crate) fn row(values: &[f64], width: usize, index: usize) -> &[f64] {
    values.get(index * width..(index + 1) * width).unwrap_or_default()
}

/// The scalar product, in eight sums that the processor adds side by side.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// Adds `factor * values` to `sum`.
pub fn add_scaled(sum: &mut [f64], factor: f64, values: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// The square of the Euclidean distance of two points, summed up as [`dot`] does.
#[must_use]
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f64>() + rest
}

/// Makes logits into the logarithms of probabilities.
pub fn log_softmax(logits: &mut [f64]) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    let log_sum = largest + sum.ln();
    for logit in logits {
        *logit -= log_sum;
    }
}

/// The probabilities of logits.
#[must_use]
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let mut probabilities = logits.to_vec();
    log_softmax(&mut probabilities);
    for value in &mut probabilities {
        *value = value.exp();
    }
    probabilities
}

/// The entropy, in nats, of a prediction given by the logarithms of its probabilities.
#[must_use]
pub fn entropy(log_probabilities: &[f64]) -> f64 {
    // A probability that underflows to 0 has a finite logarithm here, so the product is 0.
    log_probabilities.iter().map(|log_p| -log_p.exp() * log_p).sum()
}

/// The entropy, in nats, of a prediction given by its probabilities: where they are shares of votes, say, which have no logits.
#[must_use]
pub fn entropy_of(probabilities: &[f64]) -> f64 {
    let terms = probabilities.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln());
    terms.sum::<f64>().max(0.0)
}

/// 1 for each of the selected views, 0 for the others; `[views]`.
#[must_use]
pub fn indicator(selected: &[usize], views: usize) -> Vec<f64> {
    let mut weights = vec![0.0; views];
    for &view in selected {
        weights[view] = 1.0;
    }
    weights
}

/// The first of the largest values; `None` where there is none.
#[must_use]
pub fn argmax(values: &[f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, &value) in values.iter().enumerate() {
        if best.is_none_or(|(_, largest)| value > largest) {
            best = Some((index, value));
        }
    }
    best.map(|(index, _)| index)
}

/// Rows of length 1 in f64.
fn unit_rows(values: &[f32], width: usize, what: &str) -> Result<Vec<f64>> {
    if width == 0 || values.is_empty() || !values.len().is_multiple_of(width) {
        return Err(invalid(&format!(
            "{} values don't make one row of {width} for each {what}",
            values.len()
        )));
    }
    let mut rows: Vec<f64> = values.iter().copied().map(f64::from).collect();
    for (index, row) in rows.chunks_exact_mut(width).enumerate() {
        let length = dot(row, row).sqrt();
        if !length.is_finite() || length <= 0.0 {
            let position = index + 1;
            return Err(invalid(&format!(
                "the features of {what} {position} have length {length}: they must be finite and not all 0"
            )));
        }
        for value in row {
            *value /= length;
        }
    }
    Ok(rows)
}

pub(crate) fn invalid(reason: &str) -> Error {
    Error::FeaturesInvalid {
        reason: reason.to_owned(),
    }
}
