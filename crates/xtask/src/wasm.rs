//! The WebAssembly modules: compiled, given their JavaScript sides, optimised.
//!
//! There are two: one with everything, and one for those whose browser has no graphics device, a fraction as large. The last step takes minutes
//! on modules of this size, so the result is kept beside the input it was made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{panic, thread};

use wasm_bindgen_cli_support::Bindgen;

use crate::error::Error;
use crate::node;
use crate::process::{self, Run as _};
use crate::workspace::Workspace;

/// Rust's name for the browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A module that is made of `clip-wasm`.
#[derive(Debug, Clone, Copy)]
pub struct Flavour {
    /// The files are `NAME.js`, `NAME_bg.wasm`, and the types of both.
    name: &'static str,
    /// What Cargo is told.
    arguments: &'static [&'static str],
}

/// All of them.
pub const FLAVOURS: [Flavour; 2] = [
    Flavour {
        name: "clip_ttl",
        arguments: &[],
    },
    Flavour {
        name: "clip_ttl_cpu",
        arguments: &["--no-default-features"],
    },
];

impl Flavour {
    /// The name of the WebAssembly file.
    pub fn file_name(self) -> String {
        format!("{}_bg.wasm", self.name)
    }

    /// Cargo for this module, with the flags of `.cargo/config.toml`: flags in the environment would replace them. In the profile that ships, so that what
    /// was made for one command serves the others too.
    pub fn cargo(self, workspace: &Workspace, subcommand: &str) -> Command {
        let mut cargo = process::cargo();
        cargo
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .args([subcommand, "--release", "--package", "clip-wasm", "--target", TARGET])
            .args(self.arguments)
            .arg("--config")
            .arg(without_local_paths())
            .current_dir(workspace.root());
        cargo
    }
}

/// A setting for Cargo, added to those of `.cargo/config.toml`: panics name the files they come from, and in what is published these are no paths of the
/// machine that it was built on.
fn without_local_paths() -> String {
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(
        || std::env::home_dir().unwrap_or_default().join(".cargo"),
        PathBuf::from,
    );
    let sources = cargo_home.join("registry").join("src");
    let flag = format!("--remap-path-prefix={}=crates", sources.display());
    format!("target.{TARGET}.rustflags = [{}]", serde_json::Value::from(flag))
}

/// The compiler has optimised already; what is left is to remove what it left lying about: from 18 to 10 MB, in 1.5 minutes. `-O3` takes
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
    /// Which one it is.
    pub flavour: Flavour,
    /// The folder that has these files and no others.
    pub folder: PathBuf,
    /// Size as the compiler made it, in bytes.
    pub compiled_bytes: u64,
    /// Size as a browser gets it, in bytes.
    pub final_bytes: u64,
}

/// Compiles all modules and makes the files that a browser loads. With `debug`, function names are kept and nothing is optimised
/// beyond what the compiler did. Each is optimised, which one core does, while the next one is compiled.
pub fn build(workspace: &Workspace, debug: bool) -> Result<Vec<Module>, Error> {
    thread::scope(|scope| {
        let mut finishing = Vec::new();
        for flavour in FLAVOURS {
            let compiled = compile(workspace, flavour)?;
            finishing.push(scope.spawn(move || finish(workspace, flavour, &compiled, debug)));
        }
        finishing
            .into_iter()
            .map(|module| module.join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
            .collect()
    })
}

/// Returns what the compiler made. All are compiled to the same place, one after the other.
fn compile(workspace: &Workspace, flavour: Flavour) -> Result<Vec<u8>, Error> {
    println!("Compiling {} for {TARGET} (the first time takes minutes)", flavour.name);
    flavour.cargo(workspace, "build").run()?;
    let compiled = workspace.target().join(TARGET).join("release").join("clip_wasm.wasm");
    fs::read(&compiled).map_err(Error::file("read", &compiled))
}

fn finish(workspace: &Workspace, flavour: Flavour, compiled: &[u8], debug: bool) -> Result<Module, Error> {
    let compiled_bytes = compiled.len() as u64;
    let kept = Kept::new(workspace, flavour, debug)?;
    if !kept.is_made_from(compiled) {
        kept.clear()?;
        println!("Writing the JavaScript side of {} (wasm-bindgen)", flavour.name);
        bind(compiled.to_owned(), flavour.name, &kept.folder(), debug)?;
        if !debug {
            println!(
                "Optimising {} (wasm-opt; up to three minutes, and only when it has changed)",
                flavour.name
            );
            optimise(workspace, &kept.folder().join(flavour.file_name()))?;
        }
        kept.remember(compiled)?;
    }
    let wasm = kept.folder().join(flavour.file_name());
    let final_bytes = fs::metadata(&wasm).map_err(Error::file("read", &wasm))?.len();
    Ok(Module {
        flavour,
        folder: kept.folder(),
        compiled_bytes,
        final_bytes,
    })
}

/// Compiles an example of `clip-wasm`, and makes the files that a browser loads, without optimising them further. Returns their folder.
pub fn example(workspace: &Workspace, name: &str) -> Result<PathBuf, Error> {
    println!("Compiling the example {name} for {TARGET}");
    let [whole, _] = FLAVOURS;
    whole.cargo(workspace, "build").args(["--example", name]).run()?;
    let folder = workspace.bench().join(name);
    let compiled = workspace.target().join(TARGET).join("release").join("examples");
    let compiled = compiled.join(format!("{name}.wasm"));
    bind(
        fs::read(&compiled).map_err(Error::file("read", &compiled))?,
        name,
        &folder,
        false,
    )?;
    Ok(folder)
}

fn bind(compiled: Vec<u8>, name: &str, folder: &Path, debug: bool) -> Result<(), Error> {
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes(name, compiled).typescript(true).keep_debug(debug);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        // The alternate form has the causes too.
        .map_err(|error| Error::Bindgen {
            reason: format!("{error:#}"),
        })
}

fn optimise(workspace: &Workspace, wasm: &Path) -> Result<(), Error> {
    let optimised = wasm.with_extension("optimised");
    node::node()?
        .arg(node::wasm_opt(workspace))
        .arg(wasm)
        .arg("-o")
        .arg(&optimised)
        .args(OPTIMISE)
        .run()?;
    fs::rename(&optimised, wasm).map_err(Error::file("replace", wasm))
}

/// The result of the last build, with what it was made from. wasm-bindgen's version needs no mention: the compiler writes it into the input.
struct Kept {
    root: PathBuf,
    settings: String,
}

impl Kept {
    fn new(workspace: &Workspace, flavour: Flavour, debug: bool) -> Result<Self, Error> {
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
                .join(if debug { "wasm-package-debug" } else { "wasm-package" })
                .join(flavour.name),
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
