//! The edge worker under `wrangler dev`, running.

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Options;
use super::backend::{Address, Backend};
use crate::node;
use crate::process;

/// How long wrangler may take to end the processes that it has started.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long one question to the worker may take.
const ASK_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    process: Child,
    address: SocketAddr,
    answers: bool,
}

impl Worker {
    /// Starts `wrangler dev`, which first builds the worker: `cargo xtask edge`, says wrangler.toml.
    pub(super) fn start(options: &Options, backend: &Address) -> Result<Worker> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(options.edge_port)?));
        // What a cache held of another database is not to be found in this one.
        let cache = std::path::absolute(options.data.join("edge"))?;
        if cache.exists() {
            fs::remove_dir_all(&cache)?;
        }
        let mut wrangler = node::command("wrangler")?;
        wrangler.args(["dev", "--ip", "127.0.0.1", "--port", &address.port().to_string()]);
        // Two workers at once would want the same one; nobody has asked for it.
        wrangler.args(["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level=warn"]);
        wrangler.arg("--persist-to").arg(&cache);
        for (name, value) in variables(backend) {
            wrangler.arg("--var").arg(format!("{name}:{value}"));
        }
        wrangler.env("WRANGLER_SEND_METRICS", "false");
        // An emulator takes any; those of somebody's account are not for it.
        wrangler.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
        wrangler.stdin(Stdio::null());
        // A group of its own: what wrangler starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut wrangler, 0);
        eprintln!("building the edge worker; the API answers already");
        let process = wrangler.spawn().context("wrangler cannot be started")?;
        Ok(Worker { process, address, answers: false })
    }

    /// Whether it still runs. Once it answers, says where it is.
    pub(super) fn look(&mut self, backend: &Backend) -> Result<bool> {
        if !self.answers && asked_for_health(self.address).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            self.answers = true;
            let url = format!("http://{}", self.address);
            backend.add_edge_url(&url)?;
            println!("\nthe edge worker is at {url}, with the same key and paths. Ctrl-C ends both.");
        }
        Ok(self.process.try_wait()?.is_none())
    }

    pub(super) fn stop(mut self) -> Result<()> {
        process::interrupt(&mut self.process, END_LIMIT).map(drop)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whatever wrangler has left behind.
        #[cfg(unix)]
        {
            use nix::sys::signal::{Signal, killpg};
            use nix::unistd::Pid;
            let _ = killpg(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGKILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the worker is told in the place of wrangler.toml's values.
fn variables(backend: &Address) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("RIPPLE_ORIGIN", backend.url.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", backend.dynamodb_endpoint.clone()),
        ("AWS_REGION", "us-east-1".to_owned()),
        // A test suite asks more often than people do.
        ("RIPPLE_RATE_LIMIT", "0".to_owned()),
    ];
    // What `ripple dev` heeds of the environment, its worker must heed too.
    for name in ["RIPPLE_SITE", "RIPPLE_SHARDS"] {
        variables.extend(env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
    }
    variables
}

/// The port asked for, or for 0 one that is free now. Somebody could take it until wrangler does; then wrangler says so.
fn free_port(asked_for: u16) -> Result<u16> {
    if asked_for != 0 {
        return Ok(asked_for);
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn asked_for_health(address: SocketAddr) -> Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, ASK_LIMIT)?;
    connection.set_read_timeout(Some(ASK_LIMIT))?;
    write!(connection, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
