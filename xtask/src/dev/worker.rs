//! The edge worker under `wrangler dev`, running.

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Options;
use super::backend::{Address, Backend};
use crate::node;
use crate::process;
use crate::workspace::cargo;

/// How long wrangler may take to end the processes that it has started.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long one question to the worker may take.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// `cargo xtask edge`, and when that has built it, `wrangler dev`.
pub(super) struct Worker {
    process: Child,
    /// What comes after the build.
    wrangler: Option<Command>,
    address: SocketAddr,
    answers: bool,
}

impl Worker {
    /// Starts the build. wrangler would do it too, says wrangler.toml, but show none of it.
    pub(super) fn start(options: &Options, backend: &Address) -> Result<Worker> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(options.edge_port)?));
        let wrangler = Some(wrangler(options, backend, address)?);
        eprintln!("building the edge worker; the API answers already");
        let process = in_a_group(cargo("xtask").arg("edge"))?;
        Ok(Worker { process, wrangler, address, answers: false })
    }

    /// Whether it still runs. Once it answers, says where it is.
    pub(super) fn look(&mut self, backend: &Backend) -> Result<bool> {
        if let Some(status) = self.process.try_wait()? {
            let Some(mut wrangler) = self.wrangler.take().filter(|_| status.success()) else { return Ok(false) };
            self.process = in_a_group(&mut wrangler)?;
        }
        let asked = self.wrangler.is_none() && !self.answers;
        if asked && health(self.address).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            self.answers = true;
            let url = format!("http://{}", self.address);
            backend.add_edge_url(&url)?;
            println!("\nthe edge worker is at {url}, with the same key and paths. Ctrl-C ends both.");
        }
        Ok(true)
    }

    pub(super) fn stop(mut self) -> Result<()> {
        process::interrupt(&mut self.process, END_LIMIT).map(drop)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whatever it has left behind.
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

/// Starts a process in a group of its own: what it starts can be ended with it.
fn in_a_group(command: &mut Command) -> Result<Child> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).spawn().with_context(|| format!("{name} cannot be started"))
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

fn health(address: SocketAddr) -> Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, ASK_LIMIT)?;
    connection.set_read_timeout(Some(ASK_LIMIT))?;
    write!(connection, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
