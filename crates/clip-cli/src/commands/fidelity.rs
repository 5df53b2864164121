//! `clip-ttl fidelity`: what keeping a model's matrices in half precision, eight or four bits changes, over a folder of pictures.

use std::sync::Arc;

use clip_adapt::report::Event;
use clip_adapt::session::Session;
use clip_adapt::setup::Setup;
use clip_eval::dataset::{self, Limit};
use clip_model::checkpoint::FormatChoice;
use clip_model::picture::Picture;
use clip_model::quantised::WeightFormat;
use serde::Serialize;

use crate::args::{FidelityArgs, ModelArgs};
use crate::commands::{FailedPicture, Outcome};
use crate::error::{self, Error};
use crate::output;
use crate::progress::Progress;
use crate::{input, model};

/// The formats that are compared with single precision.
const COMPARED: [WeightFormat; 3] = [WeightFormat::F16, WeightFormat::Q8, WeightFormat::Q4];

/// What a model said of one picture.
struct Answer {
    /// Of the labels, without adaptation.
    probabilities: Vec<f32>,
    /// The centre view's features, not normalised.
    features: Vec<f32>,
    /// With adaptation, where the picture is one of those and an update was made: the mean entropy of the views before and after, and the label.
    adapted: Option<Adapted>,
}

struct Adapted {
    entropy_before: f64,
    entropy_after: f64,
    label: usize,
}

/// A format, and how far it is from single precision.
#[derive(Serialize)]
struct Row {
    format: &'static str,
    weights_bytes: usize,
    top1_agreement: f64,
    mean_probability_change: f64,
    largest_probability_change: f64,
    mean_cosine: f64,
    least_cosine: f64,
    /// Of the pictures that should be adapted to, those of which the following is: no update was made of the others, in this format or in f32.
    adapted_pictures: usize,
    adapted_top1_agreement: Option<f64>,
    mean_entropy_change: Option<f64>,
    largest_difference_of_entropy_change: Option<f64>,
}

#[derive(Serialize)]
struct Document {
    model: String,
    device: String,
    /// Pictures that were looked at.
    pictures: usize,
    /// Those that couldn't be.
    failed: Vec<FailedPicture>,
    labels: usize,
    /// Of the pictures that were looked at, those that should be adapted to.
    adapted_pictures: usize,
    method: String,
    steps: Option<u64>,
    views: usize,
    formats: Vec<Row>,
}

/// Runs the command.
///
/// # Errors
/// Those of the folder, the labels, the model and the device. A picture that can't be opened is reported, and the others go on.
pub async fn run(arguments: &FidelityArgs) -> Result<Outcome, Error> {
    // What costs nothing is looked at first.
    let setup = arguments.adaptation.setup()?;
    let labels = input::read_labels(&arguments.labels)?;
    if arguments.adapt > 0 {
        input::check_adaptable(&labels, &arguments.prompt.template, &setup)?;
    } else {
        input::check_labels(&labels, &arguments.prompt.template)?;
    }
    let statistics = model::asked_statistics(&arguments.statistics)?;
    let limit = Limit {
        total: arguments.limit,
        per_class: None,
    };
    let (mut paths, _) = dataset::pictures(&arguments.folder, limit, 0)?;
    let mut progress = Progress::spinner("loading the model");
    let mut loaded = ModelArgs {
        model: arguments.model.clone(),
        dtype: FormatChoice::AsStored,
        device: arguments.device,
    };
    let stored = model::load(&loaded, &mut progress).await?.clip().main_format();
    if stored.is_quantised() {
        return Err(Error::AlreadyQuantised {
            path: loaded
                .model
                .map_or_else(|| "the model inside this program".to_owned(), |place| place.to_string()),
            format: stored.to_string(),
        });
    }
    let mut answers = Vec::new();
    let mut failed = Vec::new();
    let mut names = (String::new(), String::new());
    for format in std::iter::once(WeightFormat::F32).chain(COMPARED) {
        progress.spin(format!("loading the model in {format}"));
        loaded.dtype = FormatChoice::Fixed(format);
        let session = model::load_with_statistics(&loaded, statistics.as_ref(), &mut progress).await?;
        let device = &session.clip().device;
        names = (
            session.model().to_owned(),
            output::device(device.kind().as_str(), device.name()),
        );
        let resident = session.clip().resident();
        let bytes = resident.values().map(|part| part.device_bytes + part.host_bytes).sum();
        let count = paths.len();
        let mut seen = Vec::with_capacity(count);
        let mut of_format = Vec::with_capacity(count);
        for (index, path) in paths.into_iter().enumerate() {
            progress.count(format.as_str(), index, count);
            let picture = match input::read_picture(&path) {
                Ok(picture) => picture,
                Err(error) if answers.is_empty() => {
                    progress.suspend(|| error::report(&error));
                    failed.push(FailedPicture::new(&path, &error));
                    continue;
                }
                // What one format has seen and another hasn't can't be compared.
                Err(error) => return Err(error),
            };
            let setup = (of_format.len() < arguments.adapt).then_some(&setup);
            of_format.push(answer(&session, picture, &labels, &arguments.prompt.template, setup).await?);
            seen.push(path);
        }
        // The other formats see those that the first one has seen.
        paths = seen;
        if paths.is_empty() {
            return Err(Error::NoReadablePictures {
                path: arguments.folder.display().to_string(),
                count,
            });
        }
        answers.push((format, bytes, of_format));
    }
    drop(progress);
    let Some((_, _, reference)) = answers.first() else {
        return Ok(Outcome::Good);
    };
    let is_whole = failed.is_empty();
    let document = Document {
        model: names.0,
        device: names.1,
        pictures: paths.len(),
        failed,
        labels: labels.len(),
        adapted_pictures: paths.len().min(arguments.adapt),
        method: setup.name().to_owned(),
        steps: setup.options().get("steps").and_then(serde_json::Value::as_u64),
        views: setup.views.views,
        formats: answers
            .iter()
            .map(|(format, bytes, answers)| compare(*format, *bytes, answers, reference))
            .collect(),
    };
    if arguments.json {
        output::print_json(&document)?;
    } else {
        output::print(&render(&document))?;
    }
    Ok(Outcome::of(is_whole))
}

async fn answer(
    session: &Session,
    picture: Picture,
    labels: &[String],
    template: &str,
    setup: Option<&Setup>,
) -> Result<Answer, Error> {
    let classified = session.classify(&picture, labels, template).await?;
    let features = session.image_features(&picture).await?;
    let adapted = if let Some(setup) = setup {
        let mut episode = session.start(Arc::new(picture), labels, template, setup.clone())?;
        let report = loop {
            if let Event::Done(report) = episode.advance().await? {
                break report;
            }
        };
        let probabilities: Vec<f32> = report.after.iter().map(|score| score.probability).collect();
        let first = report.steps.first().map(|step| step.views.entropy);
        let last = report.final_state.as_ref().map(|state| state.entropy);
        first.zip(last).map(|(entropy_before, entropy_after)| Adapted {
            entropy_before,
            entropy_after,
            label: best(&probabilities),
        })
    } else {
        None
    };
    Ok(Answer {
        probabilities: classified.scores.iter().map(|score| score.probability).collect(),
        features,
        adapted,
    })
}

/// The likeliest; the first of several that are equally likely.
fn best(probabilities: &[f32]) -> usize {
    let indexed = probabilities.iter().enumerate().rev();
    indexed.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(index, _)| index)
}

fn compare(format: WeightFormat, weights_bytes: usize, answers: &[Answer], reference: &[Answer]) -> Row {
    let pairs = || answers.iter().zip(reference);
    let share = |same: usize, of: usize| same as f64 / of.max(1) as f64;
    let changes: Vec<f64> = pairs()
        .flat_map(|(ours, theirs)| ours.probabilities.iter().zip(&theirs.probabilities))
        .map(|(a, b)| f64::from((a - b).abs()))
        .collect();
    // Mean over pictures of the change of the label that changed most: a mean over a thousand labels would say nothing.
    let per_picture = pairs().map(|(ours, theirs)| {
        let changes = ours.probabilities.iter().zip(&theirs.probabilities);
        largest(changes.map(|(a, b)| f64::from((a - b).abs())))
    });
    let cosines: Vec<f64> = pairs()
        .map(|(ours, theirs)| cosine(&ours.features, &theirs.features))
        .collect();
    let adapted: Vec<(&Adapted, &Adapted)> = pairs()
        .filter_map(|(ours, theirs)| ours.adapted.as_ref().zip(theirs.adapted.as_ref()))
        .collect();
    let change = |adapted: &Adapted| adapted.entropy_after - adapted.entropy_before;
    let of_adapted = |value: f64| (!adapted.is_empty()).then_some(value);
    Row {
        format: format.as_str(),
        weights_bytes,
        top1_agreement: share(
            pairs()
                .filter(|(ours, theirs)| best(&ours.probabilities) == best(&theirs.probabilities))
                .count(),
            answers.len(),
        ),
        mean_probability_change: per_picture.sum::<f64>() / answers.len().max(1) as f64,
        largest_probability_change: largest(changes.iter().copied()),
        mean_cosine: cosines.iter().sum::<f64>() / cosines.len().max(1) as f64,
        least_cosine: -largest(cosines.iter().map(|cosine| -cosine)),
        adapted_pictures: adapted.len(),
        adapted_top1_agreement: of_adapted(share(
            adapted
                .iter()
                .filter(|(ours, theirs)| ours.label == theirs.label)
                .count(),
            adapted.len(),
        )),
        mean_entropy_change: of_adapted(
            adapted.iter().map(|(ours, _)| change(ours)).sum::<f64>() / adapted.len().max(1) as f64,
        ),
        largest_difference_of_entropy_change: of_adapted(largest(
            adapted
                .iter()
                .map(|(ours, theirs)| (change(ours) - change(theirs)).abs()),
        )),
    }
}

/// The largest value; what is no number stays one, and is not passed over.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, |largest, value| {
        if value > largest || value.is_nan() {
            value
        } else {
            largest
        }
    })
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// A table in Markdown, which is what such figures are wanted for.
fn render(document: &Document) -> String {
    let mut text = format!(
        "{} on {}: {} pictures, {} labels; {} of them adapted to ({}, {} views{}).\n\n",
        output::printable(&document.model),
        document.device,
        document.pictures,
        document.labels,
        document.adapted_pictures,
        document.method,
        document.views,
        document
            .steps
            .map_or_else(String::new, |steps| format!(", {steps} steps"))
    );
    text.push_str(
        "| format | weights | top-1 as f32 | probability: mean change | largest | features: mean cosine | least | adapted: top-1 as f32 | entropy change | off f32's by at most |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let optional = |value: Option<f64>, show: &dyn Fn(f64) -> String| value.map_or_else(|| "-".to_owned(), show);
    let percent = |value: f64| format!("{:.1} %", value * 100.0);
    for row in &document.formats {
        text.push_str(&format!(
            "| {} | {:.1} MB | {} | {:.4} | {:.4} | {:.6} | {:.6} | {} | {} | {} |\n",
            row.format,
            row.weights_bytes as f64 / 1e6,
            percent(row.top1_agreement),
            row.mean_probability_change,
            row.largest_probability_change,
            row.mean_cosine,
            row.least_cosine,
            optional(row.adapted_top1_agreement, &percent),
            optional(row.mean_entropy_change, &|value| format!("{value:.4}")),
            optional(row.largest_difference_of_entropy_change, &|value| format!("{value:.4}")),
        ));
    }
    let left_out: Vec<String> = document
        .formats
        .iter()
        .filter(|row| row.adapted_pictures < document.adapted_pictures)
        .map(|row| {
            let count = document.adapted_pictures - row.adapted_pictures;
            format!("{} {count}", row.format)
        })
        .collect();
    if !left_out.is_empty() {
        text.push_str(&format!(
            "\nOf the pictures adapted to, some are not in the last three columns, since no update was made or the adaptation was stopped: {}.\n",
            left_out.join(", ")
        ));
    }
    if !document.failed.is_empty() {
        text.push_str(&format!(
            "\nPictures that could not be opened: {}.\n",
            document.failed.len()
        ));
    }
    text
}
