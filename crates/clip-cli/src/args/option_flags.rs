//! Flags made from what the methods say of their options: one for each name, whichever methods have it.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use clip_adapt::methods::{self, MethodDescription};
use clip_adapt::options::{self, OptionDescription, OptionKind, Options, ViewOptions};
use clip_adapt::setup::Setup;
use serde_json::Value;

use crate::error::Error;

/// Options that go by another name on the command line, which other programs have made usual.
const SHORT_NAMES: [(&str, &str); 1] = [("learning_rate", "lr")];

/// The flag that sets an option of `clip-adapt`, as it is written: `--crop-scale`; of a range's ends `--crop-scale MIN`.
pub fn flag_of(option: &str) -> String {
    let (name, end) = match option.strip_suffix(']').and_then(|option| option.split_once('[')) {
        Some((name, "0")) => (name, " MIN"),
        Some((name, _)) => (name, " MAX"),
        None => (option, ""),
    };
    format!("--{}{end}", long_name(name))
}

fn long_name(option: &str) -> String {
    let short = SHORT_NAMES.iter().find(|(name, _)| *name == option);
    short.map_or_else(|| option.replace('_', "-"), |(_, short)| (*short).to_owned())
}

/// The name of an option as `clip-adapt` has it, from how somebody wrote it.
fn option_name(written: &str) -> String {
    let written = written.trim().trim_start_matches('-').replace('-', "_");
    let short = SHORT_NAMES.iter().find(|(_, short)| *short == written);
    short.map_or(written, |(name, _)| (*name).to_owned())
}

/// What was given for options, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given(BTreeMap<String, Vec<String>>);

impl Given {
    /// Adds `OPTION=VALUE`; of an option that is a list of texts, a further text.
    ///
    /// # Errors
    /// [`Error::SettingInvalid`] without an equals sign.
    pub fn set(&mut self, setting: &str) -> Result<(), Error> {
        let (option, value) = setting.split_once('=').ok_or_else(|| Error::SettingInvalid {
            setting: setting.to_owned(),
        })?;
        self.0.entry(option_name(option)).or_default().push(value.to_owned());
        Ok(())
    }

    /// The options of a method, those of the views among them, as far as they were given.
    ///
    /// # Errors
    /// [`Error::OptionUnknown`], [`Error::OptionValue`]; [`Error::Adapt`] for what is no finite number.
    pub fn options(&self, method: &MethodDescription) -> Result<Options, Error> {
        let views = ViewOptions::descriptions();
        self.read(&views.iter().chain(&method.options).collect::<Vec<_>>(), method.name)
    }

    /// The options of the views, complete and checked.
    ///
    /// # Errors
    /// Those of [`Given::options`]; [`Error::Adapt`] for a value out of its range.
    pub fn views(&self) -> Result<ViewOptions, Error> {
        let descriptions = ViewOptions::descriptions();
        let given = self.read(&descriptions.iter().collect::<Vec<_>>(), "the views")?;
        options::check(&descriptions, &given)?;
        Ok(options::read(&options::complete(&descriptions, &given)?)?)
    }

    fn read(&self, known: &[&OptionDescription], owner: &str) -> Result<Options, Error> {
        let mut options = Options::new();
        for (name, values) in &self.0 {
            let description = known.iter().find(|option| option.name == name);
            let description = description.ok_or_else(|| Error::OptionUnknown {
                option: name.clone(),
                owner: owner.to_owned(),
            })?;
            options.insert(name.clone(), parsed(description, values)?);
        }
        Ok(options)
    }
}

/// The JSON value that `clip-adapt` takes.
fn parsed(description: &OptionDescription, values: &[String]) -> Result<Value, Error> {
    let refused = |value: &str, wanted: String| Error::OptionValue {
        option: description.name.to_owned(),
        value: value.to_owned(),
        wanted,
    };
    // As with any flag, the last one counts.
    let last = values.last().map_or("", |value| value.trim());
    let number = |text: &str| {
        let number: f64 = text
            .trim()
            .parse()
            .map_err(|_| refused(text, "a number is needed".to_owned()))?;
        if number.is_finite() {
            Ok(Value::from(number))
        } else {
            Err(Error::Adapt(clip_adapt::Error::OptionInvalid {
                option: description.name.to_owned(),
                value: number.to_string(),
                range: "a finite number".to_owned(),
            }))
        }
    };
    Ok(match description.kind {
        OptionKind::Integer => {
            let whole: u64 = last
                .parse()
                .map_err(|_| refused(last, "a whole number is needed".to_owned()))?;
            Value::from(whole)
        }
        OptionKind::Number => number(last)?,
        OptionKind::Range => {
            let wanted = || refused(last, "two numbers with a comma between them are needed".to_owned());
            let (low, high) = last
                .split_once(',')
                .filter(|(_, high)| !high.contains(','))
                .ok_or_else(wanted)?;
            Value::from(vec![number(low)?, number(high)?])
        }
        OptionKind::Flag => match last {
            "true" | "yes" | "on" | "1" => Value::from(true),
            "false" | "no" | "off" | "0" => Value::from(false),
            other => return Err(refused(other, "true or false is needed".to_owned())),
        },
        OptionKind::Choice => Value::from(chosen(description, last).ok_or_else(|| refused(last, one_of(description)))?),
        OptionKind::List if !description.choices.is_empty() => {
            let parts = last.split(',').map(str::trim).filter(|part| !part.is_empty());
            let chosen: Result<Vec<Value>, Error> = parts
                .map(|part| {
                    chosen(description, part)
                        .map(Value::from)
                        .ok_or_else(|| refused(part, one_of(description)))
                })
                .collect();
            Value::from(chosen?)
        }
        OptionKind::List if holds_numbers(description) => {
            Value::from(last.split(',').map(number).collect::<Result<Vec<Value>, Error>>()?)
        }
        // Texts may hold commas: each stands by itself.
        OptionKind::List => Value::from(values.to_vec()),
    })
}

/// A choice by its name; `q` stands for `q_proj`.
fn chosen<'a>(description: &'a OptionDescription, written: &str) -> Option<&'a str> {
    let matches = |choice: &&&str| **choice == written || choice.strip_suffix("_proj") == Some(written);
    description.choices.iter().find(matches).copied()
}

fn one_of(description: &OptionDescription) -> String {
    format!("there are {}", description.choices.join(", "))
}

fn holds_numbers(description: &OptionDescription) -> bool {
    description
        .default
        .as_array()
        .is_some_and(|values| values.iter().any(Value::is_number))
}

/// The flags of the views and of all methods' options. Which of these a method has is known once it is chosen.
#[derive(Debug, Clone, Default)]
pub struct OptionFlags(pub Given);

/// The flags of the views alone.
#[derive(Debug, Clone, Default)]
pub struct ViewFlags(pub Given);

/// An option's name, and all that is said of it.
struct Flag {
    description: OptionDescription,
    methods: Vec<&'static str>,
    defaults_differ: bool,
}

fn view_flags() -> Vec<Flag> {
    ViewOptions::descriptions()
        .into_iter()
        .map(|description| Flag {
            description,
            methods: Vec::new(),
            defaults_differ: false,
        })
        .collect()
}

/// The flags in the order of the methods; those of the views first.
fn all_flags() -> Vec<Flag> {
    let mut flags = view_flags();
    for method in methods::all() {
        for option in method.options {
            match flags.iter_mut().find(|flag| flag.description.name == option.name) {
                Some(flag) => {
                    flag.defaults_differ |= flag.description.default != option.default;
                    flag.methods.push(method.name);
                }
                None => flags.push(Flag {
                    description: option,
                    methods: vec![method.name],
                    defaults_differ: false,
                }),
            }
        }
    }
    flags
}

impl Flag {
    fn arg(&self) -> Arg {
        let name = self.description.name;
        let mut arg = Arg::new(name)
            .long(long_name(name))
            .help(self.help())
            .value_name(value_name(self.description.kind))
            .action(ArgAction::Append)
            .help_heading("Views and options of the methods");
        arg = if self.description.kind == OptionKind::Flag {
            arg.num_args(0..=1).default_missing_value("true")
        } else {
            // Numbers may be negative. With a flag, which needs no value, it would take the next flag for one.
            arg.allow_hyphen_values(true)
        };
        if SHORT_NAMES.iter().any(|(long, _)| *long == name) {
            arg = arg.visible_alias(name.replace('_', "-"));
        }
        arg
    }

    fn help(&self) -> String {
        let description = &self.description;
        let mut notes = Vec::new();
        if let (Some(least), Some(most)) = (description.min, description.max) {
            notes.push(format!("{least} to {most}"));
        }
        if !description.choices.is_empty() {
            notes.push(description.choices.join(", "));
        }
        if !self.methods.is_empty() && self.methods.len() < methods::all().len() {
            notes.push(format!("of {}", self.methods.join(", ")));
        }
        let default = if self.defaults_differ {
            "its method's".to_owned()
        } else {
            shown(&description.default)
        };
        let notes = if notes.is_empty() {
            String::new()
        } else {
            format!(" ({})", notes.join("; "))
        };
        format!(
            "{}{notes} [default: {default}]",
            description.description.trim_end_matches('.')
        )
    }
}

fn value_name(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Integer => "N",
        OptionKind::Number => "NUMBER",
        OptionKind::Range => "MIN,MAX",
        OptionKind::Choice => "NAME",
        OptionKind::Flag => "BOOL",
        OptionKind::List => "LIST",
    }
}

/// A value as it would be written on the command line.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn augmented(command: Command, flags: &[Flag]) -> Command {
    flags.iter().fold(command, |command, flag| command.arg(flag.arg()))
}

fn given(matches: &ArgMatches, flags: Vec<Flag>) -> Given {
    let names = flags.into_iter().map(|flag| flag.description.name);
    let values = |name| {
        Some((
            str::to_owned(name),
            matches.get_many::<String>(name)?.cloned().collect(),
        ))
    };
    Given(names.filter_map(values).collect())
}

impl Args for OptionFlags {
    fn augment_args(command: Command) -> Command {
        augmented(command, &all_flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for OptionFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(matches, all_flags())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ViewFlags {
    fn augment_args(command: Command) -> Command {
        augmented(command, &view_flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ViewFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(matches, view_flags())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// How it adapts.
#[derive(Debug, Args)]
pub struct AdaptationArgs {
    /// How to adapt; `clip-ttl methods` says what each does
    #[arg(long, value_name = "NAME", default_value = "ttl", value_parser = method_names())]
    pub method: String,
    #[command(flatten)]
    pub flags: OptionFlags,
    /// Set an option of the method by its name, as its flag does
    #[arg(long = "set", value_name = "OPTION=VALUE")]
    pub settings: Vec<String>,
}

fn method_names() -> clap::builder::PossibleValuesParser {
    methods::all()
        .into_iter()
        .map(|method| method.name)
        .collect::<Vec<_>>()
        .into()
}

impl AdaptationArgs {
    /// The method with its options, checked as far as they don't depend on the model.
    ///
    /// # Errors
    /// Those of [`Given::set`] and [`Given::options`]; [`Error::Adapt`] for a value out of its range.
    pub fn setup(&self) -> Result<Setup, Error> {
        let mut given = self.flags.0.clone();
        for setting in &self.settings {
            given.set(setting)?;
        }
        let description = methods::describe(methods::find(&self.method)?);
        Ok(Setup::new(&self.method, &given.options(&description)?)?)
    }
}
