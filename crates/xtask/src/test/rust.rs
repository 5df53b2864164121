//! Checks and tests of the Rust crates, for this machine and for the browser.

use std::process::Command;

use super::Report;
use crate::process::{self, Run as _};
use crate::setup;
use crate::tally::Tally;
use crate::wasm;
use crate::workspace::Workspace;

/// The crates that run on this machine. The browser's crate would switch on features of shared dependencies, and the tensor library
/// be compiled once more; it has its own suite.
const NATIVE: [&str; 3] = ["--workspace", "--exclude", "clip-wasm"];

/// Warnings are errors here, so that none gets used to.
const DENY_WARNINGS: &str = "-Dwarnings";

pub(super) fn native(workspace: &Workspace, report: &mut Report) {
    let cargo = |arguments: &[&str]| {
        let mut cargo = process::cargo();
        cargo.args(arguments).current_dir(workspace.root());
        cargo
    };
    report.check("formatting", || {
        setup::rust_component("fmt", "rustfmt")?;
        cargo(&["fmt", "--all", "--check"]).run()
    });
    report.check("clippy", || {
        setup::rust_component("clippy", "clippy")?;
        cargo(&["clippy"])
            .args(NATIVE)
            .args(["--all-targets", "--", DENY_WARNINGS])
            .run()
    });
    report.tests("native tests", || {
        let environment = setup::gpu_environment()?;
        let mut tally = Tally::default();
        let status = cargo(&["test"])
            .args(NATIVE)
            .arg("--no-fail-fast")
            .envs(environment)
            .watch(|line| tally.read_cargo(line))?;
        Ok(tally.judged(status.success()))
    });
    report.check("documentation", || document(cargo(&["doc"]).args(NATIVE)));
}

pub(super) fn wasm(workspace: &Workspace, report: &mut Report) {
    report.check("clippy for the browser", || {
        setup::wasm_target()?;
        setup::rust_component("clippy", "clippy")?;
        // The crates that clip-wasm is built from are checked with it, under the browser's own list of what must not be called.
        let forbidden = workspace.root().join("crates").join("xtask").join("clippy-wasm");
        wasm::FLAVOURS.iter().try_for_each(|flavour| {
            flavour
                .cargo(workspace, "clippy")
                .args(["--", DENY_WARNINGS])
                .env("CLIPPY_CONF_DIR", &forbidden)
                .run()
        })
    });
    report.check("documentation for the browser", || {
        document(&mut wasm::FLAVOURS[0].cargo(workspace, "doc"))
    });
}

fn document(cargo: &mut Command) -> Result<(), crate::error::Error> {
    cargo.arg("--no-deps").env("RUSTDOCFLAGS", DENY_WARNINGS).run()
}
