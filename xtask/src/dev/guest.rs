//! A server of another project that runs with the backend, and all processes that it starts.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process;

/// The time limit for the end of the processes that it has started.
const END_LIMIT: Duration = Duration::from_secs(5);
/// The time limit for one request to it.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// Such a process. It has its own process group, and dropping it ends the group.
pub(super) struct Guest(Child);

impl Guest {
    pub(super) fn start(command: &mut Command) -> Result<Guest> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let name = command.get_program().to_string_lossy().into_owned();
        let process = command.stdin(Stdio::null()).spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Guest(process))
    }

    /// Returns the exit status, if the process has ended.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Ends the process as Ctrl-C does.
    pub(super) fn stop(mut self) -> Result<()> {
        process::interrupt(&mut self.0, END_LIMIT).map(drop)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Ends the processes that it has left behind.
        #[cfg(unix)]
        {
            use nix::sys::signal::{Signal, killpg};
            use nix::unistd::Pid;
            let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the requested port on this machine, or for 0 a port that is free now. Another process could take that port
/// before the server listens. Then the server reports it.
pub(super) fn address(port: u16) -> Result<SocketAddr> {
    let port = match port {
        0 => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        port => port,
    };
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Reports whether a server answers a GET with 200.
pub(super) fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> Result<String> {
        let mut connection = TcpStream::connect_timeout(&address, ASK_LIMIT)?;
        connection.set_read_timeout(Some(ASK_LIMIT))?;
        write!(connection, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
