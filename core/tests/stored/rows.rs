//! The rows that a read of the stored table takes. Cloudflare bills them, and they are what a large table costs.

use std::cell::Cell;

use ripple_core::query::Query;
use ripple_core::replica::stored::Table;
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source};
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
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let query = Query::parse(&pairs, self.table.resource()).expect("a query");
        let (session, cost) = (Session::new("prj"), &mut Capacity::default());
        self.stepped();
        let page = self.table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
        let records: Vec<serde_json::Value> = serde_json::from_slice(&page.body).expect("JSON");
        (self.stepped(), records.len())
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
async fn a_search_takes_each_row_once() {
    let counted = counted().await;
    let (stepped, shown) = counted.list(&[("q", "zugzwang"), ("limit", "50")]).await;
    assert_eq!(shown, 0);
    assert!(stepped <= RECORDS + 10, "a search without a match: {stepped} rows");
    // What matches is counted for the entity tag, and then shown.
    let (stepped, shown) = counted.list(&[("q", "garden"), ("limit", "50")]).await;
    assert_eq!(shown as u64, PAGE);
    assert!(stepped <= RECORDS + PAGE + 10, "a search with matches: {stepped} rows");
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
