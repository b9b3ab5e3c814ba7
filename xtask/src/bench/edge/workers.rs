//! Workers as deployed, each in its own `workerd`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::http::Client;
use crate::edge;
use crate::workspace::root;

/// The time limit until a worker listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// As in wrangler.toml.
const COMPATIBILITY_DATE: &str = "2026-10-23";
/// The interval at which a starting worker is polled. A start takes about ten times as long.
const LOOK: Duration = Duration::from_millis(1);

/// A bundle and its variables.
pub(super) struct Worker {
    folder: PathBuf,
    main: String,
    bindings: Vec<(&'static str, String)>,
    /// The names of bindings to objects.
    objects: Vec<&'static str>,
}

/// A running `workerd`. It ends when dropped.
pub(super) struct Running {
    process: Child,
    address: SocketAddr,
}

impl Worker {
    /// Bundles a worker as wrangler deploys it: ripple's, or that of a script.
    pub(super) fn bundle(script: Option<&str>, folder: &Path) -> Result<Worker> {
        let script = script.map(|script| root().join(script));
        let size = edge::bundle(script.as_deref(), folder)?;
        let main = script.as_deref().and_then(Path::file_name).unwrap_or("worker.js".as_ref());
        let main = main.to_string_lossy().into_owned();
        println!("{main}: a bundle of {:.1} KB gzipped", size / 1e3);
        Ok(Worker { folder: folder.to_owned(), main, bindings: Vec::new(), objects: Vec::new() })
    }

    /// Sets the variables.
    pub(super) fn told(self, bindings: Vec<(&'static str, String)>) -> Worker {
        Worker { bindings, ..self }
    }

    /// Binds an object that no measured request uses.
    pub(super) fn bound(mut self, name: &'static str) -> Worker {
        self.objects.push(name);
        self
    }

    /// Starts the worker, and waits until it listens.
    pub(super) fn start(&self) -> Result<Running> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let config = self.folder.join("config.capnp");
        fs::write(&config, self.config(address)?)?;
        let mut workerd = Command::new(workerd());
        workerd.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = workerd.spawn().context("workerd cannot be started")?;
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.try_wait()? {
                bail!("workerd ended with {status}");
            }
            ensure!(Instant::now() < deadline, "workerd does not listen");
            thread::sleep(LOOK);
        }
        Ok(Running { process, address })
    }

    /// <https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp>
    fn config(&self, address: SocketAddr) -> Result<String> {
        let main = &self.main;
        let mut modules = vec![format!("(name = {main:?}, esModule = embed {main:?})")];
        for file in fs::read_dir(&self.folder)? {
            let name = file?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".wasm") {
                modules.push(format!("(name = {name:?}, wasm = embed {name:?})"));
            }
        }
        let mut bindings = Vec::new();
        for (name, text) in &self.bindings {
            fs::write(self.folder.join(name), text)?;
            bindings.push(format!("(name = {name:?}, text = embed {name:?})"));
        }
        bindings.extend(self.objects.iter().map(|name| format!("(name = {name:?}, json = \"{{}}\")")));
        Ok(format!(
            "using Workerd = import \"/workerd/workerd.capnp\";
             const config :Workerd.Config = (
               services = [
                 (name = \"main\", worker = .worker),
                 (name = \"internet\", network = (allow = [\"public\", \"private\"])),
               ],
               sockets = [(name = \"http\", address = \"{address}\", http = (), service = \"main\")],
             );
             const worker :Workerd.Worker = (
               modules = [{}],
               bindings = [{}],
               compatibilityDate = \"{COMPATIBILITY_DATE}\",
             );",
            modules.join(", "),
            bindings.join(", "),
        ))
    }
}

impl Running {
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns a connection to the worker.
    pub(super) fn connect(&self) -> Result<Client> {
        Client::connect(self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The worker has no state to lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the runtime itself, and not the script that npm may put before it.
fn workerd() -> PathBuf {
    let machine = if cfg!(target_arch = "aarch64") { "workerd-linux-arm64" } else { "workerd-linux-64" };
    root().join("node_modules/@cloudflare").join(machine).join("bin/workerd")
}
