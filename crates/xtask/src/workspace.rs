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
