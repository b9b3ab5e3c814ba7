//! The edge worker under `wrangler dev`, running.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use super::Options;
use super::backend::{Address, Backend};
use super::guest::{self, Guest};
use crate::node;
use crate::workspace::cargo;

/// `cargo xtask edge`, and when that has built it, `wrangler dev`.
pub(super) struct Worker {
    process: Guest,
    /// What comes after the build.
    wrangler: Option<Command>,
    address: SocketAddr,
    answers: bool,
}

impl Worker {
    /// Starts the build. wrangler would do it too, says wrangler.toml, but show none of it.
    pub(super) fn start(options: &Options, backend: &Address) -> Result<Worker> {
        let address = guest::address(options.edge_port)?;
        let wrangler = Some(wrangler(options, backend, address)?);
        eprintln!("building the edge worker; the API answers already");
        let process = Guest::start(cargo("xtask").arg("edge"))?;
        Ok(Worker { process, wrangler, address, answers: false })
    }

    /// Whether it still runs. Once it answers, says where it is.
    pub(super) fn look(&mut self, backend: &Backend) -> Result<bool> {
        if let Some(status) = self.process.ended()? {
            let Some(mut wrangler) = self.wrangler.take().filter(|_| status.success()) else { return Ok(false) };
            self.process = Guest::start(&mut wrangler)?;
        }
        if self.wrangler.is_none() && !self.answers && guest::answers(self.address, "/health") {
            self.answers = true;
            let url = format!("http://{}", self.address);
            backend.add("edge_url", &url)?;
            println!("\nthe edge worker is at {url}, with the same key and paths. Ctrl-C ends both.");
        }
        Ok(true)
    }

    /// Whether it answers.
    pub(super) fn serves(&self) -> bool {
        self.answers
    }

    pub(super) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

fn wrangler(options: &Options, backend: &Address, address: SocketAddr) -> Result<Command> {
    // What a cache held of another database is not to be found in this one.
    let cache = std::path::absolute(options.data.join("edge"))?;
    if cache.exists() {
        fs::remove_dir_all(&cache)?;
    }
    let mut wrangler = node::command("wrangler")?;
    wrangler.args(["dev", "--ip", "127.0.0.1", "--port", &address.port().to_string()]);
    // Two workers at once would want the same port for an inspector; nobody has asked for one.
    wrangler.args(["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level=warn"]);
    wrangler.arg("--persist-to").arg(&cache);
    for (name, value) in variables(backend) {
        wrangler.arg("--var").arg(format!("{name}:{value}"));
    }
    wrangler.env("WRANGLER_SEND_METRICS", "false");
    // It would write down every request's URL: whatever somebody put there by mistake.
    wrangler.env("X_LOCAL_OBSERVABILITY", "false");
    // An emulator takes any; those of somebody's account are not for it.
    wrangler.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    Ok(wrangler)
}

/// What the worker is told in the place of wrangler.toml's values.
fn variables(backend: &Address) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("RIPPLE_ORIGIN", backend.url.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", backend.dynamodb_endpoint.clone()),
        ("AWS_REGION", "us-east-1".to_owned()),
        // A test suite asks more often than people do.
        ("RIPPLE_RATE_LIMIT", "0".to_owned()),
        ("RIPPLE_ADDRESS_LIMIT", "0".to_owned()),
    ];
    // What `ripple dev` heeds of the environment, its worker must heed too.
    for name in ["RIPPLE_SITE", "RIPPLE_SHARDS"] {
        variables.extend(env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
    }
    variables
}
