//! Time in a Worker. It stands still while code runs and moves only with I/O, to prevent timing attacks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use ripple_core::Timestamp;
use ripple_core::replica;
use worker::Delay;
use worker::send::SendFuture;

/// Returns the time.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(js_sys::Date::now() as u64)
}

/// The clock of the SDK and of the replica, and their sleep.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(now().0)
    }
}

impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(SendFuture::new(Delay::from(duration)))
    }
}

impl replica::Clock for Clock {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn pause(&self, duration: Duration) {
        Delay::from(duration).await;
    }
}
