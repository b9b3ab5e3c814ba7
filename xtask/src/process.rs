//! Starts processes, waits for them and ends them.

use std::io::ErrorKind;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// The interval at which a process is polled.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a command to its end and shows its output. Any result except success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(())
}

/// Runs a command to its end and returns its output. Any result except success is an error, with the command's message.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` ended with {}: {}", shown(command), output.status, complaint(&said));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` does not print UTF-8", shown(command)))
}

/// Reports whether a command succeeds within the limit. Shows no output.
pub(crate) fn succeeds_within(limit: Duration, command: &mut Command) -> Result<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| cannot_start(command)),
    };
    if let Some(status) = wait(&mut child, limit)? {
        return Ok(status.success());
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// Asks a process to end as Ctrl-C does. Kills it after the limit. Returns its exit status if it ended by itself.
pub(crate) fn interrupt(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    #[cfg(unix)]
    if child.try_wait()?.is_none() {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;
        // No process has waited for it yet, so the id is still its own.
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?;
    }
    #[cfg(not(unix))]
    child.kill()?;

    if let Some(status) = wait(child, limit)? {
        return Ok(Some(status));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => thread::sleep(LOOK),
            ended => return Ok(ended),
        }
    }
}

/// Returns the command as typed in a shell.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("`{}` cannot be started", shown(command))
}

/// Returns the relevant line of a failed command's output.
fn complaint(said: &str) -> &str {
    let said = said.trim();
    said.lines().find(|line| line.starts_with("error")).or(said.lines().last()).unwrap_or("it printed no reason")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_complaint_is_the_first_error_or_else_the_last_line() {
        assert_eq!(complaint("info: trying\nerror: no such host\n\nCaused by:\n  0: x\n"), "error: no such host");
        assert_eq!(complaint("first\nlast\n"), "last");
        assert_eq!(complaint(" \n"), "it printed no reason");
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_does_not_end_in_time_is_killed() {
        let mut deaf = Command::new("sh");
        deaf.args(["-c", "trap '' INT; echo deaf; while :; do sleep 0.05; done"]).stdout(Stdio::piped());
        let mut deaf = deaf.spawn().unwrap();
        deaf.stdout.as_mut().unwrap().read_exact(&mut [0; 4]).unwrap(); // it has set its trap
        assert_eq!(interrupt(&mut deaf, Duration::from_millis(200)).unwrap(), None);
        // If the command were waited for, this test would take a day.
        assert!(!succeeds_within(Duration::from_millis(50), Command::new("sleep").arg("86400")).unwrap());
    }
}
