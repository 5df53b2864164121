//! Whether probabilities mean what they say.

use serde::Serialize;

use super::Answer;

/// As many as C-TPT has; more or fewer give other numbers, which can't be compared.
const BINS: usize = 20;

/// The answers whose confidence lies in one of twenty equal parts of 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Confidences above this.
    pub from: f64,
    /// Up to this.
    pub to: f64,
    /// How many answers.
    pub count: usize,
    /// The share of right ones; 0 where there are none.
    pub accuracy: f64,
    /// Their mean confidence; 0 where there are none.
    pub confidence: f64,
}

/// How far confidence and accuracy lie apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error: the mean over the answers of the distance between accuracy and mean confidence of their bin, 0 to 1.
    pub ece: f64,
    /// Mean confidence of all answers.
    pub confidence: f64,
    /// Mean of the negative logarithm of the true label's probability, in nats; absent where it is infinite, since a true label got no probability
    /// at all, as in a vote.
    pub negative_log_likelihood: Option<f64>,
    /// The bins, from 0 to 1.
    pub bins: Vec<Bin>,
}

/// Sorts answers into twenty bins (lower, upper], as C-TPT does, and compares.
#[must_use]
pub fn calibration(answers: &[Answer]) -> Calibration {
    let mut bins: Vec<(usize, usize, f64)> = vec![(0, 0, 0.0); BINS];
    for answer in answers {
        let bin = &mut bins[bin_of(answer.confidence)];
        bin.0 += 1;
        bin.1 += usize::from(answer.is_right());
        bin.2 += answer.confidence;
    }
    let total = answers.len().max(1) as f64;
    let bins: Vec<Bin> = bins
        .into_iter()
        .enumerate()
        .map(|(index, (count, right, confidence))| Bin {
            from: index as f64 / BINS as f64,
            to: (index + 1) as f64 / BINS as f64,
            count,
            accuracy: right as f64 / count.max(1) as f64,
            confidence: confidence / count.max(1) as f64,
        })
        .collect();
    let surprise: f64 = answers.iter().map(|answer| -answer.true_probability.ln()).sum();
    Calibration {
        ece: bins
            .iter()
            .map(|bin| (bin.accuracy - bin.confidence).abs() * bin.count as f64 / total)
            .sum(),
        confidence: answers.iter().map(|answer| answer.confidence).sum::<f64>() / total,
        negative_log_likelihood: surprise.is_finite().then_some(surprise / total),
        bins,
    }
}

fn bin_of(confidence: f64) -> usize {
    // Bins hold their upper edge, not their lower one; in single precision an edge such as 0.4 lies a little above itself.
    ((confidence * BINS as f64 - 1e-6).ceil() as usize).clamp(1, BINS) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(confidence: f64, is_right: bool) -> Answer {
        Answer {
            true_rank: usize::from(!is_right),
            confidence,
            true_probability: if is_right { confidence } else { 1.0 - confidence },
        }
    }

    #[test]
    fn an_answer_that_is_as_sure_as_it_is_right_has_no_error() {
        let answers: Vec<Answer> = (0..10).map(|index| answer(0.7, index < 7)).collect();
        assert!(calibration(&answers).ece < 1e-12);
    }

    #[test]
    fn the_error_is_the_mean_distance_of_the_bins() {
        // One bin of two answers 0.9 sure, one right: distance 0.4; one of two 0.52 sure, both right: distance 0.48.
        let answers = [
            answer(0.9, true),
            answer(0.9, false),
            answer(0.52, true),
            answer(0.52, true),
        ];
        let found = calibration(&answers);
        assert!((found.ece - 0.44).abs() < 1e-12, "{}", found.ece);
        assert!((found.confidence - 0.71).abs() < 1e-12);
        assert_eq!(found.bins.iter().map(|bin| bin.count).sum::<usize>(), 4);
    }

    #[test]
    fn bins_hold_their_upper_edge() {
        assert_eq!((bin_of(0.05), bin_of(0.0501), bin_of(1.0), bin_of(0.0)), (0, 1, 19, 0));
        // Shares of votes are edges, and come in single precision.
        for votes in 1..=20_u8 {
            assert_eq!(bin_of(f64::from(f32::from(votes) / 20.0)), usize::from(votes) - 1);
        }
    }

    #[test]
    fn a_true_label_without_probability_is_an_infinite_surprise() {
        let mut answers = vec![answer(0.9, true), answer(0.6, false)];
        let expected = -(0.9_f64.ln() + 0.4_f64.ln()) / 2.0;
        assert!((calibration(&answers).negative_log_likelihood.unwrap() - expected).abs() < 1e-12);
        answers[1].true_probability = 0.0;
        assert_eq!(calibration(&answers).negative_log_likelihood, None);
    }

    #[test]
    fn nothing_has_no_error() {
        assert_eq!(calibration(&[]).ece, 0.0);
    }
}
