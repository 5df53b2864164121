//! Summaries of records: what counts, and that their order doesn't.
#![allow(clippy::float_cmp, reason = "where a value is exact, the test says so")]
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::collections::BTreeMap;

use clip_eval::record::{Condition, Failure, MethodAnswer, MethodResult, PictureResult, Record};
use clip_eval::summary::{Summary, ZERO_SHOT};

fn answer(rank: usize, confidence: f64) -> MethodResult {
    MethodResult::Answered(MethodAnswer {
        predicted: 0,
        confidence,
        true_rank: rank,
        true_probability: if rank == 0 { confidence } else { 0.1 },
        entropy: 1.0,
        cost_ms: 10.0,
        forward_passes: 1.0,
        backward_passes: 0.25,
        peak_memory_bytes: Some(1000 + rank as u64),
        warnings: Vec::new(),
    })
}

fn failed() -> MethodResult {
    MethodResult::Failed { error: failure() }
}

fn failure() -> Failure {
    Failure {
        code: "loss-not-finite".into(),
        message: "why".into(),
    }
}

fn seen(path: &str, condition: &str, zero_shot: MethodResult, ttl: MethodResult) -> Record {
    Record {
        path: path.into(),
        bytes: 1,
        label: "cat".into(),
        condition: condition.parse().unwrap(),
        result: PictureResult::Seen {
            shared_ms: 100.0,
            results: BTreeMap::from([(ZERO_SHOT.to_owned(), zero_shot), ("ttl".to_owned(), ttl)]),
        },
    }
}

fn records() -> Vec<Record> {
    vec![
        seen("a", "clean", answer(0, 0.5), answer(0, 0.9)),
        seen("b", "clean", answer(3, 0.5), answer(0, 0.9)),
        seen("c", "clean", answer(7, 0.5), failed()),
        seen("a", "fog:2", answer(0, 0.5), answer(1, 0.8)),
        Record {
            path: "d".into(),
            bytes: 1,
            label: "cat".into(),
            condition: Condition::Clean,
            result: PictureResult::Broken { error: failure() },
        },
    ]
}

#[test]
fn figures_count_what_they_say() {
    let summary = Summary::of(&records(), &["ttl".to_owned()], 0);
    assert_eq!(summary.broken.len(), 1);
    assert_eq!(summary.broken[0].path, "d");
    let conditions: Vec<String> = summary
        .conditions
        .iter()
        .map(|figures| figures.condition.to_string())
        .collect();
    assert_eq!(conditions, ["clean", "fog:2"]);
    let clean = &summary.conditions[0].figures;
    let [zero_shot, ttl] = clean.methods.as_slice() else {
        panic!("{clean:?}")
    };
    assert_eq!(
        (
            zero_shot.name.as_str(),
            zero_shot.top1.count,
            zero_shot.top5.count,
            zero_shot.top1.of
        ),
        (ZERO_SHOT, 1, 2, 3)
    );
    assert_eq!(zero_shot.against_zero_shot, None);
    assert_eq!(
        (ttl.top1.count, ttl.top1.of, ttl.failed),
        (2, 3, 1),
        "a failure is no right answer"
    );
    assert_eq!(ttl.first_failure.as_ref().unwrap().code, "loss-not-finite");
    let paired = ttl.against_zero_shot.unwrap();
    assert_eq!((paired.made_right, paired.made_wrong, paired.questions), (1, 0, 3));
    assert!(
        (ttl.calibration.ece - 0.1).abs() < 1e-12,
        "both answers are 0.9 sure and right"
    );
    let overall = &summary.overall.methods[1];
    assert_eq!((overall.top1.count, overall.top1.of), (2, 4));
    let paired = overall.against_zero_shot.unwrap();
    assert_eq!(
        (paired.made_right, paired.made_wrong, paired.p_value),
        (1, 1, None),
        "a picture was asked about twice"
    );
    assert_eq!(overall.peak_memory_bytes, Some(1001));
}

#[test]
fn warnings_are_counted_by_their_kind() {
    let stopped = |message: &str| match answer(0, 0.5) {
        MethodResult::Answered(mut answered) => {
            answered.warnings.push(Failure {
                code: "stopped".into(),
                message: message.into(),
            });
            MethodResult::Answered(answered)
        }
        failed @ MethodResult::Failed { .. } => failed,
    };
    let records = [
        seen("b", "clean", answer(0, 0.5), stopped("second")),
        seen("a", "clean", answer(0, 0.5), stopped("first")),
        seen("c", "clean", answer(0, 0.5), answer(0, 0.5)),
    ];
    let summary = Summary::of(&records, &["ttl".to_owned()], 0);
    let [zero_shot, ttl] = summary.overall.methods.as_slice() else {
        panic!("{summary:?}")
    };
    assert!(zero_shot.warnings.is_empty());
    let [warning] = ttl.warnings.as_slice() else {
        panic!("{ttl:?}")
    };
    let said = (warning.code.as_str(), warning.count, warning.first_message.as_str());
    assert_eq!(said, ("stopped", 2, "first"));
}

#[test]
fn the_order_of_the_records_changes_nothing() {
    let runs = ["ttl".to_owned()];
    let mut turned = records();
    turned.reverse();
    assert_eq!(Summary::of(&records(), &runs, 3), Summary::of(&turned, &runs, 3));
}

#[test]
fn nothing_seen_is_no_error() {
    let summary = Summary::of(&[], &["ttl".to_owned()], 0);
    assert_eq!(
        (
            summary.overall.questions,
            summary.overall.methods.len(),
            summary.conditions.len()
        ),
        (0, 2, 0)
    );
}
