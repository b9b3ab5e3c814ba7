//! Keys looked up lately, so that not every request asks the table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{KeyHash, KeyRecord};
use crate::limits;
use crate::time::Timestamp;

/// Look-ups remembered, refusals too, in bounded memory. A record is remembered under its own key's hash only.
#[derive(Debug, Default)]
pub struct KeyMemory {
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
    /// To be looked up again; this goes on only while the table cannot be asked.
    Stale(Arc<KeyRecord>),
    /// To be looked up.
    Unknown,
}

impl KeyMemory {
    /// What is remembered at `now`.
    #[must_use]
    pub fn recall(&self, hash: &KeyHash, now: Timestamp) -> Remembered {
        let entries = self.lock();
        let Some(entry) = entries.get(hash) else { return Remembered::Unknown };
        let fresh = if entry.record.is_some() { limits::KEY_FRESH } else { limits::REFUSAL_FRESH };
        if now < entry.learned.after(fresh) {
            return Remembered::Fresh(entry.record.clone());
        }
        match &entry.record {
            Some(record) if now < entry.learned.after(limits::KEY_GRACE) => match now < entry.put_off {
                true => Remembered::Fresh(Some(record.clone())),
                false => Remembered::Stale(record.clone()),
            },
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

    /// A panic elsewhere leaves the map whole: each change of it is one insert or one remove.
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyHash, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ApiKey;

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
    fn a_key_is_fresh_for_a_minute_and_goes_on_for_ten_without_the_table() {
        let memory = KeyMemory::default();
        memory.remember(hash(1), Some(record()), Timestamp(0));
        assert_eq!(memory.recall(&hash(1), Timestamp(59_999)), Remembered::Fresh(Some(record())));
        assert_eq!(memory.recall(&hash(1), Timestamp(60_000)), Remembered::Stale(record()));
        memory.put_off(&hash(1), Timestamp(60_000));
        assert_eq!(memory.recall(&hash(1), Timestamp(64_999)), Remembered::Fresh(Some(record())));
        assert_eq!(memory.recall(&hash(1), Timestamp(65_000)), Remembered::Stale(record()));
        memory.put_off(&hash(1), Timestamp(599_999));
        assert_eq!(memory.recall(&hash(1), Timestamp(600_000)), Remembered::Unknown);
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
