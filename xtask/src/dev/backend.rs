//! `ripple dev`, running.

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
use crate::workspace;

/// How long `ripple dev` may take to end: it gives requests under way 5 s, and the machine may be busy.
const END_LIMIT: Duration = Duration::from_secs(30);

/// The process, and the file in which it tells where it is.
pub(super) struct Backend {
    process: Child,
    file: PathBuf,
    started: SystemTime,
}

/// Where it is.
#[derive(Deserialize)]
pub(super) struct Address {
    /// The API.
    pub(super) url: String,
    /// A key for it.
    pub(super) key: String,
    /// The DynamoDB beneath.
    pub(super) dynamodb_endpoint: String,
    /// The edge worker, once it answers.
    pub(super) edge_url: Option<String>,
}

impl Backend {
    pub(super) fn start(options: &Options) -> Result<Backend> {
        // In the caller's own folder, where the paths in the arguments belong.
        let mut dev = Command::new(workspace::binary("ripple")?);
        dev.arg("--data").arg(&options.data).args(["dev", "--port", &options.port.to_string()]);
        if options.in_memory {
            dev.arg("--in-memory");
        }
        // It is filled when the worker is built; until then the page does without.
        dev.arg("--docs").arg(site::folder().join("docs"));
        // A file system may count time less finely than the clock.
        let started = SystemTime::now() - Duration::from_millis(20);
        let process = dev.args(&options.more).spawn().context("`ripple dev` cannot be started")?;
        Ok(Backend { process, file: options.data.join("dev.json"), started })
    }

    /// Where it is, once it serves. On AWS's own DynamoDB it writes no file, and there is no address.
    pub(super) fn address(&self) -> Option<Address> {
        let written = fs::metadata(&self.file).and_then(|metadata| metadata.modified()).ok()?;
        // That of an earlier start is there until this one writes its own.
        (written >= self.started).then(|| read(&self.file))?.ok()
    }

    /// Adds the URL of what runs beside it to the file.
    pub(super) fn add(&self, name: &str, url: &str) -> Result<()> {
        let mut members: Map<String, Value> = read(&self.file)?;
        members.insert(name.to_owned(), url.into());
        replace(&self.file, &serde_json::to_vec_pretty(&members)?)
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitCode>> {
        Ok(self.process.try_wait()?.map(code))
    }

    /// Ends it as Ctrl-C does, which has reached it already where it came from a terminal.
    pub(super) fn stop(&mut self) -> Result<ExitCode> {
        Ok(process::interrupt(&mut self.process, END_LIMIT)?.map_or(ExitCode::FAILURE, code))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // Where an error ends xtask; else it has ended before, and this does nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn code(status: std::process::ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not as it must be", file.display()))
}

/// Puts a file in place whole: nobody reads half of it. Its owner alone may read it, for it holds a key.
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
