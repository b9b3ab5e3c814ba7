//! The use cases. They take values and return values.
//!
//! **Invariant:** nothing here knows HTTP. A use case takes a [`Context`] and values, and returns a value or an
//! [`Error`].

pub mod adopt;
pub mod authenticate;
pub mod batch;
pub mod changes;
mod lost;
mod read;
mod replay;
mod save;
mod transaction;

use std::time::Duration;

use crate::limits;
use crate::random::Random;
use crate::record::outcome::Outcome;
use crate::record::{self, Person, Record};
use crate::session::Session;
use crate::store::{Capacity, IdempotencyKey, Store, StoreError, StoreErrorKind};
use crate::time::Timestamp;

pub use read::{read, state};
pub use replay::replay;
pub use save::save;

/// The context of a use case.
#[derive(Debug)]
pub struct Context<'a, S> {
    /// The store of the records.
    pub store: &'a S,
    /// The author on whose behalf the use case runs.
    pub author: Author<'a>,
    /// The time of the request.
    pub now: Timestamp,
    /// Random bytes.
    pub random: &'a mut Random,
    /// The identity of the write, if it carries an `Idempotency-Key`.
    pub idempotency: Option<&'a IdempotencyKey>,
    /// The client's recent writes. A save adds to it.
    pub session: &'a mut Session,
    /// The counters of the request.
    pub metrics: &'a mut Metrics,
}

/// The author of a write.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The name that the record shows.
    pub name: &'a str,
    /// The person on whose behalf the client writes, if it names one.
    pub person: Option<&'a Person>,
    /// An id that all keys share which replaced one another. It tells the writes of one author from those of others.
    pub lineage: &'a str,
}

/// The cost of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// DynamoDB units consumed.
    pub capacity: Capacity,
    /// The number of tries of a write. It is more than 1 if another writer was faster, and 0 if there was nothing to
    /// write.
    pub tries: u32,
    /// Whether the answer to a write, or to one of a batch, is the first answer to an earlier request.
    pub replayed: bool,
}

/// A completed save.
#[derive(Debug)]
pub struct Saved {
    /// The record after the save.
    pub record: Record,
    /// What the save did.
    pub outcome: Outcome,
}

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The change was refused.
    #[error(transparent)]
    Refused(#[from] record::fault::Error),
    /// The `Idempotency-Key` was used before for another request.
    #[error("this Idempotency-Key came with another request before; nothing was changed")]
    IdempotencyKeyReused,
    /// Another writer was faster at every try.
    #[error("too many are saving this project at once; nothing was changed")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error.kind {
            StoreErrorKind::TooLarge(size) => record::fault::Error::TooLarge(size).into(),
            _ => Error::Store(error),
        }
    }
}

impl<S: Store> Context<'_, S> {
    /// Waits for a random part of a time that doubles with each try, so that writers that met once do not meet again.
    async fn back_off(&mut self, tries: u32) {
        let [low, high, ..] = self.random.bytes();
        let part = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
        let longest: Duration = (limits::SAVE_BACKOFF * 2_u32.pow(tries - 1)).min(limits::SAVE_WAIT);
        self.store.pause(longest.mul_f64(part)).await;
    }
}
