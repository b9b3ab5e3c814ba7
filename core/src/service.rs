//! Use cases: values in, values out.
//!
//! **Invariant:** nothing here knows HTTP. A use case takes a [`Context`] and values, and returns a value or an [`Error`].

pub mod authenticate;
pub mod changes;
mod read;
mod replay;
mod save;

use std::time::Duration;

use crate::limits;
use crate::random::Random;
use crate::record::outcome::Outcome;
use crate::record::{self, Record};
use crate::session::Session;
use crate::store::{Capacity, IdempotencyKey, Store, StoreError, StoreErrorKind};
use crate::time::Timestamp;

pub use read::{read, state};
pub use replay::replay;
pub use save::save;

/// What a use case is given beside its arguments.
#[derive(Debug)]
pub struct Context<'a, S> {
    /// Where records are.
    pub store: &'a S,
    /// On whose behalf.
    pub author: Author<'a>,
    /// The time of the request.
    pub now: Timestamp,
    /// Random bytes.
    pub random: &'a mut Random,
    /// The identity of the write, if it carries an `Idempotency-Key`.
    pub idempotency: Option<&'a IdempotencyKey>,
    /// What the caller has written lately. A save adds to it.
    pub session: &'a mut Session,
    /// What is counted.
    pub metrics: &'a mut Metrics,
}

/// The author of a write.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The name that the record shows.
    pub name: &'a str,
    /// The same for all keys that replaced one another: what tells the writes of one author from those of others.
    pub lineage: &'a str,
}

/// What a request has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// DynamoDB units consumed.
    pub capacity: Capacity,
    /// How often a write was tried: once, unless another writer was quicker. 0: nothing was to be written.
    pub tries: u32,
}

/// A save that was done.
#[derive(Debug)]
pub struct Saved {
    /// The record after it.
    pub record: Record,
    /// What it did.
    pub outcome: Outcome,
}

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The change is refused.
    #[error(transparent)]
    Refused(#[from] record::fault::Error),
    /// The key came with another request before.
    #[error("this Idempotency-Key came with another request before; nothing was changed")]
    IdempotencyKeyReused,
    /// Other writers were quicker, at every try.
    #[error("too many are saving this project at once; nothing was changed")]
    Contended,
    /// Storage failed.
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
    /// Waits for some part of a time that doubles with each try: writers that met once do not meet again.
    async fn back_off(&mut self, tries: u32) {
        let [low, high, ..] = self.random.bytes();
        let part = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
        let longest: Duration = (limits::SAVE_BACKOFF * 2_u32.pow(tries - 1)).min(limits::SAVE_WAIT);
        self.store.pause(longest.mul_f64(part)).await;
    }
}
