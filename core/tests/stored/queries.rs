//! Records, orders and pages of the stored table are those of the core. `random` compares lists of the whole grammar.

use ripple_core::query::Query;
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source, item};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;

use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{filled, memory};

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
    populate(&memory, &mut luck, 500);
    let sql = Sqlite::new();
    let table = filled(&sql, memory.clone(), &TestClock::default()).await;
    for sort in ["name", "-term", "term,-name", "-goal,term", "updated_by,-version", "-updated_at", "-prj_id"] {
        let mut pairs = vec![("sort".to_owned(), sort.to_owned()), ("limit".to_owned(), "61".to_owned())];
        loop {
            let query = Query::parse(&pairs, memory.resource()).expect("a query");
            let (session, cost) = (Session::new("prj"), &mut Capacity::default());
            let expected = memory.list(&query, &session, Timestamp(0), cost).await.expect("a page");
            let found = table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
            assert!(
                found.body == expected.body && found.next == expected.next && found.etag == expected.etag,
                "{sort}"
            );
            let Some(next) = expected.next else { break };
            pairs.truncate(2);
            pairs.push(("cursor".to_owned(), next));
        }
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
        let mut pairs = vec![("limit".to_owned(), limit.to_owned())];
        let mut turns = 0;
        loop {
            let query = Query::parse(&pairs, memory.resource()).expect("a query");
            let (session, cost) = (Session::new("prj"), &mut Capacity::default());
            let expected = memory.list(&query, &session, Timestamp(0), cost).await.expect("a page");
            let found = table.list(&query, &session, Timestamp(0), cost).await.expect("a page");
            assert_eq!((&found.body, &found.etag), (&expected.body, &expected.etag), "{pairs:?}");
            assert_eq!((&found.next, &found.previous), (&expected.next, &expected.previous), "{pairs:?}");
            // To the end, and then back.
            turns += usize::from(expected.next.is_none());
            let Some(next) = (if turns == 0 { expected.next } else { expected.previous }) else { break };
            pairs.truncate(1);
            pairs.push(("cursor".to_owned(), next));
        }
    }
}
