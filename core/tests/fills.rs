//! The memory of full reads. An isolate has 128 MB in all, and reads the whole table again and again.

use std::time::Duration;

use peak_alloc::PeakAlloc;
use ripple_core::replica::{Clock as _, Replica};
use ripple_core::session::Session;
use ripple_core::store::Capacity;
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_test_kit::TestClock;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// A table of 6 MB.
const RECORDS: usize = 10_000;
const TEXT: usize = 500;

/// Returns a record whose text differs from those of the others.
fn record(number: usize) -> Record {
    let text: String = format!("{number} ").chars().cycle().take(TEXT).collect();
    let attributes = Members::from([("name".to_owned(), Value::from("Garden")), ("text".to_owned(), text.into())]);
    Record::new(RecordId::stored(format!("p{number:05}")), attributes).written(None, 1, Timestamp(1), "test")
}

// The only test of this binary, since all tests of a process share its memory.
#[tokio::test(flavor = "current_thread")]
async fn the_tenth_full_read_takes_little_more_memory_than_the_first() {
    let store = Memory::new();
    (0..RECORDS).for_each(|number| store.put(&record(number)));
    let clock = TestClock::default();
    let replica = Replica::new(store, clock.clone(), Duration::from_secs(5));
    let before = ALLOCATED.current_usage();

    let mut peaks = Vec::new();
    for _ in 0..10 {
        ALLOCATED.reset_peak_usage();
        let mut cost = Capacity::default();
        let prepared = replica.prepare(&Session::default(), true, &mut cost).await;
        assert!(prepared.result.expect("the memory answers").is_some_and(|prepared| prepared.fetched));
        assert!(cost.read > 500.0, "the whole table was read: {cost:?}");
        peaks.push(ALLOCATED.peak_usage() - before);
        clock.pause(Duration::from_secs(3_600)).await;
    }
    println!("MB at most, by full read: {:?}", peaks.iter().map(|bytes| bytes / 1_000_000).collect::<Vec<_>>());
    assert!(peaks.iter().all(|peak| *peak as f64 <= 1.3 * peaks[0] as f64), "{peaks:?}");
    assert!(peaks[0] < 64_000_000, "{peaks:?}");
}
