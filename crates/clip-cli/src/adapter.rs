//! Where a trained adapter is saved: a safetensors file, and `adapter_config.json` beside it.

use std::path::{Path, PathBuf};

use clip_adapt::adapter::AdapterFiles;

use crate::error::Error;

/// PEFT's name of the configuration.
const CONFIG: &str = "adapter_config.json";

/// Refuses a place where no file can be, before an adaptation is spent on it.
///
/// # Errors
/// [`Error::AdapterPath`].
pub fn check(path: &Path) -> Result<(), Error> {
    let reason = if path.is_dir() {
        "it is a folder; name a file in it, adapter_model.safetensors if PEFT should find it"
    } else if path.file_name().is_none_or(|name| name == CONFIG) {
        "that is not the name of a safetensors file"
    } else if !folder_of(path).is_dir() {
        "there is no such folder"
    } else {
        return Ok(());
    };
    Err(Error::AdapterPath {
        path: path.to_path_buf(),
        reason,
    })
}

/// Writes both files.
///
/// # Errors
/// [`Error::Write`].
pub fn save(path: &Path, files: &AdapterFiles) -> Result<(), Error> {
    write(path.to_path_buf(), &files.weights)?;
    write(folder_of(path).join(CONFIG), files.config.as_bytes())
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(&path, bytes).map_err(|source| Error::Write { path, source })
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
