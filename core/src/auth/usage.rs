//! How much keys are used: requests counted in a host's memory, and handed over now and then to be noted in the table.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::KeyHash;
use crate::limits;
use crate::time::Timestamp;

/// Requests with one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests that change nothing.
    pub reads: u64,
    /// Requests that may change something.
    pub writes: u64,
}

/// Requests that a host has answered and not yet handed over, by key.
#[derive(Debug, Default)]
pub struct UsageCounter {
    counts: Mutex<HashMap<KeyHash, Counted>>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    usage: Usage,
    /// When the first of them came.
    since: Timestamp,
}

impl UsageCounter {
    /// Counts a request. Returns the counts of its key if they are to be noted now: the first of them came
    /// [`limits::KEY_USE`] ago, or `at_once` says so. They begin again at zero.
    ///
    /// ```
    /// use ripple_core::auth::{ApiKey, Usage, UsageCounter};
    /// use ripple_core::{Timestamp, limits};
    ///
    /// let (counter, key) = (UsageCounter::default(), ApiKey::generate(&[7; 64]).unwrap().hash());
    /// assert_eq!(counter.count(key, true, Timestamp(0), false), None);
    /// let later = Timestamp(0).after(limits::KEY_USE);
    /// assert_eq!(counter.count(key, false, later, false), Some(Usage { reads: 1, writes: 1 }));
    /// assert_eq!(counter.count(key, false, later, false), None);
    /// ```
    pub fn count(&self, key: KeyHash, writes: bool, now: Timestamp, at_once: bool) -> Option<Usage> {
        let mut counts = self.lock();
        if counts.len() >= limits::REMEMBERED_KEYS && !counts.contains_key(&key) {
            return None; // memory stays bounded, and this key's requests are not counted
        }
        let counted = counts.entry(key).or_insert(Counted { usage: Usage::default(), since: now });
        counted.usage.reads += u64::from(!writes);
        counted.usage.writes += u64::from(writes);
        if !at_once && now < counted.since.after(limits::KEY_USE) {
            return None;
        }
        counts.remove(&key).map(|counted| counted.usage)
    }

    /// A panic elsewhere leaves the map whole: each change of it is one insert or one remove.
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyHash, Counted>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
