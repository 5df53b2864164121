//! What has to be on the machine: looked for, installed where that is possible without asking, else named with advice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::process::{self, Run as _};
use crate::wasm;

/// The standard library for the browser.
pub fn wasm_target() -> Result<(), Error> {
    let libraries = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", wasm::TARGET])
        .read()?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    if process::find_program("rustup").is_none() {
        return Err(Error::Missing {
            what: format!("Rust's target {}", wasm::TARGET),
            advice: "install it with your system's package manager, or use Rust from https://rustup.rs".to_owned(),
        });
    }
    println!("Installing Rust's target {}", wasm::TARGET);
    Command::new("rustup").args(["target", "add", wasm::TARGET]).run()
}

/// Parts of Rust that minimal installations lack.
pub fn rust_component(subcommand: &str, component: &str) -> Result<(), Error> {
    let installed = process::cargo()
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if installed.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    if process::find_program("rustup").is_none() {
        return Err(Error::Missing {
            what: format!("`cargo {subcommand}`"),
            advice: "install it with your system's package manager, or use Rust from https://rustup.rs".to_owned(),
        });
    }
    println!("Installing Rust's component {component}");
    Command::new("rustup").args(["component", "add", component]).run()
}

/// A Chromium or Chrome for the browser tests: `$CHROMIUM`, else what is installed, else installed now.
pub fn chromium() -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::Missing {
                what: format!("the browser {}", path.display()),
                advice: "the variable CHROMIUM must name an executable".to_owned(),
            })
        };
    }
    if let Some(path) = installed_chromium() {
        return Ok(path);
    }
    // Fonts as well: without them the pages' text, emoji above all, is drawn as boxes.
    apt_install(&["chromium", "fonts-dejavu-core", "fonts-noto-color-emoji"])?;
    installed_chromium().ok_or_else(|| Error::Missing {
        what: "Chromium or Chrome".to_owned(),
        advice: "install one, and name its executable in the variable CHROMIUM if it is in an unusual place".to_owned(),
    })
}

fn installed_chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
        .iter()
        .find_map(|name| process::find_program(name))
        .or_else(|| {
            [
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
            ]
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
        })
}

/// A Firefox for the tests in it: `$FIREFOX`, else what is installed, else Debian's Extended Support Release, installed now.
pub fn firefox() -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os("FIREFOX").map(PathBuf::from) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::Missing {
                what: format!("the browser {}", path.display()),
                advice: "the variable FIREFOX must name an executable".to_owned(),
            })
        };
    }
    if let Some(path) = installed_firefox() {
        return Ok(path);
    }
    apt_install(&["firefox-esr", "fonts-dejavu-core", "fonts-noto-color-emoji"])?;
    installed_firefox().ok_or_else(|| Error::Missing {
        what: "Firefox".to_owned(),
        advice: "install it, and name its executable in the variable FIREFOX if it is in an unusual place".to_owned(),
    })
}

fn installed_firefox() -> Option<PathBuf> {
    ["firefox-esr", "firefox"]
        .iter()
        .find_map(|name| process::find_program(name))
        .or_else(|| {
            [
                "/Applications/Firefox.app/Contents/MacOS/firefox",
                "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
            ]
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
        })
}

/// Python 3 with what makes virtual environments, which Debian packages apart: for tools of authors that PyPI has.
pub fn python() -> Result<PathBuf, Error> {
    if let Some(path) = python_with_environments() {
        return Ok(path);
    }
    apt_install(&["python3", "python3-venv"])?;
    python_with_environments().ok_or_else(|| Error::Missing {
        what: "Python 3 with its modules venv and ensurepip".to_owned(),
        advice: "install Python 3.11 or newer; on Debian and Ubuntu, the packages python3 and python3-venv".to_owned(),
    })
}

fn python_with_environments() -> Option<PathBuf> {
    let named = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = named.or_else(|| process::find_program("python3"))?;
    let status = Command::new(&python)
        .args(["-c", "import venv, ensurepip"])
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success()).then_some(python)
}

/// The variable that chooses Vulkan's driver, under the name that all versions of its loader know.
const DRIVER_VARIABLE: &str = "VK_ICD_FILENAMES";

/// Where Vulkan's loader looks for descriptions of drivers.
const DRIVER_FOLDERS: [&str; 3] = [
    "/usr/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
];

/// Makes sure that native tests find a WebGPU adapter: on a Linux machine without a GPU, or without its Vulkan driver, Mesa's software driver.
/// Returns the variables that the tests' programs have to be given.
pub fn gpu_environment() -> Result<Vec<(&'static str, PathBuf)>, Error> {
    if !cfg!(target_os = "linux")
        || std::env::var_os(DRIVER_VARIABLE).is_some()
        || std::env::var_os("VK_DRIVER_FILES").is_some()
        || (has_gpu_device() && drivers().iter().any(|driver| is_gpu_driver(driver)))
    {
        return Ok(Vec::new());
    }
    if software_driver().is_none() {
        apt_install(&["mesa-vulkan-drivers", "libvulkan1"])?;
    }
    let driver = software_driver().ok_or_else(|| Error::Missing {
        what: "a GPU with a Vulkan driver, and Mesa's software driver lavapipe in its place".to_owned(),
        advice: "install your system's package of Mesa's Vulkan drivers; tests without an adapter would fail"
            .to_owned(),
    })?;
    println!(
        "No GPU with a Vulkan driver here: native WebGPU tests run on {}",
        driver.display()
    );
    Ok(vec![(DRIVER_VARIABLE, driver)])
}

/// Whether the kernel has a GPU. Many virtual machines have one that Vulkan knows nothing of.
fn has_gpu_device() -> bool {
    let render_node = std::fs::read_dir("/dev/dri").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
    });
    render_node || Path::new("/dev/nvidiactl").exists()
}

fn software_driver() -> Option<PathBuf> {
    drivers().into_iter().find(|path| is_software_driver(path))
}

/// The descriptions of Vulkan's drivers, folder by folder, each in the order of their names.
fn drivers() -> Vec<PathBuf> {
    let in_folder = |folder: &&str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut drivers: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| is_driver(path))
            .collect();
        drivers.sort();
        drivers
    };
    DRIVER_FOLDERS.iter().flat_map(in_folder).collect()
}

/// 32-bit drivers lie beside the others where both are installed.
fn is_driver(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".json") && !name.contains("i686") && !name.contains("i386")
}

fn is_software_driver(path: &Path) -> bool {
    // `lvp_icd.x86_64.json` on Debian.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    is_driver(path) && name.starts_with("lvp_icd.")
}

/// A driver for a real device, of whatever make.
fn is_gpu_driver(path: &Path) -> bool {
    is_driver(path) && !is_software_driver(path)
}

/// Installs Debian packages where that can be done without asking: as root, on a system that has apt. Elsewhere it does nothing.
fn apt_install(packages: &[&str]) -> Result<(), Error> {
    if process::find_program("apt-get").is_none() || !is_root() {
        return Ok(());
    }
    println!("Installing {}", packages.join(", "));
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").read().is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mesas_software_driver_is_known_by_its_name() {
        assert!(is_software_driver(Path::new(
            "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"
        )));
        assert!(is_software_driver(Path::new("/usr/share/vulkan/icd.d/lvp_icd.json")));
        assert!(!is_software_driver(Path::new(
            "/usr/share/vulkan/icd.d/lvp_icd.i686.json"
        )));
        assert!(!is_software_driver(Path::new(
            "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"
        )));
    }

    #[test]
    fn a_gpu_is_of_use_with_a_driver_of_its_own() {
        assert!(is_gpu_driver(Path::new(
            "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"
        )));
        assert!(is_gpu_driver(Path::new("/etc/vulkan/icd.d/nvidia_icd.json")));
        for other in ["lvp_icd.x86_64.json", "lvp_icd.json", "radeon_icd.i686.json", "README"] {
            let path = Path::new("/usr/share/vulkan/icd.d").join(other);
            assert!(!is_gpu_driver(&path), "{other}");
        }
    }
}
