//! Bills of materials (CycloneDX): the crates and versions that each program of a release is built from.
//! <https://cyclonedx.org/specification/overview/>
//!
//! cargo-cyclonedx resolves the dependencies as Cargo does for that target, and builds nothing. It writes a file beside the
//! manifest of every crate in the workspace. The requested file is moved, and the others are removed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::edge;
use crate::package::Arch;
use crate::process::run;
use crate::toolchain::Target;
use crate::tools::CARGO_CYCLONEDX;
use crate::workspace::{calls_cargo, root};

/// The name of the files beside the manifests.
const NAME: &str = "ripple-bill";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder to write to
    folder: PathBuf,
    /// Processor architecture of the function
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
}

/// Writes the bills of the function and the worker.
pub(crate) fn run_command(options: &Options) -> Result<()> {
    let Options { folder, arch } = options;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    write("lambda", arch.triple(), &folder.join("ripple-lambda.cdx.json"))?;
    let worker = if edge::is_near_chosen()? { "edge/near" } else { "edge" };
    write(worker, Target::Web.triple(), &folder.join("ripple-edge.cdx.json"))
}

/// Writes the bill of materials of one crate, built for one target, to a file.
pub(crate) fn write(package: &str, target: &str, to: &Path) -> Result<()> {
    let manifest = root().join(package).join("Cargo.toml");
    let mut cyclonedx = calls_cargo(CARGO_CYCLONEDX.ready()?);
    cyclonedx.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]);
    cyclonedx.args(["--override-filename", NAME, "--target", target, "--manifest-path"]).arg(&manifest);
    let written = run(&mut cyclonedx).and_then(|()| take(&root().join(package), to));
    remove_others()?;
    written
}

fn take(folder: &Path, to: &Path) -> Result<()> {
    let made = folder.join(NAME).with_extension("json");
    let bill =
        fs::read_to_string(&made).with_context(|| format!("cannot read the bill of materials {}", made.display()))?;
    ensure!(bill.contains(r#""bomFormat": "CycloneDX""#), "{} is not a CycloneDX document", made.display());
    fs::write(to, bill).with_context(|| format!("{} cannot be written", to.display()))
}

fn remove_others() -> Result<()> {
    for entry in root().read_dir()?.chain(root().join("tests").read_dir()?).chain(root().join("edge").read_dir()?) {
        let bill = entry?.path().join(NAME).with_extension("json");
        if bill.exists() {
            fs::remove_file(&bill).with_context(|| format!("{} cannot be removed", bill.display()))?;
        }
    }
    Ok(())
}
