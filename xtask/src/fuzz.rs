//! `cargo xtask fuzz`: builds and runs the fuzz targets.
//!
//! ```text
//!  fuzz/seeds/<target>      committed: where a search begins
//!  fuzz/corpus/<target>     interesting inputs of earlier searches; the next search continues from them
//!  fuzz/artifacts/<target>  failing inputs: `cargo xtask fuzz <target> -- fuzz/artifacts/<target>/…` repeats one
//! ```
//!
//! There is no sanitizer, because ripple has no unsafe code for it to watch. So stable Rust can build the targets, with
//! LLVM's coverage, which cargo-fuzz requires.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::run as run_command;
use crate::tools;
use crate::workspace;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Target to run; without one, run each target in turn
    #[arg(value_parser = TARGETS.map(|target| target.name))]
    target: Option<String>,
    /// Seconds of search per target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Files of inputs to run once each instead of a search
    #[arg(last = true)]
    inputs: Vec<PathBuf>,
}

/// A program of fuzz/targets.
struct Target {
    name: &'static str,
    /// The number of inputs in the short run: about a second.
    runs: u32,
    /// The seeds of a search.
    seeds: &'static str,
}

const TARGETS: [Target; 13] = [
    Target { name: "request", runs: 1_000, seeds: "fuzz/seeds/request" },
    Target { name: "merge", runs: 4_000, seeds: "fuzz/seeds/merge" },
    Target { name: "json", runs: 40_000, seeds: "fuzz/seeds/json" },
    Target { name: "token", runs: 2_000, seeds: "fuzz/seeds/token" },
    Target { name: "item", runs: 500, seeds: "fuzz/seeds/item" },
    Target { name: "key", runs: 20_000, seeds: "fuzz/seeds/key" },
    Target { name: "snapshot", runs: 2_000, seeds: "fuzz/seeds/snapshot" },
    Target { name: "schema", runs: 4_000, seeds: "fuzz/seeds/schema" },
    Target { name: "query", runs: 10_000, seeds: "fuzz/seeds/query" },
    Target { name: "sheet", runs: 10_000, seeds: "fuzz/seeds/sheet" },
    Target { name: "batch", runs: 1_000, seeds: "fuzz/seeds/batch" },
    Target { name: "import", runs: 20_000, seeds: "fuzz/seeds/import" },
    Target { name: "event", runs: 1_000, seeds: "lambda/tests/events" },
];

/// Limits of one input: seconds, and MB of the whole process.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=8192"];
/// The largest number of seconds of a target in the short run, on a machine of any speed.
const SHORT: u32 = 10;
/// The largest number of seconds of one input there. It still finds an endless input, and tolerates a machine that
/// pauses.
const SHORT_INPUT: u32 = 60;

/// Searches for the requested time.
pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen = |target: &&Target| options.target.as_ref().is_none_or(|name| name == target.name);
    if !options.inputs.is_empty() {
        let Some(target) = &options.target else { bail!("give the target of the inputs") };
        return run_command(cargo_fuzz("run")?.arg(target).args(&options.inputs));
    }
    for target in TARGETS.iter().filter(chosen) {
        eprintln!("── {}", target.name);
        let corpus = made(workspace::root().join("fuzz/corpus").join(target.name))?;
        run_command(search(target, &corpus)?.arg(format!("-max_total_time={}", options.seconds)))?;
    }
    Ok(())
}

/// The step of `cargo xtask test`. Each target gets a number of inputs, and the same inputs for the same code.
pub(crate) fn short() -> Result<()> {
    // All targets at once. One by one, Cargo would link on one core.
    run_command(&mut cargo_fuzz("build")?)?;
    for target in &TARGETS {
        let found = workspace::root().join("fuzz/target/found").join(target.name);
        if found.exists() {
            fs::remove_dir_all(&found)?;
        }
        let mut search = search(target, &made(found)?)?;
        search.args([format!("-runs={}", target.runs), format!("-max_total_time={SHORT}"), "-seed=1".to_owned()]);
        search.arg(format!("-timeout={SHORT_INPUT}")); // the last timeout applies
        let output = search.output().with_context(|| format!("{} cannot be run", target.name))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{said}\nthe fuzz target {} ended with {}", target.name, output.status);
        }
        eprintln!("{:10} {}", target.name, said.lines().rfind(|line| line.starts_with("Done ")).unwrap_or_default());
    }
    Ok(())
}

/// Returns a search from a target's seeds. Its findings go into `corpus`.
fn search(target: &Target, corpus: &Path) -> Result<Command> {
    let mut search = cargo_fuzz("run")?;
    search.args([OsStr::new(target.name), corpus.as_os_str(), OsStr::new(target.seeds), OsStr::new("--")]);
    search.args(LIMITS);
    let dictionary = format!("{}.dict", target.seeds);
    if workspace::root().join(&dictionary).exists() {
        search.arg(format!("-dict={dictionary}"));
    }
    Ok(search)
}

fn cargo_fuzz(subcommand: &str) -> Result<Command> {
    let mut command = workspace::calls_cargo(tools::CARGO_FUZZ.ready()?);
    // Sixteen codegen units build sooner, and their speed is not measured.
    command.args(["fuzz", subcommand, "--fuzz-dir", "fuzz", "--sanitizer", "none", "--codegen-units", "16"]);
    Ok(command)
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    Ok(folder)
}
