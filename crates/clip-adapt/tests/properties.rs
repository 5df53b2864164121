//! What must hold of every episode, whatever its numbers: on the shipped model, with a real picture.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/pocket.rs"]
mod pocket;
#[path = "common/reports.rs"]
mod reports;

use std::sync::Arc;

use clip_adapt::Error;
use clip_adapt::episode::Episode;
use clip_adapt::report::{EpisodeReport, Event, GroundworkEvent, Score};
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use clip_model::checkpoint::FormatChoice;
use clip_model::clip::Clip;
use clip_model::device::DeviceChoice;
use clip_model::picture::Picture;
use pocket::{TEMPLATE, cat, labels, session};
use pollster::block_on;
use reports::{finish, largest_difference};
use serde_json::{Value, json};

fn gradient_picture() -> Arc<Picture> {
    let pixels = (0..90 * 70 * 3).map(|i| (i * 7 % 251) as u8).collect();
    Arc::new(Picture::from_rgb8(90, 70, pixels).unwrap())
}

/// Few views, so that a test is quick; `more` comes on top.
fn few_views(more: &Value) -> Setup {
    let mut options = json!({"views": 6, "chunk_views": 4, "steps": 2});
    let options = options.as_object_mut().unwrap();
    options.extend(more.as_object().unwrap().clone());
    Setup::new("ttl", options).unwrap()
}

fn start(session: &Session, picture: &Arc<Picture>, setup: Setup) -> Episode {
    session.start(Arc::clone(picture), &labels(), TEMPLATE, setup).unwrap()
}

fn run(session: &Session, picture: &Arc<Picture>, setup: Setup) -> EpisodeReport {
    finish(&mut start(session, picture, setup))
}

/// Everything that doesn't depend on how long it took.
fn timeless(mut report: EpisodeReport) -> EpisodeReport {
    report.timing_ms = Default::default();
    for step in &mut report.steps {
        step.duration_ms = 0.0;
    }
    report
}

fn reset_gives_back_the_zero_shot_logits(choice: DeviceChoice) {
    let session = session(choice);
    let mut episode = start(&session, &cat(), few_views(&json!({})));
    let report = finish(&mut episode);
    assert_ne!(report.before, report.after, "two steps must move the prediction");
    let zero_shot = episode.zero_shot().unwrap();
    assert_ne!(block_on(episode.prediction()).unwrap(), zero_shot);
    episode.reset().unwrap();
    assert_eq!(block_on(episode.prediction()).unwrap(), zero_shot, "bit for bit");
    // And from there the same way again.
    episode.extend(2).unwrap();
    assert_eq!(timeless(finish(&mut episode)), timeless(report));
}

#[test]
fn reset_gives_back_the_zero_shot_logits_on_the_cpu() {
    reset_gives_back_the_zero_shot_logits(DeviceChoice::Cpu);
}

#[test]
fn reset_gives_back_the_zero_shot_logits_on_webgpu() {
    reset_gives_back_the_zero_shot_logits(DeviceChoice::Gpu);
}

#[test]
fn a_seed_gives_the_same_result_and_another_seed_another() {
    for choice in [DeviceChoice::Cpu, DeviceChoice::Gpu] {
        let session = session(choice);
        let first = run(&session, &cat(), few_views(&json!({})));
        let second = run(&session, &cat(), few_views(&json!({})));
        assert_eq!(timeless(first.clone()), timeless(second));
        let other = run(&session, &cat(), few_views(&json!({"seed": 1})));
        assert_ne!(first.views, other.views);
        assert_ne!(first.after, other.after);
    }
}

#[test]
fn devices_agree() {
    let on_cpu = run(&session(DeviceChoice::Cpu), &cat(), few_views(&json!({})));
    let on_gpu = run(&session(DeviceChoice::Gpu), &cat(), few_views(&json!({})));
    assert_eq!((on_cpu.device.as_str(), on_gpu.device.as_str()), ("cpu", "webgpu"));
    assert!(largest_difference(&on_cpu.after, &on_gpu.after) < 1e-3);
}

#[test]
fn the_order_of_pictures_changes_nothing() {
    let session = session(DeviceChoice::Cpu);
    let cat_first = run(&session, &cat(), few_views(&json!({})));
    let other_second = run(&session, &gradient_picture(), few_views(&json!({})));
    let other_first = run(&session, &gradient_picture(), few_views(&json!({})));
    let cat_second = run(&session, &cat(), few_views(&json!({})));
    assert_eq!(timeless(cat_first), timeless(cat_second));
    assert_eq!(timeless(other_first), timeless(other_second));
}

#[test]
fn the_size_of_chunks_changes_nothing_but_rounding() {
    let session = session(DeviceChoice::Cpu);
    let whole = run(&session, &cat(), few_views(&json!({"chunk_views": 64})));
    for chunk_views in [1, 5] {
        let parts = run(&session, &cat(), few_views(&json!({"chunk_views": chunk_views})));
        assert!(largest_difference(&whole.after, &parts.after) < 1e-4);
        assert_eq!(parts.views.len(), 6);
    }
}

#[test]
fn a_learning_rate_of_zero_is_the_zero_shot_prediction() {
    let report = run(
        &session(DeviceChoice::Cpu),
        &cat(),
        few_views(&json!({"learning_rate": 0.0})),
    );
    assert_eq!(report.before, report.after);
    assert_eq!(report.steps.len(), 2);
}

#[test]
fn no_steps_is_the_zero_shot_prediction_and_classify_says_the_same() {
    let session = session(DeviceChoice::Cpu);
    let report = run(&session, &cat(), few_views(&json!({"steps": 0})));
    assert_eq!(report.before, report.after);
    assert!(report.steps.is_empty());
    assert!(
        report
            .views
            .iter()
            .all(|view| view.entropy_before == view.entropy_after)
    );
    let classified = block_on(session.classify(&cat(), &labels(), TEMPLATE)).unwrap();
    for (a, b) in classified.scores.iter().zip(&report.before) {
        assert_eq!(a.label, b.label);
        assert!((a.probability - b.probability).abs() < 1e-5);
    }
}

#[test]
fn n_steps_are_n_updates_and_extending_goes_on() {
    let session = session(DeviceChoice::Cpu);
    let three = run(&session, &cat(), few_views(&json!({"steps": 3})));
    assert_eq!(three.steps.iter().map(|step| step.step).collect::<Vec<_>>(), [1, 2, 3]);
    let mut episode = start(&session, &cat(), few_views(&json!({"steps": 1})));
    finish(&mut episode);
    episode.extend(2).unwrap();
    assert_eq!(timeless(finish(&mut episode)), timeless(three));
}

#[test]
fn the_views_entropy_falls() {
    let report = run(&session(DeviceChoice::Cpu), &cat(), few_views(&json!({"steps": 4})));
    let first = report.steps[0].views.entropy;
    let last = report.final_state.unwrap().entropy;
    assert!(last < first, "{first} -> {last}");
    for view in &report.views {
        let entropy = view.entropy_before.unwrap();
        assert!((view.weight.unwrap() - (0.4 - entropy).exp()).abs() < 1e-5);
    }
}

#[test]
fn an_episode_that_was_dropped_leaves_nothing_behind() {
    let session = session(DeviceChoice::Cpu);
    let whole = run(&session, &cat(), few_views(&json!({})));
    for pieces in 0..8 {
        let mut episode = start(&session, &cat(), few_views(&json!({})));
        for _ in 0..pieces {
            block_on(episode.advance()).unwrap();
        }
    }
    assert_eq!(timeless(run(&session, &cat(), few_views(&json!({})))), timeless(whole));
}

#[test]
fn two_episodes_at_once_do_not_touch_each_other() {
    let session = session(DeviceChoice::Cpu);
    let alone = run(&session, &cat(), few_views(&json!({})));
    let (mut a, mut b) = (
        start(&session, &cat(), few_views(&json!({}))),
        start(&session, &gradient_picture(), few_views(&json!({}))),
    );
    let mut reports = Vec::new();
    while reports.len() < 2 {
        for episode in [&mut a, &mut b] {
            match block_on(episode.advance()) {
                Ok(Event::Done(report)) => reports.push(*report),
                Ok(_) | Err(Error::EpisodeOver) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(timeless(reports.remove(0)), timeless(alone));
}

#[test]
fn the_text_tower_runs_once_for_a_label_set() {
    let session = session(DeviceChoice::Cpu);
    let labels: Vec<String> = (0..150).map(|i| format!("thing number {i}")).collect();
    let count = |session: &Session| {
        let mut episode = session
            .start(cat(), &labels, TEMPLATE, few_views(&json!({"views": 1})))
            .unwrap();
        let drawn = block_on(episode.advance()).unwrap();
        assert!(matches!(drawn, Event::Groundwork(GroundworkEvent::Drawn { views }) if views.len() == 1));
        let mut events = 0;
        while let Event::Groundwork(GroundworkEvent::Labels { labels_total, .. }) = block_on(episode.advance()).unwrap()
        {
            assert_eq!(labels_total, 150);
            events += 1;
        }
        events
    };
    assert_eq!(count(&session), 3, "chunks of 64 labels");
    assert_eq!(count(&session), 1, "all of them were there");
}

#[test]
fn labels_that_were_encoded_elsewhere_meanwhile_are_not_taken_for_others() {
    let session = session(DeviceChoice::Cpu);
    let labels: Vec<String> = (0..100).map(|index| format!("thing {index}")).collect();
    let options = json!({"templates": ["art of a {}."], "steps": 0});
    let mut episode = session.start(cat(), &labels, TEMPLATE, few_views(&options)).unwrap();
    let mut last = 0;
    loop {
        match block_on(episode.advance()).unwrap() {
            Event::Groundwork(GroundworkEvent::Labels {
                labels_done,
                labels_total,
            }) => {
                assert!(labels_done > last && labels_done <= labels_total, "{labels_done}");
                last = labels_done;
                if labels_done == 64 {
                    block_on(session.classify(&cat(), &labels, TEMPLATE)).unwrap();
                }
            }
            Event::Done(report) => {
                assert_eq!((last, report.after), (200, report.before));
                break;
            }
            _ => {}
        }
    }
}

#[test]
fn warnings_are_given_once_for_all_templates() {
    let session = session(DeviceChoice::Cpu);
    let long = |word: &str| format!("{word} ").repeat(90);
    let labels = vec![long("cat"), long("dog")];
    let options = json!({"templates": ["art of a {}."], "steps": 0});
    let mut episode = session.start(cat(), &labels, TEMPLATE, few_views(&options)).unwrap();
    let report = finish(&mut episode);
    let codes: Vec<&str> = report.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes, ["label-cut"; 2], "{:?}", report.warnings);
}

#[test]
fn a_thousand_labels_are_possible() {
    let session = session(DeviceChoice::Cpu);
    let labels: Vec<String> = (0..1000).map(|i| format!("thing {i}")).collect();
    let options = few_views(&json!({"steps": 1}));
    let report = finish(&mut session.start(cat(), &labels, TEMPLATE, options).unwrap());
    assert_eq!(report.after.len(), 1000);
    let sum: f32 = report.after.iter().map(|score| score.probability).sum();
    assert!((sum - 1.0).abs() < 1e-3, "{sum}");
}

#[test]
fn the_order_of_labels_changes_only_their_order() {
    let session = session(DeviceChoice::Cpu);
    let report = run(&session, &cat(), few_views(&json!({})));
    let mut reversed = labels();
    reversed.reverse();
    let other = finish(
        &mut session
            .start(cat(), &reversed, TEMPLATE, few_views(&json!({})))
            .unwrap(),
    );
    for (a, b) in report.after.iter().zip(other.after.iter().rev()) {
        assert_eq!(a.label, b.label);
        assert!((a.probability - b.probability).abs() < 1e-3, "{a:?} {b:?}");
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_and_keeps_the_zero_shot_answer() {
    let session = session(DeviceChoice::Cpu);
    // At the first step A has no gradient: without an epsilon, AdamW divides zero by zero.
    let report = run(&session, &cat(), few_views(&json!({"epsilon": 0.0})));
    let stopped = report.stopped.clone().unwrap();
    assert_eq!(stopped.step, 1);
    assert!(stopped.reason.contains("not a finite number"), "{}", stopped.reason);
    assert!(report.steps.is_empty());
    assert_eq!(report.after, report.before);
    assert!(report.before.iter().all(|score| score.probability.is_finite()));
    // The engine goes on as if nothing had been.
    assert!(run(&session, &cat(), few_views(&json!({}))).stopped.is_none());
}

#[test]
fn bad_labels_and_options_are_refused_before_anything_runs() {
    let session = session(DeviceChoice::Cpu);
    let start = |labels: &[&str], options: Setup| {
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        session.start(cat(), &labels, TEMPLATE, options).err().unwrap().code()
    };
    assert_eq!(start(&[], few_views(&json!({}))), "labels-none");
    assert_eq!(start(&["cat"], few_views(&json!({}))), "labels-too-few");
    assert_eq!(start(&["cat", "cat"], few_views(&json!({}))), "label-duplicate");
    assert_eq!(start(&["cat", ""], few_views(&json!({}))), "label-empty");
    assert_eq!(
        start(&["cat", "dog"], few_views(&json!({"layers": 13}))),
        "option-invalid"
    );
    let one = block_on(session.classify(&cat(), &["cat".to_owned()], TEMPLATE)).unwrap();
    assert!(
        one.scores[0].probability > 0.999_999,
        "classifying among one label is no error, only pointless"
    );
}

#[test]
fn labels_are_encoded_piece_by_piece_and_once() {
    let session = session(DeviceChoice::Cpu);
    let many: Vec<String> = (0..150).map(|index| format!("thing {index}")).collect();
    let encode = || {
        let mut encoding = session.encode(&many, TEMPLATE).unwrap();
        let mut told = vec![encoding.advance().unwrap()];
        while told.last().is_some_and(|(done, labels)| done < labels) {
            told.push(encoding.advance().unwrap());
        }
        told
    };
    let pieces = encode();
    assert!(pieces.len() > 1, "{pieces:?}");
    assert!(pieces.is_sorted() && pieces.iter().all(|(_, labels)| *labels == 150));
    let ahead = block_on(session.classify(&cat(), &many, TEMPLATE)).unwrap();
    assert_eq!(encode(), [(150, 150)], "they are there");
    let at_once = block_on(self::session(DeviceChoice::Cpu).classify(&cat(), &many, TEMPLATE)).unwrap();
    assert_eq!(ahead.scores, at_once.scores);
}

#[test]
fn an_ended_episode_says_so() {
    let session = session(DeviceChoice::Cpu);
    let mut episode = start(&session, &cat(), few_views(&json!({})));
    assert!(matches!(episode.extend(1), Err(Error::EpisodeRunning)));
    assert!(matches!(episode.reset(), Err(Error::EpisodeRunning)));
    finish(&mut episode);
    assert!(matches!(block_on(episode.advance()), Err(Error::EpisodeOver)));
}

#[test]
fn labels_outside_a_models_vocabulary_are_an_error() {
    let device = common::device(DeviceChoice::Cpu);
    let clip: Clip = Arc::into_inner(common::clip(
        "tests/fixtures/tiny-quick-gelu",
        FormatChoice::AsStored,
        &device,
    ))
    .unwrap();
    let error = block_on(Session::new("tiny".into(), clip).classify(&cat(), &labels(), TEMPLATE)).unwrap_err();
    assert_eq!(error.code(), "token-outside-vocabulary");
}

#[test]
fn a_probability_that_is_no_number_is_infinitely_far_away() {
    let cat = |probability| {
        let label = "cat".to_owned();
        [Score { label, probability }]
    };
    assert!(largest_difference(&cat(f32::NAN), &cat(0.5)).is_infinite());
    assert!((largest_difference(&cat(0.25), &cat(0.5)) - 0.25).abs() < 1e-7);
}
