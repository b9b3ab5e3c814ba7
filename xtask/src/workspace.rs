//! Where things lie, and Cargo called on them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// The folder of the whole project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where fetched tools go. Git ignores it; it can be deleted at any time.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// Cargo's target folder, wherever the configuration puts it.
pub(crate) fn target() -> Result<PathBuf> {
    let own = env::current_exe().context("xtask does not know where it lies")?;
    // target/debug/xtask
    let target = own.parent().and_then(Path::parent).context("xtask was not built by Cargo")?;
    Ok(target.to_owned())
}

/// A binary of the workspace as the development profile builds it.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// A command that runs in the project's folder.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Cargo, as if it were called from the shell and not from `cargo xtask`.
///
/// What `cargo run` tells xtask of its package would otherwise reach build scripts: ring's watches these variables,
/// and everything above ring would be built anew whenever one goes from plain Cargo to xtask and back.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut cargo = calls_cargo("cargo");
    cargo.arg(subcommand);
    cargo
}

/// A program that calls Cargo itself, likewise.
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
