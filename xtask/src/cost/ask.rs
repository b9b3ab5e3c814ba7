//! One HTTP request to a server on this machine, and its response.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

const LIMIT: Duration = Duration::from_secs(60);

/// A response.
pub(super) struct Answer {
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Returns a header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends a request. Any response except a success is an error.
pub(super) fn ask(base: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let address = base.strip_prefix("http://").with_context(|| format!("{base} does not begin with http://"))?;
    let mut connection = TcpStream::connect(address).with_context(|| format!("{base} does not listen"))?;
    connection.set_read_timeout(Some(LIMIT))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    let end =
        answer.windows(4).position(|four| four == b"\r\n\r\n").context("the headers of the response are incomplete")?;
    let head = String::from_utf8(answer[..end].to_vec()).context("the headers of the response are not text")?;
    let answer = Answer { head, body: answer[end + 4..].to_vec() };
    let status = answer.head.lines().next().unwrap_or_default();
    ensure!(
        status.starts_with("HTTP/1.1 2"),
        "{method} {path} was answered {status:?}: {}",
        String::from_utf8_lossy(&answer.body)
    );
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
    ensure!(
        length == Some(answer.body.len()),
        "{method} {path}: the body of the response has another length than Content-Length"
    );
    Ok(answer)
}
