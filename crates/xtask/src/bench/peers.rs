//! clip-ttl beside other libraries on the same work in one Chromium: `tests/peers` measures, and this starts it.

use std::fs;

use serde_json::Value;

use super::{PeerDevice, Prepared};
use crate::error::Error;
use crate::node;
use crate::process::Run as _;
use crate::workspace::Workspace;

/// What was measured beside the peers.
pub(super) struct BesidePeers {
    /// What `tests/peers/measure.mjs` wrote; null where nothing could be measured.
    pub figures: Value,
    /// Whether every peer did its work.
    pub passed: bool,
}

/// Measures on one device, and prints a table of it.
pub(super) fn measure(workspace: &Workspace, device: PeerDevice, prepared: &Prepared) -> Result<BesidePeers, Error> {
    println!("\nMeasuring beside other libraries: {}", device.name());
    let results = workspace.bench();
    fs::create_dir_all(&results).map_err(Error::file("create", &results))?;
    let file = results.join(format!("peers-{}.json", device.name()));
    if file.exists() {
        // Figures of an earlier run must not pass for those of this one.
        fs::remove_file(&file).map_err(Error::file("remove", &file))?;
    }
    let status = node::node()?
        .arg("measure.mjs")
        .args(["--site", &prepared.server.url(), "--device", device.name(), "--json"])
        .arg(&file)
        .env("CHROMIUM", &prepared.chromium)
        .current_dir(workspace.peer_tests())
        .watch(|_| ())?;
    let figures = if file.is_file() {
        let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        serde_json::from_str(&text).map_err(|error| Error::Output {
            program: "the comparison with other libraries",
            reason: format!("{}: {error}", file.display()),
        })?
    } else {
        Value::Null
    };
    Ok(BesidePeers {
        figures,
        passed: status.success(),
    })
}
