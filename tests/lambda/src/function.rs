//! A function's process, as Lambda runs one.

use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::runtime_api::{Invocation, RuntimeApi};

/// A function: its process and the Runtime API that it listens to. Dropping it ends the process.
#[derive(Debug)]
pub struct Function {
    process: Child,
    api: Arc<RuntimeApi>,
    log: Option<JoinHandle<String>>,
}

/// What is left of a function.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended, by itself or killed.
    pub status: ExitStatus,
    /// All that it wrote: what CloudWatch would have.
    pub log: String,
}

impl Function {
    /// Starts a command as a function. It finds in its environment what Lambda puts there about the function;
    /// region, credentials and its own settings are the caller's to set.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Function> {
        let api = Arc::new(RuntimeApi::start()?);
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "ripple_prj")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/ripple_prj")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0");
        // Lambda makes one log of both.
        let (mut reader, writer) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let process = command.spawn()?;
        // The command keeps its ends of the pipe, and with them the log would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());

        let of_log = Arc::clone(&api);
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            // What was read before an error is the log.
            let _ = reader.read_to_end(&mut log);
            // The log ends when the process does.
            of_log.end();
            String::from_utf8_lossy(&log).into_owned()
        });
        Ok(Function { process, api, log: Some(log) })
    }

    /// Its process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Gives it an event and waits for what comes of it.
    pub fn invoke(&self, event: impl Into<String>) -> Invocation {
        self.api.invoke(event)
    }

    /// Ends it, if it has not ended by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn end(mut self) -> io::Result<Ended> {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.process.kill();
        let status = self.process.wait()?;
        let log = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        Ok(Ended { status, log })
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // An error here has nowhere to go: the process is already gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
