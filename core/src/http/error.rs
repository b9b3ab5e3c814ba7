//! What can go wrong with a request. `problem` tells it to clients.

use crate::auth::{Scope, TooOften};
use crate::query;
use crate::record;
use crate::service::{self, authenticate, changes};
use crate::store::{StoreError, StoreErrorKind};
use crate::value::{Malformed, push_token};

/// Why a request was not answered as asked. Each variant's text is for the caller.
#[derive(thiserror::Error)]
pub enum Error {
    /// The body is not what the method takes.
    #[error("the body has faults")]
    InvalidBody(Vec<Fault>),
    /// The rest of the request is not what the method takes.
    #[error("the request has faults")]
    InvalidRequest(Vec<Fault>),
    /// The request has no valid API key. The reason is deliberately not disclosed.
    #[error("a valid API key is needed in x-api-key")]
    Forbidden,
    /// The key may not do this.
    #[error("this needs an API key with the scope {scope}{}", or_of_one(*scope, resource.as_deref()))]
    InsufficientScope {
        /// The scope that is missing.
        scope: Scope,
        /// The resource, if the site has several.
        resource: Option<String>,
    },
    /// The key may not name this author.
    #[error("this API key takes no other Ripple-Author than its own")]
    AuthorNotAllowed,
    /// The page may not open a socket.
    #[error("pages of this Origin open no sockets here")]
    OriginNotAllowed,
    /// No resource has this path.
    #[error("no resource has this path")]
    NoSuchResource,
    /// The segment begins with `_` and is none of ripple's own.
    #[error("ids that begin with _ are addressed as {address}")]
    ReservedAddress {
        /// The segment that addresses the record of this id.
        address: String,
    },
    /// The resource has no such method.
    #[error("this resource takes {0}")]
    MethodNotAllowed(String),
    /// The host has no live channel.
    #[error("this host has no live channel; read `_changes` instead")]
    NoLive,
    /// The request is not one for a WebSocket.
    #[error("this resource takes only a WebSocket; send the headers of an upgrade")]
    UpgradeRequired,
    /// The change is refused.
    #[error(transparent)]
    Refused(record::fault::Error),
    /// The key came with another request before.
    #[error("this Idempotency-Key came with another request before; nothing was changed")]
    IdempotencyKeyReused,
    /// The cursor is older than tombstones live: deletions would be missing.
    #[error("the cursor is older than {days} days, so deletions may be missing; start again without it")]
    CursorExpired {
        /// The days for which a cursor is valid.
        days: u64,
    },
    /// The entity tag does not match.
    #[error("the entity tag does not match")]
    PreconditionFailed,
    /// The body is longer than a request may be.
    #[error("a body has at most {max} bytes", max = crate::limits::BODY)]
    BodyTooLarge,
    /// The body is of a type the method does not take.
    #[error("the body must be {}", one_of(accepted))]
    UnsupportedMediaType {
        /// What it takes.
        accepted: &'static [&'static str],
        /// The header that says so.
        header: &'static str,
    },
    /// The body is compressed.
    #[error("a body is sent without a content coding")]
    UnsupportedContentEncoding,
    /// The key, or the client's address, asks more often than it may.
    #[error(transparent)]
    TooManyRequests(#[from] TooOften),
    /// The batch has more than it may have.
    #[error("{0}; nothing was changed")]
    BatchTooLarge(String),
    /// The operation of a batch was not tried.
    #[error("{0}, so this operation was not tried; send the batch again with the same Idempotency-Key")]
    NotTried(&'static str),
    /// An operation of a batch that is made as a whole is not possible.
    #[error("{error}; nothing of the batch was made")]
    InBatch {
        /// A JSON Pointer to the operation.
        pointer: String,
        /// Why.
        error: Box<Error>,
    },
    /// Other writers were quicker, at every try.
    #[error("too many are saving this record at once; nothing was changed")]
    Contended,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl std::fmt::Debug for Error {
    /// Writes the message. The names of the variants would be part of the edge worker's bundle.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Returns the scope of one resource, if the site has several.
fn or_of_one(scope: Scope, resource: Option<&str>) -> String {
    resource.map_or_else(String::new, |resource| format!(" or {resource}:{scope}"))
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

/// `a, b or c`.
fn one_of(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

impl Fault {
    /// In a member of the body.
    pub fn member(name: &str, detail: impl Into<String>) -> Fault {
        record::fault::Fault::member(name, detail).into()
    }

    /// Deep in the body: at the end of these tokens.
    pub(crate) fn at(tokens: &[&str], detail: impl Into<String>) -> Fault {
        let mut pointer = String::new();
        tokens.iter().for_each(|token| push_token(&mut pointer, token));
        Fault { place: Place::Pointer(pointer), detail: detail.into() }
    }

    /// The same fault of a body that is a member of another.
    pub(crate) fn within(self, name: &str) -> Fault {
        let Fault { place, detail } = self;
        let place = match place {
            Place::Pointer(rest) => {
                let mut pointer = String::new();
                push_token(&mut pointer, name);
                Place::Pointer(pointer + &rest)
            }
            other => other,
        };
        Fault { place, detail }
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

impl From<record::fault::Fault> for Fault {
    fn from(fault: record::fault::Fault) -> Self {
        Fault { place: Place::Pointer(fault.pointer), detail: fault.detail }
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Error::InvalidBody(vec![Fault { place: Place::Pointer(malformed.pointer), detail: malformed.detail }])
    }
}

impl From<record::fault::Error> for Error {
    fn from(error: record::fault::Error) -> Self {
        match error {
            record::fault::Error::Invalid(faults) => Error::InvalidBody(faults.into_iter().map(Fault::from).collect()),
            refused => Error::Refused(refused),
        }
    }
}

impl From<authenticate::Error> for Error {
    fn from(error: authenticate::Error) -> Self {
        match error {
            authenticate::Error::NoValidKey => Error::Forbidden,
            authenticate::Error::TooOften(refused) => Error::TooManyRequests(refused),
            // Not the table of the resource that the client asks for: `table_missing` would name the wrong one.
            authenticate::Error::Store(error @ StoreError { kind: StoreErrorKind::TableMissing, .. }) => {
                Error::Store(StoreError { kind: StoreErrorKind::Refused, ..error })
            }
            authenticate::Error::Store(error) => Error::Store(error),
        }
    }
}

impl From<Vec<query::Fault>> for Error {
    fn from(faults: Vec<query::Fault>) -> Self {
        let fault = |fault: query::Fault| Fault::parameter(fault.parameter, fault.detail);
        Error::InvalidRequest(faults.into_iter().map(fault).collect())
    }
}

impl From<changes::Error> for Error {
    fn from(error: changes::Error) -> Self {
        match error {
            changes::Error::Expired { days } => Error::CursorExpired { days },
            changes::Error::NoCursor => {
                Error::InvalidRequest(vec![Fault::parameter("since", "is no cursor of changes")])
            }
            changes::Error::Store(error) => Error::Store(error),
        }
    }
}

impl From<service::Error> for Error {
    fn from(error: service::Error) -> Self {
        match error {
            service::Error::Refused(refused) => refused.into(),
            service::Error::IdempotencyKeyReused => Error::IdempotencyKeyReused,
            service::Error::Contended => Error::Contended,
            service::Error::Store(error) => Error::Store(error),
        }
    }
}
