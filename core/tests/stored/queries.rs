//! Records, orders and pages of the stored table are those of the core. `random` compares lists of the whole grammar.

use ripple_core::query::Query;
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source, item};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;

use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{Copy, filled, memory};

/// Puts records as ripple, and as other programs, leave them.
fn populate(memory: &Memory, luck: &mut Luck, count: usize) {
    for n in 0..count {
        let id = records::id(luck, count * 2);
        if luck.is(3) {
            memory.put(&Record::new(id.clone(), records::attributes(luck)));
            let mut external = memory.item(&id).expect("just put");
            external.remove(item::RPL_SEAL);
            memory.put_item(&id, external);
        } else {
            memory.put(&records::state(luck, id, 1 + n as u64 % 5, Timestamp(1_700_000_000_000 + n as u64 % 7)));
        }
    }
}

#[tokio::test]
async fn a_record_comes_back_with_all_its_types() {
    for seed in 100..160 {
        let mut luck = Luck(seed);
        let memory = memory();
        populate(&memory, &mut luck, 30);
        let table = filled(&Sqlite::new(), memory.clone(), &TestClock::default()).await;
        for _ in 0..60 {
            let id = records::id(&mut luck, 60);
            let cost = &mut Capacity::default();
            let expected = memory.get(&id, Consistency::Eventual, cost).await.expect("an answer");
            let found = table.get(&id, Consistency::Eventual, cost).await.expect("an answer");
            assert_eq!(found.is_some(), expected.is_some(), "{id}");
            let (Some(found), Some(expected)) = (found, expected) else { continue };
            assert_eq!((found.version, found.tombstone), (expected.version, expected.tombstone));
            if !expected.is_deleted() {
                assert_eq!(found.attributes, expected.attributes);
                let names = &memory.resource().names;
                assert_eq!(found.to_json(names), expected.to_json(names));
                assert_eq!(found.is_external(), expected.is_external());
            }
        }
    }
}

#[tokio::test]
async fn the_order_of_columns_is_that_of_the_core_for_hundreds_of_records() {
    let memory = memory();
    let mut luck = Luck(7);
    populate(&memory, &mut luck, 1_200);
    let sql = Sqlite::new();
    let table = filled(&sql, memory.clone(), &TestClock::default()).await;
    let sorts = ["name", "-term", "term,-name", "-goal,term", "updated_by,-version", "-prj_id", "tags,x"];
    let by_time = ["-updated_at", "updated_at", "-updated_at,name", "updated_at,-term", "-updated_at,-prj_id"];
    // Half of the ids have the letter.
    for (q, sort) in ["", "p"].into_iter().flat_map(|q| sorts.iter().chain(&by_time).map(move |sort| (q, *sort))) {
        compare_pages(&memory, &table, &[("sort", sort), ("limit", "61"), ("q", q)]).await;
    }
}

#[tokio::test]
async fn each_name_that_no_record_has_is_a_fault_however_many() {
    let memory = memory();
    populate(&memory, &mut Luck(7), 300);
    let sql = Sqlite::new();
    let table = filled(&sql, memory.clone(), &TestClock::default()).await;
    let names: Vec<String> =
        (0..64).map(|number| if number == 62 { "x".into() } else { format!("no{number}") }).collect();
    let pairs = [("fields".to_owned(), names.join(",")), ("sort".to_owned(), "no64,-x".to_owned())];
    let query = Query::parse(&pairs, memory.resource()).expect("a query");
    let (session, cost) = (Session::new("prj"), &mut Capacity::default());
    let expected = memory.list(&query, &session, Timestamp(0), cost).await.expect("a page");
    let found = table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
    assert_eq!((expected.unknown.len(), &found.unknown), (64, &expected.unknown));
}

/// Reads a list to its end, and then back, and compares each page.
async fn compare_pages(memory: &Memory, table: &Copy<Memory>, pairs: &[(&str, &str)]) {
    let mut all: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut turns = 0;
    loop {
        let query = Query::parse(&all, memory.resource()).expect("a query");
        let (session, cost) = (Session::new("prj"), &mut Capacity::default());
        let expected = memory.list(&query, &session, Timestamp(0), cost).await.expect("a page");
        let found = table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
        assert!(found.body == expected.body && found.etag == expected.etag, "{all:?}");
        assert_eq!((&found.next, &found.previous), (&expected.next, &expected.previous), "{all:?}");
        turns += usize::from(expected.next.is_none());
        let Some(next) = (if turns == 0 { expected.next } else { expected.previous }) else { break };
        all.truncate(pairs.len());
        all.push(("cursor".to_owned(), next));
    }
}

#[tokio::test]
async fn a_list_by_time_ends_with_the_records_without_one_however_many() {
    let memory = memory();
    for n in 0..1_300_u64 {
        // The first ones were adopted, one in ten is the work of another program, and few have an author.
        let id = RecordId::stored(format!("p{:04}", n * 7 % 1_300));
        let by = if n % 13 == 0 { "Ann" } else { "" };
        let record = Record::new(id.clone(), records::members(&mut Luck(n)));
        memory.put(&record.written(None, 1, Timestamp(n / 3), by));
        if n % 10 == 0 {
            let mut external = memory.item(&id).expect("just put");
            external.remove(item::RPL_SEAL);
            memory.put_item(&id, external);
        }
    }
    let table = filled(&Sqlite::new(), memory.clone(), &TestClock::default()).await;
    for sort in ["-updated_at", "updated_at", "-updated_at,name"] {
        compare_pages(&memory, &table, &[("sort", sort), ("limit", "77")]).await;
    }
}

#[tokio::test]
async fn a_page_by_id_is_that_of_the_core_among_many_deleted_records() {
    let memory = memory();
    for n in 0..600_u64 {
        let id = RecordId::stored(format!("p{n:04}"));
        let record = Record::new(id, records::attributes(&mut Luck(n))).written(None, 1, Timestamp(n), "Ann");
        let is_live = n % 150 < 9;
        memory.put(&if is_live {
            record
        } else {
            record.deleted(Timestamp(u64::MAX >> 12)).written(None, 2, Timestamp(n), "Ann")
        });
    }
    let table = filled(&Sqlite::new(), memory.clone(), &TestClock::default()).await;
    for limit in ["1", "5", "9", "20", "100"] {
        compare_pages(&memory, &table, &[("limit", limit)]).await;
    }
}
