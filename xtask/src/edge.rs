//! `cargo xtask edge`: builds the edge worker.
//!
//! ```text
//!  cargo build ─▶ ripple_edge.wasm ─▶ bindgen ─▶ edge/build/ripple_edge.js, ripple_edge_bg.wasm ─▶ wasm-opt
//! ```
//!
//! edge/worker.js imports the result, and wrangler bundles both. `worker-build`, the usual tool, needs two tools that
//! take four minutes each to install. It also puts JavaScript around every request, which ripple does without.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::node;
use crate::process::{output, run};
use crate::site;
use crate::toolchain::{self, Target};
use crate::workspace::{self, cargo, root};

/// The folder of a bundle's static files.
const SITE: &str = "site";
/// The profile in Cargo.toml.
const PROFILE: &str = "edge";
/// The name that wasm-bindgen gives the module.
const MODULE: &str = "ripple_edge_bg.wasm";
/// The largest size of the gzipped bundle. Each new isolate waits for it. Cloudflare allows 3 MB.
/// <https://developers.cloudflare.com/workers/platform/limits/#worker-size>
const LARGEST_BUNDLE: f64 = 600_000.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also bundle it into this folder, with a configuration that wrangler deploys without a build
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// Builds the worker, and bundles it if asked to.
pub(crate) fn run_command(options: &Options) -> Result<()> {
    build()?;
    let Some(folder) = &options.bundle else { return Ok(()) };
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    // In its own folder: wrangler would take every module in the same folder for one of the worker.
    bundle(None, &folder.join("worker"))?;
    deployable(folder)
}

/// Turns a bundle's folder into one that wrangler deploys as it is, with a configuration and the static files.
fn deployable(folder: &Path) -> Result<()> {
    let configuration = fs::read_to_string(root().join("wrangler.toml")).context("no wrangler.toml")?;
    fs::write(folder.join("wrangler.toml"), without_build(&configuration)?)?;
    copy_folder(&site::folder(), &folder.join(SITE))
}

/// Returns wrangler's configuration for a bundled worker.
fn without_build(configuration: &str) -> Result<String> {
    let mut made = String::from("# Made by `cargo xtask edge --bundle` of the project's wrangler.toml.\n");
    let mut replaced = 0;
    let mut in_build = false;
    for line in configuration.lines() {
        if line.starts_with('[') {
            in_build = line == "[build]";
        }
        if in_build {
            continue;
        }
        let instead = match line {
            r#"main = "edge/worker.js""# => {
                "main = \"worker/worker.js\"\nno_bundle = true\nfind_additional_modules = true"
            }
            "minify = true" => "# minify: it is",
            r#"directory = "edge/site""# => "directory = \"site\"",
            _ => {
                made.push_str(line);
                made.push('\n');
                continue;
            }
        };
        replaced += 1;
        made.push_str(instead);
        made.push('\n');
    }
    ensure!(replaced == 3, "wrangler.toml has other lines than `cargo xtask edge --bundle` knows");
    Ok(made)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let (from, to) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| format!("{} cannot be copied", from.display()))?;
        }
    }
    Ok(())
}

/// Builds the worker, unless it is built already.
pub(crate) fn build() -> Result<()> {
    node::ready()?;
    // Two builds at once, each for its own `wrangler dev`, would replace each other's folder.
    let one_at_a_time = File::create(workspace::target()?.join("edge.lock"))?;
    one_at_a_time.lock()?;
    site::build()?;
    let module = compile()?;
    let built = root().join("edge/build");
    if is_newer(&built.join(MODULE), &module) {
        return resources();
    }
    // In a second folder that replaces the first when it is complete. So an interruption leaves no half of a build.
    let fresh = root().join("edge/build.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    let mut bindgen = cargo("run");
    bindgen.args(["--quiet", "--package", "xtask", "--features", "bindgen", "--bin", "bindgen", "--"]);
    run(bindgen.arg(&module).arg(&fresh))?;
    optimise(&fresh.join(MODULE))?;
    let size = fs::metadata(fresh.join(MODULE))?.len();
    if built.exists() {
        fs::remove_dir_all(&built)?;
    }
    fs::rename(&fresh, &built).with_context(|| format!("{} cannot be put in place", built.display()))?;
    eprintln!("edge worker: {} KB of WebAssembly", size / 1000);
    resources()
}

/// Writes the module that has the resource files.
fn resources() -> Result<()> {
    run(node::command("node")?.arg(root().join("edge/resources.mjs")))
}

/// Bundles a built worker as `wrangler deploy` does. `script` replaces ripple's script. Returns the size gzipped, in
/// bytes.
pub(crate) fn bundle(script: Option<&Path>, folder: &Path) -> Result<f64> {
    let mut wrangler = node::command("wrangler")?;
    wrangler.arg("deploy").args(script).args(["--dry-run", "--outdir"]).arg(folder);
    let said = output(wrangler.env("WRANGLER_SEND_METRICS", "false"))?;
    let size = said.split_once("gzip: ").and_then(|(_, rest)| rest.split_once(" KiB"));
    let size: f64 = size.and_then(|(size, _)| size.parse().ok()).with_context(|| format!("no size in {said}"))?;
    Ok(size * 1024.0)
}

/// Fails if ripple's bundle is too large.
pub(crate) fn check_bundle() -> Result<()> {
    let size = bundle(None, &workspace::target()?.join("xtask").join("bundle"))?;
    eprintln!("edge worker: {:.1} KB gzipped, of at most {:.0}", size / 1e3, LARGEST_BUNDLE / 1e3);
    ensure!(size <= LARGEST_BUNDLE, "the edge worker's bundle is too large");
    Ok(())
}

/// Returns the module as rustc leaves it.
fn compile() -> Result<PathBuf> {
    let toolchain = toolchain::with(Target::Web)?;
    run(toolchain.cargo("build", Target::Web)?.args(["--package", "ripple-edge", "--profile", PROFILE]))?;
    Ok(workspace::target()?.join(Target::Web.triple()).join(PROFILE).join("ripple_edge.wasm"))
}

/// Makes a module smaller, in place.
fn optimise(module: &Path) -> Result<()> {
    let smaller = module.with_extension("opt.wasm");
    let mut wasm_opt = node::command("wasm-opt")?;
    // rustc assumes these features of every WebAssembly engine, and wasm-opt must be told. All except those that
    // workerd does not know yet.
    wasm_opt.args(["--all-features", "--disable-custom-descriptors"]);
    // The lowest addresses are the end of the stack, which the program does not reach. So an offset may become a load's
    // own.
    wasm_opt.args(["--low-memory-unused", "--flatten", "--rereloop", "-Oz", "-Oz"]);
    run(wasm_opt.arg(module).arg("-o").arg(&smaller))?;
    fs::rename(&smaller, module).with_context(|| format!("{} cannot be written", module.display()))
}

/// Reports whether `one` exists and is not older than `other`.
fn is_newer(one: &Path, other: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((modified(one), modified(other)), (Ok(one), Ok(other)) if one >= other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundles_configuration_builds_nothing_and_is_the_same_otherwise() {
        let whole = fs::read_to_string(root().join("wrangler.toml")).unwrap();
        let made = without_build(&whole).unwrap();
        assert!(!made.contains("[build]") && !made.contains("command") && !made.contains("watch_dir"));
        assert!(
            made.contains("main = \"worker/worker.js\"\nno_bundle = true") && made.contains("directory = \"site\"")
        );
        for line in
            ["name = \"ripple-edge\"", "[assets]", "[vars]", "RIPPLE_SITE = \"ripple\"", "invocation_logs = false"]
        {
            assert!(made.contains(line), "{line}");
        }
        assert!(without_build("main = \"other.js\"").is_err());
    }
}
