//! What must hold whatever the numbers are.

use super::*;

#[test]
fn one_view_is_classified_as_without_adaptation() {
    let features = features(1, 6);
    let zero_shot = features.zero_shot();
    let logits = features.logits(0);
    let vote = zero::vote(&features, ZeroOptions::default());
    assert_eq!(Some(vote.winner), argmax(&zero_shot));
    assert_eq!((vote.votes.iter().sum::<usize>(), vote.shares()[vote.winner]), (1, 1.0));
    assert_close(
        &mta::find_mode(&features, MtaOptions::default()).logits,
        logits,
        1e-12,
        "mta",
    );
    assert_close(
        &oftta::adjust(&features, OfttaOptions::default()).0,
        logits,
        0.0,
        "oftta",
    );
    let (mean, weights) = marginal::mean_prediction(&features, MarginalOptions::default());
    assert_close(&mean, &zero_shot, 1e-15, "marginal");
    assert_eq!(weights, [1.0]);
    // Of one view, the prototypes' part is 0.
    let decoded = dect::decode(&features, &[0.0; 6], DectOptions::default());
    assert_close(&decoded, logits, 1e-12, "dect");
}

#[test]
fn without_a_step_or_a_weight_nothing_changes() {
    let features = features(9, 5);
    let zero_shot = features.zero_shot();
    assert_close(&tps(&features, 0.0, 3), &zero_shot, 1e-14, "tps");
    let still = Sts::new(&features, sts::spectrum(&features).unwrap(), sts_options(0.0));
    assert_close(&centre(&features, still.prototypes()), &zero_shot, 1e-15, "sts");
    assert_close(&sts(&features, 0.0, 3), &sts(&features, 0.0, 0), 1e-14, "sts");
    let silent = OfttaOptions {
        prototype_weight: 0.0,
        ..OfttaOptions::default()
    };
    assert_close(&oftta::adjust(&features, silent).0, features.logits(0), 0.0, "oftta");
    let silent = DectOptions {
        calibration_weight: 0.0,
        prototype_weight: 0.0,
    };
    assert_close(
        &dect::decode(&features, &[1.0; 5], silent),
        features.logits(0),
        0.0,
        "dect",
    );
}

#[test]
fn the_order_of_labels_changes_nothing() {
    let order = [4, 0, 6, 2, 1, 5, 3];
    let (straight, other) = (features(20, 7), reordered(20, &order));
    for ((name, expected), (_, found)) in all_methods(&straight).into_iter().zip(all_methods(&other)) {
        // The content-free picture is the first label's text in both: not the same picture.
        if name == "dect" {
            continue;
        }
        let expected: Vec<f64> = order.iter().map(|&label| expected[label]).collect();
        assert_close(&found, &expected, 1e-6, name);
    }
    let content_free = straight.text()[WIDTH..3 * WIDTH].to_vec();
    let decode = |features| dect::decode(features, &dect::bias(features, &content_free), DectOptions::default());
    let expected: Vec<f64> = order.iter().map(|&label| decode(&straight)[label]).collect();
    assert_close(&decode(&other), &expected, 1e-9, "dect");
}

#[test]
fn what_is_alike_or_alone_gives_finite_probabilities() {
    let one = values(WIDTH, 0.9);
    let (same_views, text) = (one.repeat(5), values(3 * WIDTH, 2.1));
    let same_labels = [&text[..WIDTH], &text[..WIDTH], &text[WIDTH..]].concat();
    let sets = [
        ("identical views", FeatureSet::new(&same_views, &text, WIDTH, SCALE)),
        (
            "one label",
            FeatureSet::new(&values(5 * WIDTH, 0.4), &one, WIDTH, SCALE),
        ),
        (
            "a label twice",
            FeatureSet::new(&values(5 * WIDTH, 0.4), &same_labels, WIDTH, SCALE),
        ),
        (
            "views like a label",
            FeatureSet::new(&text[..WIDTH].repeat(4), &text, WIDTH, SCALE),
        ),
        (
            "two views",
            FeatureSet::new(&values(2 * WIDTH, 0.4), &text, WIDTH, SCALE),
        ),
        (
            "one number wide",
            FeatureSet::new(&[1.0, -2.0, 3.0], &[1.0, -1.0], 1, SCALE),
        ),
        ("far apart", FeatureSet::new(&values(5 * WIDTH, 0.4), &text, WIDTH, 1e6)),
        ("no scale", FeatureSet::new(&values(5 * WIDTH, 0.4), &text, WIDTH, 0.0)),
    ];
    for (what, features) in sets {
        for (name, probabilities) in all_methods(&features.unwrap()) {
            let sum: f64 = probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-9, "{name}, {what}: {probabilities:?}");
            assert!(
                probabilities.iter().all(|p| (0.0..=1.0 + 1e-9).contains(p)),
                "{name}, {what}"
            );
        }
    }
    let features = FeatureSet::new(&same_views, &text, WIDTH, SCALE).unwrap();
    assert_close(
        &mta::find_mode(&features, MtaOptions::default()).logits,
        features.logits(0),
        1e-12,
        "mta",
    );
    let decoded = dect::decode(&features, &[0.0; 3], DectOptions::default());
    assert_close(&decoded, features.logits(0), 1e-12, "dect");
}

#[test]
fn features_without_a_direction_are_refused() {
    let good = values(WIDTH, 0.3);
    let mut not_finite = good.clone();
    not_finite[3] = f32::NAN;
    let bad: [(&[f32], &[f32], f32); 6] = [
        (&[0.0; WIDTH], &good, 1.0),
        (&good, &[0.0; WIDTH], 1.0),
        (&not_finite, &good, 1.0),
        (&good[1..], &good, 1.0),
        (&good, &[], 1.0),
        (&good, &good, f32::INFINITY),
    ];
    for (image, text, scale) in bad {
        assert_eq!(
            FeatureSet::new(image, text, WIDTH, scale).unwrap_err().code(),
            "features-invalid"
        );
    }
    assert_eq!(
        FeatureSet::new(&good, &good, 0, 1.0).unwrap_err().code(),
        "features-invalid"
    );
}

#[test]
fn sts_takes_the_rank_that_the_threshold_gives_or_the_one_it_is_given() {
    let features = features(4, 7);
    let spectrum = sts::spectrum(&features).unwrap();
    let with_rank = |rank| {
        let options = StsOptions {
            rank,
            ..sts_options(5e-3)
        };
        Sts::new(&features, spectrum.clone(), options).rank()
    };
    assert_eq!((with_rank(2), with_rank(400)), (2, spectrum.rank()));
    assert_eq!(with_rank(0), spectrum.signal_rank(7));
    assert!((1..7).contains(&with_rank(0)));
}

#[test]
fn a_shift_that_cancels_a_prototype_is_refused() {
    let features = by_angles(&[40.0, 10.0], &[0.0, 90.0], 10.0);
    let mut tps = Tps::new(&features, tps_options(f64::MAX, 1.0));
    assert_eq!(tps.step(&features, &[0, 1]).unwrap_err().code(), "features-invalid");
}
