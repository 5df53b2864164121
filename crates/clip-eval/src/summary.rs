//! From the records of a run to its figures. The order of the records plays no part.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measures::{Answer, Calibration, Paired, Share, calibration, quantile};
use crate::record::{Condition, Failure, MethodAnswer, MethodResult, PictureResult, Record};
use crate::seeds;

/// The prediction without adaptation, with which every method is compared.
pub const ZERO_SHOT: &str = "zero-shot";
/// Ranks that count for top-5.
const TOP: usize = 5;

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Over all conditions together.
    pub overall: Figures,
    /// Each condition by itself.
    pub conditions: Vec<ConditionFigures>,
    /// Pictures that could not be opened.
    pub broken: Vec<BrokenPicture>,
}

/// The figures of one condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionFigures {
    /// What was done to the pictures.
    pub condition: Condition,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures of some records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Pictures times conditions.
    pub questions: usize,
    /// What all methods share, in milliseconds a picture.
    pub shared_ms: Spread,
    /// One for each run, in their order; the prediction without adaptation first.
    pub methods: Vec<MethodFigures>,
}

/// The figures of one run of a method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodFigures {
    /// The run's name.
    pub name: String,
    /// Right answers. A method that failed on a picture is wrong there.
    pub top1: Share,
    /// Answers with the true label among the five likeliest.
    pub top5: Share,
    /// Of the answers that there are.
    pub calibration: Calibration,
    /// Compared with the prediction without adaptation; absent for that itself.
    pub against_zero_shot: Option<Paired>,
    /// What it took on its own, in milliseconds.
    pub cost_ms: Spread,
    /// Mean passes forward.
    pub forward_passes: f64,
    /// Mean passes backward.
    pub backward_passes: f64,
    /// The most memory that the process had while it ran.
    pub peak_memory_bytes: Option<u64>,
    /// How often it failed.
    pub failed: usize,
    /// The first failure, by the pictures' names.
    pub first_failure: Option<Failure>,
    /// What kept it from running as it was asked to, and how often.
    pub warnings: Vec<WarningFigures>,
}

/// A warning that came with answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningFigures {
    /// The kind of warning, in kebab case.
    pub code: String,
    /// With how many answers.
    pub count: usize,
    /// What it said the first time, by the pictures' names.
    pub first_message: String,
}

/// Mean and median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub median: f64,
}

/// A picture that could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenPicture {
    /// Its path below the data set's folder.
    pub path: String,
    /// Why.
    pub error: Failure,
}

/// A picture that was seen under a condition.
struct Seen<'a> {
    path: &'a str,
    shared_ms: f64,
    results: &'a BTreeMap<String, MethodResult>,
}

impl Summary {
    /// Summarises records; `runs` are the names of the methods' runs in the order of the tables, without the prediction without adaptation.
    #[must_use]
    pub fn of(records: &[Record], runs: &[String], seed: u64) -> Self {
        let mut by_condition: BTreeMap<Condition, Vec<Seen<'_>>> = BTreeMap::new();
        let mut broken = BTreeMap::new();
        for record in records {
            match &record.result {
                PictureResult::Seen { shared_ms, results } => {
                    by_condition.entry(record.condition).or_default().push(Seen {
                        path: &record.path,
                        shared_ms: *shared_ms,
                        results,
                    });
                }
                PictureResult::Broken { error } => {
                    broken.insert(record.path.clone(), error.clone());
                }
            }
        }
        for seen in by_condition.values_mut() {
            // Sums of floating-point numbers depend on the order, if only in their last digit.
            seen.sort_by_key(|seen| seen.path);
        }
        let all: Vec<&Seen<'_>> = by_condition.values().flatten().collect();
        Self {
            overall: figures(&all, runs, seed),
            conditions: by_condition
                .iter()
                .map(|(condition, seen)| ConditionFigures {
                    condition: *condition,
                    figures: figures(&seen.iter().collect::<Vec<_>>(), runs, seed),
                })
                .collect(),
            broken: broken
                .into_iter()
                .map(|(path, error)| BrokenPicture { path, error })
                .collect(),
        }
    }
}

fn figures(seen: &[&Seen<'_>], runs: &[String], seed: u64) -> Figures {
    Figures {
        questions: seen.len(),
        shared_ms: Spread::of(seen.iter().map(|seen| seen.shared_ms)),
        methods: std::iter::once(ZERO_SHOT)
            .chain(runs.iter().map(String::as_str))
            .map(|name| method_figures(seen, name, seed))
            .collect(),
    }
}

fn method_figures(seen: &[&Seen<'_>], name: &str, seed: u64) -> MethodFigures {
    let answered: Vec<&MethodAnswer> = seen.iter().filter_map(|seen| answer_of(seen, name)).collect();
    let answers: Vec<Answer> = answered.iter().map(|answer| answer.answer()).collect();
    let within = |ranks: usize| {
        let is_among = |seen: &Seen<'_>| answer_of(seen, name).is_some_and(|answer| answer.answer().is_among(ranks));
        let mut by_picture: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for seen in seen {
            let (right, asked) = by_picture.entry(seen.path).or_default();
            *right += usize::from(is_among(seen));
            *asked += 1;
        }
        let seed = seeds::derived(seed, &["share", name, &ranks.to_string()]);
        Share::of_pictures(by_picture.into_values(), seed)
    };
    let mean = |value: fn(&MethodAnswer) -> f64| Spread::of(answered.iter().map(|answer| value(answer))).mean;
    let failures = || {
        seen.iter().filter_map(|seen| match seen.results.get(name) {
            Some(MethodResult::Failed { error }) => Some((seen.path, error)),
            _ => None,
        })
    };
    MethodFigures {
        name: name.to_owned(),
        top1: within(1),
        top5: within(TOP),
        calibration: calibration(&answers),
        against_zero_shot: (name != ZERO_SHOT).then(|| paired(seen, name, seed)),
        cost_ms: Spread::of(answered.iter().map(|answer| answer.cost_ms)),
        forward_passes: mean(|answer| answer.forward_passes),
        backward_passes: mean(|answer| answer.backward_passes),
        peak_memory_bytes: answered.iter().filter_map(|answer| answer.peak_memory_bytes).max(),
        failed: failures().count(),
        first_failure: failures().min_by_key(|(path, _)| *path).map(|(_, error)| error.clone()),
        warnings: warnings(seen, name),
    }
}

fn warnings(seen: &[&Seen<'_>], name: &str) -> Vec<WarningFigures> {
    // By kind: how often, and the first with the picture that it came with.
    let mut kinds: BTreeMap<&str, (usize, &str, &str)> = BTreeMap::new();
    for seen in seen {
        for warning in answer_of(seen, name).into_iter().flat_map(|answer| &answer.warnings) {
            let (count, path, message) = kinds.entry(&warning.code).or_insert((0, seen.path, &warning.message));
            *count += 1;
            if seen.path < *path {
                (*path, *message) = (seen.path, &warning.message);
            }
        }
    }
    kinds
        .into_iter()
        .map(|(code, (count, _, message))| WarningFigures {
            code: code.to_owned(),
            count,
            first_message: message.to_owned(),
        })
        .collect()
}

fn answer_of<'a>(seen: &'a Seen<'_>, name: &str) -> Option<&'a MethodAnswer> {
    match seen.results.get(name) {
        Some(MethodResult::Answered(answer)) => Some(answer),
        _ => None,
    }
}

fn paired(seen: &[&Seen<'_>], name: &str, seed: u64) -> Paired {
    let is_right = |seen: &Seen<'_>, name: &str| answer_of(seen, name).is_some_and(|answer| answer.true_rank == 0);
    let mut by_picture: BTreeMap<&str, Vec<(bool, bool)>> = BTreeMap::new();
    for seen in seen {
        let pair = (is_right(seen, ZERO_SHOT), is_right(seen, name));
        by_picture.entry(seen.path).or_default().push(pair);
    }
    Paired::of(by_picture.into_values(), seeds::derived(seed, &["bootstrap", name]))
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        if values.is_empty() {
            return Self { mean: 0.0, median: 0.0 };
        }
        Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            median: quantile(&values, 0.5),
        }
    }
}
