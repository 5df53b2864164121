//! What can go wrong, with what to do about it.

use std::path::{Path, PathBuf};

/// An error of one of the commands.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    /// A program could not be started at all.
    #[error("cannot start `{command}`")]
    Start {
        command: String,
        #[source]
        source: std::io::Error,
    },

    /// A program ran and reported failure.
    #[error("`{command}` failed ({status})")]
    Failed {
        command: String,
        status: std::process::ExitStatus,
    },

    /// Something has to be installed first.
    #[error("{what} is missing: {advice}")]
    Missing { what: String, advice: String },

    /// A program's output was not what it should be.
    #[error("{program} printed something unexpected: {reason}")]
    Output { program: &'static str, reason: String },

    /// wasm-bindgen refused the module.
    #[error("wasm-bindgen failed: {reason}")]
    Bindgen { reason: String },

    /// No port could be had.
    #[error("no free port on 127.0.0.1 from {first} to {last}: choose another with --port")]
    Port {
        first: u16,
        last: u16,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Turns the error of a file operation into one that names the operation and the file.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { action, path, source }
    }
}

/// Prints an error and what caused it, on one line.
pub fn report(error: &Error) {
    let mut message = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    eprintln!("{message}");
}
