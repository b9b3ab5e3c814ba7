//! Tests that the cost of a refresh depends on the changes and not on the size of the table, in units that the embedded
//! DynamoDB reports.

use std::cell::Cell;
use std::time::Duration;

use crate::engine::{self, Engine};
use ripple_core::record::history::Row;
use ripple_core::record::merge::Rules;
use ripple_core::replica::refresh::FRESH;
use ripple_core::replica::{Clock, Replica};
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Commit, Source as _, Store as _, Write};
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp};

struct TestClock(Cell<u64>);

impl Clock for &TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.get())
    }

    async fn pause(&self, _: Duration) {
        unreachable!("one request at a time waits for nobody")
    }
}

/// Returns a record of about 540 bytes, a typical size.
fn project(n: u32, version: u64, at: u64) -> Record {
    let attributes = Members::from([("description".to_owned(), Value::from("x".repeat(440)))]);
    let id = RecordId::parse(&format!("prj-{n:05}")).expect("valid");
    Record::new(id, attributes).written(None, version, Timestamp(at), "test")
}

#[tokio::test]
async fn a_refresh_costs_what_changed_and_not_what_exists() {
    const SETTLED: u64 = 1_000_000_000;
    let engine = Engine::start().await;
    let write = async |before: Option<&Record>, after: &Record| {
        let row = Row::of_write(before, after, None, Rules::default());
        let now = after.updated_at.unwrap_or_default();
        let write = Write { before, after, rows: &[row], claim: None, now, token: engine::token() };
        let done = engine.store.commit(&write, &mut Capacity::default()).await;
        assert_eq!(done.expect("the engine answers"), Commit::Done);
    };
    for n in 0..2_500 {
        write(None, &project(n, 1, SETTLED)).await;
    }

    let clock = TestClock(Cell::new(SETTLED + 100_000));
    let replica = Replica::new(engine.store.clone(), &clock, FRESH);
    let read = async |newer: bool| {
        let mut cost = Capacity::default();
        replica.prepare(&Session::default(), newer, &mut cost).await.result.expect("the engine answers");
        cost
    };
    let filled = read(false).await;
    assert!(filled.read > 100.0, "the first is a full read: {filled}");

    clock.0.set(clock.0.get() + 61_000);
    let unchanged = read(false).await;
    assert!((0.1..=0.5).contains(&unchanged.read), "nothing changed: {unchanged}");

    clock.0.set(clock.0.get() + 61_000);
    for n in 0..10 {
        write(Some(&project(n, 1, SETTLED)), &project(n, 2, clock.0.get())).await;
    }
    clock.0.set(clock.0.get() + 61_000);
    let changed = read(false).await;
    assert!((0.5..=6.0).contains(&changed.read), "ten changed: {changed}");
    println!("full read: {filled}; ten changes: {changed}; none: {unchanged}");

    let (id, mut free) = (project(3, 0, 0).id, Capacity::default());
    let seen = replica.get(&id, ripple_core::store::Consistency::Eventual, &mut free).await.expect("memory");
    assert_eq!(seen.map(|project| project.version), Some(2));
    clock.0.set(clock.0.get() + 61_000);
    let settled = read(false).await;
    assert!(settled.read <= 0.5, "they are settled too: {settled}");
}
