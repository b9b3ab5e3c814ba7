//! Generated files, and their way onto the disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The path of the file.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
}

/// Writes files, each path relative to `folder`, and returns the paths of those that have changed. A resource file of an
/// earlier deployment that is not among the files is removed, since a host would read it.
///
/// # Errors
/// If a file or a folder cannot be written.
pub fn write(folder: &Path, files: &[Made]) -> Result<Vec<PathBuf>> {
    let resources = folder.join(crate::FUNCTION).join("resources");
    for entry in fs::read_dir(&resources).into_iter().flatten() {
        let path = entry.with_context(|| format!("{} cannot be read", resources.display()))?.path();
        let is_kept = files.iter().any(|made| folder.join(&made.path) == path);
        if !is_kept && path.extension().is_some_and(|extension| extension == "json") {
            fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    let mut changed = Vec::new();
    for Made { path, text } in files {
        let path = folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        changed.push(path);
    }
    Ok(changed)
}
