//! `cargo xtask deploy`: deploys the workers with the wrangler of node_modules.
//!
//! The replica's script comes first: an edge that binds a missing script cannot be deployed, and a new script serves the
//! edge of the version before. Objects change to the new code by Cloudflare's default, when they are next idle.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::{BUILT, CONFIGURATION, EDGE, NEAR, REPLICA, Worker, alone, is_near};
use crate::node;
use crate::process::run;
use crate::workspace::root;

/// Wrangler's configuration of the replica's script.
const REPLICA_CONFIGURATION: &str = "replica/wrangler.toml";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Bundle every script and deploy none
    #[arg(long)]
    dry_run: bool,
    /// Environment of wrangler, which each configuration must have
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Configuration of the edge worker [default: wrangler.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Configuration of the replica's script, if the edge binds one [default: replica/wrangler.toml]
    #[arg(long, value_name = "FILE")]
    replica_config: Option<PathBuf>,
}

/// A script to deploy.
struct Script {
    worker: &'static Worker,
    config: PathBuf,
}

/// Builds, bundles and deploys the edge worker, after the replica's script if it binds one.
pub(crate) fn run_command(options: &Options) -> Result<()> {
    let edge = file(options.config.as_deref(), CONFIGURATION)?;
    let is_near = is_near(&read(&edge)?)?;
    let mut scripts = Vec::new();
    if is_near {
        let replica = file(options.replica_config.as_deref(), REPLICA_CONFIGURATION)?;
        scripts.push(Script { worker: &REPLICA, config: replica });
    }
    scripts.push(Script { worker: if is_near { &NEAR } else { &EDGE }, config: edge });
    for script in &scripts {
        script.check(options)?;
    }
    node::check()?;
    // Until the end, so that `cargo xtask dev` cannot put a draft in a worker's place.
    let _alone = alone()?;
    for script in &scripts {
        script.worker.build_alone(false)?;
    }
    // An error in the second configuration must not be found when the first script is deployed.
    for script in &scripts {
        script.wrangler(options, true)?;
    }
    if !options.dry_run {
        for script in &scripts {
            script.wrangler(options, false)?;
        }
    }
    Ok(())
}

impl Script {
    /// Fails if the configuration lacks the environment. Wrangler would deploy a script with the names of all others.
    fn check(&self, Options { env, .. }: &Options) -> Result<()> {
        let (Some(env), text) = (env, read(&self.config)?) else { return Ok(()) };
        let begins = [format!("[env.{env}]"), format!("[env.{env}.")];
        let has = text.lines().any(|line| begins.iter().any(|begin| line.starts_with(begin)));
        ensure!(has, "{} has no section [env.{env}]", self.config.display());
        Ok(())
    }

    fn wrangler(&self, options: &Options, is_dry: bool) -> Result<()> {
        eprintln!("{}: {}", self.worker.package, if is_dry { "bundling" } else { "deploying" });
        let mut wrangler = node::command("wrangler")?;
        wrangler.args(["deploy", "--config"]).arg(&self.config);
        if let Some(env) = &options.env {
            wrangler.args(["--env", env]);
        }
        if is_dry {
            wrangler.arg("--dry-run");
        }
        run(wrangler.env(BUILT, "true").env("WRANGLER_SEND_METRICS", "false"))
    }
}

/// Returns the absolute path of a file that was named, or of the project's.
fn file(named: Option<&Path>, own: &str) -> Result<PathBuf> {
    match named {
        Some(file) => Ok(std::path::absolute(file)?),
        None => Ok(root().join(own)),
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
