//! A clock that a test sets.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::Timestamp;
use ripple_core::replica::Clock;

/// A clock that a test sets, for an edge and its requests. It has the milliseconds that have passed since the test
/// began.
#[derive(Clone, Debug, Default)]
pub struct TestClock(Rc<Cell<u64>>);

impl TestClock {
    /// Advances the time.
    pub fn pass(&self, duration: Duration) {
        self.0.set(self.0.get() + u64::try_from(duration.as_millis()).expect("short"));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000 + self.0.get())
    }

    async fn pause(&self, duration: Duration) {
        self.pass(duration);
    }
}
