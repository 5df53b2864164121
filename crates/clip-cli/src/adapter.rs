//! Where a trained adapter is saved: a safetensors file, and `adapter_config.json` beside it.

use std::path::{Path, PathBuf};

use clip_adapt::adapter::AdapterFiles;
use clip_adapt::setup::Setup;

use crate::error::Error;
use crate::input::{folder_of, make_folder};

/// PEFT's name of the configuration.
const CONFIG: &str = "adapter_config.json";

/// Refuses a place where no file can be, or where another adapter's configuration would be lost, before an adaptation is spent on it. A folder that
/// isn't there yet is made by [`save`], if there is one to make it in.
///
/// # Errors
/// [`Error::AdapterPath`].
pub fn check(path: &Path) -> Result<(), Error> {
    let folder = folder_of(path);
    let can_be_made = !folder.exists() && folder_of(folder).is_dir();
    let reason = if path.is_dir() {
        "it is a folder; name a file in it, adapter_model.safetensors if PEFT should find it"
    } else if path.file_name().is_none_or(|name| name == CONFIG) {
        "that is not the name of a safetensors file"
    } else if !folder.is_dir() && !can_be_made {
        "there is no such folder"
    } else if folder.join(CONFIG).exists() && !path.exists() {
        // The first adapter would then be read with the rank and alpha of the second.
        "another adapter's configuration lies there; name another folder"
    } else {
        return Ok(());
    };
    Err(Error::AdapterPath {
        path: path.to_path_buf(),
        reason,
    })
}

/// Refuses to save what the method doesn't train, before it runs.
///
/// # Errors
/// [`clip_adapt::Error::AdapterMissing`].
pub fn check_method(setup: &Setup) -> Result<(), Error> {
    if setup.trains_adapter() {
        return Ok(());
    }
    Err(Error::Adapt(clip_adapt::Error::AdapterMissing {
        reason: format!("{} trains no low-rank adapter; ttl does", setup.description().title),
    }))
}

/// Writes both files.
///
/// # Errors
/// [`Error::Write`].
pub fn save(path: &Path, files: &AdapterFiles) -> Result<(), Error> {
    let folder = folder_of(path);
    make_folder(folder)?;
    write(path.to_path_buf(), &files.weights)?;
    write(folder.join(CONFIG), files.config.as_bytes())
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(&path, bytes).map_err(|source| Error::Write { path, source })
}

#[cfg(test)]
mod tests {
    use clip_adapt::methods;
    use clip_adapt::options::Options;

    use super::*;

    #[test]
    fn the_methods_that_train_low_rank_adapters_are_known_before_they_run() {
        let can_be_saved = |name: &str| check_method(&Setup::new(name, &Options::new()).unwrap()).is_ok();
        let names = methods::all().into_iter().map(|method| method.name);
        let saved: Vec<&str> = names.filter(|&name| can_be_saved(name)).collect();
        assert_eq!(saved, ["ttl", "prompt-align"]);
    }
}
