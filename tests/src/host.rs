//! The hosts of the suite: anything that answers an HTTP request.

mod in_process;
mod url;

use std::env;

use bytes::Bytes;
use http::{Request, Response};

use crate::{KITS, Kit, PRJ, TASK};

/// Sends one request and waits for the response. The URI is path and query, sent unchanged.
type Send = dyn Fn(Request<Bytes>) -> Response<Bytes> + std::marker::Send + Sync;

/// A running ripple.
pub struct Host {
    /// The prefix of its cases' names.
    pub name: &'static str,
    /// Its API keys.
    pub keys: Keys,
    /// The names of its resources.
    served: Vec<String>,
    send: Box<Send>,
}

/// API keys of a host.
#[derive(Debug)]
pub struct Keys {
    /// A key with the scopes `read` and `write`.
    pub key: String,
    /// A key with the scope `read` only.
    pub read_key: Option<String>,
    /// A key with the scope `prj:read` only.
    pub prj_read_key: Option<String>,
}

impl Host {
    /// Reports whether the host has the resource.
    #[must_use]
    pub fn serves(&self, kit: &Kit) -> bool {
        self.served.iter().any(|name| name == kit.resource)
    }

    /// Reports whether the host has the resources of this project, [`PRJ`] and [`TASK`].
    #[must_use]
    pub fn serves_all(&self) -> bool {
        self.serves(&PRJ) && self.serves(&TASK)
    }

    pub(crate) fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        (self.send)(request)
    }
}

/// Returns the hosts that the environment selects: the core in process, and `RIPPLE_URL`.
///
/// # Errors
/// If the environment has only a part of the required variables, or names a resource that the suite does not know.
pub fn hosts() -> Result<Vec<Host>, String> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let mut hosts = vec![in_process::host()];
    match (set("RIPPLE_URL"), set("RIPPLE_KEY")) {
        (Some(url), Some(key)) => {
            let keys = Keys { key, read_key: set("RIPPLE_READ_KEY"), prj_read_key: set("RIPPLE_PRJ_READ_KEY") };
            hosts.push(url::host(&url, keys, served(set("RIPPLE_SERVED"))?)?);
        }
        (Some(_), None) => return Err("RIPPLE_URL is set and RIPPLE_KEY is not".to_owned()),
        (None, Some(_)) => return Err("RIPPLE_KEY is set and RIPPLE_URL is not".to_owned()),
        (None, None) if set("RIPPLE_REQUIRE_URL").as_deref() == Some("1") => {
            return Err("RIPPLE_REQUIRE_URL is 1 and RIPPLE_URL is not set".to_owned());
        }
        (None, None) => {}
    }
    Ok(hosts)
}

/// Returns the resources that a list names: those of this project, if there is no list.
fn served(list: Option<String>) -> Result<Vec<String>, String> {
    let list = list.unwrap_or_else(|| format!("{},{}", PRJ.resource, TASK.resource));
    let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| !KITS.iter().any(|kit| kit.resource == **name)) {
        Some(unknown) => Err(format!("RIPPLE_SERVED has {unknown}, and the suite knows no such resource")),
        None => Ok(names),
    }
}
