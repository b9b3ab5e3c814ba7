//! Where records are stored: the only thing that the core requires of its host.

mod claim;
pub mod dynamodb;
pub mod item;
pub mod memory;
pub(crate) mod page;
pub(crate) mod row;
pub(crate) mod scan;
mod stream_record;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{KeyHash, KeyRecord, Usage};
use crate::query::{ListPage, Query};
use crate::record::history::{Entry, Row};
use crate::record::schema::Resource;
use crate::record::{Names, Record, RecordId};
use crate::session::Session;
use crate::time::Timestamp;

pub use claim::{IdempotencyKey, IdempotencyRecord};
pub use stream_record::StreamRecord;
pub(crate) use write::{Action, Condition};
pub use write::{Batch, Write};

/// What a host must know of a resource before it admits a client.
///
/// Its futures need not be `Send` (a Worker's are not).
pub trait Keys {
    /// Returns the resource that the records are of.
    fn resource(&self) -> &Arc<Resource>;

    /// Returns the record of the API key with this hash. The keys are those of the site. Adds its cost to `cost`.
    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError>;
}

/// A place to read records and API keys from.
///
/// Its futures need not be `Send` (a Worker's are not). It is used generically, never as `dyn`. Every operation adds
/// its cost to `cost`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ripple_core::store::memory::Memory;
/// use ripple_core::store::{Capacity, Consistency, Source};
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// async fn version(source: &impl Source, id: &RecordId, cost: &mut Capacity) -> Option<i64> {
///     Some(source.get(id, Consistency::Eventual, cost).await.ok()??.version)
/// }
///
/// let (store, id, cost) = (Memory::new(), RecordId::parse("a").unwrap(), &mut Capacity::default());
/// store.put(&Record::new(id.clone(), Members::new()).written(None, 1, Timestamp(5), "Ann"));
/// assert_eq!(version(&store, &id, cost).await, Some(1));
/// assert_eq!(cost.to_string(), "read=0.5, write=0");
/// # });
/// ```
pub trait Source: Keys {
    /// Returns one record, live or deleted.
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// Returns one page of the whole table, unordered, with tombstones. `from` is the last page's `next`.
    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError>;

    /// Returns one page of the list. A source that holds a list need not scan for it.
    async fn list(
        &self,
        query: &Query,
        session: &Session,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<ListPage, StoreError> {
        scan::list(self, query, session, now, cost).await
    }

    /// Returns one page of the entries written at `since` or later in one partition of `by_update`, oldest first. It
    /// has at most `limit` entries.
    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError>;

    /// Returns the records of these entries, in any order, each at least as new as its entry. Records that no longer
    /// exist are omitted.
    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError>;

    /// Returns the time up to which all writes are known, for a read at `now`.
    fn known(&self, now: Timestamp) -> Timestamp {
        now
    }

    /// Reports whether this is a copy of the table. A copy has entries of one time in another order than the index.
    fn is_copy(&self) -> bool {
        false
    }

    /// Returns the names of the key and of the members that ripple adds.
    fn names(&self) -> &Arc<Names> {
        &self.resource().names
    }

    /// Returns the number of partitions of `by_update`.
    fn shards(&self) -> u16;
}

/// A place to write records to. It also stores idempotency records.
pub trait Store: Source {
    /// Makes a write completely, or not at all.
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let batch = Batch { writes: &[*write], claims: &[], now: write.now, token: write.token };
        match self.commit_all(&batch, cost).await? {
            BatchCommit::Refused(_, commit) => Ok(commit),
            // Without records of its own, a batch is not found done.
            BatchCommit::Done | BatchCommit::Claimed => Ok(Commit::Done),
        }
    }

    /// Makes the writes of a batch completely, or none of them.
    async fn commit_all(&self, batch: &Batch<'_>, cost: &mut Capacity) -> Result<BatchCommit, StoreError>;

    /// Writes a row of the history without its record, if the row's number is free. Returns whether it was.
    async fn keep(&self, row: &Row, cost: &mut Capacity) -> Result<bool, StoreError>;

    /// Sets when a row of the history may be deleted, if the row exists and has no such time yet.
    async fn expire(&self, id: &RecordId, number: u64, at: Timestamp, cost: &mut Capacity) -> Result<(), StoreError>;

    /// Returns the record as it was at a version. Returns `None` if the history does not have that version.
    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// Returns the newest state that was shown under a number below zero. Returns `None` if the history does not have
    /// it.
    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError>;

    /// Returns at most `limit` entries of a record's history below the version `before`, newest first.
    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError>;

    /// Returns the idempotency record of a key, until it expires.
    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Stores the idempotency record of a write that has nothing to change. Returns another write's record if one
    /// exists under the same key.
    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Adds to the usage counts of the key with this hash.
    async fn key_used(
        &self,
        hash: &KeyHash,
        usage: Usage,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(), StoreError>;

    /// Waits before another try.
    async fn pause(&self, duration: Duration);

    /// Returns the time, by which a long operation ends before its host's time limit.
    fn time(&self) -> Timestamp;
}

/// The consistency of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Eventual: at half the price, and possibly without the most recent writes.
    Eventual,
    /// Strong: with every write that was answered.
    Strong,
}

/// The result of a commit. Unless it is `Done`, nothing was changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// `after` is in the table.
    Done,
    /// The table did not have `before`, but this state.
    Conflict(Option<Record>),
    /// The history already has a row with one of the numbers. It is newer than the record: another writer restored an
    /// old item, or deleted the record.
    NumberTaken,
    /// The write was done before, under the same `Idempotency-Key`.
    Claimed(IdempotencyRecord),
}

/// The result of a batch. Unless it is `Done`, nothing was changed.
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "a request has one, which is taken apart at once")
)]
#[derive(Debug, PartialEq, Eq)]
pub enum BatchCommit {
    /// Each `after` is in the table.
    Done,
    /// The write at this place could not be made, for this reason.
    Refused(usize, Commit),
    /// One of the batch's own idempotency records exists: the batch was done before.
    Claimed,
}

/// One page of records.
#[derive(Debug, Default)]
pub struct Page {
    /// The records of the page.
    pub records: Vec<Record>,
    /// The start of the next page. `None` at the end of the table.
    pub next: Option<Position>,
}

/// One page of changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// The entries of the index.
    pub entries: Vec<IndexEntry>,
    /// The start of the next page. `None` at the end of the index.
    pub next: Option<Position>,
}

/// An entry of `by_update`: the id of a record, and when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The record's id.
    pub id: RecordId,
    /// When the record was written.
    pub at: Timestamp,
    /// The version that the record's item stated then.
    pub version: Option<u64>,
}

impl IndexEntry {
    /// Returns the entry's position in the index.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { id: self.id.clone(), at: Some(self.at) }
    }
}

/// The start of a page of a table or an index: after this record. In an index, the position includes the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The id of the record before the page.
    pub id: RecordId,
    /// Its time in `by_update`.
    pub at: Option<Timestamp>,
}

/// DynamoDB capacity units consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Read units: one for 4 KB strongly consistent, or 8 KB eventually consistent.
    pub read: f64,
    /// Write units: one for 1 KB, or two in a transaction.
    pub write: f64,
}

/// Writes the units as a dictionary of RFC 9651: `read=0.5, write=4`.
impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Units come in halves. A decimal of RFC 9651 has at most three decimal places.
        let round = |units: f64| (units * 10.0).round() / 10.0;
        write!(f, "read={}, write={}", round(self.read), round(self.write))
    }
}

/// Why an operation of the store failed. The text and its sources are for the log. Clients see only the kind.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {kind}")]
pub struct StoreError {
    /// The operation that failed, as DynamoDB names it.
    pub operation: &'static str,
    /// The kind of failure.
    pub kind: StoreErrorKind,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// Returns the error for an answer or an item that cannot be decoded.
    pub(crate) fn malformed(
        operation: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> StoreError {
        StoreError { operation, kind: StoreErrorKind::Undecodable, source: Some(Box::new(source)) }
    }
}

/// The kind of a failure, which says whether a later retry can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// DynamoDB did not answer, throttled, or failed, in spite of every retry. A write was not applied.
    Unavailable,
    /// At least one attempt of the write got no response and may have been applied.
    OutcomeUnknown,
    /// An item would be larger than DynamoDB allows. The number is its size in bytes.
    TooLarge(usize),
    /// A table does not exist. A write was not applied.
    TableMissing,
    /// DynamoDB refused the request: a permission is missing, or ripple has a bug.
    Refused,
    /// An answer or an item cannot be decoded.
    Undecodable,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreErrorKind::Unavailable => "storage is unavailable",
            StoreErrorKind::OutcomeUnknown => "storage did not say whether it has written",
            StoreErrorKind::TooLarge(_) => "an item would be too large",
            StoreErrorKind::TableMissing => "a table does not exist",
            StoreErrorKind::Refused => "storage refused",
            StoreErrorKind::Undecodable => "storage answered nonsense",
        })
    }
}
