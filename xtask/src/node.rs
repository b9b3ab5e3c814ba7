//! Node.js for the edge worker: installs the packages of package.json once.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::process::{output, run};
use crate::workspace::{self, root};

/// The packages to install.
const WANTED: &str = "package-lock.json";
/// The same of those that are installed.
const INSTALLED: &str = "node_modules/.ripple-installed";

/// Fails if packages have to be installed, and npm is missing.
pub(crate) fn check() -> Result<()> {
    if !is_ready()? {
        output(workspace::command(NPM).arg("--version"))
            .context("the edge worker needs Node.js with npm: please install it")?;
    }
    Ok(())
}

/// Installs the packages, unless they are installed already.
pub(crate) fn ready() -> Result<()> {
    if is_ready()? {
        return Ok(());
    }
    check()?;
    eprintln!("installing wrangler and other packages into node_modules (once, half a minute)");
    // wrangler requires a newer Node.js than many machines have. It gets one from node_modules, so npm's warning is
    // silenced.
    let quietly = ["--no-audit", "--no-fund", "--loglevel=error"];
    run(workspace::command(NPM).arg("ci").args(quietly))?;
    fs::copy(root().join(WANTED), root().join(INSTALLED)).with_context(|| format!("cannot write {INSTALLED}"))?;
    Ok(())
}

fn is_ready() -> Result<bool> {
    let wanted = fs::read(root().join(WANTED)).with_context(|| format!("cannot read {WANTED}"))?;
    Ok(fs::read(root().join(INSTALLED)).is_ok_and(|installed| installed == wanted))
}

/// Returns a program of node_modules, under the installed Node.js.
pub(crate) fn command(program: &str) -> Result<Command> {
    let folder = root().join("node_modules/.bin");
    let mut path = vec![folder.clone()];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = workspace::command(found(folder.join(program)));
    command.env("PATH", env::join_paths(path)?);
    Ok(command)
}

/// Returns a file of an npm package without the package's dependencies, of which there are hundreds.
pub(crate) fn file_of(package: &Package, file: &str) -> Result<PathBuf> {
    let unpacked = workspace::tools().join("npm").join(package.name.replace('/', "-")).join(package.version);
    let wanted = unpacked.join("package").join(file);
    if wanted.exists() {
        return Ok(wanted);
    }
    let Package { name, version, integrity } = package;
    eprintln!("fetching {name}@{version} into .tools (once)");
    fs::create_dir_all(&unpacked)?;
    let mut pack = workspace::command(NPM);
    pack.args(["pack", "--json", "--loglevel=error", "--pack-destination"]).arg(&unpacked);
    let packed = output(pack.arg(format!("{name}@{version}")))?;
    let [packed]: [Packed; 1] = serde_json::from_str(&packed).context("cannot read the output of `npm pack`")?;
    ensure!(packed.integrity == *integrity, "{name}@{version} differs from the pinned package");
    let mut tar = Command::new("tar");
    run(tar.current_dir(&unpacked).args(["-xzf", &packed.filename]).arg(format!("package/{file}")))?;
    fs::remove_file(unpacked.join(packed.filename))?;
    Ok(wanted)
}

/// A package of the npm registry, pinned.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The hash, as in package-lock.json.
    pub(crate) integrity: &'static str,
}

/// The output of `npm pack`.
#[derive(Deserialize)]
struct Packed {
    filename: String,
    integrity: String,
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
