//! Small examples, worked out by hand.

use super::*;

#[test]
fn zero_counts_the_confident_views_votes() {
    // Labels at 0 and 90 degrees: the nearer to one of them, the surer.
    let features = by_angles(&[40.0, 1.0, 2.0, 88.0, 50.0], &[0.0, 90.0], 10.0);
    let vote = zero::vote(&features, ZeroOptions { selection: 0.6 });
    assert_eq!(vote.voters, [1, 2, 3]);
    assert_eq!((vote.winner, vote.votes.as_slice()), (0, [2, 1].as_slice()));
}

#[test]
fn zero_asks_the_next_confident_view_in_a_tie() {
    // 1 and 88 degrees are for one label each; 60 is the surest of the rest, and for the second.
    let features = by_angles(&[40.0, 1.0, 88.0, 60.0], &[0.0, 90.0], 10.0);
    let vote = zero::vote(&features, ZeroOptions { selection: 0.5 });
    assert_eq!((vote.winner, vote.votes.as_slice()), (1, [1, 2].as_slice()));
    assert_eq!(vote.shares(), [1.0 / 3.0, 2.0 / 3.0]);
    // The rest are for a label that isn't tied, the third: it says which of the tied it likes better.
    let features = by_angles(&[150.0, 0.0, 90.0, 160.0], &[0.0, 90.0, 180.0], 10.0);
    let vote = zero::vote(&features, ZeroOptions { selection: 0.5 });
    assert_eq!((vote.winner, vote.votes.as_slice()), (1, [1, 2, 0].as_slice()));
    // Nobody is left: the surest of those who voted decides, here 89.5 degrees against 1.
    let features = by_angles(&[1.0, 89.5], &[0.0, 90.0], 10.0);
    assert_eq!(zero::vote(&features, ZeroOptions { selection: 1.0 }).winner, 1);
}

#[test]
fn mta_does_one_round_as_written() {
    let features = by_angles(&[0.0, 90.0], &[0.0, 90.0], 3.0);
    let mode = mta::find_mode(
        &features,
        MtaOptions {
            iterations: 1,
            ..MtaOptions::default()
        },
    );
    // The views are a squared distance of 2 apart, so 2 h^2 = 2.
    let kernel = [1.0, (-1.0_f64).exp()];
    let p = 1.0 / (1.0 + (-3.0_f64).exp());
    let (same, other) = (p * p + (1.0 - p) * (1.0 - p), 2.0 * p * (1.0 - p));
    let agreement = 4.0 * (same + other) / 2.0;
    let inlierness = softmax(&[(kernel[0] + agreement) / 0.2, (kernel[1] + agreement) / 0.2]);
    assert_close(&mode.inlierness, &inlierness, 1e-6, "inlierness");
    let sum = [inlierness[0] * kernel[0], inlierness[1] * kernel[1]];
    let length = sum[0].hypot(sum[1]);
    assert_close(&mode.feature, &[sum[0] / length, sum[1] / length], 1e-6, "mode");
}

#[test]
fn mta_leaves_an_outlier_out() {
    let features = by_angles(&[10.0, 12.0, 9.0, 11.0, 13.0, 8.0, 85.0], &[0.0, 90.0], 5.0);
    let mode = mta::find_mode(&features, MtaOptions::default());
    let angle = mode.feature[1].atan2(mode.feature[0]).to_degrees();
    assert!((8.0..13.0).contains(&angle), "{angle}");
    let outlier = mode.inlierness[6];
    assert!(mode.inlierness[..6].iter().all(|&inlier| inlier > outlier));
}

#[test]
fn marginal_is_the_mean_of_the_confident_views() {
    let features = by_angles(&[45.0, 0.0, 80.0], &[0.0, 90.0], 4.0);
    let probability = |view: usize| features.log_probabilities(view)[0].exp();
    let options = MarginalOptions {
        selection: 0.7,
        weighting: Weighting::Equal,
    };
    let (mean, weights) = marginal::mean_prediction(&features, options);
    assert_close(&weights, &[0.0, 0.5, 0.5], 0.0, "weights");
    assert_close(&mean[..1], &[(probability(1) + probability(2)) / 2.0], 1e-15, "mean");
    let options = MarginalOptions {
        weighting: Weighting::Entropy,
        ..options
    };
    let (mean, weights) = marginal::mean_prediction(&features, options);
    let raw = [(-features.entropies()[1]).exp(), (-features.entropies()[2]).exp()];
    assert_close(
        &weights[1..],
        &[raw[0] / (raw[0] + raw[1]), raw[1] / (raw[0] + raw[1])],
        1e-15,
        "weights",
    );
    assert!(mean[0] > mean[1] && weights[1] > weights[2]);
}

#[test]
fn oftta_adds_what_the_supports_say() {
    // Confidence: 0 degrees, then 80, then 30; the centre view at 40 is none of the supports.
    let features = by_angles(&[40.0, 30.0, 80.0, 0.0], &[0.0, 90.0], 10.0);
    let (logits, weights) = oftta::adjust(&features, OfttaOptions::default());
    let sum = 1.0 + 0.5 + 1.0 / 3.0;
    assert_close(
        &weights,
        &[0.0, 1.0 / 3.0 / sum, 0.5 / sum, 1.0 / sum],
        1e-12,
        "weights",
    );
    let voice = |degrees: f64| (-5.0 * (1.0 - degrees.to_radians().cos())).exp();
    let first = 2.0 * (weights[1] * voice(10.0) + weights[3] * voice(40.0));
    let second = 2.0 * weights[2] * voice(40.0);
    let expected = [features.logits(0)[0] + first, features.logits(0)[1] + second];
    assert_close(&logits, &expected, 1e-6, "logits");
    // With one support for each label, the less confident view of the first one says nothing.
    let one = OfttaOptions {
        supports: 1,
        ..OfttaOptions::default()
    };
    assert_eq!(oftta::adjust(&features, one).1[1], 0.0);
}

#[test]
fn oftta_mixes_the_sources_normalisation_with_the_views() {
    let device = Device::flex();
    let class_tokens = Tensor::<2>::from_floats([[1.0, 5.0, 2.0], [3.0, 5.0, 2.0]], &device);
    let source_mean = Tensor::<2>::from_floats([[0.0, 1.0, 2.0]], &device);
    let source_deviation = Tensor::<2>::from_floats([[3.0, 0.0, 2.0]], &device);
    let mixed = |x: Tensor<2>, share| -> Vec<f64> {
        let mixed = oftta::mix(x, source_mean.clone(), source_deviation.clone(), share);
        mixed.into_data().iter::<f32>().map(f64::from).collect()
    };
    // The views' mean and deviation are (2, 5, 2) and (1, 0, 0). First channel: mean 1.5, deviation 1.5, so
    // (1 - 1.5) / 1.5 * 3 + 0 = -1. The second one never varies: 5 - 4 + 1. The third: 2.
    let found = mixed(class_tokens.clone(), 0.25);
    assert_close(&found, &[-1.0, 2.0, 2.0, 3.0, 2.0, 2.0], 1e-6, "mix");
    assert_close(
        &mixed(class_tokens.clone(), 1.0),
        &[1.0, 5.0, 2.0, 3.0, 5.0, 2.0],
        1e-6,
        "the source alone",
    );
    let one = class_tokens.narrow(0, 0, 1);
    let alone = mixed(one, 0.4);
    assert_close(&[alone[0], alone[2]], &[1.0, 2.0], 1e-6, "one view stays as it is");
    let shares: Vec<f64> = (0..12).map(|block| oftta::source_share(block, 12)).collect();
    assert!((shares[0] - 0.1).abs() < 1e-12 && (shares[11] - 0.99).abs() < 1e-12 && shares.is_sorted());
    assert!(oftta::source_share(0, 1).is_finite());
}

#[test]
fn dect_subtracts_the_bias_and_scores_the_distance_to_prototypes() {
    let features = by_angles(&[20.0, 0.0, 90.0], &[0.0, 90.0], 6.0);
    // A content-free picture in the direction of the first label: its logits are (6, 0).
    let bias = dect::bias(&features, &[1.0, 0.0]);
    assert_close(&bias, &[3.0, -3.0], 1e-6, "bias");
    let calibrated = DectOptions {
        calibration_weight: 0.5,
        prototype_weight: 0.0,
    };
    let logits = dect::decode(&features, &bias, calibrated);
    assert_close(
        &logits,
        &[features.logits(0)[0] - 1.5, features.logits(0)[1] + 1.5],
        1e-6,
        "calibration",
    );

    let options = DectOptions {
        calibration_weight: 0.0,
        prototype_weight: 1.0,
    };
    let logits = dect::decode(&features, &bias, options);
    for (label, found) in logits.iter().enumerate() {
        let raw: Vec<f64> = (0..3)
            .map(|view| features.log_probabilities(view)[label].exp())
            .collect();
        let sum: f64 = raw.iter().sum();
        let mut prototype = [0.0; 2];
        for (view, raw) in raw.iter().enumerate() {
            prototype[0] += raw / sum * features.view(view)[0];
            prototype[1] += raw / sum * features.view(view)[1];
        }
        let distance =
            |view: usize| (features.view(view)[0] - prototype[0]).hypot(features.view(view)[1] - prototype[1]);
        let radius: f64 = raw
            .iter()
            .enumerate()
            .map(|(view, raw)| raw / sum * distance(view))
            .sum();
        let expected = features.logits(0)[label] + 6.0 * (radius - distance(0));
        assert!((found - expected).abs() < 1e-6, "{label}: {found} {expected}");
    }
}
