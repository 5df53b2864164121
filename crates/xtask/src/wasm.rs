//! The WebAssembly module: compiled, given its JavaScript side, optimised.
//!
//! The last step takes minutes on a module of this size, so the result is kept beside the input it was made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasm_bindgen_cli_support::Bindgen;

use crate::error::Error;
use crate::node;
use crate::process::{self, Run as _};
use crate::workspace::Workspace;

/// Rust's name for the browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The files are `clip_ttl.js`, `clip_ttl_bg.wasm`, and the types of both.
const NAME: &str = "clip_ttl";

/// The compiler has optimised already; what is left is to remove what it left lying about: from 34 to 22 MB, in 1.5 minutes. `-O3` takes
/// 5.5 minutes, makes the download larger (4.7 instead of 4.5 MB with gzip), and an episode no faster.
const OPTIMISE: &[&str] = &[
    "-O1",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// A module with its JavaScript side.
#[derive(Debug)]
pub struct Module {
    /// The folder that has these files and no others.
    pub folder: PathBuf,
    /// Size as the compiler made it, in bytes.
    pub compiled_bytes: u64,
    /// Size as a browser gets it, in bytes.
    pub final_bytes: u64,
}

impl Module {
    /// The WebAssembly file.
    pub fn wasm(&self) -> PathBuf {
        self.folder.join(format!("{NAME}_bg.wasm"))
    }
}

/// Compiles `clip-wasm` and makes the files that a browser loads. With `debug`, function names are kept and nothing is optimised
/// beyond what the compiler did.
pub fn build(workspace: &Workspace, debug: bool) -> Result<Module, Error> {
    let compiled = compile(workspace)?;
    let input = fs::read(&compiled).map_err(Error::file("read", &compiled))?;
    let compiled_bytes = input.len() as u64;

    let kept = Kept::new(workspace, debug)?;
    if !kept.is_made_from(&input) {
        kept.clear()?;
        println!("Writing the JavaScript side of the module (wasm-bindgen)");
        bind(&compiled, &kept.folder(), debug)?;
        if !debug {
            println!("Optimising the module (wasm-opt; one to three minutes, and only when it has changed)");
            optimise(workspace, &kept.folder())?;
        }
        kept.remember(&input)?;
    }
    let mut module = Module {
        folder: kept.folder(),
        compiled_bytes,
        final_bytes: 0,
    };
    let wasm = module.wasm();
    module.final_bytes = fs::metadata(&wasm).map_err(Error::file("read", &wasm))?.len();
    Ok(module)
}

/// Cargo for the browser, with the flags of `.cargo/config.toml`: flags in the environment would replace them.
pub fn cargo() -> Command {
    let mut cargo = process::cargo();
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

fn compile(workspace: &Workspace) -> Result<PathBuf, Error> {
    println!("Compiling clip-wasm for {TARGET} (the first time takes 10 minutes or more)");
    cargo()
        .args(["build", "--release", "--package", "clip-wasm", "--target", TARGET])
        .current_dir(workspace.root())
        .run()?;
    Ok(workspace.target().join(TARGET).join("release").join("clip_wasm.wasm"))
}

fn bind(compiled: &Path, folder: &Path, debug: bool) -> Result<(), Error> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(compiled)
        .out_name(NAME)
        .typescript(true)
        .keep_debug(debug);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        // The alternate form has the causes too.
        .map_err(|error| Error::Bindgen {
            reason: format!("{error:#}"),
        })
}

fn optimise(workspace: &Workspace, folder: &Path) -> Result<(), Error> {
    let wasm = folder.join(format!("{NAME}_bg.wasm"));
    let optimised = folder.join("optimised.wasm");
    node::node()?
        .arg(node::wasm_opt(workspace))
        .arg(&wasm)
        .arg("-o")
        .arg(&optimised)
        .args(OPTIMISE)
        .run()?;
    fs::rename(&optimised, &wasm).map_err(Error::file("replace", &wasm))
}

/// The result of the last build, with what it was made from. wasm-bindgen's version needs no mention: the compiler writes it into the input.
struct Kept {
    root: PathBuf,
    settings: String,
}

impl Kept {
    fn new(workspace: &Workspace, debug: bool) -> Result<Self, Error> {
        let settings = if debug {
            "debug".to_owned()
        } else {
            format!(
                "wasm-opt {} {}",
                node::locked_version(workspace, "binaryen")?,
                OPTIMISE.join(" ")
            )
        };
        Ok(Self {
            root: workspace
                .target()
                .join(if debug { "wasm-package-debug" } else { "wasm-package" }),
            settings,
        })
    }

    fn folder(&self) -> PathBuf {
        self.root.join("files")
    }

    fn input(&self) -> PathBuf {
        self.root.join("input.wasm")
    }

    fn settings(&self) -> PathBuf {
        self.root.join("settings.txt")
    }

    /// The settings are written last: a build that was broken off has none, and counts as not made.
    fn is_made_from(&self, input: &[u8]) -> bool {
        fs::read_to_string(self.settings()).is_ok_and(|settings| settings == self.settings)
            && fs::read(self.input()).is_ok_and(|kept| kept == input)
    }

    fn clear(&self) -> Result<(), Error> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root).map_err(Error::file("empty", &self.root))?;
        }
        fs::create_dir_all(self.folder()).map_err(Error::file("create", &self.root))
    }

    fn remember(&self, input: &[u8]) -> Result<(), Error> {
        fs::write(self.input(), input).map_err(Error::file("write", &self.input()))?;
        fs::write(self.settings(), &self.settings).map_err(Error::file("write", &self.settings()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, settings: &str) -> Kept {
        let root = std::env::temp_dir().join(format!("clip-ttl-kept-{name}-{}", std::process::id()));
        Kept {
            root,
            settings: settings.to_owned(),
        }
    }

    #[test]
    fn a_module_is_made_again_when_its_input_or_the_settings_change() {
        let first = kept("changes", "-O3");
        first.clear().unwrap();
        assert!(!first.is_made_from(b"input"), "nothing is kept yet");
        first.remember(b"input").unwrap();
        assert!(first.is_made_from(b"input"));
        assert!(!first.is_made_from(b"other"));
        assert!(!kept("changes", "-Os").is_made_from(b"input"));
        first.clear().unwrap();
        assert!(
            !first.is_made_from(b"input"),
            "an interrupted build leaves nothing that counts"
        );
        fs::remove_dir_all(&first.root).unwrap();
    }
}
