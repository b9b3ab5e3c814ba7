//! `cargo xtask package`: builds the function as a zip file for Lambda.
//!
//! cargo-lambda builds it against the C library of `provided.al2023`, with zig as the linker, on any machine. zopfli
//! compresses it to a file that is a thirtieth smaller than cargo-lambda's.

use std::env::consts;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};

use crate::process::{output, run};
use crate::python::PACKAGE;
use crate::toolchain::has_std;
use crate::workspace::{self, root};

/// The largest size of the zip file. Lambda downloads and unpacks it at each cold start.
const LIMIT: u64 = 3_000_000;
/// The path at which cargo-lambda puts it. deploy/template.yaml has the same path.
const ZIP: &str = "target/lambda/bootstrap/bootstrap.zip";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Processor architecture of the function
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
}

/// Lambda's processors, by Lambda's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    #[value(name = "arm64")]
    Arm64,
    #[value(name = "x86_64")]
    X86_64,
}

impl Arch {
    /// Returns this machine's processor.
    fn own() -> Arch {
        if consts::ARCH == "aarch64" { Arch::Arm64 } else { Arch::X86_64 }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Arch::Arm64 => "arm64",
            Arch::X86_64 => "x86_64",
        }
    }

    pub(crate) fn triple(self) -> &'static str {
        match self {
            Arch::Arm64 => "aarch64-unknown-linux-gnu",
            Arch::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Builds the zip file and prints the next commands.
pub(crate) fn run_command(options: &Options) -> Result<()> {
    let zip = build(options.arch)?;
    println!("\n{} is ready. Next, with credentials of the target account:\n", zip.display());
    println!(
        "  sam deploy --guided --template-file deploy/template.yaml --capabilities CAPABILITY_IAM --parameter-overrides \
         Architecture={}",
        options.arch.name()
    );
    Ok(())
}

/// Builds the zip file.
pub(crate) fn build(arch: Arch) -> Result<PathBuf> {
    let triple = arch.triple();
    if !has_std(&mut workspace::command("rustc"), triple) {
        eprintln!("adding the target {triple} with rustup (once)");
        output(Command::new("rustup").args(["target", "add", triple])).with_context(|| {
            let other = Arch::own().name();
            format!(
                "Rust has no {triple} here, and rustup cannot add it: give --arch {other}, or package on another machine"
            )
        })?;
    }
    let mut cargo_lambda = PACKAGE.command("cargo-lambda")?;
    cargo_lambda.args(["lambda", "build", "--release", "--package", "ripple-lambda", "--bin", "bootstrap"]);
    cargo_lambda.args(["--target", triple, "--output-format", "binary"]);
    cargo_lambda.arg("--lambda-dir").arg(root().join("target/lambda"));
    run(&mut cargo_lambda)?;
    let zip = root().join(ZIP);
    run(Command::new(PACKAGE.ready()?).args(["-c", PACK]).arg(zip.with_file_name("bootstrap")).arg(&zip))?;
    let size = fs::metadata(&zip).with_context(|| format!("{} was not created", zip.display()))?.len();
    ensure!(size <= LIMIT, "{} has {size} bytes, more than {LIMIT}", zip.display());
    eprintln!("{}: {} KB, {}", zip.display(), size / 1000, arch.name());
    Ok(zip)
}

/// Unpacks the zip file for this machine's processor as Lambda does. Returns the path of its `bootstrap`.
pub(crate) fn unpacked() -> Result<PathBuf> {
    let zip = build(Arch::own())?;
    let folder = zip.with_file_name("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    run(Command::new(PACKAGE.ready()?).args(["-c", UNPACK]).arg(&zip).arg(&folder))?;
    Ok(folder.join("bootstrap"))
}

/// The same file gives the same zip file, because the entry has a fixed time.
const PACK: &str = r#"
import sys, zipfile, zopfli
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100755 << 16
with open(sys.argv[1], "rb") as bootstrap, zopfli.ZipFile(sys.argv[2], "w", iterations=5) as archive:
    archive.writestr(entry, bootstrap.read())
"#;

/// The zip file must hold one executable file. Otherwise Lambda cannot start it.
const UNPACK: &str = r#"
import os, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
[entry] = archive.infolist()
mode = entry.external_attr >> 16
assert entry.filename == "bootstrap" and mode & 0o111 == 0o111, (entry.filename, oct(mode))
os.chmod(archive.extract(entry, sys.argv[2]), mode)
"#;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_template_takes_the_zip_file_that_is_made() {
        let template = fs::read_to_string(root().join("deploy/template.yaml")).unwrap();
        let line = template.lines().find_map(|line| line.trim().strip_prefix("CodeUri: ../")).unwrap();
        assert_eq!(Path::new(line), Path::new(ZIP));
    }
}
