//! `cargo xtask release`: builds all parts of a version into one folder. The parts are the function's zip file, the
//! worker's bundle, the WASI component, the command line, their bills of materials and their checksums.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::edge;
use crate::package::{self, Arch};
use crate::process::{output, run};
use crate::python::PACKAGE;
use crate::sbom;
use crate::toolchain::Target;
use crate::wasi;
use crate::workspace::{self, cargo, root};

const CHANGELOG: &str = "CHANGELOG.md";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Processor architecture of the function
    #[arg(long, value_enum, default_value_t = Arch::Arm64)]
    arch: Arch,
}

/// Builds all parts.
pub(crate) fn run_command(options: &Options) -> Result<()> {
    let version = version()?;
    let changes = fs::read_to_string(root().join(CHANGELOG)).with_context(|| format!("no {CHANGELOG}"))?;
    ensure!(tells_of(&changes, &version), "{CHANGELOG} has no heading `## {version}`: add one with the changes");
    let folder = workspace::target()?.join(format!("ripple-{version}"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;

    let zip = package::build(options.arch)?;
    copy(&zip, &folder.join(format!("ripple-lambda-{}.zip", options.arch.name())))?;
    edge::build()?;
    edge::bundle(None, &folder.join("ripple-edge"))?;
    copy(&wasi::build()?, &folder.join("ripple.wasm"))?;
    run(cargo("build").args(["--release", "--package", "ripple"]))?;
    let program = format!("ripple{}", std::env::consts::EXE_SUFFIX);
    copy(&workspace::target()?.join("release").join(&program), &folder.join(&program))?;
    for (package, target, name) in [
        ("lambda", options.arch.triple(), "ripple-lambda"),
        ("edge", Target::Web.triple(), "ripple-edge"),
        ("wasi", Target::Wasi.triple(), "ripple-wasi"),
        ("cli", &own_triple()?, "ripple"),
    ] {
        sbom::write(package, target, &folder.join(format!("{name}.cdx.json")))?;
    }
    run(Command::new(PACKAGE.ready()?).args(["-c", SUM]).arg(&folder))?;
    println!("\n{} is ready. Next: git tag v{version} && git push origin v{version}", folder.display());
    Ok(())
}

/// Returns the target triple of this machine.
fn own_triple() -> Result<String> {
    let told = output(workspace::command("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).with_context(|| format!("rustc does not print its host: {told}"))
}

/// Returns the version of `[workspace.package]`, the only place that states it.
fn version() -> Result<String> {
    let id = output(cargo("pkgid").args(["--package", "ripple"]))?;
    let (_, version) = id.trim().rsplit_once(['#', '@']).with_context(|| format!("there is no version in {id}"))?;
    Ok(version.to_owned())
}

/// Reports whether a changelog has a heading for the version.
fn tells_of(changes: &str, version: &str) -> bool {
    let name = |line: &str| {
        line.strip_prefix("## ")?.split_whitespace().next().map(|name| name.trim_matches(['[', ']']).to_owned())
    };
    changes.lines().filter_map(name).any(|name| name == version)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

/// Prints the form that `sha256sum --check` reads.
const SUM: &str = r#"
import hashlib, pathlib, sys
folder = pathlib.Path(sys.argv[1])
files = sorted(file for file in folder.rglob("*") if file.is_file())
lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n" for file in files]
(folder / "SHA256SUMS").write_text("".join(lines))
print("".join(lines), end="")
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_needs_its_heading() {
        let changes = "# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-01-01\n\n## 1.2.2\n- 1.2.1\n";
        assert!(tells_of(changes, "1.2.3") && tells_of(changes, "1.2.2"));
        assert!(!tells_of(changes, "1.2.1") && !tells_of(changes, "1.2") && !tells_of(changes, ""));
    }

    #[test]
    fn the_version_is_the_workspaces() {
        assert_eq!(version().unwrap(), env!("CARGO_PKG_VERSION"));
    }
}
