//! The browsers of the tests: installed ones, or Debian's.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::toolchain::debian;

/// A browser that the tests drive.
pub(crate) struct Browser {
    /// The name in an error.
    title: &'static str,
    /// The names of its program, on Debian and elsewhere.
    programs: &'static [&'static str],
    /// The places of the program on macOS.
    applications: &'static [&'static str],
    /// Debian's package.
    packages: &'static [&'static str],
}

pub(crate) const CHROMIUM: Browser = Browser {
    title: "Chromium or Google Chrome",
    programs: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    applications: &[
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    packages: &["chromium"],
};

pub(crate) const FIREFOX: Browser = Browser {
    title: "Firefox",
    programs: &["firefox", "firefox-esr"],
    applications: &["/Applications/Firefox.app/Contents/MacOS/firefox"],
    packages: &["firefox-esr"],
};

impl Browser {
    /// Returns the browser's program. Installs it if it is missing and Debian's package manager is there.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        if let Some(program) = self.found() {
            return Ok(program);
        }
        debian::install(self.packages)
            .with_context(|| format!("the tests of the Flask app's pages need {}: please install it", self.title))?;
        self.found().with_context(|| format!("Debian's {} is installed but not in the PATH", self.packages.join(" ")))
    }

    fn found(&self) -> Option<PathBuf> {
        let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let in_path = self.programs.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        in_path.chain(self.applications.iter().map(PathBuf::from)).find(|path| path.is_file())
    }
}
