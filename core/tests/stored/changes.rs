//! The list of changes from a stored table: page for page that of the core over the same records.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::record::schema::Resource;
use ripple_core::replica::Clock as _;
use ripple_core::service::changes::{ChangesPage, Cursor, Reading, changes};
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;
use serde_json::Value;

use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{filled, memory};

/// A table whose index has entries of one time in another order than by id, as DynamoDB's may.
struct Origin(Memory);

impl Keys for Origin {
    fn resource(&self) -> &Arc<Resource> {
        self.0.resource()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.0.key(hash, cost).await
    }
}

impl Source for Origin {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.0.get(id, read, cost).await
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.0.scan(from, read, cost).await
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        let mut entries = self.0.changes(shard, since, None, usize::MAX, cost).await?.entries;
        let place = |at: Timestamp, id: &RecordId| (at, Reverse(id.clone()));
        entries.sort_by_key(|entry| place(entry.at, &entry.id));
        let from = from.and_then(|from| Some(place(from.at?, &from.id)));
        entries.retain(|entry| from.as_ref().is_none_or(|from| place(entry.at, &entry.id) > *from));
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(IndexEntry::position);
        Ok(Changes { entries, next })
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.0.fetch(entries, cost).await
    }

    fn shards(&self) -> u16 {
        self.0.shards()
    }
}

async fn page<S: Source>(store: &S, since: &Option<String>, limit: Option<usize>, now: Timestamp) -> ChangesPage {
    let (session, cost) = (Session::new("prj"), &mut Capacity::default());
    let since = since.as_ref().map(|since| Cursor::parse(since, "prj").expect("a cursor"));
    changes(&mut Reading { store, session: &session, now, cost }, since, limit).await.expect("a page")
}

#[tokio::test]
async fn pages_of_changes_are_those_of_the_core() {
    for seed in 0..60 {
        let (clock, memory, mut luck) = (TestClock::default(), memory(), Luck(seed));
        clock.pass(Duration::from_secs(3600));
        let mut number = 0;
        let mut write = |luck: &mut Luck| {
            number += 1;
            // Several have the same time.
            if luck.is(2) {
                clock.pass(Duration::from_millis(luck.below(40_000) as u64));
            }
            let id = records::id(luck, 12);
            if luck.is(5) {
                let record = Record::new(id, Default::default()).deleted(clock.now().after(Duration::from_secs(9)));
                memory.put(&record.written(None, number, clock.now(), "Ann"));
            } else {
                memory.put(&records::state(luck, id, number, clock.now()));
            }
        };
        for _ in 0..20 {
            write(&mut luck);
        }
        let table = filled(&Sqlite::new(), memory.clone(), &clock).await;
        let limit = [None, Some(1), Some(3), Some(7)][luck.below(4)];
        let (mut since, mut since_of_copy, mut pages) = (None, None, 0);
        loop {
            let now = clock.now();
            table.refresh(&mut Capacity::default()).await.expect("read");
            let expected = page(&memory, &since, limit, now).await;
            let found = page(&table, &since_of_copy, limit, now).await;
            assert_eq!(String::from_utf8_lossy(&found.changed), String::from_utf8_lossy(&expected.changed), "{seed}");
            assert_eq!((&found.deleted, found.more), (&expected.deleted, expected.more), "{seed}");
            assert_eq!(found.cursor.known_until(), expected.cursor.known_until(), "{seed}");
            (since, since_of_copy) = (Some(expected.cursor.to_token("prj")), Some(found.cursor.to_token("prj")));
            // In the midst of a reading, a cursor says that a copy gave the page.
            if !expected.more {
                assert_eq!(since_of_copy, since, "{seed}");
            }
            pages += 1;
            if pages > 60 {
                break;
            }
            if !expected.more {
                write(&mut luck);
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_says_what_the_copy_knows_and_never_goes_back() {
    let clock = TestClock::default();
    clock.pass(Duration::from_secs(3600));
    let table = filled(&Sqlite::new(), memory(), &clock).await;
    let confirmed = table.standing().expect("a state").confirmed;
    clock.pass(Duration::from_secs(40));
    let first = page(&table, &None, None, clock.now()).await.cursor;
    assert_eq!(first.known_until(), confirmed);
    // Another host knew more.
    let known = clock.now().before(Duration::from_secs(10));
    let since = Some(Cursor::at_end(known, table.shards()).to_token("prj"));
    assert_eq!(page(&table, &since, None, clock.now()).await.cursor.known_until(), Some(known));
}

#[tokio::test]
async fn pages_of_the_origin_and_of_a_copy_leave_nothing_out() {
    for seed in 0..200 {
        let (clock, memory, mut luck) = (TestClock::default(), memory(), Luck(seed));
        clock.pass(Duration::from_secs(3600));
        let begun = clock.now();
        clock.pass(Duration::from_secs(5));
        let mut written = BTreeSet::new();
        for number in 1..=20 {
            // Those of a batch have the same time.
            if luck.is(6) {
                clock.pass(Duration::from_secs(1));
            }
            let id = RecordId::stored(format!("p{:03}", luck.below(1_000)));
            memory.put(&Record::new(id.clone(), Default::default()).written(None, number, clock.now(), "Ann"));
            written.insert(id.to_string());
        }
        let table = filled(&Sqlite::new(), memory.clone(), &clock).await;
        let origin = Origin(memory);
        // What was written is older than what each reading reads again.
        clock.pass(Duration::from_secs(3600));
        table.refresh(&mut Capacity::default()).await.expect("read");
        let mut told = BTreeSet::new();
        let mut since = Some(Cursor::at_end(begun, table.shards()).to_token("prj"));
        let limit = Some(1 + luck.below(7));
        for pages in 0.. {
            let is_of_copy = if pages < 100 { luck.is(2) } else { false };
            let now = clock.now();
            let found = if is_of_copy {
                page(&table, &since, limit, now).await
            } else {
                page(&origin, &since, limit, now).await
            };
            let changed: Vec<Value> = serde_json::from_slice(&found.changed).expect("records");
            told.extend(changed.iter().filter_map(|record| Some(record["prj_id"].as_str()?.to_owned())));
            since = Some(found.cursor.to_token("prj"));
            if !found.more {
                break;
            }
        }
        assert_eq!(told, written, "{seed}");
    }
}

#[tokio::test]
async fn a_reading_by_two_hosts_ends_where_the_one_ends_that_knows_less() {
    let clock = TestClock::default();
    clock.pass(Duration::from_secs(3600));
    let memory = memory();
    for number in 1..=4 {
        let id = RecordId::stored(format!("p{number}"));
        memory.put(&Record::new(id, Default::default()).written(None, number, clock.now(), "Ann"));
    }
    let table = filled(&Sqlite::new(), memory.clone(), &clock).await;
    let confirmed = table.standing().expect("a state").confirmed.expect("it is filled");
    clock.pass(Duration::from_secs(600));
    let before = Cursor::at_end(confirmed.before(Duration::from_secs(60)), table.shards());
    for begin in [None, Some(before.to_token("prj"))] {
        let first = page(&memory, &begin, Some(2), clock.now()).await;
        assert!(first.more);
        let mut since = Some(first.cursor.to_token("prj"));
        let last = loop {
            let found = page(&table, &since, Some(2), clock.now()).await;
            if !found.more {
                break found;
            }
            since = Some(found.cursor.to_token("prj"));
        };
        assert_eq!(last.cursor.known_until(), Some(confirmed), "{begin:?}");
    }
}
