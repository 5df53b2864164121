//! The commands: each reads its input, computes, and prints.

pub mod adapt;
pub mod bench;
pub mod classify;
pub mod convert;
pub mod eval;
pub mod fidelity;
pub mod methods;
pub mod stats;
pub mod verify;

use std::path::Path;

use clip_adapt::report::Warning;
use serde::Serialize;

use crate::error::Error;
use crate::output::printable;

/// How a command that ran to its end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Good,
    /// What it found, or a part of what it was asked for, is not good; it has said so.
    Bad,
}

impl Outcome {
    /// Good if it is.
    pub fn of(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

/// An error of one of many inputs, in JSON.
#[derive(Debug, Serialize)]
pub struct Failure {
    code: &'static str,
    message: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}

/// A picture that can't be opened, in JSON.
#[derive(Debug, Serialize)]
pub struct FailedPicture {
    path: String,
    error: Failure,
}

impl FailedPicture {
    /// With what went wrong.
    pub fn new(path: &Path, error: &Error) -> Self {
        Self {
            path: path.display().to_string(),
            error: Failure::from(error),
        }
    }
}

/// Prints warnings, where they aren't part of a JSON document.
pub fn warn(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!("warning: {}", printable(&warning.message));
    }
}
