//! A clock that a test sets, for an edge and its requests.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::Timestamp;
use ripple_core::replica::Clock;

/// Milliseconds that have passed since the test began.
#[derive(Clone, Default)]
pub(crate) struct TestClock(pub(crate) Rc<Cell<u64>>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000 + self.0.get())
    }

    async fn pause(&self, duration: Duration) {
        self.0.set(self.0.get() + u64::try_from(duration.as_millis()).expect("short"));
    }
}
