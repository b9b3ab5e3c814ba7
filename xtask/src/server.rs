//! A `ripple dev` of our own, with the edge worker or without, started for the tests and ended after them.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::process;
use crate::workspace;

/// How long it may take until it serves: what is to be built has been before.
const START_LIMIT: Duration = Duration::from_secs(300);

/// How long it may take to end after Ctrl-C: it gives requests under way 5 s, and the edge worker before it as long. The
/// rest is for a machine that has other things to do.
const END_LIMIT: Duration = Duration::from_secs(60);

/// The variables through which the tests learn of a running ripple.
const VARIABLES: [&str; 5] =
    ["RIPPLE_URL", "RIPPLE_KEY", "RIPPLE_READ_KEY", "RIPPLE_DYNAMODB_ENDPOINT", "RIPPLE_REQUIRE_URL"];

/// A running ripple with nothing in it. Dropping it ends it too, and leaves its log to be read.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    address: Address,
    read_key: String,
}

/// What `ripple dev` writes into `dev.json` once it serves.
#[derive(Default, Deserialize)]
struct Address {
    url: String,
    key: String,
    dynamodb_endpoint: String,
    /// `cargo xtask dev` adds it once the worker answers.
    edge_url: Option<String>,
}

impl Server {
    /// Starts `ripple dev` on free ports and waits until it serves.
    pub(crate) fn start() -> Result<Server> {
        let mut ripple = ripple()?;
        ripple.arg("dev");
        Server::start_as(ripple, |_| true)
    }

    /// Starts a `ripple dev` that was built in release: beside it, what is measured should not have to wait.
    #[cfg(all(feature = "bench", target_os = "linux"))]
    pub(crate) fn start_optimised() -> Result<Server> {
        let mut ripple = without_settings(Command::new(workspace::target()?.join("release").join("ripple")));
        ripple.arg("dev");
        Server::start_as(ripple, |_| true)
    }

    /// Starts `cargo xtask dev` on free ports and waits until its edge worker serves, which is then what tests are
    /// told of.
    pub(crate) fn start_with_edge() -> Result<Server> {
        let mut xtask = without_settings(Command::new(workspace::binary("xtask")?));
        xtask.args(["dev", "--edge-port", "0"]);
        Server::start_as(xtask, |address| address.edge_url.is_some())
    }

    fn start_as(mut command: Command, serves: fn(&Address) -> bool) -> Result<Server> {
        let folder = workspace::target()?.join("xtask").join(format!("dev-{}", std::process::id()));
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("{} cannot be created", data.display()))?;
        let log = File::create(folder.join("log"))?;

        command.args(["--port", "0", "--in-memory", "--data"]).arg(&data);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().context("`ripple dev` cannot be started")?;

        let mut server = Server { process, folder, address: Address::default(), read_key: String::new() };
        server.address = server.wait_for_address(serves)?;
        server.read_key = server.make_read_key()?;
        Ok(server)
    }

    /// A key that may do everything.
    pub(crate) fn key(&self) -> &str {
        &self.address.key
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &str {
        &self.address.url
    }

    /// The URL of its DynamoDB.
    pub(crate) fn dynamodb_endpoint(&self) -> &str {
        &self.address.dynamodb_endpoint
    }

    /// Tells a test of it.
    pub(crate) fn introduce(&self, test: &mut Command) {
        let Address { url, key, dynamodb_endpoint, edge_url } = &self.address;
        let url = edge_url.as_ref().unwrap_or(url);
        // The last has a test fail where it would otherwise skip what needs a running ripple.
        test.envs(VARIABLES.into_iter().zip([url, key, &self.read_key, dynamodb_endpoint, "1"]));
    }

    /// Ends it as Ctrl-C does. That it ends by itself, and well, is a part of what is tested.
    pub(crate) fn stop(mut self) -> Result<()> {
        match process::interrupt(&mut self.process, END_LIMIT)? {
            Some(status) if status.success() => Ok(fs::remove_dir_all(&self.folder)?),
            Some(status) => bail!("`ripple dev` ended with {status} on Ctrl-C"),
            None => bail!("`ripple dev` was still there {} s after Ctrl-C", END_LIMIT.as_secs()),
        }
    }

    fn make_read_key(&self) -> Result<String> {
        let endpoint = &self.address.dynamodb_endpoint;
        let create = ["key", "create", "--name", "reader", "--scope", "read", "--endpoint-url", endpoint];
        let key = process::output(ripple()?.args(create))?;
        Ok(key.trim().to_owned())
    }

    fn wait_for_address(&mut self, serves: fn(&Address) -> bool) -> Result<Address> {
        let file = self.folder.join("data").join("dev.json");
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // Until all of it is written it does not parse.
            let address = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(address) = address.filter(serves) {
                return Ok(address);
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("`ripple dev` ended with {status} before it served");
            }
            ensure!(Instant::now() < deadline, "`ripple dev` did not serve within {} s", START_LIMIT.as_secs());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error here has nowhere to go: the process is already gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if self.folder.exists() {
            eprintln!("the log of `ripple dev`: {}", self.folder.join("log").display());
        }
    }
}

/// Has a test not know of any running ripple.
pub(crate) fn forget(test: &mut Command) {
    for variable in VARIABLES {
        test.env_remove(variable);
    }
}

/// ripple as built last, with nothing of what the shell has set for other work: its AWS account least of all.
pub(crate) fn ripple() -> Result<Command> {
    Ok(without_settings(Command::new(workspace::binary("ripple")?)))
}

fn without_settings(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("AWS_") || name.starts_with("RIPPLE_") {
            command.env_remove(&*name);
        }
    }
    command
}
