//! States without an order: those of other programs, seen by a read that another one overtook.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::record::schema::Resource;
use ripple_core::replica::Clock as _;
use ripple_core::replica::stored::Table;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;

use crate::sqlite::Sqlite;
use crate::{filled, memory};

/// A table whose strongly consistent read is answered after this save has been made, and another read has shown it.
#[derive(Clone)]
struct Overtaken {
    memory: Memory,
    sql: Sqlite,
    clock: TestClock,
    save: Rc<RefCell<Option<Record>>>,
    reads: Rc<Cell<u32>>,
}

impl Keys for Overtaken {
    fn resource(&self) -> &Arc<Resource> {
        self.memory.resource()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.memory.key(hash, cost).await
    }
}

impl Source for Overtaken {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let found = self.memory.get(id, read, cost).await?;
        self.reads.set(self.reads.get() + 1);
        let save = self.save.borrow_mut().take();
        if let Some(save) = save {
            self.memory.put(&save);
            // A read that began before shows it.
            let earlier = TestClock::default();
            earlier.pass(Duration::from_millis(self.clock.now().0 - earlier.now().0 - 1));
            Table::open(self.sql.clone(), self.memory.clone(), earlier)?.hear(vec![save], Vec::new(), cost).await?;
        }
        Ok(found)
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
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
}

/// A copy of a table with one record, which is `now` something else. The next strongly consistent read is overtaken.
async fn copy(now: Option<&str>) -> (Overtaken, RecordId, Record) {
    let (clock, memory, sql) = (TestClock::default(), memory(), Sqlite::new());
    clock.pass(Duration::from_secs(60));
    let id = RecordId::stored("p".to_owned());
    let state = |goal: &str| Record::new(id.clone(), [("goal".to_owned(), goal.into())].into_iter().collect());
    memory.put(&state("first").written(None, 1, clock.now(), "Ann"));
    let store = Overtaken { memory, sql, clock, save: Rc::default(), reads: Rc::default() };
    filled(&store.sql, store.clone(), &store.clock).await;
    store.clock.pass(Duration::from_secs(11 * 60));
    match now {
        Some(goal) => store.memory.put(&state(goal)),
        None => store.memory.delete_item(&id),
    }
    let saved = state("saved").written(None, 3, store.clock.now(), "Ann");
    store.save.replace(Some(saved.clone()));
    (store, id, saved)
}

async fn shown(store: Overtaken, id: &RecordId) -> Option<(i64, Record)> {
    let table = Table::open(store.sql.clone(), store.memory.clone(), store.clock).expect("opened");
    let found = table.get(id, Consistency::Eventual, &mut Capacity::default()).await.expect("answered");
    found.map(|found| (found.version, found))
}

#[tokio::test]
async fn another_programs_state_does_not_replace_a_save_that_overtook_its_read() {
    let (store, id, saved) = copy(Some("of another program")).await;
    let table = Table::open(store.sql.clone(), store.clone(), store.clock.clone()).expect("opened");
    table.hear(Vec::new(), vec![id.clone()], &mut Capacity::default()).await.expect("read");
    assert_eq!(shown(store.clone(), &id).await, Some((3, saved)));
    assert_eq!(store.reads.get(), 2);
}

#[tokio::test]
async fn an_absence_does_not_replace_a_save_that_overtook_its_read() {
    let (store, id, saved) = copy(None).await;
    filled(&store.sql, store.clone(), &store.clock).await;
    assert_eq!(shown(store.clone(), &id).await, Some((3, saved)));
    assert_eq!(store.reads.get(), 2, "the full read did not meet it");
}
