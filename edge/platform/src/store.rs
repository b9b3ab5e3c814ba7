//! DynamoDB as the edge and its replica use it: read-only, and connected at the first read. Writes go to the origin, so their code
//! stays out of the Worker.

use std::cell::LazyCell;
use std::sync::Arc;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::{Access, DynamoDb, TableNames};
use ripple_core::store::{Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError};
use ripple_core::{Record, RecordId, Timestamp};

use crate::client;

/// A store that is only read.
pub struct ReadOnly {
    /// The store. Its client is created at the first use, so that requests without DynamoDB do not wait for that.
    store: LazyCell<DynamoDb, Box<dyn FnOnce() -> DynamoDb>>,
    resource: Arc<Resource>,
    shards: u16,
}

impl ReadOnly {
    /// Returns the store of a resource.
    #[must_use]
    pub fn new(access: &Access, table_names: &TableNames, resource: Arc<Resource>) -> ReadOnly {
        let shards = resource.shards.unwrap_or(table_names.shards);
        let (access, table_names, of) = (access.clone(), table_names.clone(), Arc::clone(&resource));
        let make = move || DynamoDb::new(client::new(&access), table_names, of);
        ReadOnly { store: LazyCell::new(Box::new(make)), resource, shards }
    }
}

impl Keys for ReadOnly {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.store.look_up_key(hash, cost).await
    }
}

impl Source for ReadOnly {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.store.look_up(id, read, cost).await
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.store.scan(from, read, cost).await
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.store.changes(shard, since, from, limit, cost).await
    }

    /// Reads one record after another, since `BatchGetItem` would make the bundle 17 KB larger, and the edge's user in
    /// AWS may not use it. Each read is eventually
    /// consistent at first, and strongly consistent if the result is older than its entry.
    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut found = self.store.look_up(&entry.id, Consistency::Eventual, cost).await?;
            let newer = |record: &Record| record.is_external() || record.updated_at >= Some(entry.at);
            if !found.as_ref().is_some_and(newer) {
                found = self.store.look_up(&entry.id, Consistency::Strong, cost).await?;
            }
            records.extend(found);
        }
        Ok(records)
    }

    fn shards(&self) -> u16 {
        self.shards
    }
}
