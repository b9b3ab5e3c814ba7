//! A running edge worker under `wrangler dev`.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use super::Options;
use super::backend::{Address, Backend};
use super::guest::{self, Guest};
use crate::edge::DRAFT;
use crate::node;
use crate::workspace::cargo;

/// `cargo xtask edge`, followed by `wrangler dev` when the build is done.
pub(super) struct Worker {
    process: Guest,
    /// The command after the build.
    wrangler: Option<Command>,
    address: SocketAddr,
    answers: bool,
}

impl Worker {
    /// Starts the build. wrangler.toml would let wrangler build too, but without showing the output.
    pub(super) fn start(options: &Options, backend: &Address) -> Result<Worker> {
        let address = guest::address(options.edge_port)?;
        let wrangler = Some(wrangler(options, backend, address)?);
        eprintln!("building the edge worker; the API is already running");
        let mut build = cargo("xtask");
        build.arg("edge");
        if !options.optimised {
            build.arg("--draft");
        }
        let process = Guest::start(&mut build)?;
        Ok(Worker { process, wrangler, address, answers: false })
    }

    /// Reports whether the worker still runs. Prints its URL once it answers.
    pub(super) fn look(&mut self, backend: &Backend) -> Result<bool> {
        if let Some(status) = self.process.ended()? {
            let Some(mut wrangler) = self.wrangler.take().filter(|_| status.success()) else { return Ok(false) };
            self.process = Guest::start(&mut wrangler)?;
        }
        if self.wrangler.is_none() && !self.answers && guest::answers(self.address, "/health") {
            self.answers = true;
            let url = format!("http://{}", self.address);
            backend.add("edge_url", &url)?;
            println!("\nthe edge worker is at {url}, with the same key and paths. Press Ctrl-C to stop both.");
        }
        Ok(true)
    }

    /// Reports whether the worker answers.
    pub(super) fn serves(&self) -> bool {
        self.answers
    }

    pub(super) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

fn wrangler(options: &Options, backend: &Address, address: SocketAddr) -> Result<Command> {
    // This database must not find the cached copy of another one.
    let cache = std::path::absolute(options.data.join("edge"))?;
    if cache.exists() {
        fs::remove_dir_all(&cache)?;
    }
    let mut wrangler = node::command("wrangler")?;
    // It builds the worker again when a source changes.
    if !options.optimised {
        wrangler.env(DRAFT, "true");
    }
    wrangler.args(["dev", "--ip", "127.0.0.1", "--port", &address.port().to_string()]);
    // Two workers at once would need the same port for an inspector, and none is needed.
    wrangler.args(["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level=warn"]);
    wrangler.arg("--persist-to").arg(&cache);
    for (name, value) in variables(backend) {
        wrangler.arg("--var").arg(format!("{name}:{value}"));
    }
    wrangler.env("WRANGLER_SEND_METRICS", "false");
    // It would record the URL of every request, and a URL may contain a secret by mistake.
    wrangler.env("X_LOCAL_OBSERVABILITY", "false");
    // An emulator accepts any credentials. It must not get those of a real account.
    wrangler.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    Ok(wrangler)
}

/// Returns the variables that replace the values of wrangler.toml.
fn variables(backend: &Address) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("RIPPLE_ORIGIN", backend.url.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", backend.dynamodb_endpoint.clone()),
        ("AWS_REGION", "us-east-1".to_owned()),
        // A test suite sends more requests than people do.
        ("RIPPLE_RATE_LIMIT", "0".to_owned()),
        ("RIPPLE_ADDRESS_LIMIT", "0".to_owned()),
    ];
    // The worker must use the same variables as `ripple dev`.
    for name in ["RIPPLE_SITE", "RIPPLE_SHARDS"] {
        variables.extend(env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
    }
    variables
}
