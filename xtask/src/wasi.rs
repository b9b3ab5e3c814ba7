//! `cargo xtask wasi`: builds ripple as a WASI HTTP component. The tests serve it under Node.js.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::node;
use crate::process::run;
use crate::server::Server;
use crate::toolchain::{self, Target};
use crate::workspace::root;

/// The profile in Cargo.toml.
const PROFILE: &str = "wasi";

/// Builds the component, and prints how to use it.
pub(crate) fn run_command() -> Result<()> {
    let component = build()?;
    println!("{}", component.display());
    println!("docs/DEPLOYING.md describes how to serve it");
    Ok(())
}

/// Builds the component and returns its path.
pub(crate) fn build() -> Result<PathBuf> {
    let toolchain = toolchain::with(Target::Wasi)?;
    run(toolchain.cargo("build", Target::Wasi)?.args(["--package", "ripple-wasi", "--profile", PROFILE]))?;
    Ok(toolchain.folder(Target::Wasi)?.join(PROFILE).join("ripple_wasi.wasm"))
}

/// The component under Node.js, on the DynamoDB of a running ripple. It ends when dropped.
pub(crate) struct Served {
    process: Child,
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn start(component: &Path, server: &Server) -> Result<Served> {
        node::ready()?;
        let mut node = node::command("node")?;
        node.arg(root().join("wasi/serve.mjs")).arg(component);
        node.env("AWS_ENDPOINT_URL_DYNAMODB", server.dynamodb_endpoint()).env("AWS_REGION", "us-east-1");
        node.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
        let mut process = node.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start Node.js")?;
        let mut url = String::new();
        let stdout = process.stdout.take().expect("the output is piped");
        BufReader::new(stdout).read_line(&mut url)?;
        let served = Served { process, url: url.trim().to_owned() };
        ensure!(served.url.starts_with("http://"), "the component did not start to serve");
        Ok(served)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The component has no state: everything is in the table.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
