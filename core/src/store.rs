//! Where records are kept: the one thing the core asks of its host.

mod claim;
pub mod dynamodb;
pub mod item;
pub mod memory;
pub(crate) mod row;
pub(crate) mod scan;
mod write;

use std::fmt;
use std::time::Duration;

use crate::auth::{KeyHash, KeyRecord, Usage};
use crate::query::{ListPage, Query};
use crate::record::history::Entry;
use crate::record::{Names, PRJ, Record, RecordId};
use crate::session::Session;
use crate::time::Timestamp;

pub use claim::{IdempotencyKey, IdempotencyRecord};
pub use write::Write;
pub(crate) use write::{Action, Condition};

/// Where projects and API keys are read.
///
/// Its futures need not be `Send` (a Worker's are not); it is used generically, never as `dyn`.
/// Every operation adds what it cost to `cost`.
pub trait Source {
    /// One record, live or deleted.
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// One page of the whole table, in no order, tombstones and all. `from` is the last page's `next`.
    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError>;

    /// A page of the list at a time. A source that holds a list need not scan for it.
    async fn list(
        &self,
        query: &Query,
        session: &Session,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<ListPage, StoreError> {
        scan::list(self, query, session, now, cost).await
    }

    /// One page of what was written at `since` or later in one partition of `by_update`, oldest first: at most `limit`
    /// entries.
    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError>;

    /// The records of these entries, in any order, each at least as new as its entry. A record that is gone is left out.
    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError>;

    /// Since when everything is known, for a read at `now`.
    fn known(&self, now: Timestamp) -> Timestamp {
        now
    }

    /// The names of the records' own members.
    fn names(&self) -> &Names {
        &PRJ
    }

    /// How many partitions `by_update` has.
    fn shards(&self) -> u16;

    /// The API key with this hash.
    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError>;
}

/// Where projects are written, and what was written is remembered.
pub trait Store: Source {
    /// Does all of a write, or nothing.
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError>;

    /// Sets when a row of the history may be deleted, if the row is there and does not say so yet.
    async fn expire(&self, id: &RecordId, number: u64, at: Timestamp, cost: &mut Capacity) -> Result<(), StoreError>;

    /// The record as it was at a version. Returns `None` if the history does not have it.
    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// The newest state that was shown under a number below zero. Returns `None` if the history does not have it.
    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// At most `limit` entries of a record's history, newest first, below the version `before`.
    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError>;

    /// What a write with this key left, while it is remembered.
    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Remembers a write that has nothing to change. Returns what another one left under the same key.
    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Notes that requests came with the key of this hash.
    async fn key_used(
        &self,
        hash: &KeyHash,
        usage: Usage,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(), StoreError>;

    /// Waits before another try.
    async fn pause(&self, duration: Duration);
}

/// How a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// At half the price, and perhaps without the writes of the last moments.
    Eventual,
    /// With every write that was answered.
    Strong,
}

/// What became of a commit. Except for `Done`, nothing was changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// `after` is in the table.
    Done,
    /// The table did not hold `before`, but this.
    Conflict(Option<Record>),
    /// The history has a row of such a number. It is newer than the record: another writer put an old item back, or
    /// deleted it.
    NumberTaken,
    /// The write was done before, under the same key.
    Claimed(IdempotencyRecord),
}

/// One page of records.
#[derive(Debug, Default)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` at the true end.
    pub next: Option<Position>,
}

/// One page of changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// What the index has.
    pub entries: Vec<IndexEntry>,
    /// Where the next page begins; `None` at the true end.
    pub next: Option<Position>,
}

/// An entry of `by_update`: which record was written, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The record.
    pub id: RecordId,
    /// When it was written.
    pub at: Timestamp,
    /// The version that its item stated then.
    pub version: Option<u64>,
}

impl IndexEntry {
    /// Returns its place in the index.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { id: self.id.clone(), at: Some(self.at) }
    }
}

/// Where a page of a table or an index begins: after this record. In an index, the time belongs to the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The record before the page.
    pub id: RecordId,
    /// Its time in `by_update`.
    pub at: Option<Timestamp>,
}

/// DynamoDB capacity units consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Read units: 4 KB strongly consistent, 8 KB eventually.
    pub read: f64,
    /// Write units: 1 KB, twice that in a transaction.
    pub write: f64,
}

/// As a dictionary of RFC 9651: `read=0.5, write=4`.
impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Units come in halves; a decimal of RFC 9651 has at most three places.
        let round = |units: f64| (units * 10.0).round() / 10.0;
        write!(f, "read={}, write={}", round(self.read), round(self.write))
    }
}

/// Why the store did not do as asked. The text and its sources are for the log; callers learn only of the kind.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {kind}")]
pub struct StoreError {
    /// What failed, as DynamoDB calls it.
    pub operation: &'static str,
    /// Of what kind.
    pub kind: StoreErrorKind,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An answer or an item that is not what it must be.
    pub(crate) fn malformed(
        operation: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> StoreError {
        StoreError { operation, kind: StoreErrorKind::Undecodable, source: Some(Box::new(source)) }
    }
}

/// Whether trying again later can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// DynamoDB did not answer, throttled, or failed, beyond every retry. A write has not been made.
    Unavailable,
    /// At least one attempt of the write got no response and may have been applied.
    OutcomeUnknown,
    /// An item would be larger than DynamoDB takes: so many bytes.
    TooLarge(usize),
    /// DynamoDB refused: a table is missing, a permission, or a fault of ripple's own.
    Refused,
    /// An answer or an item was not what it must be.
    Undecodable,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreErrorKind::Unavailable => "storage is unavailable",
            StoreErrorKind::OutcomeUnknown => "storage did not say whether it has written",
            StoreErrorKind::TooLarge(_) => "an item would be too large",
            StoreErrorKind::Refused => "storage refused",
            StoreErrorKind::Undecodable => "storage answered nonsense",
        })
    }
}
