//! Builds, serves, tests and measures clip-ttl: `cargo xtask build`, `cargo xtask serve --open`, `cargo xtask test`,
//! `cargo xtask bench`, `cargo xtask growth`.
//!
//! Everything the commands need is Cargo, Node.js and what these two fetch from their registries; nothing has to be
//! installed by hand. Build outputs go below Cargo's target directory:
//! `package` (the npm package as published, and as a tarball beside that), `site` (the demo site), `wasm-package` (the optimised modules, kept between builds),
//! `bench` (checkpoints with random weights, kept too).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks to the terminal"
)]
#![allow(unreachable_pub, reason = "a program has no interface beyond its commands")]

mod bench;
mod build;
mod error;
mod growth;
mod http;
mod node;
mod process;
mod serve;
mod setup;
mod tally;
mod test;
mod wasm;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Parser, Subcommand};

use crate::bench::{BenchOptions, Dtype, PeerDevice, Shape};
use crate::build::BuildOptions;
use crate::error::Error;
use crate::serve::ServeOptions;
use crate::test::Suite;
use crate::workspace::Workspace;

/// Builds, serves, tests and measures clip-ttl.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the WebAssembly module, the npm package and the demo site, and print the sizes of what is published
    Build(BuildArguments),
    /// Build everything and serve the demo site on this machine
    Serve {
        #[command(flatten)]
        build: BuildArguments,
        /// The first port to try; where it is taken, the next free one is used
        #[arg(long, default_value_t = serve::DEFAULT_PORT)]
        port: u16,
        /// Open the site in the default browser
        #[arg(long)]
        open: bool,
        /// Serve what the last build made
        #[arg(long)]
        no_build: bool,
    },
    /// Run the checks and tests, and print one line with the totals
    Test {
        /// Run one part only; may be given several times
        #[arg(long, value_name = "PART")]
        only: Vec<Suite>,
    },
    /// Measure models of full size, natively and in Chromium on the CPU device; takes many minutes, and is none of the tests
    Bench(BenchArguments),
    /// Measure how an episode's time and memory grow with its views, updates and labels, natively, and write a page about it
    Growth {
        /// The page's folder [default: docs/growth]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("beside-others").multiple(true)))]
struct BenchArguments {
    /// A model to measure; may be given several times. All have random weights, but for the one that ships [default: vit-b-32 and vit-b-16; none with --peers or --products]
    #[arg(long = "shape", value_enum, value_name = "SHAPE")]
    shapes: Vec<Shape>,
    /// How frozen matrices are kept
    #[arg(long, value_enum, default_value_t = Dtype::Q8)]
    dtype: Dtype,
    /// Number of views of the episode
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    views: u32,
    /// Measure the default episode beside ONNX Runtime Web and jax-js: on the CPU, on WebGPU, or both
    #[arg(
        long,
        value_enum,
        value_name = "DEVICE",
        value_delimiter = ',',
        group = "beside-others"
    )]
    peers: Vec<PeerDevice>,
    /// Measure matrix products on WebGPU beside ONNX Runtime Web and jax-js
    #[arg(long, group = "beside-others")]
    products: bool,
    /// How often each of them has its turn; the table has the medians [default: 5, of episodes on WebGPU 1]
    #[arg(long, value_name = "N", requires = "beside-others", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measure the models' episodes with PyTorch, too: a Python with the packages of tests/peers/pytorch/requirements.txt
    #[arg(long, value_name = "PYTHON")]
    pytorch: Option<PathBuf>,
    /// Write the figures to a file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure the site that was built last
    #[arg(long)]
    no_build: bool,
}

#[derive(Debug, clap::Args)]
struct BuildArguments {
    /// Where the site goes; by default `site` in Cargo's target directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Leave wasm-opt out and keep function names: builds sooner, and panics name the function they come from
    #[arg(long)]
    debug: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            error::report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    match command {
        Command::Build(arguments) => {
            let site = build::build(&workspace, &arguments.options(&workspace))?;
            let tarball = build::pack(&workspace)?;
            println!(
                "\nThe site is in {}, the npm package is {}",
                site.display(),
                tarball.display()
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve {
            build,
            port,
            open,
            no_build,
        } => {
            let options = build.options(&workspace);
            let site = if no_build {
                options.out
            } else {
                build::build(&workspace, &options)?
            };
            serve::serve(&ServeOptions { site, port, open })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(BenchArguments {
            shapes,
            dtype,
            views,
            peers,
            products,
            rounds,
            pytorch,
            json,
            no_build,
        }) => {
            let site = if no_build {
                workspace.site()
            } else {
                build::build(
                    &workspace,
                    &BuildOptions {
                        out: workspace.site(),
                        debug: false,
                    },
                )?
            };
            let passed = bench::run(
                &workspace,
                &BenchOptions {
                    site,
                    shapes,
                    dtype,
                    views,
                    peers,
                    products,
                    rounds,
                    pytorch,
                    json,
                },
            )?;
            Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Growth { out } => {
            let folder = out.unwrap_or_else(|| workspace.root().join("docs").join("growth"));
            growth::run(&workspace, &folder)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { only } => Ok(if test::run(&workspace, &only) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }),
    }
}

impl BuildArguments {
    fn options(self, workspace: &Workspace) -> BuildOptions {
        BuildOptions {
            out: self.out.unwrap_or_else(|| workspace.site()),
            debug: self.debug,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_explicit_folder_wins_over_the_default() {
        let workspace = Workspace::at("/repository", "/target");
        let options = BuildArguments {
            out: Some("elsewhere".into()),
            debug: false,
        }
        .options(&workspace);
        assert_eq!(options.out, PathBuf::from("elsewhere"));
    }
}
