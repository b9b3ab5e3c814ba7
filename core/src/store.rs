//! Where records are kept: the one thing the core asks of its host.

pub mod dynamodb;
pub mod memory;

use std::fmt;

use crate::key::{KeyHash, KeyRecord};
use crate::list::{ListPage, Query};
use crate::project::{Project, ProjectId, Timestamp};
use crate::read;
use crate::session::Session;

/// A store of projects and API keys.
///
/// Its futures need not be `Send` (a Worker's are not); it is used generically, never as `dyn`.
/// Every operation adds what it cost to `cost`.
pub trait Store {
    /// One record, live or deleted.
    async fn get(&self, id: &ProjectId, read: Consistency, cost: &mut Capacity) -> Result<Option<Project>, StoreError>;

    /// One page of the whole table, in no order, tombstones and all. `from` is the last page's `next`.
    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError>;

    /// A page of the list. A store that holds a list need not scan for it.
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

    /// Replaces `before`, as it was read (`None`: there was nothing), by `after`, or changes nothing.
    /// `token` makes a retry of the same commit harmless.
    async fn commit(
        &self,
        before: Option<&Project>,
        after: &Project,
        token: [u8; 16],
        cost: &mut Capacity,
    ) -> Result<Commit, StoreError>;

    /// The API key with this hash.
    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError>;
}

/// How a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// At half the price, and perhaps without the writes of the last moments.
    Eventual,
    /// With every write that was answered.
    Strong,
}

/// What became of a commit.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// `after` is in the table.
    Done,
    /// The table did not hold `before`, but this. Nothing was changed.
    Conflict(Option<Project>),
}

/// One page of records.
#[derive(Debug, Default)]
pub struct Page {
    /// The records.
    pub projects: Vec<Project>,
    /// Where the next page begins; `None` at the true end.
    pub next: Option<Position>,
}

/// Where a page of a table or an index begins: after this record. In an index, its `updated_at` belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The record before the page.
    pub id: ProjectId,
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
    /// DynamoDB did not answer, throttled, or failed, beyond every retry.
    Unavailable,
    /// DynamoDB refused: a table is missing, a permission, or a fault of ripple's own.
    Refused,
    /// An answer or an item was not what it must be.
    Garbled,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreErrorKind::Unavailable => "storage is unavailable",
            StoreErrorKind::Refused => "storage refused",
            StoreErrorKind::Garbled => "storage answered nonsense",
        })
    }
}
