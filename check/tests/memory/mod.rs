//! The operations in which a mutant has no fault: it passes them on to its memory.

/// The reads of a source, except that of one record.
macro_rules! pass_on_reads {
    () => {
        async fn scan(
            &self,
            from: Option<Position>,
            read: Consistency,
            cost: &mut Capacity,
        ) -> Result<Page, StoreError> {
            self.memory.scan(from, read, cost).await
        }

        async fn changes(
            &self,
            shard: u16,
            since: Timestamp,
            from: Option<Position>,
            limit: usize,
            cost: &mut Capacity,
        ) -> Result<Changes, StoreError> {
            self.memory.changes(shard, since, from, limit, cost).await
        }

        async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
            self.memory.fetch(entries, cost).await
        }

        fn shards(&self) -> u16 {
            self.memory.shards()
        }
    };
}

/// The operations of a store that admit a client.
macro_rules! pass_on_keys {
    () => {
        fn resource(&self) -> &Arc<Resource> {
            self.memory.resource()
        }

        async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
            self.memory.key(hash, cost).await
        }
    };
}

/// The operations of a store that concern no state of a record.
macro_rules! pass_on_the_rest {
    () => {
        async fn commit_all(&self, batch: &Batch<'_>, cost: &mut Capacity) -> Result<BatchCommit, StoreError> {
            self.memory.commit_all(batch, cost).await
        }

        fn time(&self) -> Timestamp {
            self.memory.time()
        }

        async fn keep(&self, row: &Row, cost: &mut Capacity) -> Result<bool, StoreError> {
            self.memory.keep(row, cost).await
        }

        async fn expire(
            &self,
            id: &RecordId,
            number: u64,
            at: Timestamp,
            cost: &mut Capacity,
        ) -> Result<(), StoreError> {
            Store::expire(&self.memory, id, number, at, cost).await
        }

        async fn key_used(
            &self,
            hash: &KeyHash,
            usage: Usage,
            now: Timestamp,
            cost: &mut Capacity,
        ) -> Result<(), StoreError> {
            self.memory.key_used(hash, usage, now, cost).await
        }

        async fn pause(&self, duration: Duration) {
            self.memory.pause(duration).await;
        }
    };
}
