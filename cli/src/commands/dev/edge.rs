//! The edge in front of `ripple dev`: the worker of a release, under `wrangler dev`.
//!
//! ```text
//!  share/ripple, resource files ──▶ DATA/edge ──npx wrangler dev──▶ edge ──▶ front, embedded DynamoDB
//! ```
//!
//! The edge keeps the resources that it started with. `npx` downloads wrangler at the first start, and needs no network
//! after that.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use ripple_core::record::schema::Resources;
use ripple_core::store::dynamodb::TableNames;
use ripple_host::resources::read;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::dev_file::DevFile;
use crate::share::{self, Share};

/// The wrangler of package.json, with which the edge is tested.
const WRANGLER: &str = "wrangler@4.156.0";
/// The oldest Node.js that this wrangler runs on.
const OLDEST_NODE: u32 = 22;
/// How often the worker is asked whether it serves.
const PAUSE: Duration = Duration::from_millis(100);
/// The time limit for one answer of the worker.
const ASK_LIMIT: Duration = Duration::from_secs(2);
/// How long wrangler may take to end. It is less than `ripple dev` waits for its tasks.
const END_LIMIT: Duration = Duration::from_secs(3);

/// A `wrangler dev` that has been started.
pub(super) struct Edge {
    wrangler: Child,
    address: SocketAddr,
}

impl Edge {
    /// Writes the worker for these resources into the data folder, and starts it on the port. `source` is the folder of
    /// the resource files, if there is one.
    pub(super) async fn start(
        port: u16,
        data: &Path,
        dev: &DevFile,
        table_names: &TableNames,
        resources: Resources,
        source: &Path,
    ) -> anyhow::Result<Edge> {
        let share = Share::needed_by("--edge")?;
        check_node(said_by_node().await.as_deref())?;
        let files = if source.is_dir() { read(source)? } else { Vec::new() };
        let folder = std::path::absolute(data.join("edge"))?;
        let target = folder.clone();
        // It runs an API to the end, which a task of this runtime must not.
        tokio::task::spawn_blocking(move || write(&share, &target, &resources, &files)).await??;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener =
            listener.with_context(|| format!("the edge's port {port} is in use; --edge-port 0 picks a free port"))?;
        let address = listener.local_addr()?;
        drop(listener); // wrangler takes the port, and says if another process was faster
        let mut wrangler = Command::new("npx");
        wrangler.args(["--yes", WRANGLER, "dev", "--ip", "127.0.0.1", "--port", &address.port().to_string()]);
        wrangler.arg("--config").arg(folder.join("wrangler.toml")).arg("--persist-to").arg(folder.join("state"));
        // Nothing uses the inspector, and a second `ripple dev` would need the same port for it.
        wrangler.args(["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level=warn"]);
        for variable in [
            format!("RIPPLE_ORIGIN:{}", dev.url),
            format!("AWS_ENDPOINT_URL_DYNAMODB:{}", dev.dynamodb_endpoint),
            "AWS_REGION:us-east-1".to_owned(),
            format!("RIPPLE_SITE:{}", table_names.site),
            format!("RIPPLE_SHARDS:{}", table_names.shards),
        ] {
            wrangler.arg("--var").arg(variable);
        }
        wrangler.env("WRANGLER_SEND_METRICS", "false");
        // It would record the URL of every request, and a URL may contain a secret by mistake.
        wrangler.env("X_LOCAL_OBSERVABILITY", "false");
        // The embedded DynamoDB accepts any credentials. It must not get those of a real account.
        wrangler.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
        #[cfg(unix)]
        wrangler.process_group(0); // npx starts processes that must end with it
        let wrangler = wrangler.stdin(Stdio::null()).spawn().context("cannot start npx")?;
        Ok(Edge { wrangler, address })
    }

    /// Adds the worker's URL to dev.json once the worker answers. Ends wrangler when `ripple dev` ends.
    pub(super) async fn tend(mut self, data: PathBuf, mut stopped: watch::Receiver<bool>) {
        let mut serves = false;
        // The wait also ends if the sender is dropped.
        let mut stop = pin!(async move { drop(stopped.wait_for(|stop| *stop).await) });
        loop {
            tokio::select! {
                () = &mut stop => break self.end().await,
                ended = self.wrangler.wait() => {
                    let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    break eprintln!("ripple: the edge has ended ({ended}). The API continues.");
                }
                () = tokio::time::sleep(PAUSE), if !serves => {
                    serves = answers(self.address).await;
                    if serves {
                        self.announce(&data);
                    }
                }
            }
        }
    }

    fn announce(&self, data: &Path) {
        let url = format!("http://{}", self.address);
        let file = DevFile::read(data).map(|file| DevFile { edge_url: Some(url.clone()), ..file });
        if let Some(Err(error)) = file.map(|file| file.write(data)) {
            eprintln!("ripple: {error:#}");
        }
        println!("\nThe edge is at {url}, with the same key and paths. Press Ctrl-C to stop both.");
    }

    /// Ends wrangler as Ctrl-C does, and what is left of it after the time limit.
    async fn end(mut self) {
        #[cfg(unix)]
        {
            use nix::sys::signal::{Signal, killpg};
            // The process has not been waited for, so the id is still its own.
            let group = self.wrangler.id().map(|id| nix::unistd::Pid::from_raw(id.cast_signed()));
            let Some(group) = group else { return };
            let _ = killpg(group, Signal::SIGINT);
            let _ = tokio::time::timeout(END_LIMIT, self.wrangler.wait()).await;
            let _ = killpg(group, Signal::SIGKILL);
        }
        let _ = self.wrangler.kill().await;
    }
}

/// Writes the worker, its static files and its configuration.
fn write(share: &Share, folder: &Path, resources: &Resources, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    // This database must not find the cached copy of another one, and this release no file of another one.
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    let deployment = folder.join("deployment");
    ripple_deploy::write(&deployment, &ripple_deploy::deployment(resources, files)?)?;
    share.add_edge(&deployment)?;
    share::copy(&share.init().join("wrangler.toml"), &folder.join("wrangler.toml"))
}

/// Returns what `node --version` prints. Returns `None` if there is no Node.js.
async fn said_by_node() -> Option<String> {
    let output = Command::new("node").arg("--version").stdin(Stdio::null()).output().await.ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Fails unless Node.js is there and new enough.
fn check_node(said: Option<&str>) -> anyhow::Result<()> {
    let Some(said) = said else {
        bail!(
            "it needs Node.js {OLDEST_NODE} or newer with npx, and there is no `node` in the PATH: see https://nodejs.org"
        );
    };
    let version = said.trim();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    let is_new_enough = major.is_some_and(|major: u32| major >= OLDEST_NODE);
    ensure!(is_new_enough, "it needs Node.js {OLDEST_NODE} or newer, and this is {version}: see https://nodejs.org");
    Ok(())
}

/// Reports whether the worker answers.
async fn answers(address: SocketAddr) -> bool {
    let ask = async {
        let mut connection = TcpStream::connect(address).await?;
        let request = format!("GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    matches!(tokio::time::timeout(ASK_LIMIT, ask).await, Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrangler_is_that_of_the_project() {
        let packages = include_str!("../../../../package.json");
        assert!(packages.contains(&format!(r#""wrangler": "{}""#, WRANGLER.trim_start_matches("wrangler@"))));
    }

    #[test]
    fn a_missing_or_an_old_node_is_named() {
        assert!(check_node(Some("v22.12.0\n")).is_ok() && check_node(Some("v24.0.0")).is_ok());
        for (said, told) in [(None, "there is no `node`"), (Some("v20.20.2\n"), "this is v20.20.2"), (Some("?"), "?")] {
            let error = check_node(said).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("Node.js 22"), "{error}");
        }
    }
}
