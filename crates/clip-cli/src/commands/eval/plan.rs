//! What is asked of an evaluation: methods with their options, conditions, and the settings that the results depend on.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clip_adapt::comparison::Choice;
use clip_adapt::methods::{self, MethodDescription};
use clip_adapt::options::{Options, ViewOptions};
use clip_adapt::setup::Setup;
use clip_eval::record::Condition;
use clip_model::clip::Clip;
use serde_json::{Map, Value, json};

use super::document::{MatrixFormat, Run};
use crate::args::{EvalArgs, Given};
use crate::error::Error;

/// What stands for every method.
const ALL: &str = "all";

/// A run of a method, ready to be compared with others.
pub(super) struct PlannedRun {
    pub shown: Run,
    pub choice: Choice,
    pub needs_statistics: bool,
}

/// The runs that `--method` and `--set` ask for.
///
/// # Errors
/// [`Error::RunInvalid`], [`Error::SettingInvalid`], [`Error::RunUnknown`], those of the methods' options.
pub(super) fn runs(arguments: &EvalArgs) -> Result<Vec<PlannedRun>, Error> {
    let mut given: BTreeMap<String, Given> = BTreeMap::new();
    let mut named: Vec<(String, MethodDescription)> = Vec::new();
    for name in &arguments.methods {
        if name == ALL {
            named.extend(
                methods::all()
                    .into_iter()
                    .map(|method| (method.name.to_owned(), method)),
            );
        } else {
            let (method, variant) = name.split_once('@').unwrap_or((name.as_str(), "x"));
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
            if variant.is_empty() || !variant.chars().all(is_plain) {
                return Err(Error::RunInvalid { run: name.clone() });
            }
            named.push((name.clone(), methods::describe(methods::find(method)?)));
        }
    }
    for (name, _) in &named {
        if given.insert(name.clone(), Given::default()).is_some() {
            return Err(Error::RunTwice { run: name.clone() });
        }
    }
    for setting in &arguments.settings {
        let invalid = || Error::SettingInvalid {
            setting: setting.clone(),
        };
        let (place, value) = setting.split_once('=').ok_or_else(invalid)?;
        let (run, option) = place.rsplit_once('.').ok_or_else(invalid)?;
        let given = given
            .get_mut(run)
            .ok_or_else(|| Error::RunUnknown { run: run.to_owned() })?;
        given.set(&format!("{option}={value}"))?;
    }
    named
        .into_iter()
        .map(|(name, method)| planned(name, &method, &given))
        .collect()
}

fn planned(name: String, method: &MethodDescription, given: &BTreeMap<String, Given>) -> Result<PlannedRun, Error> {
    let options = match given.get(&name) {
        Some(given) => given.options(method)?,
        None => Options::new(),
    };
    let views = ViewOptions::descriptions();
    let is_of_views = |option: &String| views.iter().any(|view| view.name == option);
    // All methods see the same views.
    if let Some(option) = options.keys().find(|option| is_of_views(option)) {
        return Err(Error::OptionUnknown {
            option: option.clone(),
            owner: name,
        });
    }
    let complete = Setup::new(method.name, &options)?.method_options();
    Ok(PlannedRun {
        shown: Run {
            name,
            method: method.name.to_owned(),
            title: method.title.to_owned(),
            options: complete,
        },
        choice: Choice {
            method: method.name.to_owned(),
            options,
        },
        needs_statistics: method.needs_statistics,
    })
}

/// Refuses methods that can't do without source statistics where there are none.
///
/// # Errors
/// [`Error::StatisticsMissing`].
pub(super) fn check_statistics(runs: &[PlannedRun]) -> Result<(), Error> {
    runs.iter().find(|run| run.needs_statistics).map_or(Ok(()), |run| {
        Err(Error::StatisticsMissing {
            method: run.choice.method.clone(),
        })
    })
}

/// What is done to the pictures, each once.
///
/// # Errors
/// [`Error::Eval`] for what is no condition.
pub(super) fn conditions(arguments: &EvalArgs) -> Result<Vec<Condition>, Error> {
    let mut conditions = Vec::new();
    for text in &arguments.corrupt {
        for condition in Condition::parse_several(text)? {
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
    }
    Ok(conditions)
}

/// The formats of a model's matrices, that of most values first. Biases, norms and positions, which are always in single precision, are none.
pub(super) fn formats(clip: &Clip) -> Vec<MatrixFormat> {
    let embedding = clip.text.token_embedding();
    let mut counts = clip.multiplied_values();
    *counts.entry(embedding.format()).or_default() += embedding.len();
    let mut formats: Vec<MatrixFormat> = counts
        .into_iter()
        .map(|(format, values)| MatrixFormat {
            dtype: format.as_str(),
            values,
        })
        .collect();
    formats.sort_by_key(|format| Reverse(format.values));
    formats
}

/// What the results depend on: a journal of other settings is no part of this run. Which pictures and conditions are asked about is not
/// among them, so that a run can be extended; nor is how many views are computed at a time.
pub(super) fn settings(
    identity: &Identity<'_>,
    arguments: &EvalArgs,
    views: &ViewOptions,
    runs: &[PlannedRun],
) -> Map<String, Value> {
    let methods: Map<String, Value> = runs
        .iter()
        .map(|run| {
            (
                run.shown.name.clone(),
                json!({"method": run.shown.method, "options": run.shown.options}),
            )
        })
        .collect();
    let formats: Map<String, Value> = identity
        .formats
        .iter()
        .map(|format| (format.dtype.to_owned(), json!(format.values)))
        .collect();
    let settings = json!({
        "program": concat!("clip-ttl ", env!("CARGO_PKG_VERSION")),
        "model_sha256": identity.model_sha256,
        "formats": formats,
        "device": identity.device,
        "statistics_sha256": identity.statistics_sha256,
        "template": arguments.prompt.template,
        "labels": identity.labels,
        "views": views.views,
        "crop_scale": views.crop_scale,
        "seed": views.seed,
        "methods": methods,
    });
    match settings {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

/// What the model and the data are.
pub(super) struct Identity<'a> {
    /// Of its configuration and weights.
    pub model_sha256: &'a str,
    pub formats: &'a [MatrixFormat],
    pub device: &'a str,
    pub statistics_sha256: Option<&'a str>,
    pub labels: &'a [String],
}
