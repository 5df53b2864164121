//! `clip-ttl bench`: what a model takes in time and memory, stage by stage.

pub mod shapes;

use std::sync::Arc;
use std::time::Instant;

use clip_adapt::report::{EpisodeTiming, Event};
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use clip_model::picture::Picture;
use serde::Serialize;

use crate::args::BenchArgs;
use crate::commands::Outcome;
use crate::error::Error;
use crate::memory;
use crate::model;
use crate::model_files::ModelPlace;
use crate::output::{self, Surface};
use crate::progress::Progress;

/// A picture of the size that cameras and the web have, so that decoding excepted all stages are as in use.
const PICTURE_SIDE: u32 = 512;

#[derive(Serialize)]
struct Document {
    model: String,
    device: String,
    dtype: &'static str,
    weights: Vec<Weights>,
    /// What the formats' blocks need in all, without padding or anything else.
    format_bytes: u64,
    load_ms: f64,
    runs: Vec<Run>,
    peak_memory_bytes: Option<u64>,
}

/// What lies there of one format.
#[derive(Serialize)]
struct Weights {
    format: &'static str,
    values: usize,
    device_bytes: usize,
    host_bytes: usize,
    bytes_per_value: f64,
}

#[derive(Serialize)]
struct Run {
    classify_ms: f64,
    episode_ms: EpisodeTiming,
}

/// Runs the command.
///
/// # Errors
/// Those of the options, the model and the device; [`Error::OutputPath`] and [`Error::Write`] where a random model can't be written.
pub async fn run(arguments: &BenchArgs) -> Result<Outcome, Error> {
    // What costs nothing is looked at first.
    let setup = arguments.adaptation.setup()?;
    let statistics = model::asked_statistics(&arguments.statistics)?;
    if let Some(folder) = &arguments.write {
        shapes::check_folder(folder)?;
    }
    let mut progress = Progress::spinner("making the model");
    let written = match arguments.shape {
        Some(shape) => Some(TemporaryModel::write(shape, arguments)?),
        None => None,
    };
    let mut model_arguments = arguments.model.clone();
    if let Some(written) = &written {
        model_arguments.model = Some(ModelPlace::Path(written.folder.clone()));
    }
    progress.spin("loading the model");
    let start = Instant::now();
    let session = model::load_with_statistics(&model_arguments, statistics.as_ref(), &mut progress).await?;
    let load_ms = milliseconds(start);
    drop(written);
    let labels: Vec<String> = (0..arguments.labels).map(|index| format!("thing {index}")).collect();
    let mut runs = Vec::new();
    for index in 0..arguments.repeat {
        progress.count("running", index, arguments.repeat);
        runs.push(measure(&session, &labels, &setup).await?);
    }
    drop(progress);
    let document = describe(&session, load_ms, runs);
    if arguments.json {
        output::print_json(&document)?;
    } else {
        output::print(&render(&document, Surface::of_stdout()))?;
    }
    Ok(Outcome::Good)
}

/// A random model on disk; in a folder of its own it is removed at the end.
struct TemporaryModel {
    folder: std::path::PathBuf,
    keep: bool,
}

impl TemporaryModel {
    fn write(shape: shapes::Shape, arguments: &BenchArgs) -> Result<Self, Error> {
        let keep = arguments.write.is_some();
        let folder = arguments
            .write
            .clone()
            .unwrap_or_else(|| std::env::temp_dir().join(format!("clip-ttl-bench-{}", std::process::id())));
        let model = Self { folder, keep };
        shapes::write(shape, &model.folder)?;
        Ok(model)
    }
}

impl Drop for TemporaryModel {
    fn drop(&mut self) {
        if !self.keep {
            // A leftover in the folder for temporary files is all that can go wrong.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

async fn measure(session: &Session, labels: &[String], setup: &Setup) -> Result<Run, Error> {
    let picture = Arc::new(picture()?);
    let template = "a photo of a {}.";
    let mut episode = session.start(Arc::clone(&picture), labels, template, setup.clone())?;
    let episode_ms = loop {
        if let Event::Done(report) = episode.advance().await? {
            break report.timing_ms;
        }
    };
    let start = Instant::now();
    session.classify(&picture, labels, template).await?;
    Ok(Run {
        classify_ms: milliseconds(start),
        episode_ms,
    })
}

/// Smooth colours with something in every view.
fn picture() -> Result<Picture, Error> {
    let values = (0..PICTURE_SIDE * PICTURE_SIDE)
        .flat_map(|index| {
            let (x, y) = (index % PICTURE_SIDE, index / PICTURE_SIDE);
            [(x / 2) as u8, (y / 2) as u8, ((x * y) / 1024) as u8, 255]
        })
        .collect::<Vec<u8>>();
    Picture::from_rgba8(PICTURE_SIDE, PICTURE_SIDE, &values).map_err(|source| Error::Picture {
        path: "the picture of the benchmark".into(),
        source,
    })
}

fn describe(session: &Session, load_ms: f64, runs: Vec<Run>) -> Document {
    let clip = session.clip();
    let resident = clip.resident();
    let format_bytes = resident
        .iter()
        .map(|(format, part)| format.bytes(part.values as u64))
        .sum();
    Document {
        model: session.model().to_owned(),
        device: output::device(clip.device.kind().as_str(), clip.device.name()),
        dtype: clip.main_format().as_str(),
        weights: resident
            .into_iter()
            .map(|(format, part)| Weights {
                format: format.as_str(),
                values: part.values,
                device_bytes: part.device_bytes,
                host_bytes: part.host_bytes,
                bytes_per_value: (part.device_bytes + part.host_bytes) as f64 / part.values.max(1) as f64,
            })
            .collect(),
        format_bytes,
        load_ms,
        runs,
        peak_memory_bytes: memory::peak_bytes(),
    }
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn render(document: &Document, surface: Surface) -> String {
    let megabytes = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
    let mut text = format!(
        "{} {}\n",
        surface.bold(&output::printable(&document.model)),
        surface.dim(&format!(
            "· {} on {}, loaded in {}",
            document.dtype,
            document.device,
            output::duration(document.load_ms)
        ))
    );
    text.push_str("  format      values     device       host  bytes a value\n");
    let mut total = 0;
    for part in &document.weights {
        total += part.device_bytes + part.host_bytes;
        text.push_str(&format!(
            "  {:<6} {:>11} {:>10} {:>10}  {:>13.4}\n",
            part.format,
            part.values,
            megabytes(part.device_bytes as f64),
            megabytes(part.host_bytes as f64),
            part.bytes_per_value
        ));
    }
    text.push_str(&format!(
        "  in all {}, {:+.2} % over what the formats need\n",
        megabytes(total as f64),
        (total as f64 / document.format_bytes as f64 - 1.0) * 100.0
    ));
    for run in &document.runs {
        let EpisodeTiming {
            text: labels,
            views,
            trunk,
            steps,
            measure,
            total,
        } = run.episode_ms;
        text.push_str(&format!(
            "  episode {} (labels {}, views {}, trunk {}, updates {}, last look {}); one picture {}\n",
            output::duration(total),
            output::duration(labels),
            output::duration(views),
            output::duration(trunk),
            output::duration(steps),
            output::duration(measure),
            output::duration(run.classify_ms),
        ));
    }
    if let Some(bytes) = document.peak_memory_bytes {
        text.push_str(&format!("  most memory of the process: {}\n", megabytes(bytes as f64)));
    }
    text
}
