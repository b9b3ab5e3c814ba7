//! A browser for the tests: a Chromium that is there, or Debian's.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::toolchain::debian;

/// What it is called, on Debian and elsewhere.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Where macOS has what its users install.
const APPLICATIONS: [&str; 2] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Debian's package.
const PACKAGES: &[&str] = &["chromium"];

/// Where it is. Installs it if need be and if Debian's package manager is there.
pub(crate) fn ready() -> Result<PathBuf> {
    if let Some(browser) = found() {
        return Ok(browser);
    }
    debian::install(PACKAGES)
        .context("the tests of the Flask app's pages need Chromium or Google Chrome: please install one")?;
    found().context("Debian's chromium is installed and not in the PATH")
}

fn found() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let in_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    in_path.chain(APPLICATIONS.map(PathBuf::from)).find(|path| path.is_file())
}
