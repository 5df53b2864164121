//! The command line. Defaults of the methods come from `clip-adapt`, and so do the ranges of their options.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clip_adapt::options::TtlOptions;
use clip_model::checkpoint::FormatChoice;
use clip_model::device::DeviceChoice;
use clip_model::lora::Projection;
use clip_model::quantised::WeightFormat;

use crate::commands::bench::shapes::Shape;
use crate::model_files::ModelPlace;

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
   \"steps\": [{\"step\", \"loss\", \"entropy\", \"marginal_entropy\", \"view_entropies\", \"view_weights\" (these before the update),
              \"prediction\", \"prediction_entropy\" (these after it), \"duration_ms\"}],
   \"final_state\": {\"loss\", \"entropy\", \"marginal_entropy\"} or null,
   \"views\": [{\"box\": {\"left\", \"top\", \"width\", \"height\"}, \"flip\", \"entropy_before\", \"entropy_after\", \"weight\"}],
   \"warnings\": [{\"code\", \"message\"}], \"stopped\": {\"step\", \"reason\"} or null, \"timing_ms\": {...}}";

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
    pub ttl: TtlArgs,
    /// Write the trained adapter here, in PEFT's layout (safetensors), with adapter_config.json beside it. PEFT loads
    /// it from the folder if the file is called adapter_model.safetensors
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
    /// Format of the token embedding, of which a label needs a few rows only [default: that of --quant]
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
    /// --dtype has no meaning here: all formats are compared with f32
    #[command(flatten)]
    pub model: ModelArgs,
    /// At most so many pictures, spread evenly over the folder
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// So many of the pictures are adapted to as well
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub adapt: usize,
    #[command(flatten)]
    pub ttl: TtlArgs,
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
    /// Keep the random model in this folder, as it would be published (config.json, model.safetensors in f32)
    #[arg(long, value_name = "FOLDER", requires = "shape")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub ttl: TtlArgs,
    /// Number of labels
    #[arg(long, value_name = "N", default_value_t = 10)]
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

/// The methods of adaptation.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Method {
    /// Low-rank adapters, weighted entropy of the views (arXiv 2407.15913)
    Ttl,
}

/// How it adapts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Adaptation")]
pub struct TtlArgs {
    /// How to adapt
    #[arg(long, value_enum, default_value_t = Method::Ttl)]
    pub method: Method,
    /// Number of updates, 0 to 1000
    #[arg(long, value_name = "N", default_value_t = TtlOptions::default().steps)]
    pub steps: usize,
    /// AdamW's learning rate, 0 to 10
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, visible_alias = "learning-rate",
          default_value_t = TtlOptions::default().learning_rate)]
    pub lr: f64,
    /// AdamW's decoupled weight decay, 0 to 1000
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true,
          default_value_t = TtlOptions::default().weight_decay)]
    pub weight_decay: f64,
    /// Number of views of the picture, the centre view among them, 1 to 4096
    #[arg(long, value_name = "N", default_value_t = TtlOptions::default().views)]
    pub views: usize,
    /// Smallest and largest part of the picture's area that a crop takes
    #[arg(long, value_name = "MIN,MAX", allow_hyphen_values = true,
          default_value_t = CropScale(TtlOptions::default().crop_scale))]
    pub crop_scale: CropScale,
    /// Rank of the adapters, 1 to the width of the vision tower
    #[arg(long, value_name = "R", default_value_t = TtlOptions::default().rank)]
    pub rank: usize,
    /// The adapters' output is multiplied by alpha / rank
    #[arg(long, allow_negative_numbers = true, default_value_t = TtlOptions::default().alpha)]
    pub alpha: f64,
    /// Number of the last vision blocks that get adapters
    #[arg(long, value_name = "N", default_value_t = TtlOptions::default().layers)]
    pub layers: usize,
    /// Projections of attention that get adapters: q, k, v, out, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "q,v")]
    pub targets: Vec<Projection>,
    /// A view of entropy H weighs exp(margin - H), in nats
    #[arg(long, value_name = "NATS", allow_negative_numbers = true, default_value_t = TtlOptions::default().margin)]
    pub margin: f64,
    /// Seed of the crops and of the adapters' first values
    #[arg(long, default_value_t = TtlOptions::default().seed)]
    pub seed: u64,
    /// Views that are computed at a time: memory grows with it, the result stays the same
    #[arg(long, value_name = "N", default_value_t = TtlOptions::default().chunk_views)]
    pub chunk_views: usize,
}

impl TtlArgs {
    /// The options as `clip-adapt` takes them, not yet checked.
    pub fn options(&self) -> TtlOptions {
        TtlOptions {
            steps: self.steps,
            learning_rate: self.lr,
            views: self.views,
            crop_scale: self.crop_scale.0,
            rank: self.rank,
            alpha: self.alpha,
            layers: self.layers,
            targets: self.targets.clone(),
            margin: self.margin,
            weight_decay: self.weight_decay,
            seed: self.seed,
            chunk_views: self.chunk_views,
            ..TtlOptions::default()
        }
    }
}

/// The flag that sets an option of `clip-adapt`; `None` for those that the command line doesn't offer.
pub fn flag_of(option: &str) -> Option<&'static str> {
    Some(match option {
        "steps" => "--steps",
        "learning_rate" => "--lr",
        "weight_decay" => "--weight-decay",
        "views" => "--views",
        "crop_scale[0]" => "--crop-scale MIN",
        "crop_scale[1]" => "--crop-scale MAX",
        "rank" => "--rank",
        "alpha" => "--alpha",
        "layers" => "--layers",
        "targets" => "--targets",
        "margin" => "--margin",
        "seed" => "--seed",
        "chunk_views" => "--chunk-views",
        _ => return None,
    })
}

/// Two parts of an area, as `0.08,1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropScale(pub [f64; 2]);

impl fmt::Display for CropScale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.0[0], self.0[1])
    }
}

impl FromStr for CropScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let part = part.trim();
            part.parse::<f64>().map_err(|_| format!("\"{part}\" is not a number"))
        };
        let (least, most) = text
            .split_once(',')
            .ok_or("two numbers with a comma between them are needed")?;
        Ok(Self([number(least)?, number(most)?]))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_flags_the_options_are_the_methods_own() {
        let cli = Cli::try_parse_from(["clip-ttl", "adapt", "cat.png", "--labels", "cat,dog"]).unwrap();
        let Command::Adapt(arguments) = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(arguments.ttl.options(), TtlOptions::default());
        assert_eq!(arguments.labels.labels, ["cat", "dog"]);
    }

    #[test]
    fn every_flag_reaches_its_option() {
        let line = "clip-ttl adapt cat.png --labels cat,dog --steps 2 --lr 0.5 --views 3 --crop-scale 0.1,0.9 --rank 4 \
                    --alpha 5 --layers 6 --targets q,k,v,out --margin -0.7 --weight-decay 0.8 --seed 9 --chunk-views 10";
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Adapt(arguments) = cli.command else {
            panic!("{cli:?}")
        };
        let expected = TtlOptions {
            steps: 2,
            learning_rate: 0.5,
            views: 3,
            crop_scale: [0.1, 0.9],
            rank: 4,
            alpha: 5.0,
            layers: 6,
            targets: Projection::ALL.to_vec(),
            margin: -0.7,
            weight_decay: 0.8,
            seed: 9,
            chunk_views: 10,
            ..TtlOptions::default()
        };
        let mut options = arguments.ttl.options();
        options.targets.sort_unstable();
        assert_eq!(options, expected);
    }

    #[test]
    fn a_crop_scale_is_two_numbers() {
        assert_eq!("0.08, 1".parse(), Ok(CropScale([0.08, 1.0])));
        assert_eq!(CropScale([0.08, 1.0]).to_string(), "0.08,1");
        for text in ["", "0.5", "a,1", "0.1,0.2,0.3"] {
            assert!(text.parse::<CropScale>().is_err(), "{text}");
        }
    }
}
