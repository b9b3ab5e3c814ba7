//! The time for which a resource file can keep a host busy, whatever is in it.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::figure::{self, Figure};
use super::measure::OneCpu;
use crate::process::{output, run};
use crate::workspace::{self, cargo};

/// The most milliseconds that reading a file may take.
const GOAL: f64 = 50.0;

/// The benchmark `files`.
pub(super) fn run_benchmark() -> Result<()> {
    run(cargo("build").args(["--release", "--package", "ripple-check", "--example", "files"]))?;
    let example = workspace::target()?.join("release").join("examples").join("files");
    let _one_cpu = OneCpu::take()?;
    let told = output(&mut Command::new(example))?;
    let mut most: f64 = 0.0;
    for line in told.lines() {
        let (milliseconds, file) = line.split_once(' ').context("a line has a time and a name")?;
        let milliseconds: f64 = milliseconds.parse().with_context(|| format!("{milliseconds} is no time"))?;
        let (bytes, name) = file.split_once(' ').context("a file has a size and a name")?;
        println!("{milliseconds:8.3} ms for {bytes:>6} bytes: {name}");
        most = most.max(milliseconds);
    }
    figure::print(&[Figure::alone("ms to read the slowest resource file", most, GOAL)], "");
    Ok(())
}
