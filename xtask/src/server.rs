//! A `ripple dev` for the tests, with or without the edge worker. It ends after them.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::process;
use crate::workspace::{self, root};

/// The time limit until it serves. All builds are done before.
const START_LIMIT: Duration = Duration::from_secs(300);

/// The time limit for its end after Ctrl-C. It gives current requests 5 s, and the edge worker before it as long. The
/// rest allows for a busy machine.
const END_LIMIT: Duration = Duration::from_secs(60);

/// The variables that tell the tests about a running ripple.
const VARIABLES: [&str; 6] = [
    "RIPPLE_URL",
    "RIPPLE_KEY",
    "RIPPLE_READ_KEY",
    "RIPPLE_PRJ_READ_KEY",
    "RIPPLE_DYNAMODB_ENDPOINT",
    "RIPPLE_REQUIRE_URL",
];

/// A running, empty ripple. Dropping it ends it, and keeps its log.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    address: Address,
    read_key: String,
    prj_read_key: String,
}

/// The content of `dev.json`, which `ripple dev` writes once it serves.
#[derive(Default, Deserialize)]
struct Address {
    url: String,
    key: String,
    dynamodb_endpoint: String,
    /// Added by `cargo xtask dev` once the worker answers.
    edge_url: Option<String>,
}

impl Server {
    /// Starts `ripple dev` on free ports and waits until it serves.
    pub(crate) fn start() -> Result<Server> {
        let mut ripple = ripple()?;
        ripple.arg("dev");
        Server::start_as(ripple, false, |_| true)
    }

    /// Starts `ripple dev` with the resources of a folder.
    pub(crate) fn start_with_resources(folder: &Path) -> Result<Server> {
        let mut ripple = ripple()?;
        ripple.arg("dev").arg("--resources").arg(folder);
        Server::start_as(ripple, false, |_| true)
    }

    /// Starts a `ripple dev` built in release, so that the measured program does not wait for it.
    #[cfg(all(feature = "bench", target_os = "linux"))]
    pub(crate) fn start_optimised() -> Result<Server> {
        let mut ripple = without_settings(Command::new(workspace::target()?.join("release").join("ripple")));
        ripple.arg("dev");
        Server::start_as(ripple, false, |_| true)
    }

    /// Starts `ripple dev` with the feed.
    #[cfg(all(feature = "bench", target_os = "linux"))]
    pub(crate) fn start_with_feed() -> Result<Server> {
        let mut ripple = ripple()?;
        ripple.arg("dev");
        Server::start_as(ripple, true, |_| true)
    }

    /// Starts `cargo xtask dev` on free ports and waits until its edge worker serves. Tests then use the edge worker.
    pub(crate) fn start_with_edge() -> Result<Server> {
        let mut xtask = without_settings(Command::new(workspace::binary("xtask")?));
        // The time limit of a start does not include a build.
        xtask.args(["dev", "--edge-port", "0", "--optimised", "--ripple"]).arg(workspace::binary("ripple")?);
        Server::start_as(xtask, false, |address| address.edge_url.is_some())
    }

    fn start_as(mut command: Command, with_feed: bool, serves: fn(&Address) -> bool) -> Result<Server> {
        let folder = workspace::target()?.join("xtask").join(format!("dev-{}", std::process::id()));
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("{} cannot be created", data.display()))?;
        let log = File::create(folder.join("log"))?;

        // In the project's folder, so that it serves the resources of the project's files.
        command.current_dir(root());
        command.args(["--port", "0", "--in-memory", "--data"]).arg(&data);
        // The tests of other programs look at a state before ripple adopts it. Those of the feed start their own.
        if !with_feed {
            command.env("RIPPLE_NO_FEED", "true");
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().context("`ripple dev` cannot be started")?;

        let (read_key, prj_read_key) = (String::new(), String::new());
        let mut server = Server { process, folder, address: Address::default(), read_key, prj_read_key };
        server.address = server.wait_for_address(serves)?;
        server.read_key = server.make_key("read")?;
        server.prj_read_key = server.make_key("prj:read")?;
        Ok(server)
    }

    /// Returns a key with all scopes.
    pub(crate) fn key(&self) -> &str {
        &self.address.key
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> &str {
        &self.address.url
    }

    /// Returns the URL of its DynamoDB.
    pub(crate) fn dynamodb_endpoint(&self) -> &str {
        &self.address.dynamodb_endpoint
    }

    /// Passes its addresses to a test.
    pub(crate) fn introduce(&self, test: &mut Command) {
        let Address { url, key, dynamodb_endpoint, edge_url } = &self.address;
        let url = edge_url.as_ref().unwrap_or(url);
        // With the last variable, a test fails where it would skip cases that need a running ripple.
        test.envs(VARIABLES.into_iter().zip([url, key, &self.read_key, &self.prj_read_key, dynamodb_endpoint, "1"]));
    }

    /// Ends it as Ctrl-C does. A clean end is part of the test.
    pub(crate) fn stop(mut self) -> Result<()> {
        match process::interrupt(&mut self.process, END_LIMIT)? {
            Some(status) if status.success() => Ok(fs::remove_dir_all(&self.folder)?),
            Some(status) => bail!("`ripple dev` ended with {status} after Ctrl-C"),
            None => bail!("`ripple dev` was still running {} s after Ctrl-C", END_LIMIT.as_secs()),
        }
    }

    /// Makes a key with one scope.
    fn make_key(&self, scope: &str) -> Result<String> {
        let endpoint = &self.address.dynamodb_endpoint;
        let create = ["key", "create", "--name", "reader", "--scope", scope, "--endpoint-url", endpoint];
        let key = process::output(ripple()?.current_dir(root()).args(create))?;
        Ok(key.trim().to_owned())
    }

    fn wait_for_address(&mut self, serves: fn(&Address) -> bool) -> Result<Address> {
        let file = self.folder.join("data").join("dev.json");
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // The file does not parse until it is complete.
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
        // The process has ended already, so an error here does not matter.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if self.folder.exists() {
            eprintln!("the log of `ripple dev`: {}", self.folder.join("log").display());
        }
    }
}

/// Hides any running ripple from a test.
pub(crate) fn forget(test: &mut Command) {
    for variable in VARIABLES {
        test.env_remove(variable);
    }
}

/// Returns the last built ripple without the shell's variables for other work, in particular for its AWS account.
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
