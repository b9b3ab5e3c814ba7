//! What runs beside the backend: a server that others have made, with all the processes that it starts.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process;

/// How long it may take to end what it has started.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long one question to it may take.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// Such a process. It is in a group of its own, and dropping it ends the group.
pub(super) struct Guest(Child);

impl Guest {
    pub(super) fn start(command: &mut Command) -> Result<Guest> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let name = command.get_program().to_string_lossy().into_owned();
        let process = command.stdin(Stdio::null()).spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Guest(process))
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Ends it as Ctrl-C would.
    pub(super) fn stop(mut self) -> Result<()> {
        process::interrupt(&mut self.0, END_LIMIT).map(drop)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Whatever it has left behind.
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

/// The port asked for on this machine, or for 0 one that is free now. Somebody could take it until it is listened on;
/// then whoever wanted to says so.
pub(super) fn address(port: u16) -> Result<SocketAddr> {
    let port = match port {
        0 => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        port => port,
    };
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Whether a server answers a GET with 200.
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
