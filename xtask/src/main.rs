//! ripple's build steps: `cargo xtask …`.
//!
//! | command | effect |
//! |---|---|
//! | `dev` | builds ripple and starts it: the API on an embedded DynamoDB, the edge worker in front of it |
//! | `edge` | builds the edge worker |
//! | `replica` | builds the replica's worker |
//! | `deploy` | deploys the edge worker, after the replica's script if it binds one |
//! | `wasi` | builds the WASI HTTP component |
//! | `check` | checks the code without running it |
//! | `test` | runs `check`, then the tests; `--long` adds the steps that take long on a new machine |
//! | `fuzz` | searches for failing inputs with a fuzzer |
//! | `package` | builds the function as a zip file for Lambda |
//! | `sbom` | writes the bills of materials of function and worker |
//! | `release` | builds all parts of a version |
//! | `book` | builds the documents as a site |
//! | `cost` | computes the monthly cost of ripple from its measured consumption |
//! | `bench` | compares ripple with its alternatives |
//!
//! A command downloads all tools beyond Rust at versions pinned here, into folders that git ignores. The exceptions are
//! Python and Node.js: if one is missing, one sentence says so.
//!
//! A check or a test is a [`step::Step`]: one row in a table, `STEPS` in `check` or in `test`, and one function.

use std::process::ExitCode;

use anyhow::Result;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Parser, Subcommand};

mod adding;
#[cfg(all(feature = "bench", target_os = "linux"))] // It reads the costs of processes from Linux.
mod bench;
mod book;
mod browser;
mod check;
mod cost;
mod deploy;
mod dev;
mod edge;
mod floors;
mod fuzz;
mod node;
mod package;
mod portable;
mod process;
mod python;
mod release;
mod resources;
mod sbom;
mod server;
mod share;
mod site;
mod step;
mod test;
mod toolchain;
mod tools;
mod wasi;
mod workspace;

use step::Step;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "ripple's build steps", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and start the API on an embedded DynamoDB, with the edge worker in front of it
    Dev(dev::Options),
    /// Build the edge worker
    Edge(edge::Options),
    /// Build the replica's worker
    Replica,
    /// Build the edge worker in front of a replica
    Near,
    /// Deploy the edge worker to Cloudflare's network, after the replica's script if it binds one
    Deploy(edge::deploy::Options),
    /// Build ripple as a WASI HTTP component
    Wasi,
    /// Check the code without running it
    Check {
        /// Run only this step; repeatable
        #[arg(long, value_name = "STEP", value_parser = step_names(check::STEPS.iter()))]
        only: Vec<String>,
    },
    /// Check the code and run the tests
    Test {
        /// Run only this step; repeatable
        #[arg(long, value_name = "STEP", value_parser = step_names(test::all_steps()), conflicts_with = "long")]
        only: Vec<String>,
        /// Also run the steps that build a tool or all of ripple once more: an hour on a new machine
        #[arg(long)]
        long: bool,
    },
    /// Search for failing inputs with a fuzzer
    Fuzz(fuzz::Options),
    /// Build the function as a zip file for Lambda
    Package(package::Options),
    /// Write the bills of materials (CycloneDX) of the function and the worker to a folder
    Sbom(sbom::Options),
    /// Build all parts of a version: archives, function, component, bills of materials and checksums
    Release(release::Options),
    /// Build the documents as a site, and check its links
    Book,
    /// Compute the monthly cost of ripple from its measured consumption
    Cost,
    /// Compare ripple with its alternatives; without a name, list the benchmarks
    Bench {
        /// Benchmark to run, or `all`
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Dev(options) => dev::run(&options),
        Command::Edge(options) => edge::run_command(&options).map(|()| ExitCode::SUCCESS),
        Command::Near => edge::build_near().map(|()| ExitCode::SUCCESS),
        Command::Replica => edge::build_replica().map(|()| ExitCode::SUCCESS),
        Command::Deploy(options) => edge::deploy::run_command(&options).map(|()| ExitCode::SUCCESS),
        Command::Wasi => wasi::run_command().map(|()| ExitCode::SUCCESS),
        Command::Check { only } => step::take(check::STEPS.iter(), &only),
        Command::Test { only, long: false } if only.is_empty() => step::take(test::steps(), &only),
        Command::Test { only, .. } => step::take(test::all_steps(), &only),
        Command::Fuzz(options) => fuzz::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Package(options) => package::run_command(&options).map(|()| ExitCode::SUCCESS),
        Command::Sbom(options) => sbom::run_command(&options).map(|()| ExitCode::SUCCESS),
        Command::Release(options) => release::run_command(&options).map(|()| ExitCode::SUCCESS),
        Command::Book => book::build().map(|()| ExitCode::SUCCESS),
        Command::Cost => cost::run().map(|()| ExitCode::SUCCESS),
        Command::Bench { name } => run_benchmark(name.as_deref()),
    };
    report(outcome)
}

#[cfg(all(feature = "bench", target_os = "linux"))]
fn run_benchmark(name: Option<&str>) -> Result<ExitCode> {
    bench::run(name)
}

/// Runs an optimised xtask with the benchmarks. The benchmarks wait for xtask too, so its speed counts.
#[cfg(not(feature = "bench"))]
fn run_benchmark(name: Option<&str>) -> Result<ExitCode> {
    let mut xtask = workspace::cargo("run");
    xtask.args(["--release", "--package", "xtask", "--features", "bench", "--bin", "xtask", "--", "bench"]).args(name);
    process::run(&mut xtask).map(|()| ExitCode::SUCCESS)
}

#[cfg(all(feature = "bench", not(target_os = "linux")))]
fn run_benchmark(_: Option<&str>) -> Result<ExitCode> {
    anyhow::bail!("the benchmarks need Linux, which reports the costs of processes")
}

fn report(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

/// Returns a parser that accepts the names of these steps, with their purposes as help.
fn step_names<'a>(steps: impl Iterator<Item = &'a Step>) -> PossibleValuesParser {
    PossibleValuesParser::new(steps.map(|step| PossibleValue::new(step.name).help(step.purpose)))
}
