//! Tools beyond Cargo's own: pinned, and installed into `.tools` if missing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{output, run};
use crate::workspace::{self, cargo};

/// Checks licences, sources, bans and advisories of the dependencies.
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", asked: &["--version"] };

/// Builds and runs the fuzz targets.
pub(crate) const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", asked: &["--version"] };

/// Writes a bill of materials of what is built.
pub(crate) const CARGO_CYCLONEDX: Tool =
    Tool { name: "cargo-cyclonedx", version: "0.5.9", asked: &["cyclonedx", "--version"] };

/// Makes a site of the documents.
pub(crate) const MDBOOK: Tool = Tool { name: "mdbook", version: "0.5.4", asked: &["--version"] };

/// A program in the Rust registry.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    /// The arguments that it prints its version for.
    asked: &'static [&'static str],
}

impl Tool {
    /// Returns the path of the tool in its pinned version. Installs it if necessary, which takes minutes.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let installed = workspace::tools().join("bin").join(self.name);
        let found = [installed.clone(), PathBuf::from(self.name)].into_iter().find(|path| self.is(path));
        if let Some(path) = found {
            return Ok(path);
        }
        let pinned = format!("{}@{}", self.name, self.version);
        eprintln!("installing {pinned} into .tools (once, a few minutes)");
        let mut install = cargo("install");
        install.args(["--locked", "--root"]).arg(workspace::tools()).arg(&pinned);
        // The tool runs for seconds, so a short build is worth more than an optimised tool.
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
        install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        run(&mut install).with_context(|| format!("{pinned} cannot be installed"))?;
        ensure!(self.is(&installed), "{pinned} was installed, but {} reports another version", installed.display());
        Ok(installed)
    }

    fn is(&self, path: &PathBuf) -> bool {
        let printed = output(Command::new(path).args(self.asked)).unwrap_or_default();
        printed.split_whitespace().nth(1).map(|version| version.trim_start_matches('v')) == Some(self.version)
    }
}

/// Reports whether cargo-nextest is installed. It runs the tests in parallel and reports them better than `cargo test`.
pub(crate) fn nextest_is_present() -> bool {
    output(cargo("nextest").arg("--version")).is_ok()
}
