//! A running Flask app of `examples/flask`.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use super::Options;
use super::backend::{Address, Backend};
use super::guest::{self, Guest};
use crate::python;
use crate::workspace;

/// The app under waitress, in its own environment.
pub(super) struct Flask {
    process: Guest,
    address: SocketAddr,
    answers: bool,
}

impl Flask {
    /// Installs its packages, and starts it. It uses the edge if there is one, as visitors far away would.
    pub(super) fn start(options: &Options, backend: &Address) -> Result<Flask> {
        let interpreter = python::FLASK.ready()?;
        let address = guest::address(options.flask_port)?;
        let mut app = Command::new(interpreter);
        app.current_dir(workspace::root().join("examples/flask"));
        app.args(["-m", "waitress", &format!("--listen={address}"), "--call", "ripple_flask:create_app"]);
        app.env("RIPPLE_URL", backend.edge_url.as_ref().unwrap_or(&backend.url)).env("RIPPLE_KEY", &backend.key);
        // Its secret is in the folder of the database.
        app.env("RIPPLE_DATA", std::path::absolute(&options.data)?);
        Ok(Flask { process: Guest::start(&mut app)?, address, answers: false })
    }

    /// Reports whether the app still runs. Prints its URL once it answers.
    pub(super) fn look(&mut self, backend: &Backend) -> Result<bool> {
        if self.process.ended()?.is_some() {
            return Ok(false);
        }
        if !self.answers && guest::answers(self.address, "/static/ripple.css") {
            self.answers = true;
            let url = format!("http://{}", self.address);
            backend.add("flask_url", &url)?;
            println!("\nthe Flask app is at {url}");
        }
        Ok(true)
    }

    pub(super) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}
