//! Many methods on the same views: each gives what it gives alone, and says what it cost.

use clip_adapt::comparison::{Choice, CompareEvent, CompareReport, CompareRequest};
use clip_adapt::methods::{self, MethodDescription};
use clip_adapt::options::ViewOptions;
use clip_adapt::report::GroundworkEvent;
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use pollster::block_on;
use serde_json::{Value, json};

use super::{bare_session, run, session, setup};
use crate::pocket::{TEMPLATE, cat, labels};
use crate::reports::largest_difference;

fn compare(session: &Session, request: &CompareRequest) -> (Vec<CompareEvent>, CompareReport) {
    let mut comparison = session.compare(cat(), &labels(), TEMPLATE, request).unwrap();
    let mut events = Vec::new();
    loop {
        match block_on(comparison.advance()).unwrap() {
            CompareEvent::Done { report } => return (events, *report),
            event => events.push(event),
        }
    }
}

#[test]
fn a_comparison_gives_what_each_method_gives_alone() {
    let session = session();
    let few = |method: &MethodDescription| {
        let mut options = setup(method, &json!({})).method_options();
        match method.name {
            "ttl" => options.insert("layers".to_owned(), json!(2)),
            "oftta" => options.insert("normalisation_mix".to_owned(), json!(true)),
            _ => None,
        };
        options
    };
    let views = ViewOptions {
        views: 4,
        chunk_views: 2,
        ..ViewOptions::default()
    };
    let choices: Vec<Choice> = methods::all()
        .iter()
        .map(|method| Choice {
            method: method.name.to_owned(),
            options: few(method),
        })
        .collect();
    let request = CompareRequest {
        views,
        methods: choices.clone(),
    };
    let (events, report) = compare(&session, &request);
    let encoded = events
        .iter()
        .filter(|event| matches!(event, CompareEvent::Groundwork(GroundworkEvent::Encoding { .. })))
        .count();
    assert_eq!(encoded, 2, "the views are encoded once");
    assert_eq!(report.outcomes.len(), choices.len());
    for (outcome, choice) in report.outcomes.iter().zip(&choices) {
        assert_eq!(outcome.method, choice.method);
        assert_eq!(outcome.error, None, "{}", choice.method);
        let mut options = choice.options.clone();
        options.insert("views".into(), json!(4));
        options.insert("chunk_views".into(), json!(2));
        let alone = run(&session, Setup::new(&choice.method, &options).unwrap());
        let difference = largest_difference(&alone.after, &outcome.after);
        assert!(difference < 1e-4, "{}: {difference}", choice.method);
        assert_eq!(alone.steps.len(), outcome.steps.len(), "{}", choice.method);
    }
    let of = |name: &str| report.outcomes.iter().find(|outcome| outcome.method == name).unwrap();
    assert!(of("zero").forward_passes.abs() < 1e-9 && of("tps").backward_passes.abs() < 1e-9);
    // Three pictures without content beside four views; all views once more through the blocks whose statistics are mixed.
    assert!((of("dect").forward_passes - 3.0 / 4.0).abs() < 1e-9, "{:?}", of("dect"));
    assert!(
        (of("oftta").forward_passes - 3.0 / 12.0).abs() < 1e-9,
        "{:?}",
        of("oftta")
    );
    // Two of twelve blocks, once forward and backward for all views, and once more for the centre view.
    assert!((of("ttl").backward_passes - 2.0 / 12.0).abs() < 1e-9, "{:?}", of("ttl"));
    assert!(
        (of("ttl").forward_passes - 2.0 / 12.0 * 1.25).abs() < 1e-9,
        "{:?}",
        of("ttl")
    );
}

#[test]
fn more_templates_count_without_an_update_too() {
    let session = session();
    let options = json!({"steps": 0, "templates": ["a drawing of a {}.", "a small {}."]});
    let request = CompareRequest {
        views: ViewOptions {
            views: 2,
            ..ViewOptions::default()
        },
        methods: vec![Choice {
            method: "ttl".to_owned(),
            options: options.as_object().unwrap().clone(),
        }],
    };
    let (_, report) = compare(&session, &request);
    let mut options = request.methods[0].options.clone();
    options.insert("views".into(), json!(2));
    let alone = run(&session, Setup::new("ttl", &options).unwrap());
    let difference = largest_difference(&alone.after, &report.outcomes[0].after);
    assert!(difference < 1e-5, "{difference}");
    assert!(largest_difference(&report.before, &alone.after) > 1e-3);
}

#[test]
fn one_method_that_fails_does_not_end_the_others() {
    let session = bare_session();
    let choice = |method: &str, options: Value| Choice {
        method: method.to_owned(),
        options: options.as_object().unwrap().clone(),
    };
    let mut request = CompareRequest {
        views: ViewOptions {
            views: 2,
            ..ViewOptions::default()
        },
        methods: vec![
            choice("prompt-align", json!({})),
            choice("ttl", json!({"epsilon": 0.0})),
            choice("zero", json!({})),
        ],
    };
    let (events, report) = compare(&session, &request);
    assert_eq!(report.outcomes[0].error.as_ref().unwrap().code, "statistics-missing");
    assert_eq!(report.outcomes[1].warnings[0].code, "stopped");
    assert_eq!(report.outcomes[1].after, report.before);
    assert!(report.outcomes[2].error.is_none());
    let done = events
        .iter()
        .filter(|event| matches!(event, CompareEvent::MethodDone { .. }))
        .count();
    assert_eq!(done, 3);
    for (method, options, code) in [
        ("ttl", json!({"views": 3}), "option-invalid"),
        ("ttl", json!({"layers": 13}), "option-invalid"),
        ("tlt", json!({}), "method-unknown"),
    ] {
        request.methods = vec![choice(method, options)];
        let error = session.compare(cat(), &labels(), TEMPLATE, &request).err().unwrap();
        assert_eq!(error.code(), code, "{error}");
    }
}
