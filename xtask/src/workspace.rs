//! The paths of the project, and Cargo commands on it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// Returns the folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Returns the folder of downloaded tools. Git ignores it, and it can be deleted at any time.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// Returns Cargo's target folder, wherever the configuration puts it.
pub(crate) fn target() -> Result<PathBuf> {
    let own = env::current_exe().context("xtask does not know its own path")?;
    // target/debug/xtask
    let target = own.parent().and_then(Path::parent).context("xtask was not built by Cargo")?;
    Ok(target.to_owned())
}

/// Builds what the arguments select, for tests and benchmarks: with their profile, and with the features of the whole
/// workspace, so that each crate is built once for all of them.
pub(crate) fn build(selection: &[&str]) -> Result<()> {
    process::run(cargo("build").args(["--workspace", "--profile", "test"]).args(selection))
}

/// Returns the path of a workspace binary, as it was built last for development or tests.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// Returns a command that runs in the project's folder.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Returns Cargo as if called from a shell and not from `cargo xtask`.
///
/// `cargo run` sets variables about xtask's package. Build scripts, such as ring's, watch these variables. Everything
/// that depends on ring would be rebuilt at each change between plain Cargo and xtask.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut cargo = calls_cargo("cargo");
    cargo.arg(subcommand);
    cargo
}

/// Returns a program that calls Cargo itself, in the same way.
pub(crate) fn calls_cargo(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = command(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}
