//! `cargo xtask release`: builds all parts of a version into one folder.
//!
//! | part | |
//! |---|---|
//! | `ripple-VERSION-linux-ARCH.tar.gz` | the archive: the command line and all that it needs, without a toolchain |
//! | `ripple_cli-VERSION-….whl`, `create-ripple-VERSION-….tgz` | the same as packages for pip and npm |
//! | `ripple-lambda-ARCH.zip`, `ripple.wasm` | the function, and the WASI component |
//! | `*.cdx.json`, `SHA256SUMS` | bills of materials, and checksums |
//!
//! zig links the command line for Linux on both processors, from any machine whose Rust has the target. Each part is
//! built once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::edge;
use crate::package::{self, Arch};
use crate::process::{output, run};
use crate::python::PACKAGE;
use crate::sbom;
use crate::share::{self, copy};
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
    copy(&wasi::build()?, &folder.join("ripple.wasm"))?;
    let bills = [
        ("lambda", options.arch.triple(), "ripple-lambda"),
        ("edge", Target::Web.triple(), "ripple-edge"),
        ("edge/near", Target::Web.triple(), "ripple-near"),
        ("replica", Target::Web.triple(), "ripple-replica"),
        ("wasi", Target::Wasi.triple(), "ripple-wasi"),
    ];
    for (package, target, name) in bills {
        sbom::write(package, target, &folder.join(format!("{name}.cdx.json")))?;
    }
    let mut archives = 0;
    for platform in [Arch::X86_64, Arch::Arm64] {
        if let Err(reason) = package::ready(platform) {
            eprintln!("there is no archive for linux-{}: {reason:#}", platform.name());
            continue;
        }
        let bill = folder.join(format!("ripple-{}.cdx.json", platform.name()));
        sbom::write("cli", platform.triple(), &bill)?;
        let bills = bills[..4].iter().map(|(_, _, name)| folder.join(format!("{name}.cdx.json"))).chain([bill]);
        archive(&folder, &version, platform, options.arch, &bills.collect::<Vec<_>>())?;
        archives += 1;
    }
    ensure!(archives > 0, "this machine can build no archive");
    run(Command::new(PACKAGE.ready()?).args(["-c", SUM]).arg(&folder))?;
    println!("\n{} is ready. Next: git tag v{version} && git push origin v{version}", folder.display());
    Ok(())
}

/// Builds the archive and the packages of this machine's platform, without bills of materials. Returns their folder.
pub(crate) fn own_archive() -> Result<PathBuf> {
    let folder = workspace::target()?.join("xtask/archive");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    package::build(Arch::own())?;
    archive(&folder, &version()?, Arch::own(), Arch::own(), &[])?;
    Ok(folder)
}

/// Builds the archive and the packages for one platform into a folder. The function's zip file is built, for `function`.
fn archive(folder: &Path, version: &str, platform: Arch, function: Arch, bills: &[PathBuf]) -> Result<()> {
    edge::build_all()?;
    let name = format!("ripple-{version}-linux-{}", platform.name());
    let tree = folder.join(&name);
    copy(&package::compile("ripple", "ripple", platform)?, &tree.join("bin/ripple"))?;
    share::fill(&tree.join("share/ripple"), &package::bootstrap(), function)?;
    copy(&package::zip(), &tree.join(format!("ripple-lambda-{}.zip", function.name())))?;
    for bill in bills {
        copy(bill, &tree.join("sbom").join(bill.file_name().context("the bill has no name")?))?;
    }
    for file in ["README.md", "DESIGN.md", "SECURITY.md", CHANGELOG, "LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(file), &tree.join(file))?;
    }
    edge::copy_folder(&root().join("docs"), &tree.join("docs"))?;
    let mut pack = Command::new(PACKAGE.ready()?);
    run(pack.arg(root().join("xtask/pack/pack.py")).arg(&tree).arg(version).arg(platform.name()))?;
    fs::remove_dir_all(&tree).with_context(|| format!("{} cannot be removed", tree.display()))
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
