//! Saves of ripple, other programs, lagging reads, failing statements, interrupted fills and feeds in any order: the laws
//! of the copy hold after each step, and when all is quiet it is the table.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::query::Query;
use ripple_core::record::schema::Resource;
use ripple_core::replica::Clock as _;
use ripple_core::replica::sql::{Nearby as _, error};
use ripple_core::replica::stored::{self, Table};
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;

use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{filled, memory};

const IDS: usize = 12;
/// How long ago an eventually consistent read may be, in milliseconds.
const LAG: u64 = 9_000;

/// A time, and the records that the table had then.
type Contents = (u64, BTreeMap<RecordId, Record>);

/// The table with small pages, reads that lag, and requests that fail.
#[derive(Clone)]
struct Lagging {
    now: Memory,
    /// Earlier contents: the time until which they were current.
    earlier: Rc<RefCell<Vec<Contents>>>,
    clock: TestClock,
    luck: Rc<Cell<u64>>,
    fails: Rc<Cell<bool>>,
}

impl Lagging {
    fn new(clock: &TestClock, seed: u64) -> Lagging {
        Lagging {
            now: memory(),
            earlier: Rc::default(),
            clock: clock.clone(),
            luck: Rc::new(Cell::new(seed)),
            fails: Rc::default(),
        }
    }

    fn below(&self, end: usize) -> usize {
        let mut luck = Luck(self.luck.get());
        let number = luck.below(end);
        self.luck.set(luck.0);
        number
    }

    async fn contents(&self) -> BTreeMap<RecordId, Record> {
        let page = self.now.scan(None, Consistency::Strong, &mut Capacity::default()).await.expect("memory");
        assert!(page.next.is_none() || page.records.len() > 3, "one page of memory, or large records");
        let (mut all, mut next) = (page.records, page.next);
        while let Some(from) = next {
            let page = self.now.scan(Some(from), Consistency::Strong, &mut Capacity::default()).await.expect("memory");
            all.extend(page.records);
            next = page.next;
        }
        all.into_iter().map(|record| (record.id.clone(), record)).collect()
    }

    /// Notes the contents before a change.
    async fn note(&self) {
        let contents = self.contents().await;
        self.earlier.borrow_mut().push((self.clock.now().0, contents));
    }

    /// Returns contents that an eventually consistent read may see.
    async fn seen(&self) -> BTreeMap<RecordId, Record> {
        let oldest = self.clock.now().0 - LAG;
        let possible = self.earlier.borrow().iter().filter(|(until, _)| *until >= oldest).count();
        let back = self.below(possible + 1);
        if back == 0 {
            return self.contents().await;
        }
        let earlier = self.earlier.borrow();
        earlier[earlier.len() - back].1.clone()
    }

    fn reach(&self) -> Result<(), StoreError> {
        if self.fails.get() && self.below(5) == 0 { Err(error("no answer")) } else { Ok(()) }
    }
}

impl Keys for Lagging {
    fn resource(&self) -> &Arc<Resource> {
        self.now.resource()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.now.key(hash, cost).await
    }
}

impl Source for Lagging {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.reach()?;
        self.now.get(id, read, cost).await
    }

    async fn scan(&self, from: Option<Position>, _: Consistency, _: &mut Capacity) -> Result<Page, StoreError> {
        self.reach()?;
        let seen = self.seen().await;
        let after = seen.into_iter().filter(|(id, _)| from.as_ref().is_none_or(|from| *id > from.id));
        let mut records: Vec<Record> = after.map(|(_, record)| record).take(4).collect();
        let more = records.len() == 4;
        records.truncate(3);
        let next = records.last().filter(|_| more).map(|last| Position { id: last.id.clone(), at: None });
        Ok(Page { records, next })
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        _: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.reach()?;
        self.now.changes(shard, since, from, 2, cost).await
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.reach()?;
        self.now.fetch(entries, cost).await
    }

    fn shards(&self) -> u16 {
        self.now.shards()
    }
}

/// One storm.
struct Storm {
    luck: Luck,
    clock: TestClock,
    store: Lagging,
    sql: Sqlite,
    numbers: BTreeMap<RecordId, u64>,
    versions: BTreeMap<RecordId, u64>,
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let clock = TestClock::default();
        let store = Lagging::new(&clock, seed ^ 0xABCD);
        let (luck, sql) = (Luck(seed), Sqlite::new());
        let (numbers, versions) = (BTreeMap::new(), BTreeMap::new());
        Storm { luck, clock, store, sql, numbers, versions }
    }

    fn table(&mut self) -> Option<Table<Sqlite, Lagging, TestClock>> {
        Table::open(self.sql.clone(), self.store.clone(), self.clock.clone()).ok()
    }

    fn pass(&mut self, most: usize) {
        self.clock.pass(Duration::from_millis(1 + self.luck.below(most) as u64));
    }

    /// Writes to the table as ripple, or as another program.
    async fn write(&mut self) {
        self.store.note().await;
        self.pass(3_000);
        let id = records::id(&mut self.luck, IDS);
        let memory = &self.store.now;
        let number = self.numbers.entry(id.clone()).or_insert(0);
        match self.luck.below(8) {
            0 => memory.delete_item(&id),
            1 | 2 => memory.put_item(&id, {
                let own = ("prj_id".to_owned(), id.as_str().into());
                records::attributes(&mut self.luck).into_iter().chain([own]).collect()
            }),
            _ => {
                *number += 1;
                memory.put(&records::state(&mut self.luck, id.clone(), *number, self.clock.now()));
            }
        }
    }

    /// Lets the copy do something, which may fail at any statement.
    async fn step(&mut self) {
        self.pass(2_000);
        self.store.fails.set(self.luck.is(2));
        self.sql.fails_after.set(self.luck.is(3).then(|| self.luck.below(60) as u32));
        let cost = &mut Capacity::default();
        if let Some(table) = self.table() {
            // A failed statement is a host that ended: the next step opens the copy again.
            let _ = match self.luck.below(5) {
                0 | 1 => table.tend(cost).await,
                2 | 3 => table.refresh(cost).await,
                _ => {
                    let heard = self.store.seen().await.into_values();
                    let heard = heard.filter(|record| !record.is_external() && self.luck.is(2)).collect();
                    table.hear(heard, Vec::new(), cost).await
                }
            };
            if self.luck.is(6) {
                self.pass(11 * 60 * 1000);
                let _ = table.standing();
            }
        }
        self.store.fails.set(false);
        self.sql.fails_after.set(None);
    }

    /// Checks the laws after a step.
    async fn judge(&mut self) {
        let Some(table) = self.table() else { panic!("no statement fails") };
        let standing = table.standing().expect("a state");
        assert!(table.is_consistent().expect("a sum"), "I3: the sum of its rows");
        let versions = self.sql.versions();
        for (id, version) in &self.versions {
            assert!(versions.get(id) >= Some(version), "I1: {id} fell from {version}");
        }
        if let Some(confirmed) = standing.confirmed {
            // A read may lag. A state that another program has overwritten is in no index.
            for (id, record) in self.store.contents().await {
                if record.updated_at.is_some_and(|at| at.0 + LAG < confirmed.0) {
                    assert!(versions.get(&id).copied() >= record.number(), "I2: {id} lacks {}", record.version);
                }
            }
        }
        let cost = &mut Capacity::default();
        for id in versions.keys() {
            if table.get(id, Consistency::Eventual, cost).await.expect("a row").is_none() {
                let recent = self.store.earlier.borrow();
                let was_gone = recent.iter().any(|(_, contents)| !contents.contains_key(id));
                assert!(was_gone || self.store.now.item(id).is_none(), "I5: {id} was never gone");
            }
        }
        self.versions = versions;
        let fresh = Table::open(self.sql.without_answers(), self.store.clone(), self.clock.clone()).expect("opened");
        for pairs in [&[][..], &[("sort", "-name"), ("limit", "3")], &[("q", "a")], &[("deleted", "true")]] {
            assert_eq!(answer(&table, pairs).await, answer(&fresh, pairs).await, "{pairs:?} was kept");
        }
    }

    /// Lets all that is under way end, reads the whole table once more, and compares.
    async fn quiet(&mut self) {
        self.pass(1);
        self.clock.pass(Duration::from_secs(26 * 60 * 60));
        let table = self.table().expect("opened");
        let cost = &mut Capacity::default();
        // The first standing begins a full read, unless one is under way that began before the last write.
        for _ in 0..2 {
            table.standing().expect("a state");
            while table.standing().expect("a state").wish.is_some() {
                table.tend(cost).await.expect("read");
            }
            self.clock.pass(Duration::from_secs(26 * 60 * 60));
        }
        table.refresh(cost).await.expect("read");
        let query = Query::parse(&[], table.resource()).expect("a query");
        let session = Session::new("prj");
        let expected = self.store.now.list(&query, &session, Timestamp(0), cost).await.expect("a page");
        let found = table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
        assert_eq!(String::from_utf8_lossy(&found.body), String::from_utf8_lossy(&expected.body), "I9");
        assert_eq!(found.etag, expected.etag);
        for n in 0..IDS {
            let id = records::id(&mut Luck(n as u64), IDS);
            let state = |record: Option<Record>| record.map(|record| (record.version, record.is_deleted()));
            let expected = self.store.now.get(&id, Consistency::Strong, cost).await.expect("memory");
            assert_eq!(state(table.get(&id, Consistency::Eventual, cost).await.expect("a row")), state(expected));
        }
    }
}

/// Returns the body and the entity tag of a list.
async fn answer(table: &Table<Sqlite, Lagging, TestClock>, pairs: &[(&str, &str)]) -> (Vec<u8>, String) {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let query = Query::parse(&pairs, table.resource()).expect("a query");
    let (session, cost) = (Session::new("prj"), &mut Capacity::default());
    let page = table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
    (page.body.to_vec(), page.etag)
}

#[tokio::test]
async fn the_laws_hold_in_every_storm() {
    for seed in 0..250 {
        let mut storm = Storm::new(seed);
        for _ in 0..25 {
            if storm.luck.is(2) {
                storm.write().await;
            } else {
                storm.step().await;
            }
            storm.judge().await;
        }
        storm.quiet().await;
    }
}

#[tokio::test]
async fn an_interrupted_fill_goes_on_where_it_was() {
    let clock = TestClock::default();
    let store = Lagging::new(&clock, 1);
    for n in 0..40 {
        let id = RecordId::stored(format!("p{n:02}"));
        store.now.put(&Record::new(id, records::attributes(&mut Luck(n))).written(None, 1, clock.now(), "Ann"));
    }
    let sql = Sqlite::new();
    let open = || Table::open(sql.clone(), store.clone(), clock.clone()).expect("opened");
    let mut seen = Vec::new();
    for statements in [100, 40, 7, 200, 1_000_000] {
        sql.fails_after.set(Some(statements));
        let outcome = open().tend(&mut Capacity::default()).await;
        sql.fails_after.set(None);
        seen.push((outcome.is_ok(), sql.versions().len()));
    }
    assert!(seen.iter().any(|(done, _)| !done), "some statement has failed: {seen:?}");
    assert!(
        seen.is_sorted_by_key(|(_, rows)| *rows) && seen.iter().all(|(_, rows)| rows % 3 == 0 || *rows == 40),
        "{seen:?}"
    );
    let table = filled(&sql, store.clone(), &clock).await;
    assert_eq!(sql.versions().len(), 40);
    assert!(table.is_consistent().expect("a sum"));
}

#[tokio::test]
async fn what_is_known_already_writes_no_row() {
    let clock = TestClock::default();
    let memory = memory();
    for n in 0..20 {
        let id = RecordId::stored(format!("p{n}"));
        memory.put(&Record::new(id, records::attributes(&mut Luck(n))).written(None, 2, clock.now(), "Ann"));
    }
    let sql = Sqlite::new();
    let table = filled(&sql, memory.clone(), &clock).await;
    clock.pass(Duration::from_secs(5));
    let known = memory.scan(None, Consistency::Strong, &mut Capacity::default()).await.expect("memory").records;
    let before = sql.written.get();
    table.hear(known.clone(), Vec::new(), &mut Capacity::default()).await.expect("heard");
    assert_eq!(sql.written.get() - before, 1, "only that the feed was heard");
    let before = sql.written.get();
    table.hear(known, Vec::new(), &mut Capacity::default()).await.expect("heard");
    assert_eq!(sql.written.get(), before, "it was heard a moment ago");
    let before = sql.written.get();
    table.refresh(&mut Capacity::default()).await.expect("read");
    assert_eq!(sql.written.get() - before, 1, "only the time of the refresh");
}

#[tokio::test]
async fn the_feed_makes_a_change_early_and_the_copy_no_younger() {
    let clock = TestClock::default();
    let memory = memory();
    let table = filled(&Sqlite::new(), memory, &clock).await;
    let before = table.standing().expect("a state");
    clock.pass(Duration::from_secs(3));
    let record = Record::new(RecordId::stored("p".to_owned()), records::attributes(&mut Luck(3)));
    table
        .hear(vec![record.written(None, 4, clock.now(), "Ann")], Vec::new(), &mut Capacity::default())
        .await
        .expect("heard");
    let after = table.standing().expect("a state");
    assert_eq!(after.confirmed, before.confirmed);
    let found = table.get(&RecordId::stored("p".to_owned()), Consistency::Eventual, &mut Capacity::default()).await;
    assert_eq!(found.expect("a row").map(|record| record.version), Some(4));
}

#[tokio::test]
async fn a_copy_with_a_wrong_sum_begins_anew() {
    let clock = TestClock::default();
    let memory = memory();
    for n in 0..5 {
        let id = RecordId::stored(format!("p{n}"));
        memory.put(&Record::new(id, records::attributes(&mut Luck(n))).written(None, 2, clock.now(), "Ann"));
    }
    let sql = Sqlite::new();
    let table = filled(&sql, memory.clone(), &clock).await;
    sql.run("UPDATE s SET h0 = h0 + 1 WHERE id = 'p1'", &[]).expect("damaged");
    assert!(!table.is_consistent().expect("a sum"));
    clock.pass(Duration::from_secs(11 * 60));
    while table.standing().is_ok() {
        table.tend(&mut Capacity::default()).await.expect("read");
    }
    assert!(filled(&sql, memory, &clock).await.is_consistent().expect("a sum"));
}

/// What makes a row unreadable.
const DAMAGES: [&str; 3] = ["json = '{', typed = NULL", "json = NULL, typed = NULL", "typed = x'00'"];

#[tokio::test]
async fn a_row_that_cannot_be_read_is_replaced_by_the_same_version_and_by_a_newer_one() {
    for (damage, way) in DAMAGES.iter().flat_map(|damage| (0..5).map(move |way| (damage, way))) {
        let (clock, memory, sql, cost) = (TestClock::default(), memory(), Sqlite::new(), &mut Capacity::default());
        clock.pass(Duration::from_secs(60));
        let at = |n: u64, version| {
            let record = Record::new(RecordId::stored(format!("p{n}")), records::attributes(&mut Luck(n)));
            record.written(None, version, clock.now(), "Ann")
        };
        for n in 0..3 {
            memory.put(&at(n, 2));
        }
        // Another program has written the last one.
        memory.put(&Record::new(RecordId::stored("p2".to_owned()), records::attributes(&mut Luck(2))));
        let table = filled(&sql, memory.clone(), &clock).await;
        let position = stored::position(&sql).expect("a state");
        sql.run(&format!("UPDATE r SET {damage}"), &[]).expect("damaged");
        clock.pass(Duration::from_secs(11 * 60));
        let all = memory.scan(None, Consistency::Strong, cost).await.expect("memory").records;
        match way {
            0 => drop(filled(&sql, memory.clone(), &clock).await),
            1 => table.hear(all.clone(), Vec::new(), cost).await.expect("heard"),
            2 => {
                table.hear(Vec::new(), all.iter().map(|record| record.id.clone()).collect(), cost).await.expect("read")
            }
            3 => {
                for n in 0..3 {
                    memory.put(&at(n, 3));
                }
                table.refresh(cost).await.expect("read");
            }
            // A read of the record itself goes to the table.
            _ => {}
        }
        for expected in memory.scan(None, Consistency::Strong, cost).await.expect("memory").records {
            let shown = |record: Record| (record.version, record.updated_by, record.attributes);
            let found = table.get(&expected.id, Consistency::Eventual, cost).await.ok().flatten();
            assert_eq!(found.map(shown), Some(shown(expected)), "{damage}, way {way}");
        }
        assert!(table.is_consistent().expect("a sum"), "{damage}, way {way}");
        let told = stored::position(&sql).expect("a state") != position;
        assert_eq!(told, way == 3, "{damage}, way {way}: the same version is no change");
    }
}

#[tokio::test]
async fn a_feed_that_does_not_tell_of_a_change_for_a_minute_is_silent() {
    let (clock, memory, sql, cost) = (TestClock::default(), memory(), Sqlite::new(), &mut Capacity::default());
    let table = filled(&sql, memory.clone(), &clock).await;
    let silent = || stored::silent_since(&sql, clock.now()).expect("a state");
    let save = |version| {
        let record = Record::new(RecordId::stored("p".to_owned()), records::attributes(&mut Luck(version)));
        let record = record.written(None, version, clock.now(), "Ann");
        memory.put(&record);
        record
    };
    save(1);
    table.refresh(cost).await.expect("read");
    clock.pass(Duration::from_secs(600));
    assert_eq!(silent(), None, "there is no feed");
    table.hear(vec![save(2)], Vec::new(), cost).await.expect("heard");
    clock.pass(Duration::from_secs(600));
    assert_eq!(silent(), None, "nothing has changed");
    // A refresh is earlier than the feed.
    let record = save(3);
    table.refresh(cost).await.expect("read");
    clock.pass(Duration::from_secs(59));
    assert_eq!(silent(), None);
    table.hear(vec![record], Vec::new(), cost).await.expect("heard");
    clock.pass(Duration::from_secs(600));
    assert_eq!(silent(), None);
    // The feed has failed. The first change that it does not tell of counts.
    save(4);
    let since = clock.now();
    table.refresh(cost).await.expect("read");
    clock.pass(Duration::from_secs(60));
    save(5);
    table.refresh(cost).await.expect("read");
    assert_eq!(silent(), Some(since));
    table.hear(Vec::new(), vec![RecordId::stored("p".to_owned())], cost).await.expect("heard");
    assert_eq!(silent(), None, "it tells again, though not the state itself");
    save(6);
    table.refresh(cost).await.expect("read");
    clock.pass(Duration::from_secs(24 * 60 * 60));
    assert_eq!(silent(), None, "the copy no longer counts on a feed");
}
