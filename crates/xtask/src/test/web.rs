//! Types and unit tests of the TypeScript code.

use super::Report;
use crate::node;
use crate::process::Run as _;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// The script of `web/package.json` that runs its unit tests.
const UNIT_TESTS: &str = "test";

pub(super) fn run(workspace: &Workspace, report: &mut Report) {
    let folders = [
        ("types of the package", workspace.web()),
        ("types of the package's tests", workspace.web().join("test")),
        ("types of the site", workspace.www()),
        ("types of the browser tests", workspace.browser_tests()),
        ("types of the installed package's tests", workspace.package_tests()),
        ("types of the embeds' tests", workspace.embed_tests()),
    ];
    for (name, folder) in folders {
        report.check(name, || {
            // The compiler, the types of Playwright, and what the site needs if it needs anything.
            for packages in [workspace.web(), workspace.browser_tests(), workspace.www()] {
                if packages.join("package-lock.json").exists() {
                    node::install(&packages)?;
                }
            }
            node::node()?
                .arg(node::typescript(workspace))
                .args(["--noEmit", "--project"])
                .arg(&folder)
                .run()
        });
    }
    report.tests("unit tests of the package", || {
        let mut tally = Tally::default();
        let status = node::script(&workspace.web(), UNIT_TESTS)?
            // One line for each test, on a terminal or not.
            .env("NODE_OPTIONS", "--test-reporter=spec")
            .watch(|line| tally.read_node(line))?;
        Ok(tally.judged(status.success()))
    });
}
