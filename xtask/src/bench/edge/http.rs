//! A minimal HTTP/1.1 client with one connection, so that the measured server does most of the work.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// The time limit for a response.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection.
pub(super) struct Client {
    connection: BufReader<TcpStream>,
    host: String,
}

/// A response.
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Client> {
        let connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(LIMIT))?;
        Ok(Client { connection: BufReader::with_capacity(1 << 16, connection), host: address.to_string() })
    }

    /// Sends a GET. `headers` are lines, each with its line end.
    pub(super) fn get(&mut self, path: &str, headers: &str) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.host);
        self.send(request.as_bytes())
    }

    /// Sends a POST.
    pub(super) fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        let (host, length) = (&self.host, body.len());
        let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.send(&[head.as_bytes(), body].concat())
    }

    fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.connection.get_mut().write_all(request)?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(self.connection.read_line(&mut head)? > 0, "the connection ended within the headers: {head}");
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok()).context("no status line")?;
        let mut answer = Answer { status, head, body: Vec::new() };
        if status != 304 {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            answer.body.resize(length.with_context(|| format!("the response has no length: {}", answer.head))?, 0);
            self.connection.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }
}

impl Answer {
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    }
}
