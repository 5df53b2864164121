//! Where things are: the repository, Cargo's target directory, and what is built below it.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::process::{self, Run as _};

/// The repository and the places outputs go to.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Asks Cargo, which knows about `CARGO_TARGET_DIR` and `build.target-dir`.
    pub fn find() -> Result<Self, Error> {
        // Cargo sets the variable when it runs this program; the path compiled in serves when it is started by hand.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
            .join("Cargo.toml");
        let metadata = process::cargo()
            .args(["metadata", "--format-version=1", "--no-deps", "--manifest-path"])
            .arg(&manifest)
            .read()?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata).map_err(|error| Error::Output {
            program: "cargo metadata",
            reason: error.to_string(),
        })?;
        let path = |key: &str| {
            metadata
                .get(key)
                .and_then(|value| value.as_str())
                .map(PathBuf::from)
                .ok_or_else(|| Error::Output {
                    program: "cargo metadata",
                    reason: format!("no {key}"),
                })
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
        })
    }

    /// A workspace at given places.
    #[cfg(test)]
    pub fn at(root: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            target: target.into(),
        }
    }

    /// The root of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The npm package's sources.
    pub fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The demo site's sources.
    pub fn www(&self) -> PathBuf {
        self.root.join("www")
    }

    /// The tests that run in a browser.
    pub fn browser_tests(&self) -> PathBuf {
        self.root.join("tests").join("browser")
    }

    /// The tests of the npm package where people install it.
    pub fn package_tests(&self) -> PathBuf {
        self.root.join("tests").join("packages")
    }

    /// The tests of other people's pages that embed the element.
    pub fn embed_tests(&self) -> PathBuf {
        self.root.join("tests").join("embeds")
    }

    /// What is measured beside other libraries.
    pub fn peer_tests(&self) -> PathBuf {
        self.root.join("tests").join("peers")
    }

    /// The checkpoint that ships with the package.
    pub fn pocket_model(&self) -> PathBuf {
        self.root.join("models").join("pocket")
    }

    /// Cargo's target directory.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The npm package as it is published: manifest, texts, and `dist`.
    pub fn package(&self) -> PathBuf {
        self.target.join("package")
    }

    /// The package's built files.
    pub fn package_files(&self) -> PathBuf {
        self.package().join("dist")
    }

    /// What the benchmark makes: random checkpoints, kept for the next time, and the last figures.
    pub fn bench(&self) -> PathBuf {
        self.target.join("bench")
    }

    /// The built demo site.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    /// The Rust files directly in a folder.
    fn rust_files(folder: &Path) -> Vec<PathBuf> {
        let entries = folder.read_dir().into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension() == Some(OsStr::new("rs")));
        files
    }

    /// Adds the files below `folder` that no file beside or above them names as a module, and none of `programs` by its path.
    fn orphans(folder: &Path, roots: &[&str], programs: &[String], found: &mut Vec<PathBuf>) {
        let files = rust_files(folder);
        let above = folder.with_extension("rs");
        let parents: Vec<String> = files.iter().chain([&above]).flat_map(std::fs::read_to_string).collect();
        let folder_name = folder.file_name().unwrap().to_str().unwrap();
        for file in &files {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let path = format!("{folder_name}/{name}.rs\"]");
            let is_named = parents.iter().any(|parent| parent.contains(&format!("mod {name};")))
                || programs.iter().any(|program| program.contains(&path));
            if !is_named && !roots.contains(&name) {
                found.push(file.clone());
            }
        }
        for path in folders(folder) {
            orphans(&path, &["main", "mod"], programs, found);
        }
    }

    fn folders(folder: &Path) -> Vec<PathBuf> {
        let entries = folder.read_dir().into_iter().flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.retain(|path| path.is_dir());
        folders
    }

    #[test]
    fn every_file_is_compiled() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = Vec::new();
        for member in crates.read_dir().unwrap() {
            let member = member.unwrap().path();
            orphans(&member.join("src"), &["lib", "main"], &[], &mut found);
            // Each file directly in this folder is a test program, and so is a folder with a `main.rs`.
            let tests = member.join("tests");
            let mains = folders(&tests).into_iter().map(|folder| folder.join("main.rs"));
            let programs: Vec<String> = rust_files(&tests)
                .into_iter()
                .chain(mains)
                .flat_map(std::fs::read_to_string)
                .collect();
            for folder in folders(&tests) {
                orphans(&folder, &["main", "mod"], &programs, &mut found);
            }
        }
        assert_eq!(
            found,
            Vec::<PathBuf>::new(),
            "no file has a `mod` for these, so their tests never run"
        );
    }
}
