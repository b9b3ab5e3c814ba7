//! Checks that do not run the code.

use std::time::Duration;

use anyhow::Result;

use crate::floors;
use crate::portable;
use crate::process::{run, succeeds_within};
use crate::python::CHECKS;
use crate::step::Step;
use crate::toolchain::{self, Target, Toolchain};
use crate::tools;
use crate::workspace::{self, cargo};

/// The steps of `cargo xtask check`.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", purpose: "the code is formatted by rustfmt", run: format },
    Step { name: "floors", purpose: "files import only from lower floors", run: floors::check },
    Step { name: "spelling", purpose: "code and documents have no known misspelling", run: spelling },
    Step { name: "clippy", purpose: "clippy has no warnings", run: clippy },
    Step { name: "docs", purpose: "the documentation builds, and all its links resolve", run: docs },
    Step { name: "portable", purpose: "the core depends on no platform", run: portable::check },
];

/// The time limit for fetching the advisory database.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

fn format() -> Result<()> {
    run(cargo("fmt").args(["--all", "--check"]))?;
    // The fuzz targets are a workspace of their own.
    run(cargo("fmt").args(["--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn spelling() -> Result<()> {
    run(CHECKS.command("typos")?.arg("--hidden"))
}

fn clippy() -> Result<()> {
    // With the profile of the tests, so that build scripts such as SQLite's run once for both.
    let all = ["--workspace", "--all-targets", "--features", "xtask/bench", "--profile", "test"];
    run(cargo("clippy").args(all).args(["--", "-D", "warnings"]))?;
    // Most of these crates is not built for this machine's platform.
    let crates = [
        ("ripple-edge", Target::Web),
        ("ripple-near", Target::Web),
        ("ripple-replica", Target::Web),
        ("ripple-wasi", Target::Wasi),
    ];
    for (package, target) in crates {
        match toolchain::with(target)? {
            toolchain @ Toolchain::Active => {
                run(toolchain.cargo("clippy", target)?.args(["--package", package, "--", "-D", "warnings"]))?;
            }
            // It has no clippy.
            toolchain @ Toolchain::Debian => run(toolchain.cargo("check", target)?.args(["--package", package]))?,
        }
    }
    Ok(())
}

fn docs() -> Result<()> {
    run(cargo("doc").args(["--workspace", "--no-deps", "--profile", "test"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Checks licences, sources and advisories.
pub(crate) fn dependencies() -> Result<()> {
    let deny = tools::CARGO_DENY.ready()?;
    // Two versions of a crate deserve an occasional look, not a page of output in every run.
    run(workspace::command(&deny).args(["check", "--allow", "duplicate", "bans", "licenses", "sources"]))?;
    if succeeds_within(FETCH_LIMIT, workspace::command(&deny).args(["fetch", "db"]))? {
        run(workspace::command(&deny).args(["check", "--disable-fetch", "advisories"]))
    } else {
        eprintln!("the advisory database cannot be fetched, so known vulnerabilities are not checked");
        Ok(())
    }
}
