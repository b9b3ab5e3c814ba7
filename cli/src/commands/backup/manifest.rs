//! `backup.json`: the source of a backup, and the checksums of its files.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use humantime::format_rfc3339_seconds;
use ripple_core::Timestamp;
use ripple_host::now;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::target::Target;

const NAME: &str = "backup.json";

/// The description of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    account: Option<String>,
    endpoint: String,
    region: String,
    pub(super) site: String,
    /// The time in RFC 3339, for people.
    pub(super) began: String,
    ended: String,
    /// The files.
    pub(super) files: Vec<Contents>,
}

/// The contents of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) file: String,
    pub(super) items: u64,
    pub(super) sha256: String,
}

impl Contents {
    /// Returns the file's name. A manifest cannot name a file outside its folder.
    fn name(&self) -> anyhow::Result<&str> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if self.file.bytes().all(plain) { Ok(&self.file) } else { bail!("the backup names the file {:?}", self.file) }
    }
}

impl Manifest {
    /// Returns the manifest of a copy of a target.
    pub(super) fn new(target: &Target, site: String, began: Timestamp, files: Vec<Contents>) -> Manifest {
        let (account, endpoint, region) = target.whereabouts();
        let shown = |at: Timestamp| format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(at.0)).to_string();
        Manifest {
            account: account.map(str::to_owned),
            endpoint,
            region: region.to_owned(),
            site,
            began: shown(began),
            ended: shown(now()),
            files,
        }
    }

    /// Writes the manifest into a backup's folder, which completes the backup.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        let mut file = File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        Ok(file.sync_all()?)
    }

    /// Reads the manifest, and checks the files against it.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Manifest> {
        let path = folder.join(NAME);
        let text = fs::read(&path)
            .with_context(|| format!("{} is not a complete backup: cannot read {NAME}", folder.display()))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not the manifest of a backup", path.display()))?;
        for contents in &manifest.files {
            let path = folder.join(contents.name()?);
            let mut digest = Digest(Sha256::new());
            let copied = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut digest));
            copied.with_context(|| format!("cannot read {}", path.display()))?;
            if hexadecimal(&digest.0.finalize()) != contents.sha256 {
                bail!("{} was changed after the backup: its SHA-256 differs from {NAME}", path.display());
            }
        }
        Ok(manifest)
    }
}

/// Returns bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Digest(Sha256);

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
