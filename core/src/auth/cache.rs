//! Keys looked up lately, so that not every request asks the table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{KeyHash, KeyRecord};
use crate::limits;
use crate::time::Timestamp;

/// How long what was learned of a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Before the table is asked again.
    pub fresh: Duration,
    /// For reads, while the table cannot be asked.
    pub stale: Duration,
}

impl Default for Trust {
    fn default() -> Self {
        Trust { fresh: limits::KEY_FRESH, stale: limits::STALE }
    }
}

/// Look-ups remembered, refusals too, in bounded memory. A record is remembered under its own key's hash only.
#[derive(Debug, Default)]
pub struct KeyMemory {
    trust: Trust,
    entries: Mutex<HashMap<KeyHash, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    record: Option<Arc<KeyRecord>>,
    learned: Timestamp,
    /// The table could not be asked: it is not before then.
    put_off: Timestamp,
}

/// What is remembered of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// Recent enough to go by: the key's record, or that there is none.
    Fresh(Option<Arc<KeyRecord>>),
    /// To be looked up again, but if it is put off; this goes on for reads only, while the table cannot be asked.
    Stale {
        /// The key's record as it was.
        record: Arc<KeyRecord>,
        /// The table could not be asked a moment ago, and is not asked again so soon.
        put_off: bool,
    },
    /// To be looked up.
    Unknown,
}

impl KeyMemory {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(trust: Trust) -> KeyMemory {
        KeyMemory { trust, entries: Mutex::default() }
    }

    /// What is remembered at `now`.
    #[must_use]
    pub fn recall(&self, hash: &KeyHash, now: Timestamp) -> Remembered {
        let entries = self.lock();
        let Some(entry) = entries.get(hash) else { return Remembered::Unknown };
        let fresh = if entry.record.is_some() { self.trust.fresh } else { limits::REFUSAL_FRESH };
        if now < entry.learned.after(fresh) {
            return Remembered::Fresh(entry.record.clone());
        }
        match &entry.record {
            Some(record) if now < entry.learned.after(self.trust.stale) => {
                Remembered::Stale { record: record.clone(), put_off: now < entry.put_off }
            }
            _ => Remembered::Unknown,
        }
    }

    /// The table could not be asked for this key.
    pub fn put_off(&self, hash: &KeyHash, now: Timestamp) {
        if let Some(entry) = self.lock().get_mut(hash) {
            entry.put_off = now.after(limits::KEY_RETRY);
        }
    }

    /// Remembers what the table said. When memory is full, refusals go first, then what was learned earliest:
    /// whoever tries many wrong keys pushes out their own.
    pub fn remember(&self, hash: KeyHash, record: Option<Arc<KeyRecord>>, now: Timestamp) {
        let mut entries = self.lock();
        if entries.len() >= limits::REMEMBERED_KEYS && !entries.contains_key(&hash) {
            let oldest = entries.iter().min_by_key(|(_, entry)| (entry.record.is_some(), entry.learned));
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                entries.remove(&oldest);
            }
        }
        entries.insert(hash, Entry { record, learned: now, put_off: Timestamp(0) });
    }

    /// Notes in what is remembered that the table knows of the key's use.
    pub fn note_use(&self, hash: &KeyHash, now: Timestamp) {
        if let Some(record) = self.lock().get_mut(hash).and_then(|entry| entry.record.as_mut()) {
            Arc::make_mut(record).last_used = Some(now.0);
        }
    }

    /// A panic elsewhere leaves the map whole: each change of it is one insert or one remove.
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyHash, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ApiKey;

    fn hash(seed: u64) -> KeyHash {
        let bytes: [u8; 64] = format!("{seed:030}{:034}", 0).into_bytes().try_into().expect("64 digits");
        ApiKey::generate(&bytes).expect("enough fair bytes").hash()
    }

    fn record() -> Arc<KeyRecord> {
        Arc::new(KeyRecord {
            key_hash: String::new(),
            key_id: "k".into(),
            name: "n".into(),
            scopes: vec![],
            created: 0,
            expires: None,
            revoked: None,
            last_used: None,
            lineage: None,
        })
    }

    #[test]
    fn a_key_is_fresh_for_ten_seconds_and_goes_on_for_an_hour_without_the_table() {
        let memory = KeyMemory::default();
        let stale = |put_off| Remembered::Stale { record: record(), put_off };
        memory.remember(hash(1), Some(record()), Timestamp(0));
        assert_eq!(memory.recall(&hash(1), Timestamp(9_999)), Remembered::Fresh(Some(record())));
        assert_eq!(memory.recall(&hash(1), Timestamp(10_000)), stale(false));
        memory.put_off(&hash(1), Timestamp(10_000));
        assert_eq!(memory.recall(&hash(1), Timestamp(14_999)), stale(true));
        assert_eq!(memory.recall(&hash(1), Timestamp(15_000)), stale(false));
        memory.put_off(&hash(1), Timestamp(3_599_999));
        assert_eq!(memory.recall(&hash(1), Timestamp(3_600_000)), Remembered::Unknown);
    }

    #[test]
    fn a_refusal_is_remembered_for_ten_seconds() {
        let memory = KeyMemory::default();
        memory.remember(hash(1), None, Timestamp(0));
        assert_eq!(memory.recall(&hash(1), Timestamp(9_999)), Remembered::Fresh(None));
        assert_eq!(memory.recall(&hash(1), Timestamp(10_000)), Remembered::Unknown);
    }

    #[test]
    fn guessing_pushes_out_guesses_and_not_keys() {
        let memory = KeyMemory::default();
        memory.remember(hash(0), Some(record()), Timestamp(0));
        for guess in 1..=2 * limits::REMEMBERED_KEYS as u64 {
            memory.remember(hash(guess), None, Timestamp(guess));
        }
        assert_eq!(memory.lock().len(), limits::REMEMBERED_KEYS);
        assert_eq!(memory.recall(&hash(0), Timestamp(1)), Remembered::Fresh(Some(record())));
    }
}
