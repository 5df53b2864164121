//! From `--model` to a model on a device.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use clip_adapt::session::Session;
use clip_model::checkpoint::Checkpoint;
use clip_model::clip::Clip;
use clip_model::device::ComputeDevice;

use crate::args::ModelArgs;
use crate::error::Error;

const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
const WEIGHTS: &str = "model.safetensors";

/// The files of a checkpoint, in memory.
struct Files {
    /// The model's name in reports.
    name: String,
    /// What the user called it, for messages.
    path: String,
    config: Cow<'static, str>,
    preprocessor: Option<Cow<'static, str>>,
    weights: Cow<'static, [u8]>,
}

/// Reads the model that was asked for, and puts it onto the device that was asked for.
///
/// # Errors
/// [`Error::ModelIncomplete`], [`Error::Read`], [`Error::Model`], [`Error::Device`].
pub async fn load(arguments: &ModelArgs) -> Result<Session, Error> {
    let files = match &arguments.model {
        Some(path) => read(path)?,
        None => embedded(),
    };
    let device = ComputeDevice::open(arguments.device.into())
        .await
        .map_err(Error::Device)?;
    let unloadable = |source| Error::Model {
        path: files.path.clone(),
        source,
    };
    let checkpoint =
        Checkpoint::from_parts(&files.config, files.preprocessor.as_deref(), &files.weights).map_err(unloadable)?;
    let clip = Clip::load(&checkpoint, &device).map_err(unloadable)?;
    Ok(Session::new(files.name, clip))
}

/// The small model that is part of the program.
fn embedded() -> Files {
    Files {
        name: "pocket".to_owned(),
        path: "inside this program".to_owned(),
        config: Cow::Borrowed(include_str!("../../../models/pocket/config.json")),
        preprocessor: Some(Cow::Borrowed(include_str!(
            "../../../models/pocket/preprocessor_config.json"
        ))),
        weights: Cow::Borrowed(include_bytes!("../../../models/pocket/model.safetensors")),
    }
}

fn read(path: &Path) -> Result<Files, Error> {
    let found = std::fs::metadata(path).map_err(|source| unreadable(path, source))?;
    let (folder, weights) = if found.is_dir() {
        (path.to_path_buf(), path.join(WEIGHTS))
    } else {
        (
            path.parent().map(Path::to_path_buf).unwrap_or_default(),
            path.to_path_buf(),
        )
    };
    let incomplete = |reason| Error::ModelIncomplete {
        path: path.display().to_string(),
        reason,
    };
    let config_path = folder.join(CONFIG);
    let config =
        read_text(&config_path)?.ok_or_else(|| incomplete(format!("there is no {}", config_path.display())))?;
    if !weights.exists() {
        return Err(incomplete(missing_weights(&folder)));
    }
    Ok(Files {
        name: name(path, &weights),
        path: path.display().to_string(),
        config: Cow::Owned(config),
        preprocessor: read_text(&folder.join(PREPROCESSOR))?.map(Cow::Owned),
        weights: Cow::Owned(std::fs::read(&weights).map_err(|source| unreadable(&weights, source))?),
    })
}

/// The text of a file; `None` where there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
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
}
