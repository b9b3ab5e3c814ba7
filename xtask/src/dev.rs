//! `cargo xtask dev`: builds and starts ripple with the edge worker in front of it, and the Flask app with `--flask`.
//!
//! The backend answers as soon as it is built, and the worker follows. If the worker cannot be built because Node.js is
//! missing, one sentence says so, and the backend continues.

mod backend;
mod flask;
mod guest;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::node;
use crate::process;
use crate::workspace::{self, cargo};

use backend::Backend;
use flask::Flask;
use worker::Worker;

/// The interval at which the processes are polled.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Port of the API on 127.0.0.1; 0 picks a free port
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Port of the edge worker on 127.0.0.1; 0 picks a free port
    #[arg(long, default_value_t = 8787)]
    edge_port: u16,
    /// Also start the Flask app of examples/flask
    #[arg(long)]
    flask: bool,
    /// Port of the Flask app on 127.0.0.1; 0 picks a free port
    #[arg(long, default_value_t = 5050)]
    flask_port: u16,
    /// Keep the database in memory; its data is lost when the process ends
    #[arg(long)]
    in_memory: bool,
    /// Folder of the database and of dev.json, which holds the URLs and the key for scripts
    #[arg(long, env = "RIPPLE_DATA", default_value = ".ripple", value_name = "DIR")]
    data: PathBuf,
    /// Build ripple and the worker as tests do: slower to build, and faster with many records
    #[arg(long)]
    optimised: bool,
    /// The `ripple` to start; without one, it is built first
    #[arg(long, env = "RIPPLE_BIN", value_name = "FILE")]
    ripple: Option<PathBuf>,
    /// More arguments for `ripple dev`; `-- --help` lists them
    #[arg(last = true, value_name = "ARGUMENTS")]
    more: Vec<String>,
}

/// Builds and starts everything. Ends everything on Ctrl-C, or when the backend ends.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    // What starts first is built first. The worker is built when the backend answers.
    let ripple = match &options.ripple {
        Some(ripple) => ripple.clone(),
        None => build(options.optimised)?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("cannot handle Ctrl-C")?;

    let mut backend = Backend::start(&ripple, options)?;
    let mut worker = None;
    let mut wanted = true;
    let mut flask = None;
    let mut flask_wanted = options.flask;
    let code = loop {
        if let Some(code) = backend.ended()? {
            break code;
        }
        if stop.load(Ordering::Relaxed) {
            break backend.stop()?;
        }
        if let Some(address) = backend.address().filter(|_| wanted) {
            wanted = false;
            match node::check().and_then(|()| Worker::start(options, &address)) {
                Ok(started) => worker = Some(started),
                // A process that was asked to end is not reported.
                Err(_) if stop.load(Ordering::Relaxed) => {}
                Err(error) => eprintln!("xtask: cannot start the edge worker: {error:#}. The API continues."),
            }
        }
        if let Some(running) = &mut worker
            && !running.look(&backend)?
        {
            eprintln!("xtask: the edge worker has ended. The API continues.");
            worker = None;
        }
        // The Flask app starts when it is known whether there is an edge.
        let settled = !wanted && worker.as_ref().is_none_or(Worker::serves);
        if let Some(address) = backend.address().filter(|_| settled && flask_wanted) {
            flask_wanted = false;
            match Flask::start(options, &address) {
                Ok(started) => flask = Some(started),
                Err(_) if stop.load(Ordering::Relaxed) => {}
                Err(error) => eprintln!("xtask: cannot start the Flask app: {error:#}. The API continues."),
            }
        }
        if let Some(running) = &mut flask
            && !running.look(&backend)?
        {
            eprintln!("xtask: the Flask app has ended. The API continues.");
            flask = None;
        }
        thread::sleep(LOOK);
    };
    if let Some(flask) = flask {
        flask.stop()?;
    }
    if let Some(worker) = worker {
        worker.stop()?;
    }
    Ok(code)
}

fn build(optimised: bool) -> Result<PathBuf> {
    if optimised {
        workspace::build(&["--bin", "ripple"])?;
    } else {
        process::run(cargo("build").args(["--package", "ripple"]))?;
    }
    workspace::binary("ripple")
}
