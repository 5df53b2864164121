//! The browser's part: Playwright runs `tests/browser/bench` on the built site, and leaves a file with figures for each model.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{BenchOptions, Model, Prepared};
use crate::error::Error;
use crate::node;
use crate::process::Run as _;
use crate::workspace::Workspace;

/// What was measured in the browser.
pub(super) struct InBrowser {
    /// For each model in order; null where nothing could be measured.
    pub figures: Vec<Value>,
    /// Whether everything was measured and as it should be.
    pub passed: bool,
}

pub(super) fn measure(
    workspace: &Workspace,
    models: &[Model],
    options: &BenchOptions,
    prepared: &Prepared,
) -> Result<InBrowser, Error> {
    println!("Measuring in Chromium");
    let folder = workspace.browser_tests();
    let root = workspace.bench().join("browser");
    if root.exists() {
        // Figures of an earlier run must not pass for those of this one.
        fs::remove_dir_all(&root).map_err(Error::file("empty", &root))?;
    }
    fs::create_dir_all(&root).map_err(Error::file("create", &root))?;
    let (results, job) = (root.join("figures"), root.join("job.json"));
    fs::write(&job, describe(models, options, &results)).map_err(Error::file("write", &job))?;

    let status = node::playwright(workspace)?
        .arg("--config")
        .arg(folder.join("bench").join("playwright.config.ts"))
        .arg("--output")
        .arg(root.join("artifacts"))
        .env("CHROMIUM", &prepared.chromium)
        .env("CLIP_TTL_SITE", prepared.server.url())
        .env("CLIP_TTL_BENCH", &job)
        .watch(|_| ())?;
    let figures = models
        .iter()
        .map(|model| read(&results.join(format!("{}.json", model.shape.name()))))
        .collect::<Result<_, _>>()?;
    Ok(InBrowser {
        figures,
        passed: status.success(),
    })
}

/// The job as `tests/browser/bench/job.ts` reads it.
fn describe(models: &[Model], options: &BenchOptions, results: &Path) -> String {
    let models: Vec<Value> = models
        .iter()
        .map(|model| json!({"name": model.shape.name(), "folder": model.folder}))
        .collect();
    json!({
        "models": models,
        "dtype": options.dtype.name(),
        "views": options.views,
        "results": results,
    })
    .to_string()
}

fn read(path: &Path) -> Result<Value, Error> {
    if !path.is_file() {
        return Ok(Value::Null);
    }
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    serde_json::from_str(&text).map_err(|error| Error::Output {
        program: "the benchmark in the browser",
        reason: format!("{}: {error}", path.display()),
    })
}
