//! The environment that the compared functions share: one DynamoDB, one way to reach it, one Runtime API.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use ripple_runtime_api::{Function, Outcome};
use serde_json::{Value, json};

use super::measure::OneCpu;
use super::tls::TlsFront;
use crate::process::run;
use crate::python;
use crate::server::{self, Server};
use crate::workspace::{self, cargo};

/// An embedded DynamoDB behind TLS, and the functions that can run on it.
pub(super) struct Room {
    server: Server,
    tls: TlsFront,
    python: PathBuf,
    folder: PathBuf,
    _one_cpu: OneCpu,
}

impl Room {
    /// Builds the measured programs in release, and starts the database.
    pub(super) fn open() -> Result<Room> {
        // Separate builds: each program gets its own features and no more.
        for package in ["ripple-lambda", "ripple"] {
            run(cargo("build").args(["--release", "--package", package]))?;
        }
        // For making a key.
        workspace::build(&["--bin", "ripple"])?;
        let python = python::TESTS.ready()?;
        let one_cpu = OneCpu::take()?;
        let server = Server::start_optimised()?;
        let folder = workspace::target()?.join("xtask").join(format!("bench-{}", std::process::id()));
        let engine = server.dynamodb_endpoint().trim_start_matches("http://");
        let engine: SocketAddr = engine.parse().with_context(|| format!("{engine} is not an address"))?;
        let tls = TlsFront::start(engine, &folder)?;
        Ok(Room { server, tls, python, folder, _one_cpu: one_cpu })
    }

    /// Ends the database.
    pub(super) fn close(self) -> Result<()> {
        fs::remove_dir_all(&self.folder)?;
        self.server.stop()
    }

    /// Creates the projects, one from each line.
    pub(super) fn import(&self, lines: &str) -> Result<()> {
        let file = self.folder.join("projects.jsonl");
        fs::write(&file, lines)?;
        run(server::ripple()?.arg("import").arg(file).args(["--endpoint-url", self.server.dynamodb_endpoint()]))
    }

    /// Starts ripple's function.
    pub(super) fn ripple(&self) -> Result<Function> {
        self.start(&mut bootstrap()?)
    }

    /// Starts ripple's function with the resource files of a folder that [`Room::resources`] made.
    pub(super) fn ripple_with(&self, root: &Path) -> Result<Function> {
        let variables = [("LAMBDA_TASK_ROOT", root)];
        self.start_with(&mut bootstrap()?, &variables)
    }

    /// Makes a folder with the files of this many resources: `prj`, and copies of `task` under other names.
    pub(super) fn resources(&self, count: usize) -> Result<PathBuf> {
        let root = self.folder.join(format!("resources-{count}"));
        let (own, folder) = (workspace::root().join("resources"), root.join("resources"));
        fs::create_dir_all(&folder)?;
        fs::copy(own.join("prj.json"), folder.join("prj.json"))?;
        let mut task: Value = serde_json::from_slice(&fs::read(own.join("task.json"))?)?;
        for number in 1..count {
            task["title"] = json!(format!("Task{number}"));
            task["x-ripple"]["resource"] = json!(format!("task{number}"));
            fs::write(folder.join(format!("task{number}.json")), task.to_string())?;
        }
        Ok(root)
    }

    /// Starts a function of `tests/python/lambda_function.py`.
    pub(super) fn python(&self, handler: &str) -> Result<Function> {
        let mut command = Command::new(&self.python);
        command.args(["-m", "awslambdaric", &format!("lambda_function.{handler}")]);
        self.start(command.current_dir(workspace::root().join("tests/python")))
    }

    fn start(&self, command: &mut Command) -> Result<Function> {
        self.start_with(command, &[])
    }

    fn start_with(&self, command: &mut Command, variables: &[(&str, &Path)]) -> Result<Function> {
        command
            .env_clear()
            .envs(variables.iter().copied())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1");
        // The engine accepts any credentials.
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench");
        command.env("AWS_ENDPOINT_URL_DYNAMODB", self.tls.url()).env("AWS_CA_BUNDLE", self.tls.bundle());
        Function::start(command).with_context(|| format!("{} cannot be started", command.get_program().display()))
    }
}

fn bootstrap() -> Result<Command> {
    Ok(Command::new(workspace::target()?.join("release").join("bootstrap")))
}

/// Returns the response of a function. Any other result ends the benchmark.
pub(super) fn answer(function: &Function, event: &str) -> Result<String> {
    match function.invoke(event).outcome {
        Outcome::Answered(answer) => Ok(answer),
        other => bail!("{event} returned {other:?}"),
    }
}
