//! `clip-ttl adapt`: adapts to one picture, and says what is predicted before and after.

use std::path::Path;
use std::sync::Arc;

use clip_adapt::episode::Episode;
use clip_adapt::methods;
use clip_adapt::options::Options;
use clip_adapt::report::{EpisodeReport, Event, Score};

use crate::args::{AdaptArgs, flag_of, shown};
use crate::commands::{Outcome, warn};
use crate::error::Error;
use crate::output::{self, Series, Surface};
use crate::progress::Progress;
use crate::{adapter, input, model};

/// Runs the command.
///
/// # Errors
/// Those of the picture, the labels, the model, the options and the device; [`Error::AdapterStopped`] and [`clip_adapt::Error::AdapterMissing`] where an
/// adapter should be saved that isn't there.
pub async fn run(arguments: &AdaptArgs) -> Result<Outcome, Error> {
    // What costs nothing is looked at first.
    input::check_pictures(std::slice::from_ref(&arguments.image))?;
    if let Some(path) = &arguments.save_adapter {
        adapter::check(path)?;
    }
    let setup = arguments.adaptation.setup()?;
    if arguments.save_adapter.is_some() {
        adapter::check_method(&setup)?;
    }
    let labels = input::read_labels(&arguments.labels)?;
    input::check_adaptable(&labels, &arguments.prompt.template, &setup)?;
    let statistics = model::asked_statistics(&arguments.statistics)?;
    let picture = Arc::new(input::read_picture(&arguments.image)?);
    let mut progress = Progress::spinner("loading the model");
    let session = model::load_with_statistics(&arguments.model, statistics.as_ref(), &mut progress).await?;
    let mut episode = session.start(picture, &labels, &arguments.prompt.template, setup)?;
    let report = finish(&mut episode, &mut progress).await?;
    drop(progress);

    // Before anything is printed: a reader that has seen enough ends the program, and must not take the adapter along.
    let saved = match &arguments.save_adapter {
        Some(path) => save(path, arguments, &episode, &report).await,
        None => Ok(()),
    };
    let printed = print(arguments, &report);
    saved?;
    printed?;
    if let Some(path) = arguments.save_adapter.as_ref().filter(|_| !arguments.output.json) {
        output::print(&format!(
            "Adapter saved as {}\n",
            output::printable(&path.display().to_string())
        ))?;
    }
    Ok(Outcome::Good)
}

async fn save(path: &Path, arguments: &AdaptArgs, episode: &Episode, report: &EpisodeReport) -> Result<(), Error> {
    if report.stopped.is_some() {
        return Err(Error::AdapterStopped);
    }
    let base_model = arguments
        .model
        .model
        .as_ref()
        .map_or_else(|| report.model.clone(), ToString::to_string);
    adapter::save(path, &episode.adapter_files(&base_model).await?)
}

fn print(arguments: &AdaptArgs, report: &EpisodeReport) -> Result<(), Error> {
    if arguments.output.json {
        return output::print_json(report);
    }
    warn(&report.warnings);
    output::print(&render(
        &input::picture_name(&arguments.image),
        report,
        arguments.output.all,
        Surface::of_stdout(),
    ))
}

async fn finish(episode: &mut Episode, progress: &mut Progress) -> Result<EpisodeReport, Error> {
    loop {
        let event = episode.advance().await?;
        progress.event(&event);
        if let Event::Done(report) = event {
            return Ok(*report);
        }
    }
}

fn render(image: &str, report: &EpisodeReport, all: bool, surface: Surface) -> String {
    let timing = &report.timing_ms;
    let mut text = format!(
        "{} {}\n{}\n\n",
        surface.bold(&output::printable(image)),
        surface.dim(&format!(
            "· {} on {}",
            output::printable(&report.model),
            output::device(&report.device, &report.device_name)
        )),
        surface.dim(&format!("{}: {}", report.method, settings(report))),
    );
    if let Some(stopped) = &report.stopped {
        text.push_str(&format!("{} {}\n\n", surface.warning("stopped:"), stopped.reason));
    }
    text.push_str(&output::changes(&report.before, &report.after, all, surface));
    text.push_str(&format!("\n  {}\n\n", verdict(&report.before, &report.after, surface)));
    text.push_str(&surface.dim("  entropy in nats, before and after each update\n"));
    text.push_str(&output::series(&progress_of(report), surface));
    text.push_str(&surface.dim(&format!(
        "\n  {} (labels {}, views {}, updates {}, last look {})\n",
        output::duration(timing.total),
        output::duration(timing.text),
        output::duration(timing.views + timing.trunk),
        output::duration(timing.steps),
        output::duration(timing.measure),
    )));
    text
}

/// What it ran with: steps, views and seed, and the options that aren't as the method has them by itself.
fn settings(report: &EpisodeReport) -> String {
    let count = |name: &str| report.options.get(name).and_then(serde_json::Value::as_u64);
    let mut parts = Vec::new();
    parts.extend(count("steps").map(|steps| counted(steps, "step")));
    parts.extend(count("views").map(|views| counted(views, "view")));
    parts.extend(changed(&report.method, &report.options));
    parts.push(format!("seed {}", report.seed));
    parts.join(", ")
}

/// Options with another value than the method's default, as flags.
fn changed(method: &str, options: &Options) -> Vec<String> {
    let described = methods::find(method).map_or_else(|_| Vec::new(), |method| method.description().options);
    described
        .iter()
        .filter(|option| option.name != "steps")
        .filter_map(|option| {
            let value = options.get(option.name).filter(|value| **value != option.default)?;
            Some(format!("{} {}", flag_of(option.name), output::printable(&shown(value))))
        })
        .collect()
}

fn counted(count: u64, name: &str) -> String {
    if count == 1 {
        format!("1 {name}")
    } else {
        format!("{count} {name}s")
    }
}

/// What is predicted, and whether that has changed.
fn verdict(before: &[Score], after: &[Score], surface: Surface) -> String {
    // The first of several that are equally likely.
    let best = |scores: &[Score]| {
        scores
            .iter()
            .rev()
            .max_by(|a, b| a.probability.total_cmp(&b.probability))
            .map(|score| score.label.clone())
    };
    match (best(before), best(after)) {
        (Some(before), Some(after)) if before == after => {
            format!("The prediction stays {}.", surface.bold(&output::printable(&after)))
        }
        (Some(before), Some(after)) => format!(
            "The prediction changes from {} to {}.",
            surface.bold(&output::printable(&before)),
            surface.bold(&output::printable(&after))
        ),
        _ => String::new(),
    }
}

/// What is measured before the first update and after each.
fn progress_of(report: &EpisodeReport) -> Vec<Series<'static>> {
    let steps = || report.steps.iter();
    let last = report.final_state.as_ref();
    let prediction = std::iter::once(report.before_entropy)
        .chain(steps().map(|step| step.prediction_entropy))
        .collect();
    vec![
        Series {
            name: "prediction",
            values: prediction,
        },
        Series {
            name: "mean of the views",
            values: steps()
                .map(|step| step.views.entropy)
                .chain(last.map(|state| state.entropy))
                .collect(),
        },
        Series {
            name: "of the views' mean",
            values: steps()
                .map(|step| step.views.marginal_entropy)
                .chain(last.map(|state| state.marginal_entropy))
                .collect(),
        },
        Series {
            name: "loss",
            values: steps()
                .map(|step| step.views.loss)
                .chain(last.map(|state| state.loss))
                .collect(),
        },
    ]
}
