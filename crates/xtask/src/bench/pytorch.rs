//! PyTorch's part: the same episode natively, on the same cores, by `tests/peers/pytorch`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{Model, Shape, native};
use crate::error::Error;
use crate::process::Run as _;
use crate::workspace::Workspace;

/// The Python to measure with, checked that it starts.
pub(super) fn interpreter(named: &Path) -> Result<PathBuf, Error> {
    let python = located(named)?;
    Command::new(&python).arg("--version").read()?;
    Ok(python)
}

/// The episode runs in another folder, from which a relative path would lead elsewhere. A bare name is looked for on the search path.
fn located(named: &Path) -> Result<PathBuf, Error> {
    if named.components().count() > 1 {
        std::path::absolute(named).map_err(Error::file("find", named))
    } else {
        Ok(named.to_path_buf())
    }
}

/// What the episode takes with PyTorch, with the medians of its runs. `python` is one that [`interpreter`] gave, with the packages of
/// `tests/peers/pytorch/requirements.txt`.
pub(super) fn measure(workspace: &Workspace, model: &Model, views: u32, python: &Path) -> Result<Value, Error> {
    let folder = in_single_precision(workspace, model)?;
    println!("Measuring {} with PyTorch", model.shape.name());
    let output = Command::new(python)
        .arg("episode.py")
        .arg("--model")
        .arg(folder)
        .args(["--views", &views.to_string()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(workspace.peer_tests().join("pytorch"))
        .read()?;
    let mut measured: Value = serde_json::from_str(&output).map_err(|error| Error::Output {
        program: "the episode with PyTorch",
        reason: error.to_string(),
    })?;
    measured["episode_ms"] = json!(native::median(&measured, "/total_ms"));
    measured["forward_ms"] = json!(native::median(&measured, "/forward_ms"));
    Ok(measured)
}

/// The folder with the model's weights as PyTorch multiplies them. The model that ships is quantised, and is unpacked first.
fn in_single_precision(workspace: &Workspace, model: &Model) -> Result<PathBuf, Error> {
    if model.shape != Shape::Pocket {
        return Ok(model.folder.clone());
    }
    let folder = workspace.bench().join("pocket-f32");
    native::clip_ttl(workspace, "convert")
        .arg("--from")
        .arg(&model.folder)
        .arg("--to")
        // The separator says that a folder is meant.
        .arg(folder.join(""))
        .args(["--quant", "f32"])
        .run()?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_one_from_here_and_a_bare_name_one_on_the_search_path() {
        let relative = Path::new("venv").join("bin").join("python");
        let here = std::env::current_dir().unwrap();
        assert_eq!(located(&relative).unwrap(), here.join(&relative));
        assert_eq!(located(Path::new("python3")).unwrap(), Path::new("python3"));
    }

    #[test]
    fn a_python_that_is_not_there_is_named_before_anything_is_measured() {
        let error = interpreter(Path::new("no/such/python")).unwrap_err();
        assert!(error.to_string().contains("python --version"), "{error}");
    }
}
