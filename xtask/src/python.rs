//! Python with the packages that something needs, in a folder of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{output, run};
use crate::workspace;

/// For `tests/python`, which start the Flask app too.
pub(crate) const TESTS: Environment =
    Environment { folder: "venv", requirements: &[FLASK_APP, "tests/python/requirements.txt"] };

/// For the Flask app alone.
pub(crate) const FLASK: Environment = Environment { folder: "venv-flask", requirements: &[FLASK_APP] };

const FLASK_APP: &str = "examples/flask/requirements.txt";

/// For what checks `deploy/`. By itself: it is large, and holds to versions of its own.
pub(crate) const DEPLOY: Environment =
    Environment { folder: "venv-deploy", requirements: &["deploy/requirements.txt"] };

/// For what builds the function for Lambda.
pub(crate) const PACKAGE: Environment =
    Environment { folder: "venv-package", requirements: &["lambda/requirements.txt"] };

/// The oldest Python that those packages take.
const OLDEST: (u8, u8) = (3, 10);

/// A folder of packages.
pub(crate) struct Environment {
    /// In `.tools`.
    folder: &'static str,
    /// The files that name the packages, pinned.
    requirements: &'static [&'static str],
}

impl Environment {
    /// The interpreter that has the packages. Sets it up at first and whenever the pins change.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let environment = workspace::tools().join(self.folder);
        let python = self.programs().join(if cfg!(windows) { "python.exe" } else { "python" });
        let read = |file| fs::read_to_string(workspace::root().join(file)).with_context(|| format!("no {file}"));
        let pins = self.requirements.iter().map(read).collect::<Result<String>>()?;
        // Written last, so that it is there only when everything else is.
        let stamp = environment.join("requirements.txt");

        let same_pins = fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins);
        if same_pins && meets(&python, OLDEST) {
            return Ok(python);
        }

        let system = system()?;
        eprintln!(
            "installing the Python packages of {} into .tools/{} (once)",
            self.requirements.join(" and "),
            self.folder
        );
        run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut install = workspace::command(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(install.args(self.requirements.iter().flat_map(|file| ["-r", file])))?;
        fs::write(stamp, pins)?;
        Ok(python)
    }

    /// A program that a package brought, with the others at hand for it.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        self.ready()?;
        let mut path = vec![self.programs()];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let mut command = workspace::command(self.programs().join(program));
        command.env("PATH", env::join_paths(path)?);
        Ok(command)
    }

    fn programs(&self) -> PathBuf {
        workspace::tools().join(self.folder).join(if cfg!(windows) { "Scripts" } else { "bin" })
    }
}

/// The machine's own Python.
fn system() -> Result<&'static Path> {
    let candidates = [Path::new("python3"), Path::new("python")];
    let found = candidates.into_iter().find(|python| meets(python, OLDEST));
    let (major, minor) = OLDEST;
    found.with_context(|| format!("this needs Python {major}.{minor} or later: please install it"))
}

fn meets(python: &Path, (major, minor): (u8, u8)) -> bool {
    let question = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    output(Command::new(python).args(["-c", &question])).is_ok()
}
