//! # ripple-host
//!
//! The common part of the hosts that run on an operating system: the function, `ripple dev` and the WASI component.
//!
//! In scope: the clock, randomness, the environment, resource files, and the documents that are generated from the API.
//! Out of scope: everything that only one host has. The edge uses the clock and randomness of Workers.

pub mod resources;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use bytes::Bytes;
use ripple_core::{Documents, RequestContext, Timestamp};

/// Returns the OpenAPI document of [`Resources::built_in`](ripple_core::record::schema::Resources::built_in), as
/// `ripple-deploy` generates it, and the page that shows a document.
///
/// ```
/// assert!(ripple_host::documents().openapi.starts_with(b"{"));
/// ```
#[must_use]
pub fn documents() -> Documents {
    Documents {
        openapi: Bytes::from_static(include_bytes!("../../deploy/openapi.json")),
        page: Bytes::from_static(include_bytes!("../../deploy/site/docs.html")),
    }
}

/// Returns the documents of the API whose files are in a folder: its `openapi.json` and its folder `resources`. Returns
/// `None` if there are resource files without their document. Without both, the documents are [`documents`].
///
/// # Errors
/// If the document is there and cannot be read.
pub fn documents_in(folder: &Path) -> io::Result<Option<Documents>> {
    let (document, built_in) = (folder.join("openapi.json"), documents());
    // A WASI host that opens no folder answers a read with an error of its own.
    if document.is_file() {
        Ok(Some(Documents { openapi: fs::read(document)?.into(), ..built_in }))
    } else {
        Ok((!folder.join("resources").is_dir()).then_some(built_in))
    }
}

/// A lookup in an environment: [`environment`] in a process, or any function in a test.
pub trait Environment: Fn(&str) -> Option<String> {}
impl<F: Fn(&str) -> Option<String>> Environment for F {}

/// Returns a variable of the process's environment. An empty variable counts as none.
///
/// ```
/// assert_eq!(ripple_host::environment("NO_SUCH_VARIABLE"), None);
/// ```
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the context of a request whose client no gateway has authenticated.
#[must_use]
pub fn request_context() -> RequestContext {
    RequestContext { now: now(), random: random(), caller: None }
}

/// Returns the time. A clock before 1970 counts as 1970.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Returns bytes from the system's cryptographic source.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("an operating system, or wasi:random, always answers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_that_of_the_resource_files() {
        let folder = std::env::temp_dir().join(format!("ripple-host-{}", std::process::id()));
        let found = || documents_in(&folder).expect("it can be read").map(|documents| documents.openapi);
        fs::create_dir_all(&folder).expect("a folder");
        assert_eq!(found(), Some(documents().openapi));
        fs::create_dir(folder.join("resources")).expect("a folder");
        assert_eq!(found(), None);
        fs::write(folder.join("openapi.json"), "{}").expect("a file");
        assert_eq!(found(), Some(Bytes::from_static(b"{}")));
        fs::remove_dir_all(&folder).expect("it is removed");
    }
}
