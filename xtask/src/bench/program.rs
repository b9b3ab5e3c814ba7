//! The benchmarks' programs in Python.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::python;
use crate::server::{self, Server};
use crate::workspace::root;

/// Runs a program, and returns the JSON that it prints. The program is told of the server, if there is one.
pub(super) fn measured(path: &str, arguments: &[&str], server: Option<&Server>) -> Result<Value> {
    let mut program = Command::new(python::TESTS.ready()?);
    program.current_dir(root()).arg(path).args(arguments);
    program.env("RIPPLE_BIN", server::ripple()?.get_program());
    if let Some(server) = server {
        server.introduce(&mut program);
    }
    let done = program.stderr(Stdio::inherit()).output().context("the program cannot be started")?;
    ensure!(done.status.success(), "{path} failed");
    Ok(serde_json::from_slice(&done.stdout)?)
}
