//! `clip-ttl stats`: the statistics of a model's tokens over a folder of pictures, which some methods compare a picture with.

use std::path::PathBuf;

use clip_adapt::source::StatisticsCollector;
use clip_eval::dataset::{self, Limit};
use serde::Serialize;

use crate::args::StatsArgs;
use crate::commands::{FailedPicture, Outcome};
use crate::error::{self, Error};
use crate::output;
use crate::progress::Progress;
use crate::{input, model};

#[derive(Serialize)]
struct Document {
    model: String,
    device: String,
    output: PathBuf,
    bytes: usize,
    /// Pictures that were looked at.
    pictures: usize,
    /// Pictures that there are.
    found: usize,
    failed: Vec<FailedPicture>,
}

/// Runs the command.
///
/// # Errors
/// Those of the folder, the model, the device and the file. A picture that can't be opened is reported, and the others go on.
pub async fn run(arguments: &StatsArgs) -> Result<Outcome, Error> {
    input::check_output(&arguments.output)?;
    let limit = Limit {
        total: Some(arguments.limit),
        per_class: None,
    };
    let (items, found) = dataset::pictures(&arguments.folder, limit, arguments.seed)?;
    let mut progress = Progress::spinner("loading the model");
    let session = model::load(&arguments.model, &mut progress).await?;
    let mut collector = StatisticsCollector::new(session.clip());
    let mut failed = Vec::new();
    for (index, path) in items.iter().enumerate() {
        progress.remaining("looking at pictures", index, items.len());
        match input::read_picture(path) {
            Ok(picture) => collector.add(&picture).await?,
            Err(error) => {
                progress.suspend(|| error::report(&error));
                failed.push(FailedPicture::new(path, &error));
            }
        }
    }
    drop(progress);
    if failed.len() == items.len() {
        return Err(Error::NoReadablePictures {
            path: arguments.folder.display().to_string(),
            count: items.len(),
        });
    }
    let bytes = collector.finish()?.to_bytes()?;
    std::fs::write(&arguments.output, &bytes).map_err(|source| Error::Write {
        path: arguments.output.clone(),
        source,
    })?;
    let device = &session.clip().device;
    let document = Document {
        model: session.model().to_owned(),
        device: output::device(device.kind().as_str(), device.name()),
        output: arguments.output.clone(),
        bytes: bytes.len(),
        pictures: items.len() - failed.len(),
        found,
        failed,
    };
    if arguments.json {
        output::print_json(&document)?;
    } else {
        output::print(&format!(
            "Statistics of {} over {} of {} pictures written to {} ({:.1} MB)\n",
            output::printable(&document.model),
            document.pictures,
            document.found,
            output::printable(&document.output.display().to_string()),
            document.bytes as f64 / 1e6
        ))?;
    }
    Ok(Outcome::of(document.failed.is_empty()))
}
