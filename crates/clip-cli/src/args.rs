//! The command line. The methods, their options with defaults and ranges, and the flags for these come from `clip-adapt`.

mod evaluation;
mod option_flags;

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clip_model::checkpoint::FormatChoice;
use clip_model::device::DeviceChoice;
use clip_model::quantised::WeightFormat;

use crate::commands::bench::shapes::Shape;
use crate::model_files::ModelPlace;

pub use evaluation::{EvalArgs, MethodsArgs, StatisticsArgs, StatsArgs};
pub use option_flags::{AdaptationArgs, Given, ViewFlags, flag_of, shown};

/// CLIP that adapts itself to one picture.
///
/// Shows a picture to CLIP and prints how well each of your labels fits. `adapt` first trains small low-rank adapters
/// on crops of that one picture, without any label of it, so that CLIP becomes surer of itself. Everything runs on
/// this machine.
#[derive(Debug, Parser)]
#[command(name = "clip-ttl", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say which label fits each picture, without adaptation
    #[command(after_help = CLASSIFY_JSON)]
    Classify(ClassifyArgs),
    /// Adapt to one picture, and say which label fits before and after
    #[command(after_help = ADAPT_JSON)]
    Adapt(AdaptArgs),
    /// Compare methods on a folder of pictures whose labels are known
    #[command(after_help = EVAL_HELP)]
    Eval(EvalArgs),
    /// Collect the statistics of a model over a folder of pictures, which some methods need
    Stats(StatsArgs),
    /// Say what the methods do, and list their options
    Methods(MethodsArgs),
    /// Write a checkpoint into one file, perhaps quantised
    #[command(after_help = CONVERT_JSON)]
    Convert(ConvertArgs),
    /// Say what quantising a model changes, over a folder of pictures
    Fidelity(FidelityArgs),
    /// Measure time and memory of a model, stage by stage
    Bench(BenchArgs),
    /// Replay episodes that PyTorch recorded, and compare every quantity
    #[command(after_help = VERIFY_JSON)]
    Verify(VerifyArgs),
}

const CLASSIFY_JSON: &str = "\
A picture that can't be read doesn't stop the others; the exit code is then 1.

--json prints one document, with one entry for each picture, in their order (labels in yours):
  {\"results\": [{\"image\", \"model\", \"device\", \"device_name\", \"template\", \"scores\": [{\"label\", \"probability\"}],
                \"entropy\" (nats), \"warnings\": [{\"code\", \"message\"}], \"timing_ms\": {\"text\", \"image\", \"total\"}}
               or {\"image\", \"error\": {\"code\", \"message\"}}]}";

const ADAPT_JSON: &str = "\
--json prints one document (entropies in nats, boxes in pixels, times in milliseconds, labels in your order):
  {\"model\", \"device\", \"device_name\", \"method\", \"seed\", \"template\", \"labels\", \"options\",
   \"before\": [{\"label\", \"probability\"}], \"before_entropy\", \"after\": [...],
   \"steps\": [{\"step\", \"loss\", \"entropy\", \"marginal_entropy\", \"view_entropies\", \"view_weights\", \"view_labels\" (index of each
              view's likeliest label), \"view_probabilities\" (its probability; all these before the update), \"prediction\",
              \"prediction_entropy\", \"adapter_norms\": [{\"tower\", \"block\", \"projection\", \"norm\"}] (these after it), \"duration_ms\"}],
   \"final_state\": {\"loss\", \"entropy\", \"marginal_entropy\", \"view_...\" as in a step} or null,
   \"views\": [{\"box\": {\"left\", \"top\", \"width\", \"height\"}, \"flip\", \"entropy_before\", \"entropy_after\", \"weight\"}],
   \"warnings\": [{\"code\", \"message\"}], \"stopped\": {\"step\", \"reason\"} or null, \"timing_ms\": {...}}";

const EVAL_HELP: &str = "\
All methods see the same views of each picture. A picture's path gives the seeds of its views and of its corruption, so that neither
the order of the pictures nor their number changes a result. What can't be opened is named and counted; the exit code is then 1.

Corruptions: gaussian_noise, shot_noise, impulse_noise, defocus_blur, glass_blur, motion_blur, zoom_blur, snow, frost, fog, brightness,
contrast, elastic_transform, pixelate, jpeg_compression.

  clip-ttl eval PICTURES --method ttl,zero,mta --limit 500 --output results
  clip-ttl eval PICTURES --classes labels.tsv --method all --corrupt clean --corrupt all:3 --output results-all
  clip-ttl eval PICTURES --method ttl,ttl@slow --set ttl@slow.learning_rate=0.001 --output results-slow";

const CONVERT_JSON: &str = "\
The file has the configuration and the preprocessing in its metadata: --model takes it without anything beside it, and so does
the browser. Quantised matrices have a scale for each 32 values: q8 takes 34/32 bytes a weight, q4 18/32. Biases, norms and
positions stay in f32; a matrix whose rows are no whole number of such blocks is kept in f16. The same model gives the same file.

--json prints one document:
  {\"from\", \"to\", \"format\", \"parameters\", \"bytes_before\", \"bytes_after\", \"source_sha256\"}";

const VERIFY_JSON: &str = "\
The exit code is 1 where an error exceeds its tolerance or an episode can't be replayed.

--json prints one document, with one entry for each episode, in their order:
  {\"passed\", \"results\": [{\"episode\", \"method\", \"device\", \"device_name\", \"passed\",
      \"quantities\": [{\"name\", \"largest_error\" (null: not a number), \"at\", \"tolerance\", \"relative\", \"compared\", \"passed\"}]}
     or {\"episode\", \"passed\": false, \"error\": {\"code\", \"message\"}}]}";

/// Arguments of `classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// Pictures (PNG, JPEG, WebP, GIF or BMP); - is standard input
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    #[command(flatten)]
    pub labels: LabelArgs,
    #[command(flatten)]
    pub prompt: TemplateArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `adapt`.
#[derive(Debug, Args)]
pub struct AdaptArgs {
    /// Picture (PNG, JPEG, WebP, GIF or BMP); - is standard input
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,
    #[command(flatten)]
    pub labels: LabelArgs,
    #[command(flatten)]
    pub prompt: TemplateArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub adaptation: AdaptationArgs,
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    /// Write the trained adapter here, in PEFT's layout (safetensors), with adapter_config.json beside it, in a folder that
    /// has no other adapter's. PEFT loads it from the folder if the file is called adapter_model.safetensors
    #[arg(long, value_name = "FILE")]
    pub save_adapter: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Folder of a CLIP in Hugging Face's layout, a .safetensors file, or hf:owner/name
    #[arg(long, value_name = "PATH")]
    pub from: ModelPlace,
    /// The file to write; a folder (or a path that ends with /) gets the files of Hugging Face's layout
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Format of the matrices: f32, f16, q8 or q4
    #[arg(long, value_name = "FORMAT", default_value = "q8")]
    pub quant: WeightFormat,
    /// Format of the text tower's matrices, the token embedding among them [default: that of --quant]
    #[arg(long, value_name = "FORMAT")]
    pub text: Option<WeightFormat>,
    /// Format of the token embedding, of which a label needs a few rows only [default: that of the text tower]
    #[arg(long, value_name = "FORMAT")]
    pub embedding: Option<WeightFormat>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `fidelity`.
#[derive(Debug, Args)]
pub struct FidelityArgs {
    /// Folder with pictures; those in folders within it count too
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub labels: LabelArgs,
    #[command(flatten)]
    pub prompt: TemplateArgs,
    /// CLIP whose weights are not quantised: a folder in Hugging Face's layout, a .safetensors file with config.json beside it or
    /// made by `convert`, or hf:owner/name on the Hugging Face hub, with @revision if need be
    #[arg(long, value_name = "PATH")]
    pub model: Option<ModelPlace>,
    /// Where it runs. auto takes a real graphics processor if one answers, else the CPU
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    pub device: Device,
    /// At most so many pictures, spread evenly over the folder
    #[arg(long, value_name = "N", value_parser = at_least(1))]
    pub limit: Option<usize>,
    /// So many of the pictures are adapted to as well
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub adapt: usize,
    #[command(flatten)]
    pub adaptation: AdaptationArgs,
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Instead of a model: random weights of this shape
    #[arg(long, value_enum, conflicts_with = "model")]
    pub shape: Option<Shape>,
    /// Keep the random model in this folder, which has none yet, as it would be published (config.json, model.safetensors in f32)
    #[arg(long, value_name = "FOLDER", requires = "shape")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub adaptation: AdaptationArgs,
    #[command(flatten)]
    pub statistics: StatisticsArgs,
    /// Number of labels
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least(2))]
    pub labels: usize,
    /// How often the episode is run
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub repeat: usize,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Recorded episodes (.safetensors)
    #[arg(value_name = "EPISODE", required = true)]
    pub episodes: Vec<PathBuf>,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// A number of things of which fewer would be no use.
fn at_least(least: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..)
}

/// Where labels come from.
#[derive(Debug, Args)]
#[group(id = "label-source", required = true, multiple = true)]
pub struct LabelArgs {
    /// Labels to choose from, separated by commas
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// File with more labels, one a line (UTF-8; blank lines are ignored)
    #[arg(long, value_name = "FILE")]
    pub labels_file: Option<PathBuf>,
}

/// What the text tower reads of a label.
#[derive(Debug, Args)]
pub struct TemplateArgs {
    /// Sentence around each label, with {} for the label
    #[arg(long, value_name = "TEXT", default_value = "a photo of a {}.")]
    pub template: String,
}

/// Which model, and where it runs.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// Folder of a CLIP in Hugging Face's layout (config.json, model.safetensors, preprocessor_config.json), a .safetensors
    /// file with config.json beside it or made by `convert`, or hf:owner/name on the Hugging Face hub, with @revision if
    /// need be [default: the small model inside this program]
    #[arg(long, value_name = "PATH")]
    pub model: Option<ModelPlace>,
    /// How its frozen matrices are kept: auto (as in the file), f32, f16, q8 or q4
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub dtype: FormatChoice,
    /// Where it runs. auto takes a real graphics processor if one answers, else the CPU
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    pub device: Device,
}

/// What is printed.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Show all labels, not only the best ten
    #[arg(long, conflicts_with = "json")]
    pub all: bool,
}

/// Where the model runs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Device {
    Auto,
    Cpu,
    #[value(alias = "webgpu")]
    Gpu,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Gpu => Self::Gpu,
        }
    }
}

#[cfg(test)]
mod tests;
