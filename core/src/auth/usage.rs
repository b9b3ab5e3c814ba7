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
            let oldest = counts.iter().min_by_key(|(_, counted)| counted.since).map(|(key, _)| *key);
            oldest.and_then(|oldest| counts.remove(&oldest)); // it has been idle, and its counts are lost
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ApiKey;

    fn key(number: usize) -> KeyHash {
        let bytes: [u8; 64] = format!("{number:030}{:034}", 0).into_bytes().try_into().expect("64 digits");
        ApiKey::generate(&bytes).expect("enough fair bytes").hash()
    }

    #[test]
    fn memory_is_bounded_and_new_keys_are_counted() {
        let counter = UsageCounter::default();
        for number in 0..=limits::REMEMBERED_KEYS {
            assert_eq!(counter.count(key(number), false, Timestamp(number as u64), false), None);
        }
        assert_eq!(counter.lock().len(), limits::REMEMBERED_KEYS);
        let later = Timestamp(1 << 40);
        let last = counter.count(key(limits::REMEMBERED_KEYS), false, later, false);
        assert_eq!(last, Some(Usage { reads: 2, writes: 0 }));
    }

    #[test]
    fn a_first_use_is_handed_over_at_once() {
        let counter = UsageCounter::default();
        assert_eq!(counter.count(key(1), true, Timestamp(0), true), Some(Usage { reads: 0, writes: 1 }));
        assert!(counter.lock().is_empty());
    }
}
