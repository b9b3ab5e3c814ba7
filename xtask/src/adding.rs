//! The test of docs/ADDING_AN_OPERATION.md. It applies the document's change and files to a copy of the project. Then
//! the operation answers, is documented, and is a resource of API Gateway.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::process::{output, run};
use crate::workspace::{self, cargo, root};

const DOCUMENT: &str = "docs/ADDING_AN_OPERATION.md";
/// The resource that the document adds.
const RESOURCE: &str = "/prj/{prjid}/age";
const CASES: &str = "age";
/// The line of the project's version in Cargo.toml, and that of the copy. Cargo does not tell crates of two folders apart
/// that have the same name and version.
const VERSION: (&str, &str) = ("version = \"0.1.0\"", "version = \"0.1.0-copy\"");

pub(crate) fn check() -> Result<()> {
    let copy = copy()?;
    let document = fs::read_to_string(root().join(DOCUMENT)).with_context(|| DOCUMENT)?;
    let change = block(&document, "diff").context("the document has no diff")?;
    let patch = copy.join("operation.patch");
    fs::write(&patch, change)?;
    let mut apply = workspace::command("git");
    // Git ignores the folder of the copy, so git does not see the copy as part of this project.
    apply.current_dir(&copy).env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap_or(&copy));
    run(apply.args(["apply", "--recount"]).arg(&patch))?;
    let files = files(&document)?;
    ensure!(files.len() == 2, "{DOCUMENT} should have the operation's file and its case's");
    for (path, text) in files {
        fs::write(copy.join(path), text)?;
    }

    // The dependencies are already built there. The copy's own crates have another version, so Cargo builds them too,
    // and keeps the project's.
    let target = workspace::target()?;
    let here = |subcommand: &str| {
        let mut cargo = cargo(subcommand);
        cargo.current_dir(&copy).env("CARGO_TARGET_DIR", &target);
        cargo
    };
    let made = ["deploy/openapi.json", "deploy/template.yaml"].map(|file| copy.join(file));
    let resources =
        || made.iter().map(|file| Ok(fs::read_to_string(file)?.contains(RESOURCE))).collect::<Result<Vec<_>>>();
    ensure!(resources()? == [false, false], "the copy has the method already");
    run(here("run").args(["--quiet", "--package", "ripple-deploy"]))?;
    ensure!(resources()? == [true, true], "{RESOURCE} should be in {made:?}");
    run(here("test").args(["--package", "ripple-tests", "--test", "suite", "--", &format!("::{CASES}::")]))?;
    run(here("test").args(["--package", "ripple-deploy", "--quiet"]))
}

/// Copies every file that git tracks or would track. An unchanged file keeps its time, so Cargo builds only changed
/// files.
fn copy() -> Result<PathBuf> {
    let copy = workspace::target()?.join("xtask/adding/copy");
    let list = output(workspace::command("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    for file in list.lines() {
        let (from, to) = (root().join(file), copy.join(file));
        let Ok(mut text) = fs::read(&from) else { continue }; // deleted, but the deletion is not committed
        if file == "Cargo.toml" {
            let manifest = String::from_utf8(text).context("Cargo.toml is UTF-8")?;
            text = manifest.replacen(VERSION.0, VERSION.1, 1).into_bytes();
        }
        if fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        let folder = to.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::write(&to, text).with_context(|| format!("{} cannot be written", to.display()))?;
    }
    Ok(copy)
}

/// Returns the files that the document shows. Each begins with **The file**, `path`, and a block with its text follows.
fn files(document: &str) -> Result<Vec<(&str, &str)>> {
    let told = document.split("**The file**, `").skip(1);
    told.map(|told| {
        let (path, rest) = told.split_once('`').context("a path ends with `")?;
        Ok((path, block(rest, "rust").context("a block with the text follows a path")?))
    })
    .collect()
}

/// Returns the first block of code in a language.
fn block<'a>(document: &'a str, language: &str) -> Option<&'a str> {
    let (_, text) = document.split_once(&format!("```{language}\n"))?;
    Some(text.split_once("```")?.0)
}
