//! How much work an episode is: multiplications in products of matrices on the CPU device, counted where they are done. They are the
//! same on every machine, so that what makes an episode dearer is seen where times are too noisy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod common;
#[path = "common/pocket.rs"]
mod pocket;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use clip_adapt::report::Event;
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use clip_model::device::DeviceChoice;
use clip_model::product::{Kernel, PANEL, Sizes, TILE, kernel, use_kernel};
use pocket::{TEMPLATE, cat, labels, session};
use pollster::block_on;
use serde_json::json;

static MULTIPLICATIONS: AtomicU64 = AtomicU64::new(0);
/// Tests run side by side, and what is counted is the whole process's.
static TURN: Mutex<()> = Mutex::new(());

/// The loops that are counted.
static LOOPS: OnceLock<Kernel> = OnceLock::new();

/// What [`Kernel`] says, counted.
fn count(tiles: &[[f32; TILE]], panels: &[[f32; PANEL]], bias: &[[f32; PANEL]], out: &mut [f32], sizes: Sizes) {
    LOOPS.get().unwrap()(tiles, panels, bias, out, sizes);
    let products = tiles.len() * TILE * bias.len() * PANEL;
    MULTIPLICATIONS.fetch_add(products as u64, Ordering::Relaxed);
}

/// Episodes with the shipped model, one after another.
struct Counter {
    session: Session,
    _turn: MutexGuard<'static, ()>,
}

impl Counter {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of this processor, not the ones that count: only the first call counts of both.
        LOOPS.get_or_init(kernel);
        use_kernel(count);
        Self {
            session: session(DeviceChoice::Cpu),
            _turn: turn,
        }
    }

    /// Multiplications of an episode.
    fn episode(&self, views: u32, steps: u32, label_count: usize) -> u64 {
        let mut labels = labels();
        labels.extend((labels.len()..label_count).map(|index| format!("thing number {index}")));
        let options = json!({"views": views, "steps": steps});
        let setup = Setup::new("ttl", options.as_object().unwrap()).unwrap();
        let mut episode = self.session.start(cat(), &labels, TEMPLATE, setup).unwrap();
        let before = MULTIPLICATIONS.load(Ordering::Relaxed);
        while !matches!(block_on(episode.advance()).unwrap(), Event::Done(_)) {}
        MULTIPLICATIONS.load(Ordering::Relaxed) - before
    }

    /// The same when its labels have been encoded.
    fn further_episode(&self, views: u32, steps: u32, label_count: usize) -> u64 {
        self.episode(views, steps, label_count);
        self.episode(views, steps, label_count)
    }
}

#[test]
fn an_episode_is_as_much_work_as_it_was() {
    // Fewer are welcome: write them down here. If there are more, something is computed that wasn't before.
    assert_eq!(Counter::new().further_episode(8, 1, 10), 3_993_729_536);
}

#[test]
fn labels_are_encoded_once_and_hardly_count_afterwards() {
    let counter = Counter::new();
    let (first, second) = (counter.episode(4, 1, 10), counter.episode(4, 1, 10));
    let encoding = first - second;
    assert!(encoding > 10_000_000, "{encoding}");
    let with_many = counter.further_episode(4, 1, 200);
    let more = (with_many - second) as f64 / second as f64;
    assert!((0.0..1e-3).contains(&more), "190 more labels are {more} of an episode");
}

#[test]
fn each_update_is_the_same_work_and_less_than_half_of_looking() {
    let counter = Counter::new();
    let [none, one, two, three] = [0, 1, 2, 3].map(|steps| counter.further_episode(8, steps, 10));
    assert_eq!(two - one, three - two);
    let share = (two - one) as f64 / none as f64;
    assert!(share < 0.41, "an update is {share} of looking at the views");
}

#[test]
fn work_is_linear_in_the_views() {
    let counter = Counter::new();
    let [four, eight, sixteen] = [4, 8, 16].map(|views| counter.further_episode(views, 1, 10));
    assert_eq!(sixteen - eight, 2 * (eight - four));
}
