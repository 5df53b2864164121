//! Assembles src/kernel.wat.
#![allow(clippy::disallowed_methods, reason = "a build script runs where there are files")]

use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/kernel.wat");
    let assembled = wat::parse_file("src/kernel.wat")?;
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("kernel.wasm"), assembled)?;
    Ok(())
}
