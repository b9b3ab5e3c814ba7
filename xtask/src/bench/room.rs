//! The environment that the compared functions share: one DynamoDB, one way to reach it, one Runtime API.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use ripple_runtime_api::{Function, Outcome};

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
        run(cargo("build").args(["--workspace", "--bin", "ripple"]))?;
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
        self.start(&mut Command::new(workspace::target()?.join("release").join("bootstrap")))
    }

    /// Starts a function of `tests/python/lambda_function.py`.
    pub(super) fn python(&self, handler: &str) -> Result<Function> {
        let mut command = Command::new(&self.python);
        command.args(["-m", "awslambdaric", &format!("lambda_function.{handler}")]);
        self.start(command.current_dir(workspace::root().join("tests/python")))
    }

    fn start(&self, command: &mut Command) -> Result<Function> {
        command.env_clear().env("AWS_REGION", "us-east-1").env("AWS_DEFAULT_REGION", "us-east-1");
        // The engine accepts any credentials.
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench");
        command.env("AWS_ENDPOINT_URL_DYNAMODB", self.tls.url()).env("AWS_CA_BUNDLE", self.tls.bundle());
        Function::start(command).with_context(|| format!("{} cannot be started", command.get_program().display()))
    }
}

/// Returns the response of a function. Any other result ends the benchmark.
pub(super) fn answer(function: &Function, event: &str) -> Result<String> {
    match function.invoke(event).outcome {
        Outcome::Answered(answer) => Ok(answer),
        other => bail!("{event} returned {other:?}"),
    }
}
