//! `cargo xtask edge`, `cargo xtask near` and `cargo xtask replica`: build the workers.
//!
//! ```text
//!  cargo build ─▶ ripple_edge.wasm ─▶ bindgen ─▶ edge/build/ripple_edge.js, ripple_edge_bg.wasm ─▶ wasm-opt
//! ```
//!
//! Before that, the files that follow from the resource files are generated again if those have changed.
//! edge/worker.js imports the result, and wrangler bundles both. `worker-build`, the usual tool, needs two tools that
//! take four minutes each to install. It also puts JavaScript around every request, which ripple does without.

pub(crate) mod deploy;

use std::env;
use std::fs::{self, File};
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::node;
use crate::process::{output, run};
use crate::resources;
use crate::site;
use crate::toolchain::{self, Target};
use crate::workspace::{self, cargo, root};

/// The folder of a bundle's static files.
const SITE: &str = "site";
/// The profile of deployed workers in Cargo.toml, and its folder.
const PROFILE: (&str, &str) = ("edge", "edge");
/// The same of a draft.
const DRAFT_PROFILE: (&str, &str) = ("dev", "debug");
/// The variable that has `cargo xtask edge` build a draft, for `wrangler dev`, which runs it.
pub(crate) const DRAFT: &str = "RIPPLE_DRAFT";
/// The variable that has a build do nothing. `cargo xtask deploy` sets it for wrangler, whose configuration starts a
/// build: the workers are built, and no other process may replace them until they are deployed.
const BUILT: &str = "RIPPLE_BUILT";
/// The file that marks the build of a draft.
const DRAFT_MARK: &str = "draft";
/// The folder of other crates' sources, in cargo's.
const SOURCES: &str = "registry/src";

/// A worker: the script that wrangler deploys.
struct Worker {
    /// The folder of its JavaScript. The build is in `build`, in this folder.
    folder: &'static str,
    package: &'static str,
    /// The file name of the module, without its extension.
    module: &'static str,
    /// Whether static files are deployed with it.
    has_site: bool,
}

const EDGE: Worker = Worker { folder: "edge", package: "ripple-edge", module: "ripple_edge", has_site: true };
const NEAR: Worker = Worker { folder: "edge/near", package: "ripple-near", module: "ripple_near", has_site: true };
const REPLICA: Worker =
    Worker { folder: "replica", package: "ripple-replica", module: "ripple_replica", has_site: false };

/// The largest size of the gzipped bundle. Each new isolate waits for it. Cloudflare allows 3 MB.
/// <https://developers.cloudflare.com/workers/platform/limits/#worker-size>
const LARGEST_BUNDLE: f64 = 600_000.0;
/// The same of the worker in front of a replica, which has no client of DynamoDB.
const LARGEST_NEAR_BUNDLE: f64 = 250_000.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also write the bundle to this folder, with a configuration that wrangler deploys without a build
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Build a draft in half the time: not optimised, and six times as large
    #[arg(long, env = DRAFT, conflicts_with = "bundle")]
    draft: bool,
}

/// Builds the worker that wrangler.toml names, and bundles it if asked to.
pub(crate) fn run_command(options: &Options) -> Result<()> {
    let is_near = is_near_chosen()?;
    let worker = if is_near { &NEAR } else { &EDGE };
    worker.build(options.draft)?;
    let Some(folder) = &options.bundle else { return Ok(()) };
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    // In its own folder: wrangler would take every module in the same folder for one of the worker.
    bundle(None, &folder.join("worker"))?;
    worker.refuse_draft()?;
    let bundled = if is_near { BUNDLED_NEAR } else { BUNDLED };
    write_configuration(CONFIGURATION, bundled, &folder.join(CONFIGURATION))?;
    copy_folder(&site::folder(), &folder.join(SITE))
}

/// Lines of wrangler.toml, and their replacements in the configuration of a bundled worker.
type Replacements<'a> = &'a [(&'a str, &'a str)];

/// Wrangler's configuration of the edge worker.
const CONFIGURATION: &str = "wrangler.toml";
/// Its lines for the worker in front of a replica.
const MAIN_NEAR: &str = r#"main = "edge/near/worker.js""#;
const NEAR_SCRIPT: &str = r#"edge/near/worker.js""#;
const BOUND: &str = r#"name = "REPLICA""#;

/// Reports whether wrangler.toml names the worker in front of a replica.
pub(crate) fn is_near_chosen() -> Result<bool> {
    is_near(&fs::read_to_string(root().join(CONFIGURATION)).with_context(|| format!("cannot read {CONFIGURATION}"))?)
}

/// Reports whether a configuration is of the worker in front of a replica.
fn is_near(configuration: &str) -> Result<bool> {
    // The path may be absolute.
    let is_near = configuration.lines().any(|line| line.starts_with("main = ") && line.ends_with(NEAR_SCRIPT));
    ensure!(
        is_near == configuration.lines().any(|line| line == BOUND),
        "{CONFIGURATION} has one of the lines `{MAIN_NEAR}` and `{BOUND}` without the other: see docs/DEPLOYING.md, \
         \"A replica of each table\""
    );
    Ok(is_near)
}

const MINIFIED: (&str, &str) = ("minify = true", "# minify: the bundle is already minified");
/// Of `cargo xtask edge --bundle`.
const BUNDLED: Replacements = &[(r#"main = "edge/worker.js""#, MAIN_BUNDLED), MINIFIED, SITE_BUNDLED];
const BUNDLED_NEAR: Replacements = &[(MAIN_NEAR, MAIN_BUNDLED), MINIFIED, SITE_BUNDLED];
const MAIN_BUNDLED: &str = "main = \"worker/worker.js\"\nno_bundle = true\nfind_additional_modules = true";
const SITE_BUNDLED: (&str, &str) = (r#"directory = "edge/site""#, r#"directory = "site""#);
/// Of a project that `ripple init` begins, beside the deployment that `ripple resource build` writes.
const EDGE_OF_PROJECT: Replacements = &[
    (
        "#   cargo xtask dev     runs it on this machine, in front of `ripple dev`",
        "#   ripple dev --edge    runs it on this machine",
    ),
    (
        "#   cargo xtask deploy  puts it on Cloudflare's network, after the script of its replica if it binds one",
        "#   npx wrangler deploy  puts it on Cloudflare's network",
    ),
    (
        r#"main = "edge/worker.js""#,
        "main = \"deployment/edge/worker.js\"\nno_bundle = true\nfind_additional_modules = true\nrules = [{ type = \"ESModule\", globs = [\"resources.js\"] }]",
    ),
    MINIFIED,
    (r#"directory = "edge/site""#, r#"directory = "deployment/site""#),
];
const REPLICA_OF_PROJECT: Replacements = &[
    (
        "#   cargo xtask deploy  puts it on Cloudflare's network, before the edge worker that binds it",
        "#   npx wrangler deploy -c replica.toml  puts it on Cloudflare's network, before the edge worker that binds it",
    ),
    (
        r#"main = "worker.js""#,
        "main = \"deployment/replica/worker.js\"\nno_bundle = true\nfind_additional_modules = true\nrules = [{ type = \"ESModule\", globs = [\"resources.js\"] }]",
    ),
    MINIFIED,
];

/// Writes wrangler's configurations of a project into a folder.
pub(crate) fn write_configurations(folder: &Path) -> Result<()> {
    write_configuration(CONFIGURATION, EDGE_OF_PROJECT, &folder.join(CONFIGURATION))?;
    write_configuration("replica/wrangler.toml", REPLICA_OF_PROJECT, &folder.join("replica.toml"))
}

fn write_configuration(source: &str, replacements: Replacements, to: &Path) -> Result<()> {
    let whole = fs::read_to_string(root().join(source)).with_context(|| format!("cannot read {source}"))?;
    let made = without_build(&whole, replacements).with_context(|| format!("{source} is not as xtask expects it"))?;
    fs::write(to, made).with_context(|| format!("cannot write {}", to.display()))
}

/// Writes the workers, each bundled except for `resources.js`. A deployment adds that of its own resource files.
pub(crate) fn write_workers(folder: &Path) -> Result<()> {
    let _alone = alone()?;
    for worker in [&EDGE, &NEAR, &REPLICA] {
        worker.refuse_draft()?;
        let to = folder.join(worker.folder.trim_start_matches("edge/"));
        let script = to.join("worker.js");
        let mut esbuild = node::command("esbuild")?;
        esbuild.arg(root().join(worker.folder).join("worker.js"));
        esbuild.args(["--bundle", "--minify", "--format=esm", "--target=esnext", "--log-level=warning"]);
        esbuild.args(["--external:cloudflare:*", "--external:*.wasm", "--external:*/resources.js"]);
        run(esbuild.arg(format!("--outfile={}", script.display())))?;
        // All modules of a worker are in one folder.
        let text = fs::read_to_string(&script)?.replace(r#""../edge/resources.js""#, r#""./resources.js""#);
        ensure!(text.contains(r#""./resources.js""#), "{} does not import resources.js", script.display());
        fs::write(&script, text)?;
        let module = format!("{}_bg.wasm", worker.module);
        let built = root().join(worker.folder).join("build").join(&module);
        fs::copy(&built, to.join(module)).with_context(|| format!("{} cannot be copied", built.display()))?;
    }
    Ok(())
}

/// Returns wrangler's configuration for a bundled worker.
fn without_build(configuration: &str, replacements: Replacements) -> Result<String> {
    let mut made = String::new();
    let mut replaced = 0;
    let mut in_build = false;
    for line in configuration.lines() {
        if line.starts_with('[') {
            in_build = line == "[build]";
        }
        if in_build {
            continue;
        }
        let instead = replacements.iter().find(|(from, _)| *from == line).map(|(_, to)| *to);
        replaced += usize::from(instead.is_some());
        made.push_str(instead.unwrap_or(line));
        made.push('\n');
    }
    ensure!(
        replaced == replacements.len(),
        "only {replaced} of {} lines were found and replaced: adapt xtask/src/edge.rs",
        replacements.len()
    );
    Ok(made)
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be created", to.display()))?;
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

/// Builds the edge worker, unless it is built already.
pub(crate) fn build() -> Result<()> {
    EDGE.build(false)
}

/// Builds the edge worker in front of a replica, unless it is built already.
pub(crate) fn build_near() -> Result<()> {
    NEAR.build(false)
}

/// Builds the replica's worker, unless it is built already.
pub(crate) fn build_replica() -> Result<()> {
    REPLICA.build(false)
}

/// Builds every worker that is not built already.
pub(crate) fn build_all() -> Result<()> {
    [EDGE, NEAR, REPLICA].iter().try_for_each(|worker| worker.build(false))
}

/// Waits until nothing else builds or copies. Two builds at once, each for its own `wrangler dev`, would replace each
/// other's folder.
fn alone() -> Result<File> {
    let one_at_a_time = File::create(workspace::target()?.join("edge.lock"))?;
    one_at_a_time.lock()?;
    Ok(one_at_a_time)
}

impl Worker {
    fn build(&self, is_draft: bool) -> Result<()> {
        if env::var_os(BUILT).is_some() {
            return Ok(());
        }
        node::check()?;
        let _alone = alone()?;
        self.build_alone(is_draft)
    }

    /// Builds the worker while nothing else builds.
    fn build_alone(&self, is_draft: bool) -> Result<()> {
        resources::follow()?;
        // npm waits for the network more than it computes.
        let module = thread::scope(|scope| {
            let site = scope.spawn(|| node::ready().and_then(|()| self.build_site()));
            let module = self.compile(if is_draft { DRAFT_PROFILE } else { PROFILE });
            site.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
            module
        })?;
        let name = format!("{}_bg.wasm", self.module);
        let folder = root().join(self.folder);
        let built = folder.join("build");
        if is_newer(&built.join(&name), &module) && built.join(DRAFT_MARK).exists() == is_draft {
            return Ok(());
        }
        // In a second folder that replaces the first when it is complete. So an interruption leaves no half of a build.
        let fresh = folder.join("build.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        let mut bindgen = cargo("run");
        bindgen.args(["--quiet", "--package", "xtask", "--features", "bindgen", "--bin", "bindgen", "--"]);
        run(bindgen.arg(&module).arg(&fresh))?;
        if is_draft {
            fs::write(fresh.join(DRAFT_MARK), "")?;
        } else {
            optimise(&fresh.join(&name))?;
        }
        let size = fs::metadata(fresh.join(&name))?.len();
        if built.exists() {
            fs::remove_dir_all(&built)?;
        }
        fs::rename(&fresh, &built).with_context(|| format!("{} cannot be replaced", built.display()))?;
        eprintln!("{} worker: {} KB of WebAssembly", self.folder, size / 1000);
        Ok(())
    }

    /// Fails if another process has replaced the build by a draft.
    fn refuse_draft(&self) -> Result<()> {
        let mark = root().join(self.folder).join("build").join(DRAFT_MARK);
        ensure!(!mark.exists(), "{} is a draft: end `cargo xtask dev`, and try again", self.folder);
        Ok(())
    }

    /// Builds the static files that are deployed with the worker.
    fn build_site(&self) -> Result<()> {
        if self.has_site { site::build() } else { Ok(()) }
    }

    /// Returns the module as rustc leaves it.
    fn compile(&self, (profile, profile_folder): (&str, &str)) -> Result<PathBuf> {
        let mut build = toolchain::with(Target::Web)?.cargo("build", Target::Web)?;
        // Panics name their files. So the module would have the paths of this machine, and its size would follow from them.
        let of_user = || Some(env::home_dir()?.join(".cargo"));
        if let Some(home) = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(of_user) {
            // Added to the options in .cargo/config.toml. In a variable, a space in the path would end the option.
            let option = format!("--remap-path-prefix={}=", home.join(SOURCES).display());
            build.args(["--config", &format!("target.{}.rustflags=[{option:?}]", Target::Web.triple())]);
        }
        run(build.args(["--package", self.package, "--profile", profile]))?;
        let folder = workspace::target()?.join(Target::Web.triple()).join(profile_folder);
        Ok(folder.join(self.module).with_extension("wasm"))
    }
}

/// Bundles a built worker as `wrangler deploy` does. `script` replaces ripple's script. Returns the size gzipped, in
/// bytes.
pub(crate) fn bundle(script: Option<&Path>, folder: &Path) -> Result<f64> {
    let mut wrangler = node::command("wrangler")?;
    wrangler.arg("deploy").args(script).args(["--dry-run", "--outdir"]).arg(folder);
    let said = output(wrangler.env("WRANGLER_SEND_METRICS", "false"))?;
    let size = said.split_once("gzip: ").and_then(|(_, rest)| rest.split_once(" KiB"));
    let size: f64 = size
        .and_then(|(size, _)| size.parse().ok())
        .with_context(|| format!("wrangler printed no size of the bundle: {said}"))?;
    Ok(size * 1024.0)
}

/// Fails if a bundle of the edge is too large, or names a folder of this machine.
pub(crate) fn check_bundles() -> Result<()> {
    for (worker, limit) in [(&EDGE, LARGEST_BUNDLE), (&NEAR, LARGEST_NEAR_BUNDLE)] {
        worker.refuse_draft()?;
        let folder = root().join(worker.folder);
        let module = fs::read(folder.join("build").join(format!("{}_bg.wasm", worker.module)))?;
        let names = module.windows(SOURCES.len()).any(|bytes| bytes == SOURCES.as_bytes());
        ensure!(!names, "{} has paths of this machine: see `compile` in xtask/src/edge.rs", worker.package);
        let size = bundle(Some(&folder.join("worker.js")), &workspace::target()?.join("xtask").join(worker.module))?;
        eprintln!("{}: {:.1} KB gzipped; the limit is {:.0} KB", worker.package, size / 1e3, limit / 1e3);
        ensure!(size <= limit, "the bundle of {} is too large", worker.package);
    }
    Ok(())
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
    wasm_opt.args(["--low-memory-unused", "--flatten", "--local-cse", "--rereloop", "-Os"]);
    // An isolate compiles a function when it first runs, and one that has taken in its callees takes longer than they do.
    wasm_opt.arg("--one-caller-inline-max-function-size=50");
    // What a function never does is known once the others are small.
    wasm_opt.args(["--generate-global-effects", "-Oz", "-Oz"]);
    // Functions of one generic are alike, and have names that begin alike. Side by side they compress better: 9 KB.
    wasm_opt.arg("--reorder-functions-by-name");
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
        let made = without_build(&whole, BUNDLED).unwrap();
        assert!(!made.contains("[build]") && !made.contains("command") && !made.contains("watch_dir"));
        assert!(
            made.contains("main = \"worker/worker.js\"\nno_bundle = true") && made.contains("directory = \"site\"")
        );
        for line in
            ["name = \"ripple-edge\"", "[assets]", "[vars]", "RIPPLE_SITE = \"ripple\"", "invocation_logs = false"]
        {
            assert!(made.contains(line), "{line}");
        }
        assert!(without_build("main = \"other.js\"", BUNDLED).is_err());
    }

    #[test]
    fn the_worker_in_front_of_a_replica_is_chosen_by_two_lines() {
        let whole = fs::read_to_string(root().join(CONFIGURATION)).unwrap();
        assert!(!is_near(&whole).unwrap());
        let (main, bound) =
            (whole.replace(r#"main = "edge/worker.js""#, MAIN_NEAR), whole.replace("# name = \"REPLICA\"", BOUND));
        assert!(is_near(&main).is_err() && is_near(&bound).is_err());
        let both = main.replace("# name = \"REPLICA\"", BOUND);
        assert!(is_near(&both).unwrap());
        assert!(without_build(&both, BUNDLED_NEAR).unwrap().contains("main = \"worker/worker.js\""));
    }

    #[test]
    fn a_projects_configurations_are_those_of_its_deployment() {
        let folder = std::env::temp_dir().join(format!("ripple-configurations-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        write_configurations(&folder).unwrap();
        let [edge, replica] =
            ["wrangler.toml", "replica.toml"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
        fs::remove_dir_all(folder).unwrap();
        assert!(
            edge.contains("main = \"deployment/edge/worker.js\"") && edge.contains("directory = \"deployment/site\"")
        );
        assert!(replica.contains("main = \"deployment/replica/worker.js\"") && replica.contains("[exports.Replica]"));
        for made in [edge, replica] {
            assert!(!made.contains("xtask") && !made.contains("[build]"), "{made}");
        }
    }
}
