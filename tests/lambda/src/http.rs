//! The part of HTTP/1.1 (RFC 9112) that runtimes use: requests with a `Content-Length` on persistent connections.

use std::io::{self, BufRead, Write};

/// A request, with the headers that matter here.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// Reads the next request of a connection. Returns `None` at its end.
pub(crate) fn read(connection: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(malformed("a request line has a method and a path"));
    };
    let mut length = 0;
    loop {
        let mut header = String::new();
        connection.read_line(&mut header)?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| malformed("a content length is a number"))?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") && !value.trim().is_empty() {
            return Err(malformed("streamed answers are not taken"));
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    let body = String::from_utf8(body).map_err(|_| malformed("what a function answers is JSON, so UTF-8"))?;
    Ok(Some(Request { method, path, body }))
}

/// Writes a response at once, so that it is sent in one piece.
pub(crate) fn write(connection: &mut impl Write, status: &str, headers: &[(&str, &str)], body: &str) -> io::Result<()> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.extend([name, ": ", value, "\r\n"]);
    }
    answer.extend(["\r\n", body]);
    connection.write_all(answer.as_bytes())
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_follow_each_other_on_a_connection() {
        let mut connection =
            &b"GET /next HTTP/1.1\r\nHost: a\r\n\r\nPOST /response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"[..];
        let get = read(&mut connection).unwrap().unwrap();
        assert_eq!((get.method.as_str(), get.path.as_str(), get.body.as_str()), ("GET", "/next", ""));
        let post = read(&mut connection).unwrap().unwrap();
        assert_eq!((post.method.as_str(), post.path.as_str(), post.body.as_str()), ("POST", "/response", "{}"));
        assert!(read(&mut connection).unwrap().is_none());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let refused = |mut text: &[u8]| assert!(read(&mut text).is_err());
        refused(b"nonsense\r\n\r\n");
        refused(b"POST /response HTTP/1.1\r\nContent-Length: many\r\n\r\n");
        refused(b"POST /response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
        refused(b"POST /response HTTP/1.1\r\nContent-Length: 5\r\n\r\n{}");
    }
}
