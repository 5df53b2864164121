//! `clip-ttl`: shows pictures to a CLIP, adapts it to one of them, converts checkpoints, and replays recorded episodes.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0, 1 for an error (or a replay out of
//! tolerance), 2 for wrong usage.
#![allow(clippy::print_stderr, reason = "a command line program talks to the terminal")]
#![allow(unreachable_pub, reason = "a program has no interface beyond its commands")]

mod adapter;
mod args;
mod commands;
mod error;
mod hub;
mod input;
mod memory;
mod model;
mod model_files;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::commands::Outcome;
use crate::error::Error;

/// As much as a program's first thread usually has.
const STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match among_workers(|| pollster::block_on(run(cli))) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        // Whoever read our output has seen enough of it (`clip-ttl ... | head`).
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            error::report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Does it on one of the threads that share the work of products. From any other thread each product would be handed over to them and waited for, and where
/// the machine is busy, being woken takes longer than many a product.
fn among_workers<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build() {
        Ok(workers) => workers.install(work),
        // No more threads are to be had here: the library says so if it can't do without.
        Err(_) => work(),
    }
}

async fn run(cli: Cli) -> Result<Outcome, Error> {
    match cli.command {
        Command::Classify(arguments) => commands::classify::run(&arguments).await,
        Command::Adapt(arguments) => commands::adapt::run(&arguments).await,
        Command::Eval(arguments) => commands::eval::run(&arguments).await,
        Command::Stats(arguments) => commands::stats::run(&arguments).await,
        Command::Methods(arguments) => commands::methods::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments).await,
        Command::Fidelity(arguments) => commands::fidelity::run(&arguments).await,
        Command::Convert(arguments) => commands::convert::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments).await,
    }
}
