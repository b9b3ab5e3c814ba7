//! What can be said of the code without running it.

use std::time::Duration;

use anyhow::Result;

use crate::floors;
use crate::portable;
use crate::process::{run, succeeds_within};
use crate::step::Step;
use crate::toolchain::{self, Target, Toolchain};
use crate::tools;
use crate::workspace::{self, cargo};

/// The steps of `cargo xtask check`.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", purpose: "the code is as rustfmt writes it", run: format },
    Step { name: "floors", purpose: "imports lead down from floor to floor", run: floors::check },
    Step { name: "clippy", purpose: "clippy has nothing to say", run: clippy },
    Step { name: "docs", purpose: "the documentation builds, all its links lead somewhere", run: docs },
    Step {
        name: "portable",
        purpose: "the core compiles for WebAssembly and brings no platform",
        run: portable::check,
    },
    Step { name: "dependencies", purpose: "licences, sources and bans hold, no advisory stands", run: dependencies },
];

/// How long fetching the advisory database may take.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

fn format() -> Result<()> {
    run(cargo("fmt").args(["--all", "--check"]))?;
    // The fuzz targets are a workspace of their own.
    run(cargo("fmt").args(["--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn clippy() -> Result<()> {
    run(cargo("clippy").args(["--workspace", "--all-targets", "--features", "xtask/bench", "--", "-D", "warnings"]))?;
    // On this machine's platform most of these two is not built.
    for (package, target) in [("ripple-edge", Target::Web), ("ripple-wasi", Target::Wasi)] {
        // Debian's toolchain brings no clippy.
        if let toolchain @ Toolchain::Active = toolchain::with(target)? {
            run(toolchain.cargo("clippy", target)?.args(["--package", package, "--", "-D", "warnings"]))?;
        }
    }
    Ok(())
}

fn docs() -> Result<()> {
    run(cargo("doc").args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn dependencies() -> Result<()> {
    let deny = tools::CARGO_DENY.ready()?;
    // Two generations of a crate are worth a look now and then, not a page in every run.
    run(workspace::command(&deny).args(["check", "--allow", "duplicate", "bans", "licenses", "sources"]))?;
    if succeeds_within(FETCH_LIMIT, workspace::command(&deny).args(["fetch", "db"]))? {
        run(workspace::command(&deny).args(["check", "--disable-fetch", "advisories"]))
    } else {
        eprintln!("the advisory database cannot be fetched: nothing is said of known vulnerabilities");
        Ok(())
    }
}
