//! Python with the packages that `tests/python` needs, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{output, run};
use crate::workspace;

/// The packages, pinned.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// The oldest Python that those packages take.
const OLDEST: (u8, u8) = (3, 10);

/// The interpreter that has the packages. Sets it up at first and whenever the pins change.
pub(crate) fn ready() -> Result<PathBuf> {
    let environment = workspace::tools().join("venv");
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let requirements = workspace::root().join(REQUIREMENTS);
    let pins = fs::read_to_string(&requirements).with_context(|| format!("{REQUIREMENTS} cannot be read"))?;
    // Written last, so that it is there only when everything else is.
    let stamp = environment.join("requirements.txt");

    let same_pins = fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins);
    if same_pins && meets(&python, OLDEST) {
        return Ok(python);
    }

    let system = system()?;
    eprintln!("installing the Python packages of {REQUIREMENTS} into .tools/venv (once)");
    run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&environment))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))?;
    fs::write(stamp, pins)?;
    Ok(python)
}

/// The machine's own Python.
fn system() -> Result<&'static Path> {
    let candidates = [Path::new("python3"), Path::new("python")];
    let found = candidates.into_iter().find(|python| meets(python, OLDEST));
    let (major, minor) = OLDEST;
    found.with_context(|| format!("the tests in tests/python need Python {major}.{minor} or later: please install it"))
}

fn meets(python: &Path, (major, minor): (u8, u8)) -> bool {
    let question = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    output(Command::new(python).args(["-c", &question])).is_ok()
}
