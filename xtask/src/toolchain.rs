//! Rust for WebAssembly: finds a toolchain, or sets one up.
//!
//! `rustup target add` is the normal way. If rustup cannot download, on a machine that reaches only Debian's mirrors,
//! [`debian`]'s Rust is used. The first way that works is taken without a question.

pub(crate) mod debian;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::output;
use crate::workspace::{self, cargo};

/// A WebAssembly target that ripple is built for.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// JavaScript hosts: Cloudflare Workers.
    Web,
    /// WASI 0.2 hosts.
    Wasi,
}

impl Target {
    /// Returns rustc's name of the target.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Target::Web => "wasm32-unknown-unknown",
            Target::Wasi => "wasm32-wasip2",
        }
    }
}

/// A Rust that can build for a target.
#[derive(Clone, Copy)]
pub(crate) enum Toolchain {
    /// The toolchain that builds everything else.
    Active,
    /// Debian's toolchain, linked into rustup.
    Debian,
}

impl Toolchain {
    /// Returns Cargo of this toolchain, building for the target.
    pub(crate) fn cargo(self, subcommand: &str, target: Target) -> Result<Command> {
        let mut cargo = cargo(subcommand);
        cargo.args(["--target", target.triple()]);
        if let Toolchain::Debian = self {
            debian::configure(&mut cargo, target)?;
        }
        Ok(cargo)
    }

    /// Returns the folder of the toolchain's builds for the target. It has a folder for each profile.
    pub(crate) fn folder(self, target: Target) -> Result<PathBuf> {
        let folder = match self {
            Toolchain::Active => workspace::target()?,
            Toolchain::Debian => debian::target_folder(target)?,
        };
        Ok(folder.join(target.triple()))
    }
}

/// Returns a toolchain with the target. Sets one up if none has it.
pub(crate) fn with(target: Target) -> Result<Toolchain> {
    if has_std(&mut rustc(), target.triple()) {
        return Ok(Toolchain::Active);
    }
    if debian::is_ready(target) {
        return Ok(Toolchain::Debian);
    }
    let triple = target.triple();
    eprintln!("adding the target {triple} with rustup (once)");
    let Err(refusal) = output(Command::new("rustup").args(["target", "add", triple])) else {
        return Ok(Toolchain::Active);
    };
    eprintln!("rustup failed: {refusal:#}");
    eprintln!("setting up Debian's Rust for {triple} instead (once)");
    debian::set_up(target).with_context(|| format!("Rust has no {triple} here, and rustup cannot add it"))?;
    Ok(Toolchain::Debian)
}

fn rustc() -> Command {
    workspace::command("rustc")
}

/// Reports whether this rustc has a compiled standard library for the target.
pub(crate) fn has_std(rustc: &mut Command, triple: &str) -> bool {
    let Ok(folder) = output(rustc.args(["--print", "target-libdir", "--target", triple])) else {
        return false;
    };
    let Ok(mut entries) = Path::new(folder.trim()).read_dir() else {
        return false;
    };
    entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}
