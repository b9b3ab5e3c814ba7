//! docs/ADDING_A_METHOD.md, done as it says: in a copy of the project its row and its files are put in place, and then
//! the method answers, is documented, and is a resource of API Gateway.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::process::{output, run};
use crate::workspace::{self, cargo, root};

const DOCUMENT: &str = "docs/ADDING_A_METHOD.md";
/// What the document adds.
const RESOURCE: &str = "/prj/{prjid}/age";
const CASES: &str = "age";

pub(crate) fn check() -> Result<()> {
    let copy = copy()?;
    let document = fs::read_to_string(root().join(DOCUMENT)).with_context(|| DOCUMENT)?;
    let row = document.lines().find(|line| line.trim_start().starts_with("age:")).context("no row")?;
    // The line before is `methods! {`'s own, in the document as in the file.
    insert(&copy.join("core/src/method.rs"), "    near {\n", &format!("{row}\n"))?;
    let files = files(&document)?;
    ensure!(files.len() == 2, "{DOCUMENT} should have the method's file and its case's");
    for (path, text) in files {
        fs::write(copy.join(path), text)?;
    }
    let cases = copy.join("tests/src/cases.rs");
    insert(&cases, "//! The cases, by noun.\n\n", &format!("mod {CASES};\n"))?;
    insert(&cases, "= &[\n", &format!("    {CASES}::CASES,\n"))?;

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
        let text = rest.split_once("```rust\n").and_then(|(_, text)| text.split_once("```"));
        Ok((path, text.context("after a path comes what is in the file")?.0))
    })
    .collect()
}

fn insert(file: &Path, after: &str, line: &str) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let at = text.find(after).with_context(|| format!("{} has no {after:?}", file.display()))? + after.len();
    fs::write(file, format!("{}{line}{}", &text[..at], &text[at..]))?;
    Ok(())
}
