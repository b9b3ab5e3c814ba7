//! Debian's Rust for WebAssembly.
//!
//! Debian packages the sources of std, but no compiled std for ripple's WebAssembly targets. For
//! `wasm32-unknown-unknown`, std is compiled once and put where rustc looks for it. So other tools find the target as
//! if rustup had added it. For `wasm32-wasip2`, Cargo compiles std with the crates that use it. Both need unstable
//! features of a stable compiler, which `RUSTC_BOOTSTRAP` unlocks.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Target, has_std};
use crate::process::{output, run};
use crate::workspace::{self, cargo};

/// The compiler, Cargo, the sources of std, the linker and the C library.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22", "wasi-libc"];

/// The folder in which those packages install.
const PREFIX: &str = "/usr";

/// The toolchain's name in rustup.
const NAME: &str = "debian";

/// A file next to the std that was compiled here. It names the compiler: another compiler cannot read that std.
const COMPILER: &str = "ripple-compiler";

/// A new machine may be busy with its own updates, and a mirror with other clients.
const PATIENCE: [&str; 2] = ["--option=DPkg::Lock::Timeout=600", "--option=Acquire::Retries=3"];

/// Reports whether the toolchain is complete.
pub(super) fn is_ready(target: Target) -> bool {
    let linked = output(Command::new("rustup").args(["toolchain", "list"]))
        .is_ok_and(|list| list.lines().any(|line| line.split_whitespace().next() == Some(NAME)));
    linked && missing(PACKAGES).is_ok_and(|missing| missing.is_empty()) && std_is_ready(target)
}

/// Installs, compiles and links the missing parts.
pub(super) fn set_up(target: Target) -> Result<()> {
    install(PACKAGES).context("Debian's Rust is not available either")?;
    run(Command::new("rustup").args(["toolchain", "link", NAME, PREFIX]))?;
    if !std_is_ready(target) {
        install_std()?;
    }
    Ok(())
}

/// Installs those of Debian's packages that are missing.
pub(crate) fn install(packages: &[&'static str]) -> Result<()> {
    let missing = missing(packages).context("this is not Debian")?;
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing {}", missing.join(" "));
    run(as_root("apt-get")?.args(["update", "--quiet=2"]).args(PATIENCE))?;
    let mut install = as_root("env")?; // sudo passes no environment on
    install.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--yes",
        "--quiet=2",
        "--option=Dpkg::Use-Pty=0",
    ]);
    run(install.args(PATIENCE).args(missing))
}

/// Makes a Cargo command use this toolchain.
pub(super) fn configure(cargo: &mut Command, target: Target) -> Result<()> {
    cargo.env("RUSTUP_TOOLCHAIN", NAME);
    if let Target::Wasi = target {
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
        cargo.arg("--target-dir").arg(target_folder(target)?);
        cargo.env(
            "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
            "-Lnative=/usr/lib/wasm32-wasi -Clink-arg=--wasm-ld-path=/usr/bin/wasm-ld-22",
        );
    }
    Ok(())
}

/// Returns the folder that replaces Cargo's target folder.
pub(super) fn target_folder(target: Target) -> Result<PathBuf> {
    let common = workspace::target()?;
    Ok(match target {
        Target::Web => common,
        // Build scripts watch RUSTC_BOOTSTRAP. In the common folder, each target would invalidate the other's builds.
        Target::Wasi => common.join("xtask").join(target.triple()),
    })
}

fn missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    output(Command::new("apt-get").arg("--version"))?;
    let installed = |package: &str| {
        let status = output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]));
        status.is_ok_and(|status| status == "installed")
    };
    Ok(packages.iter().copied().filter(|package| !installed(package)).collect())
}

/// Reports whether std is compiled for the target, by the compiler that is installed now.
fn std_is_ready(target: Target) -> bool {
    let Target::Web = target else { return true };
    let current = || -> Result<bool> {
        let Ok(compiler) = fs::read_to_string(std_folder()?.join(COMPILER)) else {
            return Ok(true); // Debian's own std, not compiled here
        };
        Ok(compiler == output(rustc().arg("-vV"))?)
    };
    has_std(&mut rustc(), target.triple()) && current().unwrap_or(false)
}

/// Compiles std for `wasm32-unknown-unknown` and puts it where Debian's rustc looks for it.
fn install_std() -> Result<()> {
    let triple = Target::Web.triple();
    eprintln!("compiling std for {triple} (a minute)");
    // Any crate works: the build compiles std as its dependency.
    let bearer = workspace::target()?.join("xtask").join("std");
    fs::create_dir_all(bearer.join("src"))?;
    fs::write(bearer.join("src/lib.rs"), "")?;
    fs::write(
        bearer.join("Cargo.toml"),
        "[package]\nname = \"bearer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    )?;
    let built = bearer.join("target");
    let mut build = cargo("build");
    build.current_dir(&bearer).args(["--release", "--target", triple, "--target-dir"]).arg(&built);
    build.arg("-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test");
    // Without bitcode in std, link-time optimisation of its users fails.
    build.env("RUSTFLAGS", "-Cembed-bitcode=yes").env("RUSTC_BOOTSTRAP", "1").env("RUSTUP_TOOLCHAIN", NAME);
    run(&mut build)?;

    let mut libraries = Vec::new();
    for entry in fs::read_dir(built.join(triple).join("release/deps"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with("libbearer-") {
            libraries.push(path);
        }
    }
    let compiler = bearer.join(COMPILER);
    fs::write(&compiler, output(rustc().arg("-vV"))?)?;

    let folder = std_folder()?;
    if folder.join(COMPILER).exists() {
        run(as_root("rm")?.arg("--recursive").arg(&folder))?;
    }
    let install = |files: &[PathBuf]| -> Result<()> {
        run(as_root("install")?.args(["-D", "--mode=644", "--target-directory"]).arg(&folder).args(files))
    };
    // The compiler's name goes first. After an interruption, the next set-up still recognises this folder.
    install(&[compiler])?;
    install(&libraries)?;
    Ok(fs::remove_dir_all(bearer)?)
}

fn std_folder() -> Result<PathBuf> {
    let folder = output(rustc().args(["--print", "target-libdir", "--target", Target::Web.triple()]))?;
    Ok(PathBuf::from(folder.trim()))
}

/// Returns Debian's compiler.
fn rustc() -> Command {
    let mut rustc = super::rustc();
    rustc.env("RUSTUP_TOOLCHAIN", NAME);
    rustc
}

/// Returns a command with root's rights, if no password is needed for them.
fn as_root(program: &str) -> Result<Command> {
    if output(Command::new("id").arg("-u"))?.trim() == "0" {
        return Ok(Command::new(program));
    }
    output(Command::new("sudo").args(["--non-interactive", "true"]))
        .with_context(|| format!("`{program}` needs root's rights, and sudo does not give them without a password"))?;
    let mut sudo = Command::new("sudo");
    sudo.args(["--non-interactive", program]);
    Ok(sudo)
}
