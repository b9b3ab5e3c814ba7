//! The hosts of the suite: anything that answers an HTTP request.

mod in_process;
mod url;

use std::env;

use bytes::Bytes;
use http::{Request, Response};

/// Sends one request and waits for the response. The URI is path and query, sent unchanged.
type Send = dyn Fn(Request<Bytes>) -> Response<Bytes> + std::marker::Send + Sync;

/// A running ripple.
pub struct Host {
    /// The prefix of its cases' names.
    pub name: &'static str,
    /// An API key with the scopes `read` and `write`.
    pub key: String,
    /// An API key with the scope `read` only.
    pub read_key: Option<String>,
    send: Box<Send>,
}

impl Host {
    pub(crate) fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        (self.send)(request)
    }
}

/// Returns the hosts that the environment selects: the core in process, and `RIPPLE_URL`.
///
/// # Errors
/// If the environment has only a part of the required variables.
pub fn hosts() -> Result<Vec<Host>, String> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let mut hosts = vec![in_process::host()];
    match (set("RIPPLE_URL"), set("RIPPLE_KEY")) {
        (Some(url), Some(key)) => hosts.push(url::host(&url, key, set("RIPPLE_READ_KEY"))?),
        (Some(_), None) => return Err("RIPPLE_URL is set and RIPPLE_KEY is not".to_owned()),
        (None, Some(_)) => return Err("RIPPLE_KEY is set and RIPPLE_URL is not".to_owned()),
        (None, None) if set("RIPPLE_REQUIRE_URL").as_deref() == Some("1") => {
            return Err("RIPPLE_REQUIRE_URL is 1 and RIPPLE_URL is not set".to_owned());
        }
        (None, None) => {}
    }
    Ok(hosts)
}
