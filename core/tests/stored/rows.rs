//! The rows that a read of the stored table takes, and those that a record is written to. Cloudflare bills them, and they
//! are what a large table costs.

use std::cell::Cell;
use std::ops::ControlFlow;

use ripple_core::query::Query;
use ripple_core::replica::Clock as _;
use ripple_core::replica::sql::{Nearby as _, Value as Column};
use ripple_core::replica::stored::Table;
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source, item};
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;

use crate::sqlite::Sqlite;
use crate::{filled, memory};

const RECORDS: u64 = 2_000;
const PAGE: u64 = 50;

/// A copy whose rows are counted.
struct Counted {
    sql: Sqlite,
    table: Table<Sqlite, Memory, TestClock>,
    before: Cell<u64>,
}

impl Counted {
    /// Returns the rows that were stepped over since the last call.
    fn stepped(&self) -> u64 {
        let all = self.sql.stepped.get();
        all - self.before.replace(all)
    }

    /// Returns the rows of a list, and the number of records in it.
    async fn list(&self, pairs: &[(&str, &str)]) -> (u64, usize) {
        let (stepped, shown, ..) = self.page(pairs).await;
        (stepped, shown)
    }

    /// Returns the rows of a list, the number of records in it, and the cursors of the next and the previous page.
    async fn page(&self, pairs: &[(&str, &str)]) -> (u64, usize, Option<String>, Option<String>) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let query = Query::parse(&pairs, self.table.resource()).expect("a query");
        let (session, cost) = (Session::new("prj"), &mut Capacity::default());
        self.stepped();
        let page = self.table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
        let records: Vec<serde_json::Value> = serde_json::from_slice(&page.body).expect("JSON");
        (self.stepped(), records.len(), page.next, page.previous)
    }
}

async fn counted() -> Counted {
    let memory = memory();
    for number in 0..RECORDS {
        let members =
            [("name", format!("Garden {number}")), ("goal", "Beans".to_owned()), ("note", "Snails".to_owned())];
        let members = members.map(|(name, text)| (name.to_owned(), Value::from(text)));
        let record = Record::new(RecordId::stored(format!("p{number:04}")), Members::from(members));
        // The order by time is another one than that by id.
        let at = Timestamp(1_700_000_000_000 + number * 7_919 % RECORDS);
        memory.put(&record.written(None, 1, at, "Ann"));
    }
    let sql = Sqlite::new();
    let table = filled(&sql, memory, &TestClock::default()).await;
    Counted { before: Cell::new(sql.stepped.get()), sql, table }
}

#[tokio::test]
async fn a_page_takes_the_rows_that_it_shows_whatever_the_size_of_the_table() {
    let counted = counted().await;
    for order in [&[][..], &[("sort", "-updated_at")]] {
        let (stepped, shown) = counted.list(&[&[("limit", "50")], order].concat()).await;
        assert_eq!(shown as u64, PAGE);
        assert!(stepped <= PAGE + 10, "{order:?}: {stepped} rows");
    }
    let id = RecordId::stored("p0007".to_owned());
    let found = counted.table.get(&id, Consistency::Eventual, &mut Capacity::default()).await.expect("an answer");
    assert!(found.is_some() && counted.stepped() <= 3, "a record is found by its key");
}

#[tokio::test]
async fn a_page_far_from_the_first_takes_the_rows_that_it_shows() {
    let counted = counted().await;
    for sort in ["prj_id", "-updated_at", "updated_at"] {
        let (mut cursor, mut turns) = (None, 0);
        // To the end, and then back.
        loop {
            let at = cursor.as_deref().map(|cursor| ("cursor", cursor));
            let pairs: Vec<_> = [("limit", "50"), ("sort", sort)].into_iter().chain(at).collect();
            let (stepped, shown, next, previous) = counted.page(&pairs).await;
            assert_eq!(shown as u64, PAGE);
            assert!(stepped <= PAGE + 10, "{sort}: {stepped} rows");
            turns += usize::from(next.is_none());
            cursor = if turns == 0 { next } else { previous };
            if cursor.is_none() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_list_by_time_goes_on_with_the_records_without_one() {
    // Many of them are met on the way through all ids. Few are read and ordered for each page.
    for (one_in, most) in [(2, 2 * PAGE + 20), (20, RECORDS / 20 + 20)] {
        let memory = memory();
        for number in 0..RECORDS {
            let by = if number % one_in == 0 { "" } else { "Ann" };
            let record = Record::new(RecordId::stored(format!("p{number:04}")), Members::default());
            memory.put(&record.written(None, 1, Timestamp(number), by));
        }
        let sql = Sqlite::new();
        let table = filled(&sql, memory, &TestClock::default()).await;
        let counted = Counted { before: Cell::new(sql.stepped.get()), sql, table };
        let mut cursor: Option<String> = None;
        loop {
            let at = cursor.as_deref().map(|cursor| ("cursor", cursor));
            let pairs: Vec<_> = [("limit", "50"), ("sort", "-updated_at")].into_iter().chain(at).collect();
            let (stepped, shown, next, _) = counted.page(&pairs).await;
            assert!(shown as u64 == PAGE && stepped <= PAGE + most, "one in {one_in}: {stepped} rows");
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_changes_takes_the_rows_that_it_has() {
    let counted = counted().await;
    let mut from = None;
    counted.stepped();
    for _ in 0..5 {
        let cost = &mut Capacity::default();
        let page = counted.table.changes(0, Timestamp(0), from, PAGE as usize, cost).await.expect("a page");
        let stepped = counted.stepped();
        assert!(page.entries.len() as u64 == PAGE && stepped <= PAGE + 10, "{stepped} rows");
        from = page.next;
    }
}

#[tokio::test]
async fn a_search_takes_each_row_once() {
    let counted = counted().await;
    let (stepped, shown) = counted.list(&[("q", "zugzwang"), ("limit", "50")]).await;
    assert_eq!(shown, 0);
    assert!(stepped <= RECORDS + 10, "a search without a match: {stepped} rows");
    // What matches is counted for the entity tag, and then shown.
    let (stepped, shown) = counted.list(&[("q", "garden"), ("limit", "50")]).await;
    assert_eq!(shown as u64, PAGE);
    assert!(stepped <= RECORDS + PAGE + 10, "a search with matches: {stepped} rows");
    let (stepped, _) = counted.list(&[("limit", "50"), ("count", "true")]).await;
    assert!(stepped <= PAGE + 10, "the number of all records is known: {stepped} rows");
    let (stepped, _) = counted.list(&[("sort", "name"), ("limit", "50")]).await;
    assert!(stepped <= RECORDS + 10, "a sort by a declared member: {stepped} rows");
}

#[tokio::test]
async fn a_query_that_is_repeated_takes_no_row_until_something_changes() {
    let counted = counted().await;
    let search = &[("q", "garden 7"), ("limit", "50")][..];
    let sorted = &[("sort", "-name"), ("limit", "50")][..];
    for query in [search, sorted, &[("limit", "50")]] {
        let (first, shown) = counted.list(query).await;
        assert!(first >= PAGE && shown as u64 == PAGE, "{query:?}: {first} rows");
        let (again, shown_again) = counted.list(query).await;
        assert!(again <= 1 && shown_again == shown, "{query:?}: {again} rows");
    }
    // Another limit and the number of all matches are other answers.
    assert!(counted.list(&[("q", "garden 7"), ("limit", "49")]).await.0 > RECORDS);
    assert!(counted.list(&[("q", "garden 7"), ("limit", "50"), ("count", "true")]).await.0 > RECORDS);
    let record = Record::new(RecordId::stored("p0007".to_owned()), Members::default());
    let (states, cost) = (vec![record.written(None, 2, Timestamp(1_700_000_100_000), "Bo")], &mut Capacity::default());
    counted.table.hear(states, Vec::new(), cost).await.expect("heard");
    let (stepped, shown) = counted.list(search).await;
    assert!(stepped > RECORDS && shown as u64 == PAGE, "after a change: {stepped} rows");
}

#[tokio::test]
async fn a_page_by_id_passes_few_deleted_records() {
    let memory = memory();
    for number in 0..2_000 {
        let record = Record::new(RecordId::stored(format!("p{number:04}")), Members::default());
        let record = record.written(None, 1, Timestamp(number), "Ann");
        memory.put(&if number < 1_900 {
            record.deleted(Timestamp(u64::MAX >> 12)).written(None, 2, Timestamp(number), "Ann")
        } else {
            record
        });
    }
    let sql = Sqlite::new();
    let table = filled(&sql, memory, &TestClock::default()).await;
    let counted = Counted { before: Cell::new(sql.stepped.get()), sql, table };
    let (stepped, shown) = counted.list(&[("limit", "50")]).await;
    assert!(shown as u64 == PAGE && stepped <= 100 + PAGE + 10, "{stepped} rows");
}

/// Returns the number of entries of the tables of records and of their indexes.
fn entries(sql: &Sqlite) -> u64 {
    let mut entries = 0;
    let statement = "SELECT tbl_name, sql FROM sqlite_schema WHERE tbl_name IN ('r', 's')";
    let mut trees = Vec::new();
    let each = &mut |row: ripple_core::replica::sql::Row| {
        trees.push(row.0);
        ControlFlow::Continue(())
    };
    sql.query(statement, &[], each).expect("rows");
    for tree in trees {
        let [Column::Text(table), made] = &tree[..] else { panic!("{tree:?}") };
        // A table with a rowid has an index of its key, without a statement.
        let condition = match made {
            Column::Text(made) => made.split_once(" WHERE ").map_or("1", |(_, condition)| condition),
            _ => "1",
        };
        entries += sql.count_of(&format!("{table} WHERE {condition}"));
    }
    entries
}

#[tokio::test]
async fn a_record_is_three_rows_and_an_edit_four() {
    let clock = TestClock::default();
    let (id, members) = (RecordId::stored("p".to_owned()), Members::from([("name".to_owned(), Value::from("Garden"))]));
    let record = |number, by| Record::new(id.clone(), members.clone()).written(None, number, clock.now(), by);
    let (by_ann, adopted) = (record(1, "Ann"), record(1, ""));
    let deleted = by_ann.deleted(Timestamp(u64::MAX >> 12)).written(None, 2, clock.now(), "Ann");
    for (state, expected) in [(by_ann.clone(), 3), (adopted, 3), (deleted, 2)] {
        let (memory, sql) = (memory(), Sqlite::new());
        memory.put(&state);
        filled(&sql, memory, &clock).await;
        assert_eq!(entries(&sql), expected, "{state:?}");
    }
    let (memory, sql) = (memory(), Sqlite::new());
    memory.put(&by_ann);
    let mut external = memory.item(&id).expect("just put");
    external.remove(item::RPL_SEAL);
    memory.put_item(&id, external);
    let table = filled(&sql, memory, &clock).await;
    assert_eq!(entries(&sql), 3);
    let written = async |state| {
        let before = sql.written.get();
        table.hear(vec![state], Vec::new(), &mut Capacity::default()).await.expect("heard");
        sql.written.get() - before
    };
    assert_eq!(written(record(2, "Ann")).await, 4, "with the time of the first message of the feed");
    // The record, its columns, and the log with the state. Its entry in an index by time is the fourth.
    assert_eq!(written(record(3, "Bo")).await, 3);
    assert_eq!(entries(&sql), 3);
}
