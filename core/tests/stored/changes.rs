//! The list of changes from a stored table: page for page that of the core over the same records.

use std::time::Duration;

use ripple_core::replica::Clock as _;
use ripple_core::service::changes::{ChangesPage, Cursor, Reading, changes};
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Source};
use ripple_core::{Record, Timestamp};
use ripple_test_kit::TestClock;

use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{filled, memory};

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
        let (mut since, mut pages) = (None, 0);
        loop {
            let now = clock.now();
            table.refresh(&mut Capacity::default()).await.expect("read");
            let expected = page(&memory, &since, limit, now).await;
            let found = page(&table, &since, limit, now).await;
            assert_eq!(String::from_utf8_lossy(&found.changed), String::from_utf8_lossy(&expected.changed), "{seed}");
            assert_eq!((&found.deleted, found.more), (&expected.deleted, expected.more), "{seed}");
            let (cursor, told) = (expected.cursor.to_token("prj"), found.cursor.to_token("prj"));
            assert_eq!(told, cursor, "{seed}");
            since = Some(cursor);
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
