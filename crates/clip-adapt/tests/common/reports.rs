//! Running an episode to its end, and comparing what it says.

use clip_adapt::episode::Episode;
use clip_adapt::report::{EpisodeReport, Event, Score};
use pollster::block_on;

/// The report of an episode, once it has one.
pub(crate) fn finish(episode: &mut Episode) -> EpisodeReport {
    loop {
        if let Event::Done(report) = block_on(episode.advance()).unwrap() {
            return *report;
        }
    }
}

/// The largest difference of the same labels' probabilities. What is not a number is infinitely far from everything.
pub(crate) fn largest_difference(a: &[Score], b: &[Score]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0_f32, |largest, (a, b)| {
        assert_eq!(a.label, b.label);
        let difference = (a.probability - b.probability).abs();
        if difference.is_nan() {
            f32::INFINITY
        } else {
            largest.max(difference)
        }
    })
}
