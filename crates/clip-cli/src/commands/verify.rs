//! `clip-ttl verify`: replays recorded episodes, and compares every quantity with the recording.

use std::path::Path;

use clip_adapt::recorded::{self, Quantity, Verification};
use clip_adapt::session::Session;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::commands::{Failure, Outcome};
use crate::error::{self, Error};
use crate::model;
use crate::output::{self, Surface};
use crate::progress::Progress;

#[derive(Serialize)]
struct Document {
    passed: bool,
    results: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    episode: String,
    #[serde(flatten)]
    result: EntryResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EntryResult {
    Replayed(Verification),
    Failed { passed: bool, error: Failure },
}

/// Runs the command.
///
/// # Errors
/// Those of model and device. An episode that can't be replayed is reported, and the others go on.
pub async fn run(arguments: &VerifyArgs) -> Result<Outcome, Error> {
    let mut progress = Progress::spinner("loading the model");
    let session = model::load(&arguments.model, &mut progress).await?;
    let surface = Surface::of_stdout();
    let mut results = Vec::new();
    let mut passed = true;
    let count = arguments.episodes.len();
    for (index, path) in arguments.episodes.iter().enumerate() {
        progress.count("replaying", index, count);
        let episode = path.display().to_string();
        let result = match replay(&session, path).await {
            Ok(verification) => {
                passed &= verification.passed;
                if !arguments.json {
                    let text = render(&episode, &verification, surface);
                    progress.suspend(|| output::print(&text))?;
                }
                EntryResult::Replayed(verification)
            }
            Err(error) => {
                passed = false;
                progress.suspend(|| error::report(&error));
                EntryResult::Failed {
                    passed: false,
                    error: Failure::from(&error),
                }
            }
        };
        results.push(Entry { episode, result });
    }
    drop(progress);
    if arguments.json {
        output::print_json(&Document { passed, results })?;
    }
    Ok(Outcome::of(passed))
}

async fn replay(session: &Session, path: &Path) -> Result<Verification, Error> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| Error::Read {
        what: "the episode",
        path: name.clone(),
        source,
    })?;
    recorded::verify(session.clip(), &bytes)
        .await
        .map_err(|source| Error::Episode { path: name, source })
}

fn render(episode: &str, verification: &Verification, surface: Surface) -> String {
    let Verification {
        method,
        device,
        device_name,
        passed,
        quantities,
    } = verification;
    let names = quantities.iter().map(|quantity| output::columns_of(&quantity.name));
    let columns = names.max().unwrap_or_default().clamp(8, surface.columns / 3);
    let mut text = format!(
        "{} {}\n{}\n",
        surface.bold(&output::printable(episode)),
        surface.dim(&format!(
            "· {} on {}",
            output::printable(method),
            output::device(device, device_name)
        )),
        surface.dim(&format!(
            "  {}  largest error  tolerance    values",
            output::fitted("quantity", columns)
        )),
    );
    for quantity in quantities {
        text.push_str(&line(quantity, columns, surface));
    }
    let good = quantities.iter().filter(|quantity| quantity.passed).count();
    let summary = format!("{good} of {} quantities within their tolerances", quantities.len());
    let verdict = if *passed {
        surface.good("passed")
    } else {
        surface.bad("FAILED")
    };
    text.push_str(&format!("  {verdict}: {summary}\n\n"));
    text
}

fn line(quantity: &Quantity, columns: usize, surface: Surface) -> String {
    let tolerance = format!(
        "{:.0e}{}",
        quantity.tolerance,
        if quantity.relative { " rel." } else { "" }
    );
    let numbers = format!(
        "{:>13.1e}  {tolerance:<10} {:>8}",
        quantity.largest_error, quantity.compared
    );
    let numbers = if quantity.passed {
        numbers
    } else {
        surface.bad(&format!("{numbers}  exceeded at {}", output::printable(&quantity.at)))
    };
    format!("  {}  {numbers}\n", output::fitted(&quantity.name, columns))
}
