//! Arguments of the commands that work on folders of pictures.

use std::path::PathBuf;

use clap::Args;

use super::{ModelArgs, TemplateArgs, ViewFlags, at_least};

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder with a folder of pictures for each class
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// File with the label of each folder, a line each: the folder's name, a tab, the label. All its labels can be answered, those without a
    /// folder too [default: the folders' own names, with spaces for their underscores]
    #[arg(long, value_name = "FILE")]
    pub classes: Option<PathBuf>,
    /// Methods to compare, or all; NAME@VARIANT is the same method once more, for other options
    #[arg(
        long = "method",
        value_name = "M,M,...",
        value_delimiter = ',',
        default_value = "ttl"
    )]
    pub methods: Vec<String>,
    /// Set an option of one of the methods; of a list of texts, add one
    #[arg(long = "set", value_name = "METHOD.OPTION=VALUE")]
    pub settings: Vec<String>,
    /// What is done to the pictures: clean, one of ImageNet-C's corruptions with a severity from 1 to 5, as fog:3, or all of them, as all:3
    #[arg(long, value_name = "KIND:SEVERITY", default_value = "clean")]
    pub corrupt: Vec<String>,
    /// At most so many pictures, chosen with the seed, spread evenly over the classes. More than in a run before continues that run
    #[arg(long, value_name = "N", value_parser = at_least(1))]
    pub limit: Option<usize>,
    /// At most so many pictures of each class
    #[arg(long, value_name = "N", value_parser = at_least(1))]
    pub limit_per_class: Option<usize>,
    /// Folder for report.md, report.json, the plots, and the journal that a run which was cut goes on from
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub prompt: TemplateArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    #[command(flatten)]
    pub views: ViewFlags,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Folder with pictures; those in folders within it count too
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// The file to write; statistics.safetensors beside a model's model.safetensors is found by itself
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// At most so many pictures, chosen with the seed, spread evenly over the folders; of one alone there is no variance
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least(2))]
    pub limit: usize,
    /// Seed of that choice
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `methods`.
#[derive(Debug, Args)]
pub struct MethodsArgs {
    /// Those to describe [default: all, without their options]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What some methods compare a picture with.
#[derive(Debug, Clone, Args)]
pub struct StatisticsArgs {
    /// Source statistics of the model, made by `clip-ttl stats` [default: those beside the model, or of the model inside this program]
    #[arg(long, value_name = "FILE")]
    pub statistics: Option<PathBuf>,
}
