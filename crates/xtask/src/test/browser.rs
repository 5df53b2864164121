//! The built site in a real browser, as a person uses it.

use std::fs;

use super::Report;
use crate::build::{self, BuildOptions};
use crate::error::Error;
use crate::node;
use crate::process::Run as _;
use crate::serve;
use crate::setup;
use crate::tally::Tally;
use crate::workspace::Workspace;

const TESTS: &str = "browser tests";

pub(super) fn run(workspace: &Workspace, report: &mut Report) {
    let built = report.check("build of the site", || {
        build::build(
            workspace,
            &BuildOptions {
                out: workspace.site(),
                debug: false,
            },
        )
        .map(drop)
    });
    if built {
        report.tests(TESTS, || playwright(workspace));
    } else {
        report.not_run(TESTS, "the site could not be built");
    }
}

fn playwright(workspace: &Workspace) -> Result<Tally, Error> {
    node::install(&workspace.browser_tests())?;
    let chromium = setup::chromium()?;
    let server = serve::start(&workspace.site(), 0)?;
    let results = workspace.target().join("browser-tests");
    let report = results.join("report.json");
    if report.exists() {
        fs::remove_file(&report).map_err(Error::file("remove", &report))?;
    }
    let status = node::playwright(workspace)?
        .args(["--reporter=list,json", "--output"])
        .arg(results.join("artifacts"))
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report)
        .env("CHROMIUM", chromium)
        .env("CLIP_TTL_SITE", server.url())
        .watch(|_| ())?;
    let text = fs::read_to_string(&report).map_err(Error::file("read", &report))?;
    Tally::read_playwright(&text)
        .map(|tally| tally.judged(status.success()))
        .ok_or_else(|| Error::Output {
            program: "Playwright",
            reason: format!("no totals in {}", report.display()),
        })
}
