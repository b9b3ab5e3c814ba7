//! Why a change to a record is refused.

use super::change::TooLarge;
use super::{Record, RecordId};
use crate::limits;
use crate::value::push_token;

/// A fault in a body: its position, and one sentence for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A JSON Pointer into the body (RFC 6901). Empty for the whole body.
    pub pointer: String,
    /// One sentence for the client.
    pub detail: String,
}

impl Fault {
    /// Returns the fault of a member of the body.
    pub(crate) fn member(name: &str, detail: impl Into<String>) -> Fault {
        let mut pointer = String::new();
        push_token(&mut pointer, name);
        Fault { pointer, detail: detail.into() }
    }
}

impl From<TooLarge> for Error {
    fn from(TooLarge(size): TooLarge) -> Self {
        Error::TooLarge(size)
    }
}

/// Why a change is refused. Nothing was written.
///
/// ```
/// use ripple_core::RecordId;
/// use ripple_core::record::fault::Error;
///
/// let error = Error::NotFound(RecordId::parse("a").unwrap());
/// assert_eq!(error.to_string(), "there is no record a");
/// ```
#[derive(thiserror::Error)]
pub enum Error {
    /// The change has faults.
    #[error("the body has faults")]
    Invalid(Vec<Fault>),
    /// The table has no record with this id.
    #[error("there is no record {0}")]
    NotFound(RecordId),
    /// The record was deleted.
    #[error("the record {id} was deleted")]
    Gone {
        /// The record's id.
        id: RecordId,
        /// The version of the deletion.
        version: i64,
    },
    /// A record with this id exists.
    #[error("there is a record {0} already; nothing was changed")]
    Exists(RecordId),
    /// The edit was made on the deletion and does not say that the record is to be restored.
    #[error(
        "the record {id} is deleted; to bring it back, send a whole record with \"deleted\": false, or restore a version"
    )]
    Deleted {
        /// The record's id.
        id: RecordId,
        /// The version of the deletion.
        version: i64,
    },
    /// The history has no such version.
    #[error("the history of {id} has no version {version}")]
    NoSuchVersion {
        /// The record's id.
        id: RecordId,
        /// The version that was requested.
        version: i64,
    },
    /// The edit names a base that the record has never had.
    #[error("the edit was made on version {base}, the record is at version {}; nothing was changed", current.version)]
    Stale {
        /// The base that the edit names.
        base: i64,
        /// The current record.
        current: Box<Record>,
    },
    /// A precondition of the request does not hold.
    #[error("the record is not the one that the request expects; nothing was changed")]
    PreconditionFailed,
    /// The record would be larger than an item may be.
    #[error("a record has at most {max} bytes as stored, this one would have {0}", max = limits::RECORD)]
    TooLarge(usize),
}

impl std::fmt::Debug for Error {
    /// Writes the message. The names of the variants would be part of the edge worker's bundle.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
