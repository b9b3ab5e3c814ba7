//! Python environments, each with its packages in its own folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{output, run};
use crate::workspace;

/// For `tests/python`, which also start the Flask app.
pub(crate) const TESTS: Environment =
    Environment { folder: "venv", requirements: &[FLASK_APP, "tests/python/requirements.txt"] };

/// For the Flask app.
pub(crate) const FLASK: Environment = Environment { folder: "venv-flask", requirements: &[FLASK_APP] };

const FLASK_APP: &str = "examples/flask/requirements.txt";

/// For the checks of `deploy/`. A separate environment: it is large, and pins its own versions.
pub(crate) const DEPLOY: Environment =
    Environment { folder: "venv-deploy", requirements: &["deploy/requirements.txt"] };

/// For building the Lambda function.
pub(crate) const PACKAGE: Environment =
    Environment { folder: "venv-package", requirements: &["lambda/requirements.txt"] };

/// For the checks that need no code to be built.
pub(crate) const CHECKS: Environment = Environment { folder: "venv-checks", requirements: &["xtask/requirements.txt"] };

/// The oldest Python that the packages support.
const OLDEST: (u8, u8) = (3, 10);

/// A folder of packages.
pub(crate) struct Environment {
    /// The folder in `.tools`.
    folder: &'static str,
    /// The files with the pinned packages.
    requirements: &'static [&'static str],
}

impl Environment {
    /// Returns the interpreter with the packages. Sets it up at first use, and when the pins change.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let environment = workspace::tools().join(self.folder);
        let python = self.programs().join(if cfg!(windows) { "python.exe" } else { "python" });
        let read =
            |file| fs::read_to_string(workspace::root().join(file)).with_context(|| format!("cannot read {file}"));
        let pins = self.requirements.iter().map(read).collect::<Result<String>>()?;
        // Written last, so it exists only if everything else does.
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

    /// Returns a program of a package, with the other programs in its PATH.
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

/// Returns the machine's Python.
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
