//! Node.js and what npm installs: wasm-opt, the TypeScript compiler, the bundler, Playwright.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::process::{self, Run as _};
use crate::workspace::Workspace;

/// Node.js, or an error that says where to get it.
pub fn node() -> Result<Command, Error> {
    process::find_program("node")
        .map(Command::new)
        .ok_or_else(|| Error::Missing {
            what: "Node.js".to_owned(),
            advice: "install version 20 or newer, from https://nodejs.org or the system's packages".to_owned(),
        })
}

fn npm() -> Result<Command, Error> {
    process::find_program("npm")
        .map(Command::new)
        .ok_or_else(|| Error::Missing {
            what: "npm".to_owned(),
            advice: "it comes with Node.js 20 or newer, from https://nodejs.org or the system's packages".to_owned(),
        })
}

/// Installs a folder's packages as its lock file says, unless that has been done since the file last changed.
pub fn install(folder: &Path) -> Result<(), Error> {
    if is_installed(folder) {
        return Ok(());
    }
    println!("Installing the npm packages of {}", folder.display());
    npm()?.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder).run()
}

/// npm writes a lock file of its own into the folder it fills, as the last thing that it does there.
fn is_installed(folder: &Path) -> bool {
    let modified = |file: PathBuf| fs::metadata(file).and_then(|metadata| metadata.modified());
    let installed = modified(folder.join("node_modules").join(".package-lock.json"));
    let locked = modified(folder.join("package-lock.json"));
    matches!((installed, locked), (Ok(installed), Ok(locked)) if installed >= locked)
}

/// Packs a folder as npm would publish it; returns where the tarball is, in the folder `destination`.
pub fn pack(folder: &Path, destination: &Path) -> Result<PathBuf, Error> {
    let packed = npm()?
        .args(["pack", "--json", "--loglevel=error", "--pack-destination"])
        .arg(destination)
        .current_dir(folder)
        .read()?;
    tarball_name(&packed)
        .map(|name| destination.join(name))
        .ok_or_else(|| Error::Output {
            program: "npm pack",
            reason: format!("no file name in {packed:?}"),
        })
}

fn tarball_name(packed: &str) -> Option<String> {
    let packed: serde_json::Value = serde_json::from_str(packed).ok()?;
    Some(packed.get(0)?.get("filename")?.as_str()?.to_owned())
}

/// `npm run SCRIPT` in a folder.
pub fn script(folder: &Path, script: &str) -> Result<Command, Error> {
    let mut command = npm()?;
    command.args(["run", "--silent", script]).current_dir(folder);
    Ok(command)
}

/// Playwright's test runner, from the packages of the browser tests, in their folder.
pub fn playwright(workspace: &Workspace) -> Result<Command, Error> {
    let folder = workspace.browser_tests();
    let mut command = node()?;
    command
        .arg(
            folder
                .join("node_modules")
                .join("@playwright")
                .join("test")
                .join("cli.js"),
        )
        .arg("test")
        .current_dir(folder);
    Ok(command)
}

/// wasm-opt, which the npm package `binaryen` brings compiled to JavaScript: nothing to build or to download from elsewhere.
pub fn wasm_opt(workspace: &Workspace) -> PathBuf {
    workspace
        .web()
        .join("node_modules")
        .join("binaryen")
        .join("bin")
        .join("wasm-opt")
}

/// The TypeScript compiler of the npm package, which the site and the tests use too.
pub fn typescript(workspace: &Workspace) -> PathBuf {
    workspace
        .web()
        .join("node_modules")
        .join("typescript")
        .join("bin")
        .join("tsc")
}

/// The version of one of the npm package's tools, from its lock file.
pub fn locked_version(workspace: &Workspace, package: &str) -> Result<String, Error> {
    let path = workspace.web().join("package-lock.json");
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    version_in_lock(&text, package).ok_or_else(|| Error::Missing {
        what: format!("the npm package {package}"),
        advice: format!(
            "{} does not name it: run `npm install --save-dev {package}` in web/",
            path.display()
        ),
    })
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let lock: serde_json::Value = serde_json::from_str(lock).ok()?;
    let entry = lock.get("packages")?.get(format!("node_modules/{package}"))?;
    Some(entry.get("version")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_version_is_read_from_the_lock_file() {
        let lock = r#"{"lockfileVersion": 3, "packages": {"": {}, "node_modules/binaryen": {"version": "132.0.0"}}}"#;
        assert_eq!(version_in_lock(lock, "binaryen").as_deref(), Some("132.0.0"));
        assert_eq!(version_in_lock(lock, "esbuild"), None);
        assert_eq!(version_in_lock("not json", "binaryen"), None);
    }

    #[test]
    fn a_tarballs_name_is_read_from_what_npm_prints() {
        let listed = r#"[{"name": "clip-ttl", "filename": "clip-ttl-0.1.0.tgz"}]"#;
        assert_eq!(tarball_name(listed).as_deref(), Some("clip-ttl-0.1.0.tgz"));
        assert_eq!(tarball_name("[]"), None);
        assert_eq!(tarball_name("clip-ttl-0.1.0.tgz"), None);
    }

    #[test]
    fn packages_are_installed_again_when_the_lock_file_is_newer() {
        let folder = std::env::temp_dir().join(format!("clip-ttl-installed-{}", std::process::id()));
        let marker = folder.join("node_modules").join(".package-lock.json");
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        assert!(!is_installed(&folder), "neither file is there");
        fs::write(folder.join("package-lock.json"), "{}").unwrap();
        assert!(!is_installed(&folder), "nothing is installed");
        fs::write(&marker, "{}").unwrap();
        assert!(is_installed(&folder));
        let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        fs::File::options()
            .write(true)
            .open(&marker)
            .unwrap()
            .set_modified(earlier)
            .unwrap();
        assert!(!is_installed(&folder), "the lock file is newer");
        fs::remove_dir_all(&folder).unwrap();
    }
}
