//! What must hold of every method in the list, whatever its numbers: on the shipped model, with a real picture.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "../common/mod.rs"]
mod common;
mod comparison;
#[path = "../common/pocket.rs"]
mod pocket;
#[path = "../common/reports.rs"]
mod reports;

use clip_adapt::episode::Episode;
use clip_adapt::methods::{self, MethodDescription, MethodKind};
use clip_adapt::options::{OptionDescription, OptionKind, Options, ViewOptions};
use clip_adapt::report::{EpisodeReport, Event, ViewsState};
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use clip_adapt::source::{SourceStatistics, StatisticsCollector};
use clip_model::device::DeviceChoice;
use clip_model::picture::Picture;
use pocket::{TEMPLATE, cat, labels};
use pollster::block_on;
use reports::{finish, largest_difference};
use serde_json::{Value, json};

fn bare_session() -> Session {
    pocket::session(DeviceChoice::Cpu)
}

/// With statistics of two pictures, for the methods that need some.
fn session() -> Session {
    let session = bare_session();
    let mut collector = StatisticsCollector::new(session.clip());
    block_on(collector.add(&cat())).unwrap();
    let pixels = (0..90 * 70 * 3).map(|i| (i * 7 % 251) as u8).collect();
    block_on(collector.add(&Picture::from_rgb8(90, 70, pixels).unwrap())).unwrap();
    let statistics = collector.finish().unwrap();
    // As files hold them.
    let bytes = statistics.to_bytes().unwrap();
    let read = SourceStatistics::read(&bytes, &session.clip().config).unwrap();
    assert_eq!(read, statistics);
    session.set_statistics(Some(read));
    session
}

/// Few views, and what makes a method quick.
fn setup(method: &MethodDescription, more: &Value) -> Setup {
    let mut options = json!({"views": 4, "chunk_views": 2});
    let options = options.as_object_mut().unwrap();
    for (name, value) in [
        ("generations", json!(1)),
        ("population", json!(4)),
        ("prompt_tokens", json!(1)),
    ] {
        if has(method, name) {
            options.insert(name.to_owned(), value);
        }
    }
    options.extend(more.as_object().unwrap().clone());
    Setup::new(method.name, options).unwrap()
}

fn has(method: &MethodDescription, option: &str) -> bool {
    method.options.iter().any(|known| known.name == option)
}

fn start(session: &Session, labels: &[String], setup: Setup) -> Episode {
    session.start(cat(), labels, TEMPLATE, setup).unwrap()
}

fn run(session: &Session, setup: Setup) -> EpisodeReport {
    finish(&mut start(session, &labels(), setup))
}

fn gradient_methods() -> impl Iterator<Item = MethodDescription> {
    methods::all()
        .into_iter()
        .filter(|method| method.kind == MethodKind::Gradient)
}

#[test]
fn the_names_are_those_that_are_promised() {
    let mut names: Vec<&str> = methods::all().iter().map(|method| method.name).collect();
    names.sort_unstable();
    let promised = [
        "apt",
        "c-tpt",
        "dect",
        "foa",
        "marginal",
        "mta",
        "oftta",
        "prompt-align",
        "sts",
        "tps",
        "tpt",
        "ttl",
        "zero",
    ];
    assert_eq!(names, promised);
    for method in methods::all() {
        assert!(method.summary.ends_with('.'), "{}", method.name);
        assert!(!method.options.is_empty(), "{}", method.name);
        if let Some(paper) = method.paper {
            assert!(paper.url.starts_with("https://"), "{}", method.name);
        }
    }
}

#[test]
fn each_method_moves_the_answer_and_resetting_brings_it_back() {
    let session = session();
    for method in methods::all() {
        let mut episode = start(&session, &labels(), setup(&method, &json!({})));
        let report = finish(&mut episode);
        let name = method.name;
        assert_eq!(report.method, name);
        assert!(report.stopped.is_none(), "{name}");
        assert!(!report.steps.is_empty(), "{name}");
        let sum: f32 = report.after.iter().map(|score| score.probability).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{name}: {sum}");
        assert!(
            largest_difference(&report.before, &report.after) > 1e-6,
            "{name} changes nothing"
        );
        for step in &report.steps {
            assert_eq!(step.views.view_weights.len(), 4, "{name}");
            assert_eq!(step.views.view_labels.len(), 4, "{name}");
            assert!(step.views.loss.is_finite(), "{name}");
        }
        episode.reset().unwrap();
        let (after, before) = (block_on(episode.prediction()).unwrap(), episode.zero_shot().unwrap());
        for (after, before) in after.probabilities.iter().zip(&before.probabilities) {
            // Methods on features compute in f64, and views that predict together are others than the centre view alone.
            assert!((after - before).abs() < 1e-5, "{name}: {after} {before}");
        }
        // And from there the same way again.
        episode.extend(1).unwrap();
        assert!(
            largest_difference(&finish(&mut episode).after, &report.after) < 1e-6,
            "{name}"
        );
    }
}

#[test]
fn a_seed_gives_the_same_result() {
    let session = session();
    for method in methods::all() {
        let first = run(&session, setup(&method, &json!({"seed": 7})));
        let second = run(&session, setup(&method, &json!({"seed": 7})));
        assert_eq!(first.after, second.after, "{}", method.name);
        assert_eq!(first.final_state, second.final_state, "{}", method.name);
    }
}

#[test]
fn a_learning_rate_of_zero_or_no_steps_is_the_zero_shot_prediction() {
    let session = session();
    for method in methods::all() {
        for (option, value) in [
            ("learning_rate", json!(0.0)),
            ("steps", json!(0)),
            ("generations", json!(0)),
        ] {
            if !has(&method, option) || (method.name == "sts" && option == "learning_rate") {
                continue;
            }
            let mut more = json!({ option: value });
            if method.name == "foa" {
                // The shift of the class token is no step.
                more["shift"] = json!(0.0);
            }
            let report = run(&session, setup(&method, &more));
            assert!(
                largest_difference(&report.before, &report.after) < 1e-5,
                "{} with {option} 0: {:?} {:?}",
                method.name,
                report.before,
                report.after
            );
        }
    }
}

#[test]
fn the_order_of_labels_changes_only_their_order() {
    let session = session();
    let mut reversed = labels();
    reversed.reverse();
    for method in methods::all() {
        let report = run(&session, setup(&method, &json!({})));
        let other = finish(&mut start(&session, &reversed, setup(&method, &json!({}))));
        let mut after = other.after.clone();
        after.reverse();
        let difference = largest_difference(&report.after, &after);
        assert!(difference < 2e-3, "{}: {difference}", method.name);
    }
}

#[test]
fn the_size_of_chunks_changes_nothing_but_rounding() {
    let session = session();
    for method in gradient_methods() {
        let mut more = json!({});
        if has(&method, "encoder") {
            more["encoder"] = json!("both");
        }
        if has(&method, "selection") {
            more["selection"] = json!(0.75);
        }
        let parts = run(&session, setup(&method, &more));
        more["chunk_views"] = json!(4);
        let whole = run(&session, setup(&method, &more));
        let difference = largest_difference(&parts.after, &whole.after);
        assert!(difference < 1e-3, "{}: {difference}", method.name);
    }
}

#[test]
fn a_selection_weighs_the_most_confident_views_alone() {
    let session = session();
    for name in ["ttl", "apt", "prompt-align", "tpt", "c-tpt"] {
        let method = methods::describe(methods::find(name).unwrap());
        let report = run(&session, setup(&method, &json!({"selection": 0.5})));
        let views = &report.steps[0].views;
        let (weighed, others): (Vec<usize>, Vec<usize>) = (0..4).partition(|&view| views.view_weights[view] > 0.0);
        assert_eq!(weighed.len(), 2, "{name}: half of four views");
        for &inside in &weighed {
            for &outside in &others {
                let (inside, outside) = (views.view_entropies[inside], views.view_entropies[outside]);
                assert!(inside <= outside, "{name}: {inside} {outside}");
            }
        }
    }
}

#[test]
fn other_views_can_predict_and_more_templates_be_averaged() {
    let session = session();
    let ttl = methods::describe(methods::find("ttl").unwrap());
    let centre = run(&session, setup(&ttl, &json!({})));
    let vote = run(&session, setup(&ttl, &json!({"predict": "vote"})));
    let marginal = run(&session, setup(&ttl, &json!({"predict": "marginal"})));
    assert_eq!(
        centre.steps[0].prediction, vote.steps[0].prediction,
        "the update is the same"
    );
    // One of four views votes: its label has everything.
    assert!(vote.after.iter().any(|score| score.probability > 0.99), "{vote:?}");
    assert_ne!(marginal.after, vote.after);
    let templates = json!({"templates": ["a drawing of a {}.", "a small {}."]});
    for name in ["ttl", "zero", "sts"] {
        let method = methods::describe(methods::find(name).unwrap());
        let one = run(&session, setup(&method, &json!({})));
        let several = run(&session, setup(&method, &templates));
        assert_ne!(one.before, several.before, "{name}");
        let once = setup(&method, &json!({"templates": [TEMPLATE]}));
        // The mean of a template with itself is the template.
        assert!(
            largest_difference(&one.after, &run(&session, once).after) < 1e-4,
            "{name}"
        );
    }
    assert!(
        Setup::new("tpt", templates.as_object().unwrap()).is_err(),
        "what is tuned is one template"
    );
}

#[test]
fn the_dispersion_keeps_texts_apart() {
    let session = session();
    let method = methods::describe(methods::find("c-tpt").unwrap());
    // Before the first update and after the last. With all views selected, the report has both terms of the loss; and in steps
    // so small the dispersion goes where its gradient points.
    let dispersions = |weight: f64| {
        let options = json!({"dispersion_weight": weight, "selection": 1.0, "steps": 3, "learning_rate": 5e-4});
        let report = run(&session, setup(&method, &options));
        let dispersion = |views: &ViewsState| (views.marginal_entropy - views.loss) / weight;
        [&report.steps[0].views, report.final_state.as_ref().unwrap()].map(dispersion)
    };
    let [before, weighed] = dispersions(1000.0);
    let [same, hardly_weighed] = dispersions(1e-6);
    assert!((before - same).abs() < 1e-6, "{before} {same}");
    assert!(before > 0.0 && weighed > before + 1e-5, "{before} {weighed}");
    assert!(weighed > hardly_weighed + 1e-5, "{weighed} {hardly_weighed}");
}

#[test]
fn every_option_out_of_range_is_refused_and_named() {
    for method in methods::all() {
        let mut described = ViewOptions::descriptions();
        described.extend(method.options.clone());
        Setup::new(method.name, &Options::new()).unwrap();
        for option in &described {
            for value in out_of_range(option) {
                let given = Options::from_iter([(option.name.to_owned(), value.clone())]);
                let error = Setup::new(method.name, &given)
                    .err()
                    .unwrap_or_else(|| panic!("{} takes {} = {value}", method.name, option.name));
                assert_eq!(error.code(), "option-invalid", "{error}");
                assert!(error.to_string().contains(option.name), "{error}");
            }
        }
        let unknown = Options::from_iter([("ranks".to_owned(), json!(4))]);
        let error = Setup::new(method.name, &unknown).err().unwrap();
        assert!(error.to_string().contains("ranks"), "{error}");
    }
    assert_eq!(
        Setup::new("tlt", &Options::new()).err().unwrap().code(),
        "method-unknown"
    );
}

fn out_of_range(option: &OptionDescription) -> Vec<Value> {
    let mut values = vec![Value::Null, json!({}), json!([[]])];
    let (below, above) = (option.min.unwrap_or(0.0) - 1.0, option.max.unwrap_or(0.0) * 2.0 + 1.0);
    match option.kind {
        OptionKind::Integer => values.extend([json!(below), json!(above), json!(1.5), json!("1"), json!(true)]),
        OptionKind::Number => values.extend([json!(below), json!(above), json!("1"), json!(true)]),
        OptionKind::Range => values.extend([
            json!([below, option.max]),
            json!([option.min, above]),
            json!([option.max, option.min]),
            json!([option.min]),
            json!(1),
        ]),
        OptionKind::Choice => values.extend([json!("nonsense"), json!(1), json!("")]),
        OptionKind::Flag => values.extend([json!(1), json!("true")]),
        OptionKind::List => values.extend([json!("nonsense"), json!([1, 2, 3]), json!(["a", "a"])]),
    }
    values
}

#[test]
fn what_the_model_does_not_have_is_refused() {
    let session = session();
    for (name, option, value) in [
        ("ttl", "layers", 13),
        ("ttl", "rank", 1000),
        ("apt", "layers", 13),
        ("apt", "rank", 1000),
        ("prompt-align", "layers", 13),
    ] {
        let options = Options::from_iter([(option.to_owned(), json!(value))]);
        let setup = Setup::new(name, &options).unwrap();
        let error = session.start(cat(), &labels(), TEMPLATE, setup).err().unwrap();
        assert_eq!(error.code(), "option-invalid", "{error}");
        assert!(error.to_string().contains(option), "{error}");
    }
}

#[test]
fn what_would_change_nothing_is_refused() {
    let session = session();
    for (options, unfit) in [
        (json!({"encoder": "text"}), "encoder"),
        (json!({"base": "tpt", "predict": "vote"}), "predict"),
        (json!({"base": "tpt", "templates": ["art of a {}."]}), "templates"),
    ] {
        let setup = Setup::new("prompt-align", options.as_object().unwrap()).unwrap();
        let error = session.start(cat(), &labels(), TEMPLATE, setup).err().unwrap();
        assert_eq!(error.code(), "option-invalid", "{error}");
        assert!(error.to_string().starts_with(unfit), "{error}");
    }
}

#[test]
fn a_method_that_needs_statistics_says_so() {
    let session = bare_session();
    for method in methods::all().iter().filter(|method| method.needs_statistics) {
        let error = session
            .start(cat(), &labels(), TEMPLATE, setup(method, &json!({})))
            .err()
            .unwrap();
        assert_eq!(error.code(), "statistics-missing", "{error}");
    }
    for bytes in [
        &b"nonsense"[..],
        &common::file("tests/fixtures/ttl-default.safetensors"),
    ] {
        let error = SourceStatistics::read(bytes, &session.clip().config).err().unwrap();
        assert_eq!(error.code(), "statistics-invalid", "{error}");
    }
}

#[test]
fn prompt_tuning_needs_words_before_the_label() {
    let session = bare_session();
    let tpt = methods::describe(methods::find("tpt").unwrap());
    let mut episode = session.start(cat(), &labels(), "{}", setup(&tpt, &json!({}))).unwrap();
    let error = loop {
        match block_on(episode.advance()) {
            Ok(Event::Done(report)) => panic!("{report:?}"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "template-without-context", "{error}");
}
