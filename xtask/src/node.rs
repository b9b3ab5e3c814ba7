//! Node's side of the edge worker: what package.json asks for, installed once.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{output, run};
use crate::workspace::{self, root};

/// Installs what package-lock.json lists, unless that is what is there.
pub(crate) fn ready() -> Result<()> {
    let wanted = fs::read(root().join("package-lock.json"))?;
    let mark = root().join("node_modules/.ripple-installed");
    if fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    output(workspace::command(NPM).arg("--version")).context("the edge worker needs Node.js, and there is no npm")?;
    eprintln!("installing wrangler and its kind into node_modules (once, half a minute)");
    // wrangler wants a newer Node than many machines have. It gets one, from node_modules, so npm need not warn.
    let quietly = ["--no-audit", "--no-fund", "--loglevel=error"];
    run(workspace::command(NPM).arg("ci").args(quietly))?;
    Ok(fs::write(mark, wanted)?)
}

/// A program of node_modules, under the Node that is there.
pub(crate) fn command(program: &str) -> Result<Command> {
    let folder = root().join("node_modules/.bin");
    let mut path = vec![folder.clone()];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = workspace::command(found(folder.join(program)));
    command.env("PATH", env::join_paths(path)?);
    Ok(command)
}

#[cfg(windows)]
const NPM: &str = "npm.cmd";
#[cfg(not(windows))]
const NPM: &str = "npm";

#[cfg(windows)]
fn found(program: PathBuf) -> PathBuf {
    program.with_extension("cmd")
}
#[cfg(not(windows))]
fn found(program: PathBuf) -> PathBuf {
    program
}
