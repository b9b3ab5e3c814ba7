//! The folder `share/ripple` of an installation: the files of a release beside the program.
//!
//! ```text
//!  bin/ripple
//!  share/ripple/site              the static files of the edge: /app, and what /docs loads
//!  share/ripple/edge, near, replica   the workers, each without its resources.js
//!  share/ripple/function          the function's binary
//!  share/ripple/init              the files that `ripple init` writes
//! ```
//!
//! They are files and not a part of the program, since wrangler and SAM read them too, and since `cargo build` then
//! needs no Node.js. They are found relative to the program. So an archive, a wheel and an npm package have one layout,
//! and an installation can be moved.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The path of the folder, relative to the folder that has `bin`.
const FOLDER: &str = "share/ripple";
/// The name of the function's binary.
const BOOTSTRAP: &str = "bootstrap";

/// An installation's folder, which exists.
#[derive(Debug)]
pub(crate) struct Share(PathBuf);

impl Share {
    /// Returns the folder. Returns `None` if this program is not installed with one, such as a program that Cargo built.
    pub(crate) fn find() -> Option<Share> {
        Share::beside(&std::env::current_exe().ok()?)
    }

    /// Returns the folder for a command that cannot do without it.
    pub(crate) fn needed_by(command: &str) -> anyhow::Result<Share> {
        match Share::find() {
            Some(share) => Ok(share),
            None => bail!(
                "{command} needs the files of a release in ../{FOLDER} beside this program, and there are none: use the \
                 program of an unpacked archive, which `cargo xtask release` makes"
            ),
        }
    }

    fn beside(program: &Path) -> Option<Share> {
        // npm installs a link to the program.
        let program = program.canonicalize().ok()?;
        let folder = program.parent()?.parent()?.join(FOLDER);
        folder.is_dir().then_some(Share(folder))
    }

    /// Returns the folder of the static files.
    pub(crate) fn site(&self) -> PathBuf {
        self.0.join("site")
    }

    /// Returns the folder of the files that `ripple init` writes.
    pub(crate) fn init(&self) -> PathBuf {
        self.0.join("init")
    }

    /// Returns the function's binary.
    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.0.join(ripple_deploy::FUNCTION).join(BOOTSTRAP)
    }

    /// Adds the workers and the static files to a deployment that `ripple-deploy` has written.
    pub(crate) fn add_edge(&self, deployment: &Path) -> anyhow::Result<()> {
        let site = deployment.join("site");
        copy_folder(&self.site(), &site)?;
        for name in ["openapi.json", "_headers"] {
            copy(&deployment.join(name), &site.join(name))?;
        }
        copy_folder(&self.0.join("edge"), &deployment.join("edge"))?;
        for worker in ["near", "replica"] {
            copy_folder(&self.0.join(worker), &deployment.join(worker))?;
            copy(&deployment.join("edge/resources.js"), &deployment.join(worker).join("resources.js"))?;
        }
        Ok(())
    }
}

/// Copies the files of a folder. Other files in the target stay.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    for path in files(from)? {
        copy(&from.join(&path), &to.join(&path))?;
    }
    Ok(())
}

/// Returns the paths of all files in a folder, relative to it.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut ahead = vec![PathBuf::new()];
    while let Some(at) = ahead.pop() {
        let inside = folder.join(&at);
        for entry in fs::read_dir(&inside).with_context(|| format!("cannot read {}", inside.display()))? {
            let entry = entry.with_context(|| format!("cannot read {}", inside.display()))?;
            let path = at.join(entry.file_name());
            if entry.path().is_dir() { ahead.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// Copies a file into a folder, which is created if necessary.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
