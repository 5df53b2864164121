//! Two methods on the same pictures. Their difference is known far better than either's accuracy: only pictures on which they disagree count.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution as _};
use serde::Serialize;

use super::quantile;

/// Samples of the bootstrap.
const RESAMPLES: usize = 10_000;

/// What changes when one method takes another's place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Questions that both were asked: a picture under one condition.
    pub questions: usize,
    /// Wrong before, right now.
    pub made_right: usize,
    /// Right before, wrong now.
    pub made_wrong: usize,
    /// Difference of the accuracies, -1 to 1.
    pub difference: f64,
    /// Its 95 % confidence interval: the percentiles of a bootstrap over the pictures. A picture under several conditions is drawn with all of them:
    /// they are not independent.
    pub interval: [f64; 2],
    /// Probability of a disagreement at least as one-sided if neither were better: McNemar's exact test. Absent where pictures were asked about
    /// more than once, which that test doesn't allow.
    pub p_value: Option<f64>,
}

/// Where a difference is called clear.
const SIGNIFICANT: f64 = 0.05;

impl Paired {
    /// Compares whether the one (`before`) and the other (`now`) was right: for each picture its questions, as `(before, now)`.
    #[must_use]
    pub fn of<Q: IntoIterator<Item = (bool, bool)>>(pictures: impl IntoIterator<Item = Q>, seed: u64) -> Self {
        let (mut questions, mut made_right, mut made_wrong, mut once) = (0, 0, 0, true);
        // How many pictures have which balance of (questions, made right less made wrong).
        let mut balances: BTreeMap<(usize, i64), usize> = BTreeMap::new();
        for picture in pictures {
            let (mut asked, mut balance) = (0, 0_i64);
            for (before, now) in picture {
                asked += 1;
                balance += i64::from(now) - i64::from(before);
                made_right += usize::from(!before && now);
                made_wrong += usize::from(before && !now);
            }
            questions += asked;
            once &= asked <= 1;
            if asked > 0 {
                *balances.entry((asked, balance)).or_default() += 1;
            }
        }
        Self {
            questions,
            made_right,
            made_wrong,
            difference: (made_right as f64 - made_wrong as f64) / questions.max(1) as f64,
            interval: bootstrap(&balances, seed),
            p_value: once.then(|| mcnemar(made_right, made_wrong)),
        }
    }

    /// Whether chance is no good explanation of the difference: by the exact test where there is one, since with a few changed answers the
    /// bootstrap's interval is too narrow, else by that interval.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.p_value.map_or_else(
            || self.interval[0] > 0.0 || self.interval[1] < 0.0,
            |p_value| p_value < SIGNIFICANT,
        )
    }
}

/// Drawing pictures anew, with replacement, draws the number of each balance from a multinomial distribution: so these are drawn, one after the other.
pub(super) fn bootstrap(balances: &BTreeMap<(usize, i64), usize>, seed: u64) -> [f64; 2] {
    let pictures: usize = balances.values().sum();
    if pictures == 0 {
        return [-1.0, 1.0];
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut resampled = || {
        let (mut left_to_draw, mut left_to_choose) = (pictures as u64, pictures);
        let (mut asked, mut sum) = (0.0, 0.0);
        for (&(questions, balance), &count) in balances {
            let share = count as f64 / left_to_choose.max(1) as f64;
            let drawn = Binomial::new(left_to_draw, share.clamp(0.0, 1.0))
                .map_or(0, |distribution| distribution.sample(&mut random));
            left_to_draw -= drawn.min(left_to_draw);
            left_to_choose -= count;
            asked += drawn as f64 * questions as f64;
            sum += drawn as f64 * balance as f64;
        }
        sum / f64::max(asked, 1.0)
    };
    let mut differences: Vec<f64> = (0..RESAMPLES).map(|_| resampled()).collect();
    differences.sort_by(f64::total_cmp);
    [quantile(&differences, 0.025), quantile(&differences, 0.975)]
}

/// McNemar's exact test, two-sided: how likely fair coins fall at least as unevenly.
#[must_use]
pub fn mcnemar(made_right: usize, made_wrong: usize) -> f64 {
    let (count, fewer) = (made_right + made_wrong, made_right.min(made_wrong));
    if 2 * fewer == count {
        return 1.0;
    }
    // Logarithms: 2 to the power of thousands of pictures is no number.
    let mut log_binomial = 0.0_f64;
    let mut tail = 0.0_f64;
    let log_half = count as f64 * 0.5_f64.ln();
    for index in 0..=fewer {
        tail += (log_binomial + log_half).exp();
        log_binomial += ((count - index) as f64).ln() - ((index + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemars_test_gives_the_sign_tests_values() {
        // 19 against 3: 2 * (1 + 22 + 231 + 1540) / 2^22.
        assert!((mcnemar(19, 3) - 2.0 * 1794.0 / 4_194_304.0).abs() < 1e-12);
        assert!((mcnemar(3, 19) - mcnemar(19, 3)).abs() < 1e-15);
        assert!((mcnemar(1, 0) - 1.0).abs() < 1e-12);
        assert!((mcnemar(0, 0) - 1.0).abs() < 1e-12 && (mcnemar(5, 5) - 1.0).abs() < 1e-12);
        assert!(mcnemar(3000, 2000) < 1e-40 && mcnemar(3000, 2000) > 0.0);
    }

    /// 60 made right and 30 made wrong, of a thousand.
    fn thousand() -> impl Iterator<Item = (bool, bool)> {
        (0..1000).map(|index| match index {
            0..60 => (false, true),
            60..90 => (true, false),
            90..500 => (true, true),
            _ => (false, false),
        })
    }

    fn assert_near(found: [f64; 2], expected: [f64; 2]) {
        let near = found
            .iter()
            .zip(expected)
            .all(|(found, expected)| (found - expected).abs() < 2e-3);
        assert!(near, "{found:?} is not about {expected:?}");
    }

    #[test]
    fn the_difference_and_its_interval() {
        let paired = Paired::of(thousand().map(|pair| [pair]), 1);
        assert_eq!((paired.made_right, paired.made_wrong, paired.questions), (60, 30, 1000));
        assert!((paired.difference - 0.03).abs() < 1e-12);
        assert!((paired.p_value.unwrap() - mcnemar(60, 30)).abs() < 1e-15);
        // Its deviation is sqrt(0.09 - 0.03^2) / sqrt(1000) = 0.00944.
        assert_near(paired.interval, [0.03 - 1.96 * 0.00944, 0.03 + 1.96 * 0.00944]);
    }

    #[test]
    fn asking_the_same_pictures_again_makes_nothing_surer() {
        let once = Paired::of(thousand().map(|pair| vec![pair]), 1);
        let fivefold = Paired::of(thousand().map(|pair| vec![pair; 5]), 1);
        assert_near(fivefold.interval, once.interval);
        assert_eq!((fivefold.questions, fivefold.p_value), (5000, None));
        assert!((fivefold.difference - once.difference).abs() < 1e-12);
    }

    #[test]
    fn four_changed_answers_are_not_clear() {
        // No resample without one of the four has much of a chance, and yet four coins fall alike one time in eight.
        let few = Paired::of((0..30).map(|index| [(false, index < 4)]), 1);
        assert!(few.interval[0] > 0.0 && !few.is_clear(), "{few:?}");
        assert!(Paired::of((0..30).map(|index| [(false, index < 6)]), 1).is_clear());
        let fivefold = Paired::of(thousand().map(|pair| vec![pair; 5]), 1);
        assert!(fivefold.is_clear(), "{fivefold:?}");
    }

    #[test]
    fn methods_that_never_disagree_do_not_differ() {
        let paired = Paired::of([[(true, true)], [(false, false)]], 0);
        assert_eq!((paired.difference, paired.interval), (0.0, [0.0, 0.0]));
        assert_eq!(Paired::of([[]; 0], 0).interval, [-1.0, 1.0]);
    }
}
