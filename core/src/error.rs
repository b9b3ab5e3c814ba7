//! What can go wrong, without a word of HTTP. `problem` tells it to callers.

use std::time::Duration;

use crate::key::Scope;
use crate::record::merge::push_token;
use crate::record::{Record, RecordId};
use crate::store::StoreError;

/// Why a request was not answered as asked. Each variant's text is for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not what the method takes.
    #[error("the body has faults")]
    InvalidBody(Vec<Fault>),
    /// The rest of the request is not what the method takes.
    #[error("the request has faults")]
    InvalidRequest(Vec<Fault>),
    /// No valid API key. Why not is for nobody to know.
    #[error("a valid API key is needed in x-api-key")]
    Forbidden,
    /// The key may not do this.
    #[error("this needs an API key with the scope {0}")]
    InsufficientScope(Scope),
    /// No resource has this path.
    #[error("no resource has this path")]
    NoSuchResource,
    /// The resource has no such method.
    #[error("this resource takes {0}")]
    MethodNotAllowed(String),
    /// No project has this id.
    #[error("there is no project {0}")]
    NotFound(RecordId),
    /// The project was deleted.
    #[error("the project {id} was deleted")]
    Gone {
        /// Which.
        id: RecordId,
        /// The tombstone's version.
        version: u64,
    },
    /// A project with this id is there already.
    #[error("there is a project {0} already; nothing was changed")]
    Exists(RecordId),
    /// The edit was made after the project was deleted, and does not say that it is to come back.
    #[error(
        "the project {id} is deleted; to bring it back, send a whole record with \"deleted\": false, or restore a version"
    )]
    Deleted {
        /// Which.
        id: RecordId,
        /// The tombstone's version.
        version: u64,
    },
    /// The history has no such version.
    #[error("the history of {id} has no version {version}; it goes back {days} days", days = crate::limits::HISTORY.as_secs() / 86400)]
    NoSuchVersion {
        /// Of which project.
        id: RecordId,
        /// Which.
        version: u64,
    },
    /// The key has come with another request before.
    #[error("this Idempotency-Key has come with another request; nothing was changed")]
    IdempotencyKeyReused,
    /// The edit was made on a version that the record has not come to.
    #[error("the edit was made on version {base}, the record is at version {}; nothing was changed", current.version)]
    Stale {
        /// What the caller had in front of them.
        base: u64,
        /// What is there.
        current: Box<Record>,
    },
    /// `If-Match` did not name the state that is there.
    #[error("the entity tag does not match; nothing was changed")]
    PreconditionFailed,
    /// The body is longer than a request may be.
    #[error("a body has at most {max} bytes", max = crate::limits::BODY)]
    BodyTooLarge,
    /// The record would be larger than one may be.
    #[error("a record has at most {max} bytes as stored, this one would have {0}", max = crate::limits::RECORD)]
    RecordTooLarge(usize),
    /// The body is of a type the method does not take.
    #[error("the body must be {}", accepted.join(" or "))]
    UnsupportedMediaType {
        /// What it takes.
        accepted: &'static [&'static str],
        /// The header that says so.
        header: &'static str,
    },
    /// The key asks more often than it may.
    #[error("this key asks too often; try again later")]
    TooManyRequests {
        /// When to ask again.
        wait: Duration,
        /// How many requests may come in a window.
        burst: u32,
        /// The window, in seconds.
        window: u32,
    },
    /// Many are saving the same record, and this one lost every try.
    #[error("too many are saving this project at once; nothing was changed")]
    Contended,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a request is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which part.
    pub place: Place,
    /// One sentence for the caller.
    pub detail: String,
}

/// A part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON Pointer into the body.
    Pointer(String),
    /// A parameter of the query or the path.
    Parameter(String),
    /// A header.
    Header(&'static str),
}

impl Fault {
    /// In a member of the body.
    pub fn member(name: &str, detail: impl Into<String>) -> Fault {
        let mut pointer = String::new();
        push_token(&mut pointer, name);
        Fault { place: Place::Pointer(pointer), detail: detail.into() }
    }

    /// In a parameter of the query or the path.
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Fault {
        Fault { place: Place::Parameter(name.into()), detail: detail.into() }
    }

    /// In a header.
    pub fn header(name: &'static str, detail: impl Into<String>) -> Fault {
        Fault { place: Place::Header(name), detail: detail.into() }
    }
}

impl From<crate::value::Malformed> for Error {
    fn from(malformed: crate::value::Malformed) -> Self {
        Error::InvalidBody(vec![Fault { place: Place::Pointer(malformed.pointer), detail: malformed.detail }])
    }
}
