//! clip-ttl beside other libraries on the same work in one Chromium: `tests/peers` measures, and this starts it.

use std::fs;

use serde_json::{Value, json};

use super::BenchOptions;
use crate::error::Error;
use crate::node;
use crate::process::Run as _;
use crate::serve;
use crate::setup;
use crate::workspace::Workspace;

/// What was measured beside the peers.
pub(super) struct BesidePeers {
    /// What `tests/peers/measure.mjs` wrote, for each device.
    pub figures: Value,
    /// Whether every peer did its work.
    pub passed: bool,
}

/// Prints a table for each device as it is there.
pub(super) fn measure(workspace: &Workspace, options: &BenchOptions) -> Result<BesidePeers, Error> {
    let folder = workspace.peer_tests();
    node::install(&folder)?;
    let chromium = setup::chromium()?;
    let server = serve::start(&options.site, 0)?;
    let results = workspace.bench();
    fs::create_dir_all(&results).map_err(Error::file("create", &results))?;
    let mut beside = BesidePeers {
        figures: json!({}),
        passed: true,
    };
    for device in &options.peers {
        println!("\nMeasuring beside other libraries: {}", device.name());
        let file = results.join(format!("peers-{}.json", device.name()));
        if file.exists() {
            // Figures of an earlier run must not pass for those of this one.
            fs::remove_file(&file).map_err(Error::file("remove", &file))?;
        }
        let status = node::node()?
            .arg("measure.mjs")
            .args(["--site", &server.url(), "--device", device.name(), "--json"])
            .arg(&file)
            .env("CHROMIUM", &chromium)
            .current_dir(&folder)
            .watch(|_| ())?;
        beside.passed &= status.success();
        if file.is_file() {
            let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
            beside.figures[device.name()] = serde_json::from_str(&text).map_err(|error| Error::Output {
                program: "the comparison with other libraries",
                reason: format!("{}: {error}", file.display()),
            })?;
        }
    }
    Ok(beside)
}
