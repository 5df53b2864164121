//! What the reference implementations in `tests/oracle` recorded of every method is computed again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stdout, reason = "with --nocapture the largest errors are shown")]

mod adapter_files;
mod adapters;
#[path = "../common/mod.rs"]
mod common;
mod features;
mod forward_only;
mod prompts;
mod recording;
mod search;
mod vocabulary;
