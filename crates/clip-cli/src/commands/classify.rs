//! `clip-ttl classify`: which label fits each picture, without adaptation.

use std::path::Path;

use clip_adapt::report::Classification;
use clip_adapt::session::Session;
use serde::Serialize;

use crate::args::ClassifyArgs;
use crate::commands::{Failure, Outcome, warn};
use crate::error::{self, Error};
use crate::output::{self, Surface};
use crate::progress::Progress;
use crate::{input, model};

#[derive(Serialize)]
struct Document {
    results: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    image: String,
    #[serde(flatten)]
    result: EntryResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EntryResult {
    Classified(Classification),
    Failed { error: Failure },
}

/// Runs the command.
///
/// # Errors
/// Those of labels, model and device. A picture that can't be opened is reported, and the others go on.
pub async fn run(arguments: &ClassifyArgs) -> Result<Outcome, Error> {
    input::check_pictures(&arguments.images)?;
    let labels = input::read_labels(&arguments.labels)?;
    input::check_labels(&labels, &arguments.prompt.template)?;
    let mut progress = Progress::spinner("loading the model");
    let session = model::load(&arguments.model, &mut progress).await?;
    let surface = Surface::of_stdout();
    let mut results = Vec::new();
    let mut all_read = true;
    let mut is_first = true;
    let count = arguments.images.len();
    for (index, path) in arguments.images.iter().enumerate() {
        progress.count("classifying", index, count);
        let image = path.display().to_string();
        let result = match classify(&session, path, &labels, &arguments.prompt.template).await {
            Ok(classification) => {
                if !arguments.output.json {
                    let text = render(&image, &classification, arguments.output.all, surface);
                    let warnings = if is_first {
                        classification.warnings.as_slice()
                    } else {
                        &[]
                    };
                    progress.suspend(|| {
                        // They are about the labels, so the same for every picture.
                        warn(warnings);
                        output::print(&text)
                    })?;
                    is_first = false;
                }
                EntryResult::Classified(classification)
            }
            Err(error @ (Error::Read { .. } | Error::Picture { .. } | Error::PictureFileTooLarge { .. })) => {
                all_read = false;
                progress.suspend(|| error::report(&error));
                EntryResult::Failed {
                    error: Failure::from(&error),
                }
            }
            Err(error) => return Err(error),
        };
        results.push(Entry { image, result });
    }
    drop(progress);
    if arguments.output.json {
        output::print_json(&Document { results })?;
    }
    Ok(Outcome::of(all_read))
}

async fn classify(session: &Session, path: &Path, labels: &[String], template: &str) -> Result<Classification, Error> {
    let picture = input::read_picture(path)?;
    Ok(session.classify(&picture, labels, template).await?)
}

fn render(image: &str, classification: &Classification, all: bool, surface: Surface) -> String {
    let Classification {
        model,
        device,
        device_name,
        scores,
        entropy,
        timing_ms,
        ..
    } = classification;
    let most = (scores.len() as f64).ln();
    format!(
        "{} {}\n{}{}\n",
        surface.bold(&output::printable(image)),
        surface.dim(&format!(
            "· {} on {}",
            output::printable(model),
            output::device(device, device_name)
        )),
        output::scores(scores, all, surface),
        surface.dim(&format!(
            "  entropy {entropy:.3} of at most {most:.3} nats · {} (labels {}, picture {})\n",
            output::duration(timing_ms.total),
            output::duration(timing_ms.text),
            output::duration(timing_ms.image),
        )),
    )
}
