//! DynamoDB as an object uses it. Its client is created at the first use, since most events need none.

use std::cell::LazyCell;
use std::sync::Arc;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Changes, Consistency, IndexEntry, Page, Position, Source, StoreError};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_edge::client;

use crate::settings::Settings;

pub(crate) struct Lazy {
    store: LazyCell<DynamoDb, Box<dyn FnOnce() -> DynamoDb>>,
    resource: Arc<Resource>,
    shards: u16,
}

impl Lazy {
    pub(crate) fn new(settings: &Settings) -> Lazy {
        let Settings { resource, layout, access, .. } = settings.clone();
        let shards = resource.shards.unwrap_or(layout.shards);
        let of = Arc::clone(&resource);
        let make = move || DynamoDb::new(client::new(&access), layout, of);
        Lazy { store: LazyCell::new(Box::new(make)), resource, shards }
    }
}

impl Source for Lazy {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.store.get(id, read, cost).await
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

    /// Reads one record after another: the edge's user in AWS may `GetItem`, and not `BatchGetItem`.
    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut found = self.store.get(&entry.id, Consistency::Eventual, cost).await?;
            let newer = |record: &Record| record.is_external() || record.updated_at >= Some(entry.at);
            if !found.as_ref().is_some_and(newer) {
                found = self.store.get(&entry.id, Consistency::Strong, cost).await?;
            }
            records.extend(found);
        }
        Ok(records)
    }

    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    fn shards(&self) -> u16 {
        self.shards
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.store.key(hash, cost).await
    }
}
