//! The check that imports lead down.
//!
//! A crate's source is a list of top-level modules, which are ordered by floors. A module imports only modules before
//! it in the list. Some libraries belong to one module. `core/src/lib.rs` describes each floor.

mod paths;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace::root;

struct Crate {
    source: &'static str,
    /// The floors from the bottom. On one floor, too, a module imports only modules before it.
    floors: &'static [&'static [&'static str]],
    /// Libraries that only one module may use.
    libraries: &'static [(&'static str, &'static str)],
}

const CRATES: [Crate; 3] = [
    Crate {
        source: "core/src",
        floors: &[
            &["limits", "time", "random", "token", "value"],
            &["record", "auth", "session", "query", "sheet"],
            &["store"],
            &["feed", "service", "live", "replica"],
            &["http"],
        ],
        libraries: &[
            ("csv", "sheet"),
            ("http", "http"),
            ("headers", "http"),
            ("aws_sdk_dynamodb", "store"),
            ("aws_smithy_runtime_api", "store"),
        ],
    },
    Crate {
        source: "check/src",
        floors: &[&["model"], &["scenario", "judge"], &["sim"], &["explore", "replica"]],
        libraries: &[],
    },
    Crate {
        source: "cli/src",
        floors: &[&["output", "scratch", "words", "dev_file", "share"], &["target", "keys", "api"], &["commands"]],
        libraries: &[],
    },
];

/// The step `floors`.
pub(crate) fn check() -> Result<()> {
    let mut faults = Vec::new();
    for checked in &CRATES {
        let source = root().join(checked.source);
        let files = rust_files(&source)?;
        ensure!(!files.is_empty(), "{} has no Rust files", source.display());
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let path = file.strip_prefix(&source)?;
            for fault in checked.faults(path, &text) {
                faults.push(format!("{}/{}: {fault}", checked.source, path.display()));
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        bail!("imports that break the order of the floors:\n  {}", faults.join("\n  "))
    }
}

impl Crate {
    fn faults(&self, path: &Path, text: &str) -> Vec<String> {
        let Some(module) = module(path) else { return Vec::new() };
        let place = |module: &str| self.floors.iter().flat_map(|floor| floor.iter()).position(|known| *known == module);
        let Some(own) = place(&module) else { return vec![format!("the module `{module}` is on no floor")] };
        let paths = match paths::paths(text, &module_path(path)) {
            Ok(paths) => paths,
            Err(error) => return vec![error.to_string()],
        };
        let mut faults = Vec::new();
        let imports: BTreeSet<&String> =
            paths.iter().filter_map(|path| path.first()).filter(|name| !name.is_empty()).collect();
        for imported in imports {
            match place(imported) {
                Some(place) if place < own || *imported == module => {}
                Some(_) => faults.push(format!(
                    "`{module}` imports `{imported}`, which is on a higher floor or later on the same one"
                )),
                None => faults.push(format!("imports `crate::{imported}`, which is not a module")),
            }
        }
        for (library, owner) in self.libraries {
            let is_used = paths.iter().any(|path| path.len() > 1 && path[0].is_empty() && path[1] == *library);
            if *owner != module && is_used {
                faults.push(format!("uses `{library}`, which belongs to the module `{owner}`"));
            }
        }
        faults
    }
}

/// Returns the top-level module of a file. Returns `None` for the crate's root.
fn module(path: &Path) -> Option<String> {
    let first = path.components().next()?.as_os_str().to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main"].contains(&module)).then(|| module.to_owned())
}

/// Returns the path of the module that is a file.
fn module_path(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    path.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| part != "mod").collect()
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        CRATES[0].faults(Path::new(path), text)
    }

    #[test]
    fn an_import_that_leads_down_or_stays_is_let_in() {
        let text = "//! [`crate::http`]\nuse crate::store::{Source, Store};\nuse crate::{limits, record::{Record, RecordId}};\n";
        assert_eq!(faults("service/save.rs", text), [""; 0]);
        assert_eq!(faults("http.rs", "use http::Method;\nuse crate::http::answer::Answer;\n"), [""; 0]);
    }

    #[test]
    fn an_import_that_leads_up_is_a_fault() {
        assert_eq!(faults("store/scan.rs", "use crate::service::read;\n").len(), 1);
        assert_eq!(faults("record.rs", "use crate::{time, query::{Query}};\n").len(), 1);
        assert_eq!(faults("session.rs", "use crate::query::Query;\n").len(), 1, "on the same floor, but later");
        assert_eq!(faults("attic.rs", "").len(), 1, "no floor has it");
    }

    #[test]
    fn a_path_in_any_form_is_seen() {
        for text in [
            "use crate::{time, service::{self, save}};\n",
            "use super::super::service::save;\n",
            "fn f() { crate::service::read() }\n",
            "fn f() { super::super::service::read() }\n",
            "mod tests { use super::super::super::{service}; }\n",
        ] {
            assert_eq!(faults("store/scan.rs", text).len(), 1, "{text}");
        }
        for text in
            ["use {http};\n", "use http as h;\n", "type X = ::http::Method;\n", "use std::{io}; use {http::Y};\n"]
        {
            assert_eq!(faults("session.rs", text).len(), 1, "{text}");
        }
        assert_eq!(faults("session.rs", "// crate::http\nconst X: &str = \"crate::http http::Y\";\n"), [""; 0]);
    }

    #[test]
    fn a_library_belongs_to_its_room() {
        assert_eq!(faults("session.rs", "use http::HeaderMap;\n").len(), 1);
        assert_eq!(faults("record/json.rs", "let x = aws_sdk_dynamodb::types::X;\n").len(), 1);
    }
}
