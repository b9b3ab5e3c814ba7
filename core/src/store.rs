//! Where records are kept: the one thing the core asks of its host.

pub mod dynamodb;
pub mod memory;
mod write;

use std::fmt;
use std::time::Duration;

use crate::idempotency::Claim;
use crate::key::{KeyHash, KeyRecord};
use crate::list::{ListPage, Query};
use crate::read;
use crate::record::history::Version;
use crate::record::{Record, RecordId, Timestamp};
use crate::session::Session;

pub(crate) use write::Condition;
pub use write::Write;

/// Where projects and API keys are read.
///
/// Its futures need not be `Send` (a Worker's are not); it is used generically, never as `dyn`.
/// Every operation adds what it cost to `cost`.
pub trait Source {
    /// One record, live or deleted.
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// One page of the whole table, in no order, tombstones and all. `from` is the last page's `next`.
    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError>;

    /// A page of the list. A source that holds a list need not scan for it.
    async fn list(&self, query: &Query, session: &Session, cost: &mut Capacity) -> Result<ListPage, StoreError> {
        read::list(self, query, session, cost).await
    }

    /// One page of what was written at `since` or later in one partition of `by_update`, oldest first.
    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError>;

    /// How many partitions `by_update` has.
    fn shards(&self) -> u16;

    /// The API key with this hash.
    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError>;
}

/// Where projects are written, and what was written is remembered.
pub trait Store: Source {
    /// Does all of a write, or nothing.
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError>;

    /// The record as it was at a version, if the history has it.
    async fn version(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// At most `limit` versions of a record, newest first, below `before`.
    async fn versions(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Version>, StoreError>;

    /// What a write with this key left, while it is remembered.
    async fn claim(&self, key: &str, cost: &mut Capacity) -> Result<Option<Claim>, StoreError>;

    /// Leaves the claim of a write that has nothing to change; or gives the one that is there.
    async fn remember(&self, claim: &Claim, now: Timestamp, cost: &mut Capacity) -> Result<Option<Claim>, StoreError>;

    /// Writes down that the key with this hash is in use.
    async fn key_used(&self, hash: &KeyHash, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError>;

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

/// What became of a commit. But for `Done`, nothing was changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// `after` is in the table.
    Done,
    /// The table did not hold `before`, but this.
    Conflict(Option<Record>),
    /// The history has such a version already: of a record that went without a tombstone, or that another writer has
    /// written over.
    VersionTaken,
    /// The write's claim is there: it has been done before.
    Claimed(Claim),
}

/// One page of records.
#[derive(Debug, Default)]
pub struct Page {
    /// The records.
    pub projects: Vec<Record>,
    /// Where the next page begins; `None` at the true end.
    pub next: Option<Position>,
}

/// Where a page of a table or an index begins: after this record. In an index, its `updated_at` belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The record before the page.
    pub id: RecordId,
    /// Its place in `by_update`.
    pub updated_at: Option<Timestamp>,
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

/// Whether trying again later can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// DynamoDB did not answer, throttled, or failed, beyond every retry. A write has not been made.
    Unavailable,
    /// Of a write, the same; but one of its requests had no answer, and may have been done.
    Unheard,
    /// DynamoDB refused: a table is missing, a permission, or a fault of ripple's own.
    Refused,
    /// An answer or an item was not what it must be.
    Garbled,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreErrorKind::Unavailable => "storage is unavailable",
            StoreErrorKind::Unheard => "storage did not say whether it has written",
            StoreErrorKind::Refused => "storage refused",
            StoreErrorKind::Garbled => "storage answered nonsense",
        })
    }
}
