//! The command line's part: it makes the random checkpoints, and measures them natively.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

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
    clip_ttl(workspace, "bench")
        .args(["--shape", name, "--write"])
        .arg(&unfinished)
        .args(["--repeat", "0", "--device", "cpu"])
        .run()?;
    fs::rename(&unfinished, &folder).map_err(Error::file("name", &folder))?;
    Ok(folder)
}

/// Runs of the episode: a first one, which also encodes the labels, and those of which the median is taken.
const RUNS: usize = 4;

/// What `clip-ttl bench --json` says of a model.
pub(super) fn measure(workspace: &Workspace, model: &Model, options: &BenchOptions) -> Result<Value, Error> {
    println!("Measuring {} natively", model.shape.name());
    let mut bench = bench(workspace);
    bench
        .arg("--model")
        // The file, not its folder: the model that ships has its configuration inside.
        .arg(model.folder.join("model.safetensors"))
        .args(["--dtype", options.dtype.name()])
        .args(["--views", &options.views.to_string()]);
    figures(&mut bench)
}

/// `clip-ttl bench` on the CPU, for [`figures`].
pub fn bench(workspace: &Workspace) -> Command {
    let mut command = clip_ttl(workspace, "bench");
    command.args(["--device", "cpu", "--repeat", &RUNS.to_string(), "--json"]);
    command
}

/// What it says, with its first run as `first`, and the median of the episodes after that as `episode_ms`.
pub fn figures(bench: &mut Command) -> Result<Value, Error> {
    let output = bench.read()?;
    let mut measured: Value = serde_json::from_str(&output).map_err(|error| Error::Output {
        program: "clip-ttl bench",
        reason: error.to_string(),
    })?;
    let runs = measured.get_mut("runs").and_then(Value::as_array_mut);
    let first = runs.filter(|runs| !runs.is_empty()).map(|runs| runs.remove(0));
    measured["first"] = json!(first);
    measured["episode_ms"] = json!(median(&measured, "/episode_ms/total"));
    Ok(measured)
}

/// The median of a figure over a document's `runs`; none where there is no run.
pub(super) fn median(document: &Value, pointer: &str) -> Option<f64> {
    let runs = document.get("runs")?.as_array()?;
    let mut figures: Vec<f64> = runs.iter().filter_map(|run| run.pointer(pointer)?.as_f64()).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Builds the command line as people would install it for the CPU: five minutes, where graphics devices take half an hour more.
pub fn build(workspace: &Workspace) -> Result<(), Error> {
    process::cargo()
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "clip-cli",
            "--no-default-features",
        ])
        .current_dir(workspace.root())
        .run()
}

/// The command line that was built.
pub fn clip_ttl(workspace: &Workspace, subcommand: &str) -> Command {
    let name = format!("clip-ttl{}", std::env::consts::EXE_SUFFIX);
    let mut command = Command::new(workspace.target().join("release").join(name));
    command.arg(subcommand).current_dir(workspace.root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_figures_that_are_there() {
        let runs = |runs: Value| median(&json!({"runs": runs}), "/a/b");
        assert_eq!(
            runs(json!([{"a": {"b": 3}}, {"a": {"b": 1.5}}, {"a": {"b": 2}}])),
            Some(2.0)
        );
        assert_eq!(runs(json!([{"a": {}}, {"a": {"b": 7}}])), Some(7.0));
        assert_eq!((runs(json!([])), median(&json!({}), "/a")), (None, None));
    }

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
