//! The files of the edge that follow from the resource files: `edge/resources.js` and `edge/openapi.json`.
//!
//! `ripple-deploy` generates them, and they are committed. So a build of the edge compiles `ripple-deploy` only if the
//! resource files have changed since.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use crc32fast::Hasher;

use crate::process::run;
use crate::workspace::{cargo, root};

/// The folder of the resource files.
const FOLDER: &str = "resources";
/// The generated file that has their CRC-32.
const MODULE: &str = "edge/resources.js";

/// Generates the files again, unless they are of the present resource files.
pub(crate) fn follow() -> Result<()> {
    let module = fs::read_to_string(root().join(MODULE)).with_context(|| format!("cannot read {MODULE}"))?;
    if is_of(&module, &crc(&root().join(FOLDER))?) {
        return Ok(());
    }
    eprintln!("the resource files have changed: generating what follows from them");
    run(cargo("run").args(["--quiet", "--package", "ripple-deploy"]))
}

fn is_of(module: &str, crc: &str) -> bool {
    module.lines().next().is_some_and(|line| line.ends_with(&format!(" {crc}.")))
}

/// Returns the CRC-32 of the resource files, as `ripple-deploy` computes it: of the length and the bytes of each name and
/// each text.
fn crc(folder: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    let mut crc = Hasher::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for part in [name.as_bytes(), &text] {
            crc.update(&(part.len() as u64).to_le_bytes());
            crc.update(part);
        }
    }
    Ok(format!("{:08x}", crc.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_module_is_of_the_resource_files_and_of_no_others() {
        let module = fs::read_to_string(root().join(MODULE)).unwrap();
        assert!(is_of(&module, &crc(&root().join(FOLDER)).unwrap()));
        assert!(!is_of(&module, &crc(&root().join("tests/resources")).unwrap()));
        assert!(!is_of("", ""));
    }
}
