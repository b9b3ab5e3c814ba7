//! `cargo xtask dev`: ripple, built and started, and the edge worker in front of it; with `--flask` the Flask app too.
//!
//! The backend answers as soon as it is built; the worker follows when it is. Where it cannot, for want of Node.js, one
//! sentence says so and the backend goes on.

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
use crate::workspace::cargo;

use backend::Backend;
use flask::Flask;
use worker::Worker;

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Port of the API on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Port of the edge worker on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 8787)]
    edge_port: u16,
    /// Start the Flask app of examples/flask too
    #[arg(long)]
    flask: bool,
    /// Port of the Flask app on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 5050)]
    flask_port: u16,
    /// Keep nothing: the database ends with the process
    #[arg(long)]
    in_memory: bool,
    /// Folder of the database, and of dev.json, which tells scripts where everything is
    #[arg(long, env = "RIPPLE_DATA", default_value = ".ripple", value_name = "DIR")]
    data: PathBuf,
    /// More for `ripple dev`: try `-- --help`
    #[arg(last = true, value_name = "ARGUMENTS")]
    more: Vec<String>,
}

/// Builds what is started first. The worker's turn comes when this one answers.
pub(crate) fn build() -> Result<()> {
    process::run(cargo("build").args(["--package", "ripple"]))
}

/// Builds and starts all, and ends all on Ctrl-C, or when the backend ends.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    build()?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("Ctrl-C cannot be listened to")?;

    let mut backend = Backend::start(options)?;
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
            match node::ready().and_then(|()| Worker::start(options, &address)) {
                Ok(started) => worker = Some(started),
                // What was asked to end is not to be complained of.
                Err(_) if stop.load(Ordering::Relaxed) => {}
                Err(error) => eprintln!("xtask: there is no edge worker: {error:#}. The API goes on."),
            }
        }
        if let Some(running) = &mut worker
            && !running.look(&backend)?
        {
            eprintln!("xtask: the edge worker has ended. The API goes on.");
            worker = None;
        }
        // Once it is clear whom it has to ask.
        let settled = !wanted && worker.as_ref().is_none_or(Worker::serves);
        if let Some(address) = backend.address().filter(|_| settled && flask_wanted) {
            flask_wanted = false;
            match Flask::start(options, &address) {
                Ok(started) => flask = Some(started),
                Err(_) if stop.load(Ordering::Relaxed) => {}
                Err(error) => eprintln!("xtask: there is no Flask app: {error:#}. The API goes on."),
            }
        }
        if let Some(running) = &mut flask
            && !running.look(&backend)?
        {
            eprintln!("xtask: the Flask app has ended. The API goes on.");
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
