//! `<data dir>/dev.json`: the file by which scripts find a running `ripple dev`.

pub(crate) mod lock;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

const NAME: &str = "dev.json";

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DevFile {
    /// The API's base URL.
    pub(crate) url: String,
    /// An API key for it, with every scope.
    pub(crate) key: String,
    /// The endpoint of its DynamoDB.
    pub(crate) dynamodb_endpoint: String,
    /// The edge worker's base URL. A program that starts an edge in front adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edge_url: Option<String>,
}

impl DevFile {
    /// Returns the file of a data folder. Returns `None` if there is none that can be read.
    pub(crate) fn read(data: &Path) -> Option<DevFile> {
        serde_json::from_slice(&fs::read(data.join(NAME)).ok()?).ok()
    }

    /// Returns the file of the `ripple dev` that runs on a data folder. One that has ended leaves its file behind, for
    /// its key.
    pub(crate) fn of_running(data: &Path) -> Option<DevFile> {
        lock::is_held(data).then(|| DevFile::read(data))?
    }

    /// Fails if there is a file, and its `ripple dev` has ended. `otherwise` is what a person can do in place of starting
    /// it again.
    pub(crate) fn refuse_ended(data: &Path, otherwise: &str) -> anyhow::Result<()> {
        if DevFile::read(data).is_some() && !lock::is_held(data) {
            bail!("the `ripple dev` of {} has ended: start it again, or {otherwise}", data.display());
        }
        Ok(())
    }

    /// Removes the file, if there is one.
    pub(crate) fn remove(data: &Path) -> anyhow::Result<()> {
        match fs::remove_file(data.join(NAME)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("cannot remove dev.json"),
            _ => Ok(()),
        }
    }

    /// Writes the file atomically, so that no reader sees half of it. Only its owner may read it, since it holds a key.
    pub(crate) fn write(&self, data: &Path) -> anyhow::Result<()> {
        let (path, new) = (data.join(NAME), data.join("dev.json.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new).with_context(|| format!("cannot write {}", new.display()))?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        drop(file);
        fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))
    }
}
