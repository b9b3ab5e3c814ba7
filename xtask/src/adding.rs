//! docs/ADDING_AN_OPERATION.md, done as it says: in a copy of the project its change is applied and its files are put in
//! place. Then the operation answers, is documented, and is a resource of API Gateway.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::process::{output, run};
use crate::workspace::{self, cargo, root};

const DOCUMENT: &str = "docs/ADDING_AN_OPERATION.md";
/// What the document adds.
const RESOURCE: &str = "/prj/{prjid}/age";
const CASES: &str = "age";

pub(crate) fn check() -> Result<()> {
    let copy = copy()?;
    let document = fs::read_to_string(root().join(DOCUMENT)).with_context(|| DOCUMENT)?;
    let change = block(&document, "diff").context("the document shows no change")?;
    let patch = copy.join("operation.patch");
    fs::write(&patch, change)?;
    let mut apply = workspace::command("git");
    // The copy lies in a folder that git ignores: to git it is no part of this project.
    apply.current_dir(&copy).env("GIT_CEILING_DIRECTORIES", copy.parent().unwrap_or(&copy));
    run(apply.args(["apply", "--recount"]).arg(&patch))?;
    let files = files(&document)?;
    ensure!(files.len() == 2, "{DOCUMENT} should have the operation's file and its case's");
    for (path, text) in files {
        fs::write(copy.join(path), text)?;
    }

    // The dependencies are built there already; crates of another folder are others to Cargo.
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
    run(here("test").args(["--package", "ripple-tests", "--test", "suite", "--", &format!("in_process::{CASES}::")]))?;
    run(here("test").args(["--package", "ripple-deploy", "--quiet"]))
}

/// All that git tracks or would, as it lies there. What did not change keeps its time, so that Cargo builds only what did.
fn copy() -> Result<PathBuf> {
    let copy = workspace::target()?.join("xtask/adding/copy");
    let list = output(workspace::command("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    for file in list.lines() {
        let (from, to) = (root().join(file), copy.join(file));
        let Ok(text) = fs::read(&from) else { continue }; // deleted, and not yet committed so
        if fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        let folder = to.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::write(&to, text).with_context(|| format!("{} cannot be written", to.display()))?;
    }
    Ok(copy)
}

/// The files that the document shows: **The file**, `path`, and after it what is in it.
fn files(document: &str) -> Result<Vec<(&str, &str)>> {
    let told = document.split("**The file**, `").skip(1);
    told.map(|told| {
        let (path, rest) = told.split_once('`').context("a path ends with `")?;
        Ok((path, block(rest, "rust").context("after a path comes what is in the file")?))
    })
    .collect()
}

/// Returns the first block of code in a language.
fn block<'a>(document: &'a str, language: &str) -> Option<&'a str> {
    let (_, text) = document.split_once(&format!("```{language}\n"))?;
    Some(text.split_once("```")?.0)
}
