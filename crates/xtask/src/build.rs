//! `cargo xtask build`: the module, the npm package around it, and the demo site that uses the package as anybody would.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::node;
use crate::process::Run as _;
use crate::setup;
use crate::wasm;
use crate::workspace::Workspace;

/// What to build, and where the site goes.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The folder of the finished site. It is emptied first only if it is the one in Cargo's target directory.
    pub out: PathBuf,
    /// Sooner ready and easier to debug, but larger and slower.
    pub debug: bool,
}

/// Where the site expects the package.
const PACKAGE_IN_SITE: &str = "clip-ttl";

/// Builds everything; returns the folder of the site.
pub fn build(workspace: &Workspace, options: &BuildOptions) -> Result<PathBuf, Error> {
    setup::wasm_target()?;
    node::install(&workspace.web())?;
    let module = wasm::build(workspace, options.debug)?;

    println!("Building the npm package");
    let package = workspace.package();
    empty(&package)?;
    bundle(&workspace.web(), &package, options)?;
    copy_folder(&module.folder, &package)?;
    copy_files(&workspace.pocket_model(), &package.join("models").join("pocket"))?;

    println!("Building the demo site");
    if options.out == workspace.site() {
        empty(&options.out)?;
    }
    bundle(&workspace.www(), &options.out, options)?;
    copy_folder(&package, &options.out.join(PACKAGE_IN_SITE))?;

    print_sizes(&module, &package)?;
    Ok(options.out.clone())
}

/// Runs the build script of a folder with TypeScript code.
fn bundle(folder: &Path, out: &Path, options: &BuildOptions) -> Result<(), Error> {
    // The script runs in its own folder; the destination is meant from here.
    let out = std::path::absolute(out).map_err(Error::file("find", out))?;
    let mut script = node::node()?;
    script
        .arg(folder.join("build.mjs"))
        .arg("--outdir")
        .arg(out)
        .current_dir(folder);
    if !options.debug {
        script.arg("--minify");
    }
    script.run()
}

fn empty(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Error::file("empty", folder))?;
    }
    fs::create_dir_all(folder).map_err(Error::file("create", folder))
}

/// Copies a folder with everything in it over another.
fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    copy_files(from, to)?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let path = entry.map_err(Error::file("read", from))?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name()) {
            copy_folder(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies the files of a folder, without its folders.
fn copy_files(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let path = entry.map_err(Error::file("read", from))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, to.join(name)).map_err(Error::file("copy", &path))?;
        }
    }
    Ok(())
}

fn print_sizes(module: &wasm::Module, package: &Path) -> Result<(), Error> {
    // Node.js has gzip built in, and is there anyway.
    let gzip_bytes = node::node()?
        .arg("--eval")
        .arg("console.log(require('node:zlib').gzipSync(require('node:fs').readFileSync(process.argv[1])).length)")
        .arg(module.wasm())
        .read()?;
    let gzip_bytes: u64 = gzip_bytes.trim().parse().map_err(|_| Error::Output {
        program: "node",
        reason: format!("no size in {gzip_bytes:?}"),
    })?;
    println!(
        "The module: {} compiled, {} final, {} as a gzip download. The package with its model: {}.",
        megabytes(module.compiled_bytes),
        megabytes(module.final_bytes),
        megabytes(gzip_bytes),
        megabytes(folder_bytes(package)?),
    );
    Ok(())
}

fn folder_bytes(folder: &Path) -> Result<u64, Error> {
    let mut total = 0;
    for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let path = entry.map_err(Error::file("read", folder))?.path();
        total += if path.is_dir() {
            folder_bytes(&path)?
        } else {
            fs::metadata(&path).map_err(Error::file("read", &path))?.len()
        };
    }
    Ok(total)
}

/// A size for people, in decimal megabytes with one decimal.
fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_tenth_of_a_megabyte() {
        assert_eq!(megabytes(0), "0.0 MB");
        assert_eq!(megabytes(149_999), "0.1 MB");
        assert_eq!(megabytes(150_000), "0.2 MB");
        assert_eq!(megabytes(27_349_000), "27.3 MB");
    }

    #[test]
    fn folders_are_copied_whole_and_files_alone() {
        let root = std::env::temp_dir().join(format!("clip-ttl-copy-{}", std::process::id()));
        let (from, whole, flat) = (root.join("from"), root.join("whole"), root.join("flat"));
        fs::create_dir_all(from.join("recipe")).unwrap();
        fs::write(from.join("config.json"), "{}").unwrap();
        fs::write(from.join("recipe").join("train.py"), "pass").unwrap();
        copy_folder(&from, &whole).unwrap();
        copy_files(&from, &flat).unwrap();
        assert!(whole.join("recipe").join("train.py").is_file());
        assert!(flat.join("config.json").is_file());
        assert!(!flat.join("recipe").exists());
        assert_eq!(folder_bytes(&whole).unwrap(), 6);
        fs::remove_dir_all(&root).unwrap();
    }
}
