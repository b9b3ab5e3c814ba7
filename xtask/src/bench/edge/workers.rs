//! Workers as deployed, each in its own `workerd`.

use std::fs::{self, File};
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

/// A bundle and its bindings.
#[derive(Clone)]
pub(super) struct Worker {
    /// The folder of the bundle, beside those of the other bundles.
    folder: PathBuf,
    main: String,
    bindings: Vec<(&'static str, Binding)>,
    /// The class of its objects.
    class: Option<&'static str>,
    /// The limit of V8's heap, in MB.
    heap: Option<u32>,
}

#[derive(Clone)]
enum Binding {
    Text(String),
    /// Objects that no measured request uses.
    Unused,
    /// Objects of its own class, or of that of another worker in the same process.
    Objects(Option<Box<Worker>>),
    /// A server at this address.
    Server(SocketAddr),
}

/// A running `workerd`. It ends when dropped.
pub(super) struct Running {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Worker {
    /// Bundles a worker as wrangler deploys it: ripple's, or that of a script.
    pub(super) fn bundle(script: Option<&str>, folder: &Path) -> Result<Worker> {
        let script = script.map(|script| root().join(script));
        let size = edge::bundle(script.as_deref(), folder)?;
        let main = script.as_deref().and_then(Path::file_name).unwrap_or("worker.js".as_ref());
        let main = main.to_string_lossy().into_owned();
        println!("{}: a bundle of {:.1} KB gzipped", script_name(folder), size / 1e3);
        Ok(Worker { folder: folder.to_owned(), main, bindings: Vec::new(), class: None, heap: None })
    }

    /// Sets the variables.
    pub(super) fn told(mut self, variables: Vec<(&'static str, String)>) -> Worker {
        self.bindings.extend(variables.into_iter().map(|(name, text)| (name, Binding::Text(text))));
        self
    }

    /// Binds an object that no measured request uses.
    pub(super) fn bound(mut self, name: &'static str) -> Worker {
        self.bindings.push((name, Binding::Unused));
        self
    }

    /// States that the script has a class of objects. They are kept in a folder beside the bundle's, which outlives the
    /// process.
    pub(super) fn with_class(mut self, class: &'static str) -> Worker {
        self.class = Some(class);
        self
    }

    /// Limits V8's heap, so that garbage is collected before it. Without a limit, `workerd` collects little. A worker
    /// that needs more ends.
    pub(super) fn within(mut self, megabytes: u32) -> Worker {
        self.heap = Some(megabytes);
        self
    }

    /// Binds the objects of its own class.
    pub(super) fn with_own_objects(mut self, name: &'static str) -> Worker {
        self.bindings.push((name, Binding::Objects(None)));
        self
    }

    /// Binds the objects of another worker, which will run in the same process.
    pub(super) fn with_objects_of(mut self, name: &'static str, other: &Worker) -> Worker {
        self.bindings.push((name, Binding::Objects(Some(Box::new(other.clone())))));
        self
    }

    /// Binds a worker that runs in another process.
    pub(super) fn beside(mut self, name: &'static str, other: &Running) -> Worker {
        self.bindings.push((name, Binding::Server(other.address)));
        self
    }

    /// Starts the worker, and waits until it listens.
    pub(super) fn start(&self) -> Result<Running> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let [config, log] = ["capnp", "log"].map(|extension| self.folder.with_extension(extension));
        fs::write(&config, self.config(address)?)?;
        let mut workerd = Command::new(workerd());
        // Experimental: objects on disk.
        workerd.args(["serve", "--experimental"]).arg(&config);
        workerd.stdin(Stdio::null()).stdout(File::create(&log)?);
        let mut process = workerd.spawn().context("workerd cannot be started")?;
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.try_wait()? {
                bail!("workerd ended with {status}");
            }
            ensure!(Instant::now() < deadline, "workerd does not listen");
            thread::sleep(LOOK);
        }
        Ok(Running { process, address, log })
    }

    /// <https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp>
    fn config(&self, address: SocketAddr) -> Result<String> {
        let mut services = vec![
            "(name = \"main\", worker = .main)".to_owned(),
            "(name = \"internet\", network = (allow = [\"public\", \"private\"]))".to_owned(),
        ];
        let mut workers = vec![("main", self)];
        for (name, binding) in &self.bindings {
            match binding {
                Binding::Objects(Some(other)) => {
                    services.push("(name = \"other\", worker = .other)".to_owned());
                    workers.push(("other", other));
                }
                Binding::Server(address) => {
                    services.push(format!("(name = {name:?}, external = (address = \"{address}\", http = ()))"));
                }
                Binding::Text(_) | Binding::Unused | Binding::Objects(None) => {}
            }
        }
        let flags = self.heap.map_or(String::new(), |heap| format!("v8Flags = [\"--max-heap-size={heap}\"],"));
        let mut constants = String::new();
        for (name, worker) in workers {
            if worker.class.is_some() {
                let objects = worker.folder.with_extension("objects");
                fs::create_dir_all(&objects)?;
                services.push(format!("(name = \"disk\", disk = (path = {objects:?}, writable = true))"));
            }
            constants.push_str(&format!("const {name} :Workerd.Worker = ({});\n", worker.constant()?));
        }
        Ok(format!(
            "using Workerd = import \"/workerd/workerd.capnp\";
             const config :Workerd.Config = (
               {flags}
               services = [{}],
               sockets = [(name = \"http\", address = \"{address}\", http = (), service = \"main\")],
             );
             {constants}",
            services.join(", "),
        ))
    }

    /// Returns the worker's part of the configuration, whose file is beside the bundles' folders.
    fn constant(&self) -> Result<String> {
        let (main, folder) = (&self.main, script_name(&self.folder));
        let mut modules = vec![format!("(name = {main:?}, esModule = embed \"{folder}/{main}\")")];
        for file in fs::read_dir(&self.folder)? {
            let name = file?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".wasm") {
                modules.push(format!("(name = {name:?}, wasm = embed \"{folder}/{name}\")"));
            }
        }
        let mut bindings = Vec::new();
        for (name, binding) in &self.bindings {
            bindings.push(match binding {
                Binding::Text(text) => {
                    fs::write(self.folder.join(name), text)?;
                    format!("(name = {name:?}, text = embed \"{folder}/{name}\")")
                }
                Binding::Unused => format!("(name = {name:?}, json = \"{{}}\")"),
                Binding::Objects(other) => {
                    let class = other.as_deref().unwrap_or(self).class.context("a worker without objects is bound")?;
                    let service = if other.is_some() { ", serviceName = \"other\"" } else { "" };
                    format!("(name = {name:?}, durableObjectNamespace = (className = {class:?}{service}))")
                }
                Binding::Server(_) => format!("(name = {name:?}, service = {name:?})"),
            });
        }
        let (modules, bindings) = (modules.join(", "), bindings.join(", "));
        let objects = self.class.map(|class| {
            let class = format!("(className = {class:?}, uniqueKey = {class:?}, enableSql = true)");
            format!(", durableObjectNamespaces = [{class}], durableObjectStorage = (localDisk = \"disk\")")
        });
        let objects = objects.unwrap_or_default();
        Ok(format!(
            "modules = [{modules}], bindings = [{bindings}], compatibilityDate = \"{COMPATIBILITY_DATE}\"{objects}"
        ))
    }
}

/// Returns the name of a bundle's folder.
fn script_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Running {
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns what the worker has logged.
    pub(super) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
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
