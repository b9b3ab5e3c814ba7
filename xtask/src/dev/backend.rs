//! A running `ripple dev`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Options;
use crate::process;
use crate::site;

/// The time limit for the end of `ripple dev`. It gives current requests 5 s, and the machine may be busy.
const END_LIMIT: Duration = Duration::from_secs(30);

/// The process, and the file in which it writes its addresses.
pub(super) struct Backend {
    process: Child,
    file: PathBuf,
    started: SystemTime,
}

/// The addresses of a running backend.
#[derive(Deserialize)]
pub(super) struct Address {
    /// The URL of the API.
    pub(super) url: String,
    /// A key for the API.
    pub(super) key: String,
    /// The URL of the DynamoDB.
    pub(super) dynamodb_endpoint: String,
    /// The URL of the edge worker, once it answers.
    pub(super) edge_url: Option<String>,
}

impl Backend {
    pub(super) fn start(ripple: &Path, options: &Options) -> Result<Backend> {
        // In the caller's own folder, to which the paths in the arguments are relative.
        let mut dev = Command::new(ripple);
        dev.arg("--data").arg(&options.data).args(["dev", "--port", &options.port.to_string()]);
        if options.in_memory {
            dev.arg("--in-memory");
        }
        // The folder is filled when the worker is built. Until then the pages do without it.
        dev.arg("--pages").arg(site::folder());
        // A file system may have coarser times than the clock.
        let started = SystemTime::now() - Duration::from_millis(20);
        let process = dev.args(&options.more).spawn().context("`ripple dev` cannot be started")?;
        Ok(Backend { process, file: options.data.join("dev.json"), started })
    }

    /// Returns the addresses, once the backend serves. On AWS's own DynamoDB it writes no file, and there are none.
    pub(super) fn address(&self) -> Option<Address> {
        let written = fs::metadata(&self.file).and_then(|metadata| metadata.modified()).ok()?;
        // The file of an earlier start stays until this process writes its own.
        (written >= self.started).then(|| read(&self.file))?.ok()
    }

    /// Adds the URL of another server to the file.
    pub(super) fn add(&self, name: &str, url: &str) -> Result<()> {
        let mut members: Map<String, Value> = read(&self.file)?;
        members.insert(name.to_owned(), url.into());
        replace(&self.file, &serde_json::to_vec_pretty(&members)?)
    }

    /// Returns the exit code, if the process has ended.
    pub(super) fn ended(&mut self) -> Result<Option<ExitCode>> {
        Ok(self.process.try_wait()?.map(code))
    }

    /// Ends the process as Ctrl-C does. A Ctrl-C in a terminal has reached the process already.
    pub(super) fn stop(&mut self) -> Result<ExitCode> {
        Ok(process::interrupt(&mut self.process, END_LIMIT)?.map_or(ExitCode::FAILURE, code))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // After an error of xtask, the process still runs. Otherwise it has ended, and this has no effect.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn code(status: std::process::ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not the file of a `ripple dev`", file.display()))
}

/// Replaces a file as a whole, so that no reader sees half of it. Only its owner may read it, because it holds a key.
fn replace(file: &Path, text: &[u8]) -> Result<()> {
    let new = file.with_extension("json.edge");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&new)
        .and_then(|mut file| file.write_all(text))
        .with_context(|| format!("cannot write {}", new.display()))?;
    fs::rename(&new, file).with_context(|| format!("cannot write {}", file.display()))
}
