//! `clip-ttl eval`: many methods on the same views of many pictures whose labels are known, clean and corrupted.

mod document;
mod markdown;
mod plan;
mod plots;
mod question;

use std::collections::HashMap;
use std::path::Path;

use clip_eval::dataset::{Dataset, Item, Limit};
use clip_eval::journal::Journal;
use clip_eval::record::{Condition, Failure, MethodResult, PictureResult, Record};
use clip_eval::summary::Summary;

use self::document::Document;
use self::plan::{Identity, PlannedRun};
use self::question::Questioner;
use crate::args::EvalArgs;
use crate::commands::{Outcome, warn};
use crate::error::Error;
use crate::output::{self, printable};
use crate::progress::Progress;
use crate::{input, model, model_files};

/// Where results are written as they come.
const JOURNAL: &str = "journal.jsonl";
/// The code of [`clip_model::Error::DeviceFailed`].
const DEVICE_FAILED: &str = "device-failed";

/// Runs the command.
///
/// # Errors
/// Those of the data, the model, the options and the device. A picture that can't be opened and a method that fails on one are counted, and the
/// others go on.
pub async fn run(arguments: &EvalArgs) -> Result<Outcome, Error> {
    // What costs nothing is looked at first.
    let runs = plan::runs(arguments)?;
    let conditions = plan::conditions(arguments)?;
    let views = arguments.views.0.views()?;
    let limit = Limit {
        total: arguments.limit,
        per_class: arguments.limit_per_class,
    };
    let dataset = Dataset::read(&arguments.folder, arguments.classes.as_deref(), limit, views.seed)?;
    let mut progress = Progress::spinner("loading the model");
    let files = model::fetch(&arguments.model, &mut progress)?;
    progress.spin("loading the model");
    let model_sha256 = files.sha256();
    let statistics = model::statistics(&files, &arguments.statistics)?;
    let statistics_sha256 = statistics.as_ref().map(|(_, bytes)| model_files::sha256([&**bytes]));
    if statistics.is_none() {
        plan::check_statistics(&runs)?;
    }
    let session = model::open(files, &arguments.model).await?;
    model::use_statistics(&session, statistics.as_ref())?;

    let template = &arguments.prompt.template;
    let questioner = Questioner::new(&session, &dataset.labels, template, &views, &runs);
    let warnings = questioner.check()?;
    if let Some(folder) = &arguments.output {
        input::make_folder(folder)?;
    }

    let clip = session.clip();
    let device = output::device(clip.device.kind().as_str(), clip.device.name());
    let formats = plan::formats(clip);
    let identity = Identity {
        model_sha256: &model_sha256,
        formats: &formats,
        device: &device,
        statistics_sha256: statistics_sha256.as_deref(),
        labels: &dataset.labels,
    };
    let settings = plan::settings(&identity, arguments, &views, &runs);
    let mut ledger = Ledger::open(arguments.output.as_deref(), &settings, &dataset)?;
    answer_all(&questioner, &dataset, &conditions, &mut ledger, &mut progress).await?;
    drop(progress);

    let names: Vec<String> = runs.iter().map(|run| run.shown.name.clone()).collect();
    let records = ledger.of(&dataset, &conditions);
    let summary = Summary::of(&records, &names, views.seed);
    let document = Document {
        version: env!("CARGO_PKG_VERSION"),
        model: session.model().to_owned(),
        model_sha256,
        statistics_sha256,
        dtype: clip.main_format().as_str(),
        formats,
        device,
        template: template.clone(),
        labels: dataset.labels.clone(),
        pictures: dataset.items.len(),
        pictures_found: dataset.found,
        passed_over: dataset.passed_over,
        conditions,
        views: views.views,
        crop_scale: views.crop_scale,
        seed: views.seed,
        runs: runs.into_iter().map(|run: PlannedRun| run.shown).collect(),
        warnings,
        summary,
    };
    if let Some(folder) = &arguments.output {
        write_report(folder, &document)?;
    }
    tell(&document, arguments)?;
    let is_whole =
        document.summary.broken.is_empty() && document.summary.overall.methods.iter().all(|method| method.failed == 0);
    Ok(Outcome::of(is_whole))
}

/// Asks about every picture under every condition that there is no answer to yet.
async fn answer_all(
    questioner: &Questioner<'_>,
    dataset: &Dataset,
    conditions: &[Condition],
    ledger: &mut Ledger,
    progress: &mut Progress,
) -> Result<(), Error> {
    let total = dataset.items.len() * conditions.len();
    let mut done = dataset
        .items
        .iter()
        .flat_map(|item| conditions.iter().map(move |condition| (item, *condition)))
        .filter(|(item, condition)| ledger.has(item, *condition))
        .count();
    for item in &dataset.items {
        let missing: Vec<Condition> = conditions
            .iter()
            .copied()
            .filter(|condition| !ledger.has(item, *condition))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let picture = input::read_picture(&dataset.path_of(item));
        for condition in missing {
            progress.remaining("comparing", done, total);
            let result = match &picture {
                Ok(picture) => questioner.ask(item, picture, condition).await?,
                Err(error) => PictureResult::Broken {
                    error: Failure {
                        code: error.code().to_owned(),
                        message: error.to_string(),
                    },
                },
            };
            ledger.add(Record {
                path: item.path.clone(),
                bytes: item.bytes,
                label: dataset.labels[item.label].clone(),
                condition,
                result,
            })?;
            done += 1;
        }
    }
    Ok(())
}

/// The records that there are, in memory and in the journal.
struct Ledger {
    journal: Option<Journal>,
    records: HashMap<(String, Condition), Record>,
}

impl Ledger {
    /// With those of a journal that still hold. A picture whose file has another size now is another picture, one that has another label now has
    /// other ranks, and what failed for a reason that may have gone is asked again.
    fn open(
        folder: Option<&Path>,
        settings: &serde_json::Map<String, serde_json::Value>,
        dataset: &Dataset,
    ) -> Result<Self, Error> {
        let Some(folder) = folder else {
            return Ok(Self {
                journal: None,
                records: HashMap::new(),
            });
        };
        let (journal, records) = Journal::open::<Record>(&folder.join(JOURNAL), settings)?;
        let items: HashMap<&str, &Item> = dataset.items.iter().map(|item| (item.path.as_str(), item)).collect();
        let is_of = |record: &Record, item: &&Item| {
            record.bytes == item.bytes && dataset.labels.get(item.label) == Some(&record.label)
        };
        let records = records
            .into_iter()
            .filter(|record| items.get(record.path.as_str()).is_some_and(|item| is_of(record, item)))
            .filter(|record| !may_go_otherwise(&record.result))
            .map(|record| ((record.path.clone(), record.condition), record))
            .collect();
        Ok(Self {
            journal: Some(journal),
            records,
        })
    }

    fn has(&self, item: &Item, condition: Condition) -> bool {
        self.records.contains_key(&(item.path.clone(), condition))
    }

    fn add(&mut self, record: Record) -> Result<(), Error> {
        let record = match &mut self.journal {
            Some(journal) => journal.add(&record)?,
            None => record,
        };
        self.records.insert((record.path.clone(), record.condition), record);
        Ok(())
    }

    /// Those that were asked for: a journal may hold more.
    fn of(&self, dataset: &Dataset, conditions: &[Condition]) -> Vec<Record> {
        let asked = dataset
            .items
            .iter()
            .flat_map(|item| conditions.iter().map(move |condition| (item, *condition)));
        asked
            .filter_map(|(item, condition)| self.records.get(&(item.path.clone(), condition)).cloned())
            .collect()
    }
}

/// Whether asking again may give something else: a picture that can be read now, or a device that has room now.
fn may_go_otherwise(result: &PictureResult) -> bool {
    match result {
        PictureResult::Broken { .. } => true,
        PictureResult::Seen { results, .. } => results.values().any(|result| match result {
            MethodResult::Failed { error } => error.code == DEVICE_FAILED,
            MethodResult::Answered(_) => false,
        }),
    }
}

fn write_report(folder: &Path, document: &Document) -> Result<(), Error> {
    let plots = plots::render(&document.summary);
    let names: Vec<(&str, &str)> = plots.iter().map(|plot| (plot.file, plot.title)).collect();
    let json = serde_json::to_string_pretty(document)?;
    let texts = [
        ("report.md", markdown::render(document, &names)),
        ("report.json", json + "\n"),
    ];
    let plots = plots.into_iter().map(|plot| (plot.file, plot.svg));
    for (name, text) in texts.into_iter().chain(plots) {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| Error::Write { path, source })?;
    }
    Ok(())
}

fn tell(document: &Document, arguments: &EvalArgs) -> Result<(), Error> {
    if arguments.json {
        return output::print_json(document);
    }
    warn(&document.warnings);
    for picture in &document.summary.broken {
        eprintln!(
            "warning: {}: {}",
            printable(&picture.path),
            printable(&picture.error.message)
        );
    }
    for method in document
        .summary
        .overall
        .methods
        .iter()
        .filter(|method| method.failed > 0)
    {
        let first = method
            .first_failure
            .as_ref()
            .map_or("", |failure| failure.message.as_str());
        eprintln!(
            "warning: {} failed {} times: {}",
            method.name,
            method.failed,
            printable(first)
        );
    }
    output::print(&markdown::methods_table(&document.summary.overall))?;
    if let Some(folder) = &arguments.output {
        output::print(&format!(
            "\nReport: {}\n",
            printable(&folder.join("report.md").display().to_string())
        ))?;
    }
    Ok(())
}
