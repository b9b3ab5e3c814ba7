//! Temporary files. Only their owner may read them, since records may be secret.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The path of a temporary file, which is removed in the end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Creates a file in the folder for temporary files, and opens it for writing.
    pub(crate) fn create(command: &str) -> anyhow::Result<(Scratch, File)> {
        let random: [u8; 8] = ripple_host::random();
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let scratch = Scratch(std::env::temp_dir().join(format!("ripple-{command}-{name}")));
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&scratch.0).context("cannot write a temporary file")?;
        Ok((scratch, file))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
