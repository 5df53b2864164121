//! What can go wrong, with what to do about it.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::args::flag_of;
use crate::output::printable;

/// An error of one of the commands.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("cannot read {what} {path}: {source}")]
    Read {
        what: &'static str,
        path: String,
        source: io::Error,
    },
    /// A picture's file is larger than any picture that could be opened.
    #[error("{path} is larger than {max_mebibytes} MiB, which is more than a picture may have")]
    PictureFileTooLarge { path: String, max_mebibytes: u64 },
    /// A file holds no picture that can be opened.
    #[error("{path}: {source}")]
    Picture { path: String, source: clip_model::Error },
    /// A folder has files that should be pictures.
    #[error("none of the {count} pictures in {path} can be read")]
    NoReadablePictures { path: String, count: usize },
    /// The weights would be replaced by what becomes of them.
    #[error("{} is the model itself, and would be overwritten", path.display())]
    ConvertOntoItself { path: PathBuf },
    /// The configuration of the weights, and what else has the names of the new files, would be replaced.
    #[error("the model itself is in {}, and its files would be overwritten", path.display())]
    ConvertBesideItself { path: PathBuf },
    /// A comparison with single precision makes no sense.
    #[error("{path} is stored as {format}: there is nothing more exact to compare with")]
    AlreadyQuantised { path: String, format: String },
    /// Standard input should hold a picture, but somebody sits there.
    #[error("standard input is a terminal, not a picture")]
    StdinTerminal,
    /// Standard input can be read only once.
    #[error("- (standard input) stands there {count} times, but can be read only once")]
    StdinTwice { count: usize },
    /// `--model` names nothing that has the files of a model.
    #[error("{path} is no model: {reason}")]
    ModelIncomplete { path: String, reason: String },
    /// The hub doesn't give a model's files.
    #[error("cannot fetch {repository} from the Hugging Face hub: {source}")]
    Hub {
        repository: String,
        is_missing: bool,
        is_refused: bool,
        source: Box<hf_hub::api::sync::ApiError>,
    },
    /// A model can't be loaded.
    #[error("cannot load the model {path}: {source}")]
    Model { path: String, source: clip_model::Error },
    /// No such device.
    #[error(transparent)]
    Device(clip_model::Error),
    /// Labels, options, recordings, and what happens while it computes.
    #[error("{}", adaptation_message(.0))]
    Adapt(#[from] clip_adapt::Error),
    /// A recorded episode can't be replayed.
    #[error("{path}: {source}")]
    Episode { path: String, source: clip_adapt::Error },
    /// Folders of pictures, corruptions, and journals of evaluations.
    #[error(transparent)]
    Eval(#[from] clip_eval::Error),
    /// Source statistics can't be used.
    #[error("{path}: {source}")]
    Statistics { path: String, source: clip_adapt::Error },
    /// A method needs source statistics, and there are none.
    #[error("{method} needs source statistics of the model, and there are none beside it")]
    StatisticsMissing { method: String },
    /// A method hasn't this option.
    #[error("{} is no option of {owner}", flag_of(option))]
    OptionUnknown { option: String, owner: String },
    /// What was given for an option can't be read as its kind of value.
    #[error("{} {value:?}: {wanted}", flag_of(option))]
    OptionValue {
        option: String,
        value: String,
        wanted: String,
    },
    /// `--set` without an equals sign.
    #[error("--set {setting:?} sets nothing")]
    SettingInvalid { setting: String },
    /// `--method` names a run in a way that can't be.
    #[error("--method {run:?}: a variant has letters, digits, - and _")]
    RunInvalid { run: String },
    /// `--method` names a run twice.
    #[error("--method names {run:?} twice")]
    RunTwice { run: String },
    /// `--set` is for a run that isn't there.
    #[error("--set is for {run:?}, which is not among the methods")]
    RunUnknown { run: String },
    /// A place where no file can be.
    #[error("cannot write {}: {reason}", path.display())]
    OutputPath { path: PathBuf, reason: &'static str },
    /// A file can't be written.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// `--save-adapter` names a place where no file can be.
    #[error("cannot save the adapter as {}: {reason}", path.display())]
    AdapterPath { path: PathBuf, reason: &'static str },
    /// An adaptation that was stopped has trained nothing.
    #[error("the adapter was not saved: the adaptation was stopped, and its adapter put back")]
    AdapterStopped,
    /// Standard output can't be written to.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// A result can't be made into JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// 2 where the command line is at fault in itself, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::StdinTwice { .. }
            | Self::OptionUnknown { .. }
            | Self::OptionValue { .. }
            | Self::SettingInvalid { .. }
            | Self::RunInvalid { .. }
            | Self::RunTwice { .. }
            | Self::RunUnknown { .. }
            | Self::Eval(clip_eval::Error::CorruptionUnknown { .. } | clip_eval::Error::SeverityInvalid { .. })
            | Self::Adapt(clip_adapt::Error::MethodUnknown { .. }) => 2,
            _ => 1,
        }
    }

    /// Whether nobody reads our output any more.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The stable, kebab-case name of this kind of error in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "file-unreadable",
            Self::PictureFileTooLarge { .. } => "picture-file-too-large",
            Self::NoReadablePictures { .. } => "pictures-unreadable",
            Self::AlreadyQuantised { .. } => "already-quantised",
            Self::StdinTerminal | Self::StdinTwice { .. } => "stdin",
            Self::ModelIncomplete { .. } => "model-incomplete",
            Self::Hub { .. } => "hub",
            Self::Picture { source, .. } | Self::Model { source, .. } | Self::Device(source) => source.code(),
            Self::Adapt(source) | Self::Episode { source, .. } | Self::Statistics { source, .. } => source.code(),
            Self::Write { .. }
            | Self::AdapterPath { .. }
            | Self::ConvertOntoItself { .. }
            | Self::ConvertBesideItself { .. }
            | Self::OutputPath { .. }
            | Self::Output(_) => "file-unwritable",
            Self::AdapterStopped => "adapter-stopped",
            Self::Eval(source) => source.code(),
            Self::StatisticsMissing { .. } => "statistics-missing",
            Self::OptionUnknown { .. } => "option-unknown",
            Self::OptionValue { .. } => "option-invalid",
            Self::SettingInvalid { .. } => "setting-invalid",
            Self::RunInvalid { .. } | Self::RunTwice { .. } | Self::RunUnknown { .. } => "run-invalid",
            Self::Json(_) => "json",
        }
    }

    /// What the user can do, where the message alone doesn't say it.
    fn advice(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Eval(source) => source.advice().map(Cow::Owned),
            Self::OptionUnknown { owner, .. } => {
                let method = owner.split('@').next().unwrap_or(owner);
                Some(Cow::Owned(format!(
                    "`clip-ttl methods {method}` lists them; views and seed are set for all at once, with --views and the like"
                )))
            }
            _ => self.fixed_advice().map(Cow::Borrowed),
        }
    }

    fn fixed_advice(&self) -> Option<&'static str> {
        use clip_adapt::Error as Adapt;
        match self {
            Self::StatisticsMissing { .. } | Self::Adapt(Adapt::StatisticsMissing { .. }) => Some(
                "`clip-ttl stats PICTURES -o FILE` makes them from a folder of ordinary pictures; --statistics FILE names them",
            ),
            Self::Statistics { .. } => {
                Some("they must be made with this model: clip-ttl stats PICTURES -o FILE --model ...")
            }
            Self::SettingInvalid { .. } => Some("--set takes OPTION=VALUE, with eval METHOD.OPTION=VALUE"),
            Self::RunTwice { .. } => Some("NAME@VARIANT runs the same method once more, with options of its own"),
            Self::RunUnknown { .. } => Some("name it with --method too, exactly so"),
            Self::Adapt(Adapt::MethodUnknown { .. }) => Some("`clip-ttl methods` lists them"),
            Self::Read {
                source,
                what: "the picture",
                ..
            } if source.kind() == io::ErrorKind::IsADirectory => {
                Some("name the pictures in the folder, for example FOLDER/*.jpg")
            }
            Self::Read { what: "the labels", .. } => Some("--labels-file takes a UTF-8 text file, one label a line"),
            Self::StdinTerminal => {
                Some("pipe a picture into the command: clip-ttl classify - --labels cat,dog < cat.jpg")
            }
            Self::ModelIncomplete { .. } => Some(
                "--model takes a folder with config.json and model.safetensors, as save_pretrained of transformers writes it, a .safetensors file with config.json beside it, or one that `clip-ttl convert` made",
            ),
            Self::Hub { is_missing: true, .. } => Some(
                "does it exist, and has it config.json and model.safetensors? Some publish the latter under another revision: hf:owner/name@refs/pr/N",
            ),
            Self::ConvertOntoItself { .. } => Some("--to another file: what quantising takes away can't be had back"),
            Self::ConvertBesideItself { .. } => {
                Some("--to another folder, or a file: that has its configuration in it")
            }
            Self::AlreadyQuantised { .. } => Some("--model takes the checkpoint that it was converted from"),
            Self::Hub { is_refused: true, .. } => Some(
                "is the name right? The hub answers so for repositories that don't exist, too. One that asks for a login needs a token in HF_TOKEN, or from `hf auth login`",
            ),
            Self::Hub { .. } => Some("is there a connection?"),
            Self::Model {
                source: clip_model::Error::CheckpointCorrupt { .. },
                ..
            } => Some("was it downloaded to its end?"),
            Self::Device(_) => Some("--device cpu runs everywhere"),
            Self::Adapt(Adapt::LabelsNone | Adapt::LabelsTooFew { .. }) => Some(
                "labels come from --labels cat,dog and from --labels-file, one a line; with eval from the folders, or --classes",
            ),
            Self::Adapt(Adapt::LabelEmpty { .. }) => Some("is there a comma too many in --labels?"),
            Self::Adapt(Adapt::LabelDuplicate { .. }) => {
                Some("labels of --labels come first, then those of --labels-file")
            }
            Self::Adapt(Adapt::TemplateInvalid { .. }) => Some("for example --template \"a photo of a {}.\""),
            Self::Adapt(Adapt::Model(clip_model::Error::DeviceFailed { .. })) => {
                Some("a smaller --chunk-views needs less memory; --device cpu runs everywhere")
            }
            Self::Adapt(Adapt::Model(clip_model::Error::TokenOutsideVocabulary { .. })) => {
                Some("this model was made for another tokenizer than CLIP's")
            }
            Self::Episode { .. } => Some("is --model the model that the episode was recorded with?"),
            _ => None,
        }
    }
}

/// Options have other names on the command line.
fn adaptation_message(error: &clip_adapt::Error) -> String {
    match error {
        clip_adapt::Error::OptionInvalid { option, value, range } => {
            format!("{} {value} is not possible: {range}", flag_of(option))
        }
        other => other.to_string(),
    }
}

/// Prints an error and what to do about it.
pub fn report(error: &Error) {
    eprintln!("error: {}", printable(&error.to_string()));
    if let Some(advice) = error.advice() {
        eprintln!("  {advice}");
    }
}
