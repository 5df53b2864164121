//! The files of a checkpoint, wherever they are: inside this program, in a folder, in one file, or on the Hugging Face hub.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clip_model::checkpoint::{CONFIG_KEY, Header};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::hub::{self, Repository};
use crate::progress::Progress;

pub const CONFIG: &str = "config.json";
pub const PREPROCESSOR: &str = "preprocessor_config.json";
pub const WEIGHTS: &str = "model.safetensors";
/// Source statistics of a model, as `clip-ttl stats` writes them.
const STATISTICS: &str = "statistics.safetensors";

/// Where a model is: what `--model` and `--from` take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelPlace {
    /// A folder or a file.
    Path(PathBuf),
    /// `hf:owner/name`, with `@revision` where one is named.
    Hub(Repository),
}

impl FromStr for ModelPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("hf:") {
            Some(repository) => repository.parse().map(Self::Hub),
            None if text.is_empty() => Err("no model is named".into()),
            None => Ok(Self::Path(PathBuf::from(text))),
        }
    }
}

impl std::fmt::Display for ModelPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Hub(repository) => write!(formatter, "hf:{repository}"),
        }
    }
}

/// The files of a checkpoint, in memory.
pub struct ModelFiles {
    /// The model's name in reports.
    pub name: String,
    /// What the user called it, for messages.
    pub place: String,
    /// Absent where the weights' own metadata have it.
    pub config: Option<Cow<'static, str>>,
    pub preprocessor: Option<Cow<'static, str>>,
    pub weights: Cow<'static, [u8]>,
    /// Source statistics that lie beside the weights, with the name of their file.
    pub statistics: Option<NamedBytes>,
}

impl ModelFiles {
    /// The small model that is part of the program.
    pub fn embedded() -> Self {
        Self {
            name: "pocket".to_owned(),
            place: "inside this program".to_owned(),
            config: None,
            preprocessor: None,
            weights: Cow::Borrowed(include_bytes!("../../../models/pocket/model.safetensors")),
            statistics: Some((
                "the statistics inside this program".to_owned(),
                Cow::Borrowed(include_bytes!("../../../models/pocket/statistics.safetensors")),
            )),
        }
    }

    /// Reads them; from the hub, fetches what isn't in its cache yet, which `progress` shows.
    ///
    /// # Errors
    /// [`Error::ModelIncomplete`], [`Error::Read`], [`Error::Hub`].
    pub fn read(place: &ModelPlace, progress: &mut Progress) -> Result<Self, Error> {
        match place {
            ModelPlace::Path(path) => read_path(path, place.to_string()),
            ModelPlace::Hub(repository) => {
                let files = hub::fetch(repository, progress)?;
                progress.spin("reading the model");
                Ok(Self {
                    name: repository.name.clone(),
                    place: place.to_string(),
                    config: read_text(&files.config)?.map(Cow::Owned),
                    preprocessor: match &files.preprocessor {
                        Some(path) => read_text(path)?.map(Cow::Owned),
                        None => None,
                    },
                    weights: Cow::Owned(read_bytes(&files.weights)?),
                    statistics: None,
                })
            }
        }
    }
}

impl ModelFiles {
    /// What identifies the model: SHA-256 of the weights' file, in hexadecimal; where a configuration or preprocessing lies beside it, of all of them
    /// one after the other.
    pub fn sha256(&self) -> String {
        let texts = [&self.config, &self.preprocessor].into_iter().flatten();
        sha256(std::iter::once(&*self.weights).chain(texts.map(|text| text.as_bytes())))
    }
}

/// SHA-256 of some parts one after the other, in hexadecimal.
pub fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    parts.into_iter().for_each(|part| digest.update(part));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_path(path: &Path, place: String) -> Result<ModelFiles, Error> {
    let found = std::fs::metadata(path).map_err(|source| unreadable(path, source))?;
    let (folder, weights_path) = if found.is_dir() {
        (path.to_path_buf(), path.join(WEIGHTS))
    } else {
        (
            path.parent().map(Path::to_path_buf).unwrap_or_default(),
            path.to_path_buf(),
        )
    };
    let incomplete = |reason| Error::ModelIncomplete {
        path: place.clone(),
        reason,
    };
    let config_path = folder.join(CONFIG);
    let beside = read_text(&config_path)?;
    let no_config = || incomplete(format!("there is no {}", config_path.display()));
    if !weights_path.exists() {
        return Err(if beside.is_none() {
            no_config()
        } else {
            incomplete(missing_weights(&folder))
        });
    }
    let weights = read_bytes(&weights_path)?;
    let is_single_file = has_config(&weights);
    if beside.is_none() && !is_single_file {
        return Err(no_config());
    }
    // A file that brings its own configuration is not explained by whatever lies beside it.
    let (config, preprocessor) = if is_single_file {
        (None, None)
    } else {
        (beside, read_text(&folder.join(PREPROCESSOR))?)
    };
    Ok(ModelFiles {
        name: name(path, &weights_path),
        place,
        config: config.map(Cow::Owned),
        preprocessor: preprocessor.map(Cow::Owned),
        statistics: statistics_beside(&weights_path)?,
        weights: Cow::Owned(weights),
    })
}

/// A file's contents, with its name.
pub type NamedBytes = (String, Cow<'static, [u8]>);

/// `statistics.safetensors` beside `model.safetensors`, `NAME.statistics.safetensors` beside any other file.
fn statistics_beside(weights: &Path) -> Result<Option<NamedBytes>, Error> {
    let path = match weights.file_stem().and_then(|stem| stem.to_str()) {
        None | Some("model") => weights.with_file_name(STATISTICS),
        Some(stem) => weights.with_file_name(format!("{stem}.{STATISTICS}")),
    };
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some((path.display().to_string(), Cow::Owned(bytes)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, error)),
    }
}

/// Whether a weights file carries its configuration. A damaged one doesn't; loading will say what is wrong with it.
fn has_config(weights: &[u8]) -> bool {
    Header::parse(weights, None).is_ok_and(|header| header.metadata().contains_key(CONFIG_KEY))
}

/// The text of a file; `None` where there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| unreadable(path, source))
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Read {
        what: "the model",
        path: path.display().to_string(),
        source,
    }
}

/// Says what lies there instead of the weights, where that helps.
fn missing_weights(folder: &Path) -> String {
    let has = |name: &str| folder.join(name).exists();
    if has("model.safetensors.index.json") {
        format!(
            "its weights are split over several files; one {WEIGHTS} can be read (save it again with a larger max_shard_size)"
        )
    } else if has("pytorch_model.bin") {
        format!("it has pytorch_model.bin, but {WEIGHTS} is needed (save it again with safe_serialization=True)")
    } else {
        format!("there is no {WEIGHTS} in it")
    }
}

/// The folder's name, or the file's where that says more than `model`.
fn name(path: &Path, weights: &Path) -> String {
    let stem = path.file_stem().filter(|stem| path == weights && *stem != "model");
    let named = stem.map(PathBuf::from).or_else(|| {
        // `.` and `..` have names of their own only once they are resolved.
        let folder = if path == weights { path.parent() } else { Some(path) };
        let folder = folder
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        folder.canonicalize().ok()?.file_name().map(PathBuf::from)
    });
    named.map_or_else(|| "model".to_owned(), |name| name.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_after_its_folder_or_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let named = |path: &Path, weights: &Path| name(path, weights);
        assert_eq!(named(&root, &root.join(WEIGHTS)), "src");
        assert_eq!(named(&root.join("../src/."), &root.join(WEIGHTS)), "src");
        let file = root.join(WEIGHTS);
        assert_eq!(named(&file, &file), "src", "model.safetensors says nothing");
        let file = root.join("vit-b-16.safetensors");
        assert_eq!(named(&file, &file), "vit-b-16");
    }

    #[test]
    fn a_place_is_a_path_or_a_repository() {
        assert_eq!(
            "models/pocket".parse(),
            Ok(ModelPlace::Path(PathBuf::from("models/pocket")))
        );
        let hub: ModelPlace = "hf:openai/clip-vit-base-patch16".parse().unwrap();
        assert_eq!(hub.to_string(), "hf:openai/clip-vit-base-patch16");
        assert!("hf:no-owner".parse::<ModelPlace>().is_err());
        assert!("".parse::<ModelPlace>().is_err());
    }
}
