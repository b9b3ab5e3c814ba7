//! DynamoDB as far as the edge has to do with it: it reads. Writes are the origin's, and the code for them stays out of
//! the Worker.

use ripple_core::key::{KeyHash, KeyRecord};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Commit, Consistency, Page, Position, Store, StoreError, StoreErrorKind};
use ripple_core::{Project, ProjectId, Timestamp};

/// A store that is only read.
#[derive(Debug)]
pub(crate) struct ReadOnly(pub(crate) DynamoDb);

impl Store for ReadOnly {
    async fn get(&self, id: &ProjectId, read: Consistency, cost: &mut Capacity) -> Result<Option<Project>, StoreError> {
        self.0.get(id, read, cost).await
    }

    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.0.scan(from, cost).await
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError> {
        self.0.changes(shard, since, from, cost).await
    }

    fn shards(&self) -> u16 {
        self.0.shards()
    }

    async fn commit(
        &self,
        _: Option<&Project>,
        _: &Project,
        _: [u8; 16],
        _: &mut Capacity,
    ) -> Result<Commit, StoreError> {
        Err(StoreError { operation: "commit", kind: StoreErrorKind::Refused, source: None })
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.0.key(hash, cost).await
    }
}
