//! Progress on standard error, where that is a terminal.

use std::time::{Duration, Instant};

use clip_adapt::report::{Event, GroundworkEvent};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// How often a line is written where a bar can't be drawn.
const LINE_EVERY: Duration = Duration::from_secs(60);
/// How often the time on a bar is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// What stands there while the length is unknown.
const SPINNER: &str = "{spinner} {msg} ({elapsed})";

/// A bar that disappears when it is dropped. Where standard error is no terminal, a line now and then of what takes long.
pub struct Progress {
    bar: ProgressBar,
    counting: bool,
    writes_lines: bool,
    lines: Option<Lines>,
}

impl Progress {
    /// Something of unknown length begins.
    pub fn spinner(message: &str) -> Self {
        // It draws on standard error, and hides by itself where that is no terminal.
        let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
        bar.set_style(style(SPINNER));
        bar.set_message(message.to_owned());
        bar.enable_steady_tick(TICK);
        Self {
            writes_lines: bar.is_hidden(),
            bar,
            counting: false,
            lines: None,
        }
    }

    /// Something else of unknown length begins.
    pub fn spin(&mut self, message: impl Into<String>) {
        if self.counting {
            self.bar.set_style(style(SPINNER));
            self.counting = false;
        }
        self.bar.set_message(message.into());
    }

    /// Says that something long begins, where no bar shows it.
    pub fn announce(&self, text: &str) {
        if self.writes_lines {
            eprintln!("{text}");
        }
    }

    /// `done` of `total` bytes are done.
    pub fn bytes(&mut self, message: &'static str, done: u64, total: u64) {
        if !self.counting {
            let template = "{spinner} {msg:<24!} {bar:30.cyan/dim} {bytes} of {total_bytes} ({elapsed})";
            self.bar.set_style(style(template).progress_chars("━━─"));
            self.counting = true;
            self.lines = Some(Lines::begin(done));
        }
        self.bar.set_message(message);
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.say(message, done, total, &|bytes| format!("{:.0} MB", bytes as f64 / 1e6));
    }

    /// `done` of `total` are done.
    pub fn count(&mut self, message: impl Into<String>, done: usize, total: usize) {
        if !self.counting {
            self.bar.set_style(
                style("{spinner} {msg:<24!} {bar:30.cyan/dim} {pos:>4} of {len} ({elapsed})").progress_chars("━━─"),
            );
            self.counting = true;
        }
        self.bar.set_message(message.into());
        self.bar.set_length(as_u64(total));
        self.bar.set_position(as_u64(done));
    }

    /// `done` of `total` are done, and the others will take about as long.
    pub fn remaining(&mut self, message: &'static str, done: usize, total: usize) {
        let (done, total) = (as_u64(done), as_u64(total));
        if !self.counting {
            let template = "{spinner} {msg} {bar:30.cyan/dim} {pos} of {len} ({elapsed}, {eta} left)";
            self.bar.set_style(style(template).progress_chars("━━─"));
            self.bar.set_length(total);
            self.bar.set_message(message);
            // What an earlier run has done says nothing of the speed of this one.
            self.bar.set_position(done);
            self.bar.reset_eta();
            self.counting = true;
            self.lines = Some(Lines::begin(done));
        }
        self.bar.set_position(done);
        self.say(message, done, total, &|count| count.to_string());
    }

    /// A line, if it is time for one.
    fn say(&mut self, message: &str, done: u64, total: u64, shown: &dyn Fn(u64) -> String) {
        if let Some(lines) = self.lines.as_mut().filter(|_| self.writes_lines) {
            lines.say(message, done, total, shown);
        }
    }

    /// Takes the bar away while something else is printed.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// An episode has done a piece of work.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Groundwork(GroundworkEvent::Labels {
                labels_done,
                labels_total,
            }) => self.count("reading labels", *labels_done, *labels_total),
            Event::Groundwork(GroundworkEvent::Encoding {
                views_done,
                views_total,
            }) => self.count("encoding views", *views_done, *views_total),
            Event::Stepping {
                step,
                steps,
                views_done,
                views_total,
            } => {
                self.count(format!("step {step} of {steps}"), *views_done, *views_total);
            }
            Event::Step(report) => {
                let views = report.views.view_entropies.len();
                self.count(
                    format!("step {}: {:.3} nats", report.step, report.prediction_entropy),
                    views,
                    views,
                );
            }
            Event::Measuring {
                views_done,
                views_total,
            } => self.count("measuring views", *views_done, *views_total),
            Event::Groundwork(GroundworkEvent::Drawn { .. } | GroundworkEvent::ZeroShot { .. }) | Event::Done(_) => {}
        }
    }
}

/// Progress of long work in a log: a line a minute, so nothing at all of what is soon done.
struct Lines {
    start: Instant,
    first: u64,
    last: Instant,
}

impl Lines {
    fn begin(done: u64) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            first: done,
            last: now,
        }
    }

    fn say(&mut self, message: &str, done: u64, total: u64, shown: &dyn Fn(u64) -> String) {
        if self.last.elapsed() < LINE_EVERY || done <= self.first {
            return;
        }
        self.last = Instant::now();
        let per_item = self.start.elapsed().as_secs_f64() / (done - self.first) as f64;
        let minutes = per_item * total.saturating_sub(done) as f64 / 60.0;
        let (done, total) = (shown(done), shown(total));
        eprintln!("{message}: {done} of {total}, about {minutes:.0} min left");
    }
}

/// The templates above are known to be right; the plain style is what a wrong one would fall back to.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
