//! `cargo xtask test`: every check and every test, one after another, and their sum in the last line.
//!
//! A part that fails does not stop the others, so that one run tells everything.

mod browser;
mod rust;
mod web;

use std::time::{Duration, Instant};

use clap::ValueEnum;

use self::browser::Built;
use crate::error::{self, Error};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// A part of the tests that can be run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Formatting, clippy, native tests and documentation
    Rust,
    /// The browser build: what blocks or panics there is refused by clippy
    Wasm,
    /// TypeScript: types and unit tests
    Web,
    /// The built site in a real Chromium
    Browser,
    /// The element in a real Firefox
    Firefox,
    /// The npm package where people install it: Vite, webpack, pages of other origins, Node.js
    Packages,
    /// Pages of other people's tools with the element in them
    Embeds,
}

impl Suite {
    /// Whether it needs the site and the package.
    fn needs_build(self) -> bool {
        matches!(self, Self::Browser | Self::Firefox | Self::Packages | Self::Embeds)
    }
}

/// Runs the given suites, or all if none is given. Returns whether everything passed.
pub fn run(workspace: &Workspace, only: &[Suite]) -> bool {
    let mut report = Report::default();
    let mut build: Option<Option<Built>> = None;
    for &suite in Suite::value_variants()
        .iter()
        .filter(|suite| only.is_empty() || only.contains(suite))
    {
        if suite.needs_build() && build.is_none() {
            build = Some(Built::make(workspace, &mut report));
        }
        let built = build.as_ref().and_then(Option::as_ref);
        match suite {
            Suite::Rust => rust::native(workspace, &mut report),
            Suite::Wasm => rust::wasm(workspace, &mut report),
            Suite::Web => web::run(workspace, &mut report),
            Suite::Browser => browser::site(workspace, built, &mut report),
            Suite::Firefox => browser::firefox(workspace, built, &mut report),
            Suite::Packages => browser::packages(workspace, built, &mut report),
            Suite::Embeds => browser::embeds(workspace, built, &mut report),
        }
    }
    report.print();
    report.total().failed == 0
}

/// What has been run so far.
#[derive(Debug, Default)]
struct Report {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    tally: Tally,
    duration: Duration,
}

impl Report {
    /// Runs a check that passes or fails as a whole.
    fn check(&mut self, name: &'static str, check: impl FnOnce() -> Result<(), Error>) -> bool {
        self.tests(name, || check().map(|()| Tally::PASSED))
    }

    /// Runs something that counts its tests. An error is one failure. Returns whether all passed.
    fn tests(&mut self, name: &'static str, tests: impl FnOnce() -> Result<Tally, Error>) -> bool {
        println!("\n=== {name} ===");
        let started = Instant::now();
        let tally = tests().unwrap_or_else(|error| {
            error::report(&error);
            Tally::FAILED
        });
        let passed = tally.failed == 0;
        self.entries.push(Entry {
            name,
            tally,
            duration: started.elapsed(),
        });
        passed
    }

    /// Notes tests that could not be run, because something they need has failed: that is a failure too.
    fn not_run(&mut self, name: &'static str, reason: &str) {
        println!("\n=== {name} ===\nnot run: {reason}");
        self.entries.push(Entry {
            name,
            tally: Tally::FAILED,
            duration: Duration::ZERO,
        });
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for entry in &self.entries {
            total += &entry.tally;
        }
        total
    }

    /// What failed comes last, with what it said: of a long run often only the end is kept.
    fn print(&self) {
        println!("\n=== Summary ===");
        let width = self
            .entries
            .iter()
            .map(|entry| entry.name.len())
            .max()
            .unwrap_or_default();
        for Entry { name, tally, duration } in &self.entries {
            let verdict = if tally.failed == 0 { "ok    " } else { "FAILED" };
            println!("{verdict}  {name:width$}  {:>6} s  {tally}", duration.as_secs());
        }
        for Entry { name, tally, .. } in &self.entries {
            for failure in &tally.failures {
                println!("\n{name}: {}", failure.replace('\n', "\n    "));
            }
        }
        println!("\n{}", self.total());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_none_stops_the_others() {
        let mut report = Report::default();
        assert!(report.check("passes", || Ok(())));
        assert!(!report.check("cannot be started", || {
            Err(Error::Missing {
                what: "a tool".to_owned(),
                advice: "install it".to_owned(),
            })
        }));
        assert!(!report.tests("tests", || Ok(Tally {
            passed: 5,
            failed: 1,
            ..Tally::default()
        })));
        report.not_run("browser tests", "the build failed");
        assert_eq!(report.total().to_string(), "6 passed, 3 failed");
    }
}
