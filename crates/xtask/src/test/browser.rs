//! The built site and the built package in real browsers, as people use them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Report;
use crate::build::{self, BuildOptions};
use crate::error::Error;
use crate::node;
use crate::process::Run as _;
use crate::serve;
use crate::setup;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What the browser's tests need, built once for all of them.
#[derive(Debug)]
pub(super) struct Built {
    tarball: PathBuf,
}

impl Built {
    /// Builds the site and packs the package; nothing if that fails, which the report then says.
    pub(super) fn make(workspace: &Workspace, report: &mut Report) -> Option<Self> {
        let mut tarball = None;
        report.check("build of the site and the package", || {
            let options = BuildOptions {
                out: workspace.site(),
                debug: false,
            };
            build::build(workspace, &options)?;
            tarball = Some(build::pack(workspace)?);
            Ok(())
        });
        tarball.map(|tarball| Self { tarball })
    }
}

/// The built site in Chromium.
pub(super) fn site(workspace: &Workspace, built: Option<&Built>, report: &mut Report) {
    const TESTS: &str = "browser tests";
    if built.is_none() {
        report.not_run(TESTS, "the site could not be built");
        return;
    }
    report.tests(TESTS, || {
        let chromium = setup::chromium()?;
        let server = serve::start(&workspace.site(), 0)?;
        playwright(
            workspace,
            &workspace.browser_tests(),
            "browser-tests",
            &[("CHROMIUM", chromium), ("CLIP_TTL_SITE", server.url().into())],
        )
    });
}

/// The element in Firefox.
pub(super) fn firefox(workspace: &Workspace, built: Option<&Built>, report: &mut Report) {
    const TESTS: &str = "Firefox tests";
    if built.is_none() {
        report.not_run(TESTS, "the site could not be built");
        return;
    }
    report.tests(TESTS, || {
        let firefox = setup::firefox()?;
        let server = serve::start(&workspace.site(), 0)?;
        playwright(
            workspace,
            &workspace.browser_tests().join("firefox"),
            "firefox-tests",
            &[("FIREFOX", firefox), ("CLIP_TTL_SITE", server.url().into())],
        )
    });
}

/// The package where people install it: bundlers, plain pages, a server.
pub(super) fn packages(workspace: &Workspace, built: Option<&Built>, report: &mut Report) {
    const PROJECTS: &str = "projects that install the package";
    const TESTS: &str = "installed package tests";
    let Some(built) = built else {
        report.not_run(TESTS, "the package could not be built");
        return;
    };
    let out = workspace.target().join("package-projects");
    let made = report.check(PROJECTS, || {
        node::node()?
            .arg(workspace.package_tests().join("build.mjs"))
            .arg("--package")
            .arg(&built.tarball)
            .arg("--out")
            .arg(&out)
            .run()
    });
    if !made {
        report.not_run(TESTS, "the projects could not be built");
        return;
    }
    report.tests(TESTS, || {
        let chromium = setup::chromium()?;
        playwright(
            workspace,
            &workspace.package_tests(),
            "package-tests",
            &[("CHROMIUM", chromium), ("CLIP_TTL_PACKAGES", out)],
        )
    });
}

/// Other people's pages with the element in them, built by their tools.
pub(super) fn embeds(workspace: &Workspace, built: Option<&Built>, report: &mut Report) {
    const PAGES: &str = "pages that embed the element";
    const TESTS: &str = "embed tests";
    let Some(built) = built else {
        report.not_run(TESTS, "the package could not be built");
        return;
    };
    let out = workspace.target().join("embeds");
    let made = report.check(PAGES, || {
        let python = setup::python()?;
        node::node()?
            .arg(workspace.embed_tests().join("build.mjs"))
            .arg("--out")
            .arg(&out)
            .arg("--package")
            .arg(&built.tarball)
            .arg("--site")
            .arg(workspace.site())
            .env("PYTHON", python)
            .run()
    });
    if !made {
        report.not_run(TESTS, "the pages could not be built");
        return;
    }
    report.tests(TESTS, || {
        let chromium = setup::chromium()?;
        playwright(
            workspace,
            &workspace.embed_tests(),
            "embed-tests",
            &[("CHROMIUM", chromium), ("CLIP_TTL_EMBEDS", out)],
        )
    });
}

/// Runs the Playwright tests of a folder, which has their configuration, with the Playwright that the browser tests' lock file names.
fn playwright(
    workspace: &Workspace,
    folder: &Path,
    name: &str,
    environment: &[(&str, PathBuf)],
) -> Result<Tally, Error> {
    node::install(&workspace.browser_tests())?;
    let results = workspace.target().join(name);
    let report = results.join("report.json");
    if report.exists() {
        fs::remove_file(&report).map_err(Error::file("remove", &report))?;
    }
    let status = node::playwright(workspace)?
        .arg("--config")
        .arg(folder.join("playwright.config.ts"))
        .args(["--reporter=list,json", "--output"])
        .arg(results.join("artifacts"))
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .watch(|_| ())?;
    let text = fs::read_to_string(&report).map_err(Error::file("read", &report))?;
    Tally::read_playwright(&text)
        .map(|tally| tally.judged(status.success()))
        .ok_or_else(|| Error::Output {
            program: "Playwright",
            reason: format!("no totals in {}", report.display()),
        })
}
