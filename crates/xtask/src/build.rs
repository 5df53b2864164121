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

/// Builds everything but the tarball; returns the folder of the site.
pub fn build(workspace: &Workspace, options: &BuildOptions) -> Result<PathBuf, Error> {
    setup::wasm_target()?;
    node::install(&workspace.web())?;
    let modules = wasm::build(workspace, options.debug)?;

    println!("Building the npm package");
    let package = workspace.package_files();
    empty(&workspace.package())?;
    bundle(&workspace.web(), &package, options)?;
    // The types of the module are the worker's business, and no part of what is published.
    for module in &modules {
        copy_files(&module.folder, &package, |name| !name.ends_with(".d.ts"))?;
    }
    copy_files(
        &workspace.pocket_model(),
        &package.join("models").join("pocket"),
        |_| true,
    )?;

    println!("Building the demo site");
    if options.out == workspace.site() {
        empty(&options.out)?;
    }
    if workspace.www().join("package-lock.json").exists() {
        node::install(&workspace.www())?;
    }
    bundle(&workspace.www(), &options.out, options)?;
    copy_folder(&package, &options.out.join(PACKAGE_IN_SITE))?;

    for module in &modules {
        println!(
            "{}: {} compiled, {} final.",
            module.flavour.file_name(),
            megabytes(module.compiled_bytes),
            megabytes(module.final_bytes)
        );
    }
    Ok(options.out.clone())
}

/// Packs the package that was built last as npm would publish it, and prints the sizes of what is in it. Returns where the tarball is:
/// beside the package's folder.
pub fn pack(workspace: &Workspace) -> Result<PathBuf, Error> {
    println!("Packing the npm package");
    node::node()?
        .arg(workspace.web().join("stage.mjs"))
        .arg("--folder")
        .arg(workspace.package())
        .run()?;
    node::pack(&workspace.package(), workspace.target())
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
    copy_files(from, to, |_| true)?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let path = entry.map_err(Error::file("read", from))?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name()) {
            copy_folder(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies the files of a folder whose names are wanted, without its folders.
fn copy_files(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let path = entry.map_err(Error::file("read", from))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name())
            && wanted(&name.to_string_lossy())
        {
            fs::copy(&path, to.join(name)).map_err(Error::file("copy", &path))?;
        }
    }
    Ok(())
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
    fn folders_are_copied_whole_and_files_alone_as_wanted() {
        let root = std::env::temp_dir().join(format!("clip-ttl-copy-{}", std::process::id()));
        let (from, whole, flat) = (root.join("from"), root.join("whole"), root.join("flat"));
        fs::create_dir_all(from.join("recipe")).unwrap();
        fs::write(from.join("config.json"), "{}").unwrap();
        fs::write(from.join("readme.md"), "A model").unwrap();
        fs::write(from.join("recipe").join("train.py"), "pass").unwrap();
        copy_folder(&from, &whole).unwrap();
        copy_files(&from, &flat, |name| name != "readme.md").unwrap();
        assert!(whole.join("recipe").join("train.py").is_file());
        assert!(flat.join("config.json").is_file());
        assert!(!flat.join("recipe").exists());
        assert!(!flat.join("readme.md").exists());
        assert!(whole.join("readme.md").is_file());
        fs::remove_dir_all(&root).unwrap();
    }
}
