//! `cargo xtask package`: builds the function as a zip file for Lambda.
//!
//! The file has the binary, the project's resource files and their OpenAPI document. `ripple-deploy` makes the document,
//! and with it a template for these resources. It refuses resource files with faults.
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
use crate::workspace::{self, cargo, root};

/// The largest size of the zip file. Lambda downloads and unpacks it at each cold start.
const LIMIT: u64 = 3_000_000;
/// The path at which cargo-lambda puts it. deploy/template.yaml has the same path.
const ZIP: &str = "target/lambda/bootstrap/bootstrap.zip";
/// The folder of the resource files.
const RESOURCES: &str = "resources";
/// The folder of a deployment with these resources. Its folder `function` has what is beside the binary.
const DEPLOYMENT: &str = "target/lambda/deployment";

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
    pub(crate) fn own() -> Arch {
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
    println!(
        "\ndeploy/template.yaml has the resource prj alone. {DEPLOYMENT}/template.yaml has all those of {RESOURCES}/, and \
         takes {DEPLOYMENT}/function as the code."
    );
    Ok(())
}

/// Adds Rust's standard library for an architecture, if it is missing.
pub(crate) fn ready(arch: Arch) -> Result<()> {
    let triple = arch.triple();
    if has_std(&mut workspace::command("rustc"), triple) {
        return Ok(());
    }
    eprintln!("adding the target {triple} with rustup (once)");
    let added = output(Command::new("rustup").args(["target", "add", triple]));
    added.map(drop).with_context(|| {
        let other = Arch::own().name();
        format!(
            "Rust has no {triple} here, and rustup cannot add it: give --arch {other}, or package on another machine"
        )
    })
}

/// Builds a program against the C library of `provided.al2023`, glibc 2.34, with zig as the linker. Returns the program.
pub(crate) fn compile(package: &str, program: &str, arch: Arch) -> Result<PathBuf> {
    ready(arch)?;
    let triple = arch.triple();
    let mut cargo_lambda = PACKAGE.command("cargo-lambda")?;
    cargo_lambda.args(["lambda", "build", "--release", "--package", package, "--bin", program]);
    cargo_lambda.args(["--target", triple, "--output-format", "binary"]);
    let folder = root().join("target/lambda");
    run(cargo_lambda.arg("--lambda-dir").arg(&folder))?;
    // cargo-lambda gives each program the name that Lambda expects.
    Ok(folder.join(program).join("bootstrap"))
}

/// Builds the zip file.
pub(crate) fn build(arch: Arch) -> Result<PathBuf> {
    let bootstrap = compile("ripple-lambda", "bootstrap", arch)?;
    let deployment = root().join(DEPLOYMENT);
    run(cargo("run").args(["--quiet", "--package", "ripple-deploy"]).arg(root().join(RESOURCES)).arg(&deployment))?;
    let zip = zip();
    let mut pack = Command::new(PACKAGE.ready()?);
    run(pack.args(["-c", PACK]).arg(&bootstrap).arg(deployment.join("function")).arg(&zip))?;
    let size = fs::metadata(&zip).with_context(|| format!("{} was not created", zip.display()))?.len();
    ensure!(size <= LIMIT, "{} has {size} bytes, more than {LIMIT}", zip.display());
    // The folder of the deployment becomes complete, so that its template can be deployed too.
    fs::copy(&bootstrap, deployment.join("function/bootstrap")).context("cannot copy the binary")?;
    eprintln!("{}: {} KB, {}", zip.display(), size / 1000, arch.name());
    Ok(zip)
}

/// Returns the path of the zip file.
pub(crate) fn zip() -> PathBuf {
    root().join(ZIP)
}

/// Returns the path of the function's binary in the zip file.
pub(crate) fn bootstrap() -> PathBuf {
    zip().with_file_name("bootstrap")
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

/// The same files give the same zip file, because the entries have a fixed time and order.
const PACK: &str = r#"
import pathlib, sys, zipfile, zopfli
beside = pathlib.Path(sys.argv[2])
found = [path for path in [beside / "openapi.json", *beside.glob("resources/*.json")] if path.name[0] != "."]
files = [("bootstrap", pathlib.Path(sys.argv[1]), 0o100755)]
files += sorted((path.relative_to(beside).as_posix(), path, 0o100644) for path in found)
with zopfli.ZipFile(sys.argv[3], "w", iterations=5) as archive:
    for name, path, mode in files:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, mode << 16
        archive.writestr(entry, path.read_bytes())
"#;

/// The zip file must hold an executable file, or Lambda cannot start it. Everyone must be able to read the other files,
/// since Lambda runs the function as another user.
const UNPACK: &str = r#"
import os, re, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
entries = {entry.filename: entry for entry in archive.infolist()}
assert {"bootstrap", "openapi.json", "resources/prj.json"} <= set(entries), set(entries)
for name, entry in entries.items():
    mode = entry.external_attr >> 16
    assert re.fullmatch(r"bootstrap|openapi\.json|resources/[a-z0-9]+\.json", name), name
    assert mode & 0o777 == (0o755 if name == "bootstrap" else 0o644), (name, oct(mode))
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
