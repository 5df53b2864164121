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
    /// What the script of `tests/peers` wrote; null where nothing could be measured.
    pub figures: Value,
    /// Whether every peer did its work.
    pub passed: bool,
}

/// Measures on one device, and prints a table of it. `rounds` is how often each library has its turn; none leaves it to the device's default.
pub(super) fn measure(
    workspace: &Workspace,
    device: PeerDevice,
    rounds: Option<u32>,
    prepared: &Prepared,
) -> Result<BesidePeers, Error> {
    println!("\nMeasuring beside other libraries: {}", device.name());
    let arguments = arguments(&prepared.server.url(), device, rounds);
    run(workspace, &format!("peers-{}", device.name()), &arguments, prepared)
}

/// Runs a script of `tests/peers`, which writes its figures to a file of this name.
pub(super) fn run(
    workspace: &Workspace,
    name: &str,
    arguments: &[String],
    prepared: &Prepared,
) -> Result<BesidePeers, Error> {
    let results = workspace.bench();
    fs::create_dir_all(&results).map_err(Error::file("create", &results))?;
    let file = results.join(format!("{name}.json"));
    if file.exists() {
        // Figures of an earlier run must not pass for those of this one.
        fs::remove_file(&file).map_err(Error::file("remove", &file))?;
    }
    let status = node::node()?
        .args(arguments)
        .arg("--json")
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

/// What Node.js is told, without the file for the figures.
fn arguments(site: &str, device: PeerDevice, rounds: Option<u32>) -> Vec<String> {
    let mut arguments = Vec::from(["measure.mjs", "--site", site, "--device", device.name()].map(str::to_owned));
    if let Some(rounds) = rounds {
        arguments.extend(["--rounds".to_owned(), rounds.to_string()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_rounds_is_passed_on_where_it_is_given() {
        let site = "http://127.0.0.1:8080/";
        let default = ["measure.mjs", "--site", site, "--device", "webgpu"];
        assert_eq!(arguments(site, PeerDevice::Webgpu, None), default);
        let three = arguments(site, PeerDevice::Webgpu, Some(3));
        assert_eq!(three[..default.len()], default);
        assert_eq!(three[default.len()..], ["--rounds", "3"]);
    }
}
