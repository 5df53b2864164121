//! Test-time adaptation of CLIP to one picture: views, entropy, the methods, and the episode that runs one
//! method over one picture and reports each step, or the comparison that runs several.
//!
//! This crate knows no browser and no files. The host drives: it makes an [`episode::Episode`] with
//! [`session::Session::start`] and calls [`episode::Episode::advance`] until it says that it is done. Each call does
//! one bounded piece of work, so a host shows progress by looking at the events, and cancels by not calling again.

pub mod adapter;
pub mod comparison;
pub mod entropy;
pub mod episode;
pub mod error;
pub mod features;
mod groundwork;
pub mod label_encoding;
pub mod labels;
pub mod methods;
pub mod optimizer;
pub mod options;
mod readback;
pub mod recorded;
pub mod report;
pub mod session;
pub mod setup;
pub mod source;
mod statistics;
pub mod views;

pub use error::{Error, Result};
