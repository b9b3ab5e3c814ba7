//! A function's process, run as Lambda runs it.

use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::runtime_api::{Invocation, RuntimeApi};

/// A function's process, and the Runtime API that it uses. Dropping it ends the process.
#[derive(Debug)]
pub struct Function {
    process: Child,
    api: Arc<RuntimeApi>,
    log: Option<JoinHandle<String>>,
}

/// The result of an ended function.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit status, after its own end or a kill.
    pub status: ExitStatus,
    /// Everything that the function wrote: the content of its CloudWatch log.
    pub log: String,
}

impl Function {
    /// Starts a command as a function. Its environment has the variables that Lambda sets about a function. The caller
    /// sets region, credentials and the function's own settings.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Function> {
        let api = Arc::new(RuntimeApi::start()?);
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "ripple_prj")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/ripple_prj")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0");
        // Lambda writes both streams to one log.
        let (mut reader, writer) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let process = command.spawn()?;
        // The command holds its ends of the pipe. The log would not end while it does.
        command.stdout(Stdio::null()).stderr(Stdio::null());

        let of_log = Arc::clone(&api);
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            // After an error, the log is what was read before.
            let _ = reader.read_to_end(&mut log);
            // The log ends when the process does.
            of_log.end();
            String::from_utf8_lossy(&log).into_owned()
        });
        Ok(Function { process, api, log: Some(log) })
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends an event, and returns its outcome.
    pub fn invoke(&self, event: impl Into<String>) -> Invocation {
        self.api.invoke(event)
    }

    /// Ends the process, if it still runs.
    ///
    /// # Errors
    /// If the process cannot be waited for.
    pub fn end(mut self) -> io::Result<Ended> {
        // If the process has ended by itself, this has no effect.
        let _ = self.process.kill();
        let status = self.process.wait()?;
        let log = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        Ok(Ended { status, log })
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The process has ended already, so an error here does not matter.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
