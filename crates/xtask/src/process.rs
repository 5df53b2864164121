//! Starting other programs, and saying which one failed.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::Error;

/// The Cargo that runs this program, without what `cargo run` adds to the environment for its child: a build script that
/// watches such a variable would otherwise be run again, with all that depends on it, whenever the two ways to build alternate.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_set_by_cargo_run) {
            command.env_remove(name);
        }
    }
    command
}

fn is_set_by_cargo_run(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || name == "CARGO_PRIMARY_PACKAGE"
        || name == "CARGO"
}

/// Runs a command in one of the ways the tasks need.
pub trait Run {
    /// Runs it with its output on the terminal; failure is an error.
    fn run(&mut self) -> Result<(), Error>;

    /// Runs it silently and returns what it printed; failure is an error, with its error output on the terminal.
    fn read(&mut self) -> Result<String, Error>;

    /// Runs it with its output on the terminal, and also hands each line of its standard output to `line`.
    /// Failure is in the status, so that what it printed before can still be used.
    fn watch(&mut self, line: impl FnMut(&str)) -> Result<ExitStatus, Error>;
}

impl Run for Command {
    fn run(&mut self) -> Result<(), Error> {
        let status = self.status().map_err(|source| Error::Start {
            command: describe(self),
            source,
        })?;
        check(self, status)
    }

    fn read(&mut self) -> Result<String, Error> {
        let output = self.stderr(Stdio::inherit()).output().map_err(|source| Error::Start {
            command: describe(self),
            source,
        })?;
        check(self, output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn watch(&mut self, mut line: impl FnMut(&str)) -> Result<ExitStatus, Error> {
        let start = |command: &Command, source| Error::Start {
            command: describe(command),
            source,
        };
        let mut child = self
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| start(self, source))?;
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            let mut bytes = Vec::new();
            while output
                .read_until(b'\n', &mut bytes)
                .map_err(|source| start(self, source))?
                > 0
            {
                let text = String::from_utf8_lossy(&bytes);
                let text = text.trim_end_matches(['\n', '\r']);
                println!("{text}");
                line(text);
                bytes.clear();
            }
        }
        child.wait().map_err(|source| start(self, source))
    }
}

fn check(command: &Command, status: ExitStatus) -> Result<(), Error> {
    if status.success() {
        Ok(())
    } else {
        Err(Error::Failed {
            command: describe(command),
            status,
        })
    }
}

/// The command as one would type it.
fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where a program is on the search path, if it is there.
pub fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let files = program_files(name, cfg!(windows));
    std::env::split_paths(&path)
        .flat_map(|folder| files.iter().map(move |file| folder.join(file)))
        .find(|file| file.is_file())
}

/// What a program's file may be called. On Windows it never has the plain name: beside `npm.cmd` lies a shell script `npm`, which can't be started there.
fn program_files(name: &str, is_windows: bool) -> Vec<String> {
    if is_windows {
        vec![format!("{name}.exe"), format!("{name}.cmd")]
    } else {
        vec![name.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_cargo_run_are_told_from_the_users() {
        assert!(is_set_by_cargo_run("CARGO_PKG_VERSION"));
        assert!(is_set_by_cargo_run("CARGO_MANIFEST_DIR"));
        assert!(!is_set_by_cargo_run("CARGO_TARGET_DIR"));
        assert!(!is_set_by_cargo_run("CARGO_HOME"));
        assert!(!is_set_by_cargo_run("CARGO_INCREMENTAL"));
    }

    #[test]
    fn a_shell_script_beside_a_program_is_not_taken_for_it_on_windows() {
        assert_eq!(program_files("npm", true), ["npm.exe", "npm.cmd"]);
        assert_eq!(program_files("npm", false), ["npm"]);
    }

    #[test]
    fn a_failed_command_is_named() {
        let error = cargo()
            .arg("no-such-subcommand")
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .run()
            .unwrap_err();
        assert!(error.to_string().contains("no-such-subcommand"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = Command::new("clip-ttl-no-such-program").read().unwrap_err();
        assert!(error.to_string().contains("clip-ttl-no-such-program"), "{error}");
    }

    #[test]
    fn output_is_handed_over_line_by_line() {
        let mut lines = Vec::new();
        let status = cargo()
            .arg("--version")
            .watch(|line| lines.push(line.to_owned()))
            .unwrap();
        assert!(status.success());
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("cargo "));
    }
}
