//! The command line's part: it makes the random checkpoints, and measures them natively.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{BenchOptions, Model, Shape};
use crate::error::Error;
use crate::process::{self, Run as _};
use crate::workspace::Workspace;

/// The folder of a model's checkpoint, made if it isn't there yet.
pub(super) fn checkpoint(workspace: &Workspace, shape: Shape) -> Result<PathBuf, Error> {
    if shape == Shape::Pocket {
        return Ok(workspace.pocket_model());
    }
    let name = shape.name();
    let folder = workspace.bench().join(name);
    if folder.is_dir() {
        println!("The random weights are those in {}", folder.display());
        return Ok(folder);
    }
    // Under another name until it is whole: a run that was broken off must not leave half a checkpoint to be reused.
    let unfinished = workspace.bench().join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::file("remove", &unfinished))?;
    }
    println!("Making random weights in the shape of {name}");
    clip_ttl(workspace)
        .args(["--shape", name, "--write"])
        .arg(&unfinished)
        .args(["--repeat", "0", "--device", "cpu"])
        .run()?;
    fs::rename(&unfinished, &folder).map_err(Error::file("name", &folder))?;
    Ok(folder)
}

/// What `clip-ttl bench --json` says of a model.
pub(super) fn measure(workspace: &Workspace, model: &Model, options: &BenchOptions) -> Result<Value, Error> {
    println!("Measuring {} natively", model.shape.name());
    let output = clip_ttl(workspace)
        .arg("--model")
        // The file, not its folder: the model that ships has its configuration inside.
        .arg(model.folder.join("model.safetensors"))
        .args(["--device", "cpu", "--dtype", options.dtype.name()])
        .args(["--views", &options.views.to_string(), "--repeat", "1", "--json"])
        .read()?;
    serde_json::from_str(&output).map_err(|error| Error::Output {
        program: "clip-ttl bench",
        reason: error.to_string(),
    })
}

/// In the profile for development, which tests have compiled already: another one would compile the tensor library once more, for
/// half an hour. It is optimised there too, but keeps its checks for debugging.
fn clip_ttl(workspace: &Workspace) -> Command {
    let mut command = process::cargo();
    command
        .args(["run", "--quiet", "--package", "clip-cli", "--", "bench"])
        .current_dir(workspace.root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_model_and_finished_checkpoints_are_taken_as_they_are() {
        let target = std::env::temp_dir().join(format!("clip-ttl-bench-{}", std::process::id()));
        let workspace = Workspace::at("/repository", &target);
        assert_eq!(checkpoint(&workspace, Shape::Pocket).unwrap(), workspace.pocket_model());
        let folder = target.join("bench").join("vit-b-16");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(checkpoint(&workspace, Shape::VitB16).unwrap(), folder);
        fs::remove_dir_all(&target).unwrap();
    }
}
