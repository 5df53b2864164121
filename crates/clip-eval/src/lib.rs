//! Evaluation of methods over folders of pictures: which pictures ([`dataset`]), what is done to them ([`corruption`]), how good the
//! answers are ([`measures`], [`summary`]), and a journal of records ([`record`]) that a run can be resumed from ([`journal`]).
//!
//! This crate runs no model and knows no command line.
#![cfg_attr(test, allow(clippy::float_cmp, reason = "where a value is exact, the test says so"))]

pub mod corruption;
pub mod dataset;
pub mod error;
pub mod journal;
pub mod measures;
pub mod record;
pub mod seeds;
pub mod summary;

pub use error::{Error, Result};
