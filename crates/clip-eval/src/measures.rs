//! How good answers are: accuracy, calibration, and paired differences between two methods.

mod calibration;
mod paired;

use self::paired::bootstrap;
pub use calibration::{Bin, Calibration, calibration};
pub use paired::{Paired, mcnemar};

use std::collections::BTreeMap;

use serde::Serialize;

/// What a method said of one picture, as far as measures need it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Place of the true label among all, likeliest first; 0 is right.
    pub true_rank: usize,
    /// Probability of the label that was chosen.
    pub confidence: f64,
    /// Probability of the true label.
    pub true_probability: f64,
}

impl Answer {
    /// Ranks the true label. Of labels that are equally likely the earlier one counts as likelier, as when the best is chosen.
    ///
    /// `None` where the probabilities hold no such label or something that is no number.
    #[must_use]
    pub fn of(probabilities: &[f32], truth: usize) -> Option<Self> {
        let true_probability = *probabilities.get(truth)?;
        if probabilities.iter().any(|probability| !probability.is_finite()) {
            return None;
        }
        let likelier = |(index, &probability): (usize, &f32)| {
            probability > true_probability || (index < truth && probability >= true_probability)
        };
        let confidence = probabilities.iter().copied().fold(0.0, f32::max);
        Some(Self {
            true_rank: probabilities
                .iter()
                .enumerate()
                .filter(|&entry| likelier(entry))
                .count(),
            confidence: f64::from(confidence),
            true_probability: f64::from(true_probability),
        })
    }

    /// Whether the likeliest label is the true one.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.true_rank == 0
    }

    /// Whether the true label is among so many likeliest ones. One without any probability is not, wherever it stands among others of this kind:
    /// a vote gives most labels nothing.
    #[must_use]
    pub fn is_among(&self, ranks: usize) -> bool {
        self.is_right() || (self.true_rank < ranks && self.true_probability > 0.0)
    }
}

/// A share of pictures, with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// The share, 0 to 1; 0 of nothing is 0.
    pub value: f64,
    /// Wilson's score interval; where pictures were asked about more than once, the percentiles of a bootstrap over the pictures.
    pub interval: [f64; 2],
}

impl Share {
    /// `count` of `of`.
    #[must_use]
    pub fn new(count: usize, of: usize) -> Self {
        if of == 0 {
            return Self {
                count,
                of,
                value: 0.0,
                interval: [0.0, 1.0],
            };
        }
        let (n, value) = (of as f64, count as f64 / of as f64);
        let z2 = NORMAL_975 * NORMAL_975;
        let middle = (value + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = NORMAL_975 / (1.0 + z2 / n) * (value * (1.0 - value) / n + z2 / (4.0 * n * n)).sqrt();
        Self {
            count,
            of,
            value,
            interval: [(middle - half).max(0.0), (middle + half).min(1.0)],
        }
    }

    /// From each picture's right answers and questions. A picture under several conditions is no several pictures.
    #[must_use]
    pub fn of_pictures(pictures: impl IntoIterator<Item = (usize, usize)>, seed: u64) -> Self {
        let (mut count, mut of, mut once) = (0, 0, true);
        let mut balances: BTreeMap<(usize, i64), usize> = BTreeMap::new();
        for (right, asked) in pictures {
            count += right;
            of += asked;
            once &= asked <= 1;
            if asked > 0 {
                *balances.entry((asked, right as i64)).or_default() += 1;
            }
        }
        let share = Self::new(count, of);
        if once {
            return share;
        }
        Self {
            interval: bootstrap(&balances, seed),
            ..share
        }
    }
}

/// 97.5 % of a normal distribution lie below this many deviations.
pub(crate) const NORMAL_975: f64 = 1.959_963_984_540_054;

/// A value below which this part of the values lie; they must be sorted. Between two it is linear, as numpy has it.
#[must_use]
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = part.clamp(0.0, 1.0) * last as f64;
    let (lower, fraction) = (place.floor() as usize, place.fract());
    let at = |index: usize| sorted.get(index.min(last)).copied().unwrap_or(f64::NAN);
    at(lower) + fraction * (at(lower + 1) - at(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_true_label_is_ranked() {
        let answer = Answer::of(&[0.2, 0.5, 0.3], 2).unwrap();
        assert_eq!((answer.true_rank, answer.is_right()), (1, false));
        assert!((answer.confidence - 0.5).abs() < 1e-7 && (answer.true_probability - 0.3).abs() < 1e-7);
        assert!(
            Answer::of(&[0.5, 0.5], 0).unwrap().is_right(),
            "the first of two equal ones is chosen"
        );
        assert!(!Answer::of(&[0.5, 0.5], 1).unwrap().is_right());
        assert_eq!(Answer::of(&[0.5, 0.5], 2), None);
        assert_eq!(Answer::of(&[f32::NAN, 0.5], 1), None);
    }

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // 15 of 148 with 95 %: Newcombe 1998, table I, method 3.
        let share = Share::new(15, 148);
        assert!((share.interval[0] - 0.0624).abs() < 5e-5 && (share.interval[1] - 0.1605).abs() < 5e-5);
        assert_eq!(Share::new(0, 20).interval[0], 0.0);
        assert!((Share::new(0, 20).interval[1] - 0.1611).abs() < 5e-5);
        assert_eq!(Share::new(0, 0).interval, [0.0, 1.0]);
    }

    #[test]
    fn asking_about_a_picture_again_makes_its_share_no_surer() {
        // Half of twenty pictures are right, each under fifteen conditions.
        let pictures = |asked: usize| (0..20).map(move |index| (if index < 10 { asked } else { 0 }, asked));
        let (once, often) = (Share::of_pictures(pictures(1), 0), Share::of_pictures(pictures(15), 0));
        assert_eq!(once, Share::new(10, 20));
        assert_eq!((often.count, often.of), (150, 300));
        for (once, often) in once.interval.iter().zip(often.interval) {
            assert!((once - often).abs() < 0.05, "{once} {often}");
        }
    }

    #[test]
    fn a_label_without_a_vote_is_not_among_the_likeliest() {
        let votes = [0.0, 0.0, 1.0, 0.0];
        assert!(!Answer::of(&votes, 0).unwrap().is_among(5));
        assert!(Answer::of(&votes, 2).unwrap().is_among(1));
        assert!(Answer::of(&[0.2, 0.5, 0.3], 0).unwrap().is_among(3));
        assert!(!Answer::of(&[0.2, 0.5, 0.3], 0).unwrap().is_among(2));
    }

    #[test]
    fn quantiles_lie_between_values() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert!((quantile(&values, 0.5) - 2.5).abs() < 1e-12);
        assert!((quantile(&values, 1.0) - 4.0).abs() < 1e-12);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
