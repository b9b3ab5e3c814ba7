//! A cache of key lookups, so that not every request reads the table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{KeyHash, KeyRecord};
use crate::limits;
use crate::time::Timestamp;

/// A variable of [`Trust::read`] has no usable value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} must be a whole number of seconds")]
pub struct TrustError(&'static str);

/// How long a key lookup is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The time until the table is read again.
    pub fresh: Duration,
    /// The limit for reads while the table cannot be read.
    pub stale: Duration,
}

impl Trust {
    /// Reads `RIPPLE_KEY_SECONDS` and `RIPPLE_STALE_SECONDS` from a host's environment.
    ///
    /// # Errors
    /// If one is not a whole number.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Trust, TrustError> {
        let seconds = |name, otherwise| match env(name) {
            None => Ok(otherwise),
            Some(text) => text.parse().map(Duration::from_secs).map_err(|_| TrustError(name)),
        };
        let Trust { fresh, stale } = Trust::default();
        Ok(Trust { fresh: seconds("RIPPLE_KEY_SECONDS", fresh)?, stale: seconds("RIPPLE_STALE_SECONDS", stale)? })
    }
}

impl Default for Trust {
    fn default() -> Self {
        Trust { fresh: limits::KEY_FRESH, stale: limits::STALE }
    }
}

/// Cached lookups, including refusals, in bounded memory. A record is cached only under its own key's hash.
#[derive(Debug, Default)]
pub struct KeyMemory {
    trust: Trust,
    entries: Mutex<HashMap<KeyHash, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    record: Option<Arc<KeyRecord>>,
    learned: Timestamp,
    /// The table could not be read. It is not read again before this time.
    put_off: Timestamp,
    /// The host was told that the key is revoked. A lookup that began before may still find it valid.
    revoked: bool,
}

/// The cached result for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// Recent enough to use: the key's record, or `None` if there is none.
    Fresh(Option<Arc<KeyRecord>>),
    /// To be looked up again, unless that is put off. While the table cannot be read, this record is used for reads
    /// only.
    Stale {
        /// The last known record of the key.
        record: Arc<KeyRecord>,
        /// Whether the table could not be read a moment ago, and is not read again yet.
        put_off: bool,
    },
    /// To be looked up.
    Unknown,
}

impl KeyMemory {
    /// Returns an empty cache.
    #[must_use]
    pub fn new(trust: Trust) -> KeyMemory {
        KeyMemory { trust, entries: Mutex::default() }
    }

    /// Returns what is cached at `now`.
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

    /// Notes that the table could not be read for this key.
    pub fn put_off(&self, hash: &KeyHash, now: Timestamp) {
        if let Some(entry) = self.lock().get_mut(hash) {
            entry.put_off = now.after(limits::KEY_RETRY);
        }
    }

    /// Caches the result of a lookup. When memory is full, refusals are evicted first, then the oldest results. So a
    /// client that tries many wrong keys evicts only its own refusals.
    pub fn remember(&self, hash: KeyHash, record: Option<Arc<KeyRecord>>, now: Timestamp) {
        let mut entries = self.lock();
        let known =
            entries.get(&hash).filter(|known| known.revoked && now < known.learned.after(limits::REFUSAL_FRESH));
        if known.is_some() && record.is_some() {
            return;
        }
        Self::insert(&mut entries, hash, Entry { record, learned: now, put_off: Timestamp(0), revoked: false });
    }

    /// Refuses a key that is revoked. What lookups under way find of it does not count.
    pub fn revoke(&self, hash: KeyHash, now: Timestamp) {
        Self::insert(
            &mut self.lock(),
            hash,
            Entry { record: None, learned: now, put_off: Timestamp(0), revoked: true },
        );
    }

    /// Forgets what is cached of a key that is valid. The next request looks it up.
    pub fn forget(&self, hash: &KeyHash) {
        let mut entries = self.lock();
        if entries.get(hash).is_some_and(|entry| entry.record.is_some()) {
            entries.remove(hash);
        }
    }

    /// Lets every cached key be looked up again at the next request. While the table cannot be read, the keys go on.
    pub fn doubt(&self, now: Timestamp) {
        for entry in self.lock().values_mut().filter(|entry| entry.record.is_some()) {
            entry.learned = entry.learned.min(now.before(self.trust.fresh));
        }
    }

    fn insert(entries: &mut HashMap<KeyHash, Entry>, hash: KeyHash, entry: Entry) {
        if entries.len() >= limits::REMEMBERED_KEYS && !entries.contains_key(&hash) {
            let oldest = entries.iter().min_by_key(|(_, entry)| (entry.record.is_some(), entry.learned));
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                entries.remove(&oldest);
            }
        }
        entries.insert(hash, entry);
    }

    /// Notes in the cached record that the table has a note of the key's use.
    pub fn note_use(&self, hash: &KeyHash, now: Timestamp) {
        if let Some(record) = self.lock().get_mut(hash).and_then(|entry| entry.record.as_mut()) {
            Arc::make_mut(record).last_used = Some(now.0);
        }
    }

    /// Locks the map. A panic elsewhere leaves it consistent, since each change is one insert or one removal.
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
            scopes: vec![].into(),
            created: 0,
            expires: None,
            revoked: None,
            last_used: None,
            lineage: None,
            author: None,
        })
    }

    #[test]
    fn a_key_is_fresh_for_five_seconds_and_goes_on_for_an_hour_without_the_table() {
        let memory = KeyMemory::default();
        let stale = |put_off| Remembered::Stale { record: record(), put_off };
        memory.remember(hash(1), Some(record()), Timestamp(0));
        assert_eq!(memory.recall(&hash(1), Timestamp(4_999)), Remembered::Fresh(Some(record())));
        assert_eq!(memory.recall(&hash(1), Timestamp(5_000)), stale(false));
        memory.put_off(&hash(1), Timestamp(5_000));
        assert_eq!(memory.recall(&hash(1), Timestamp(9_999)), stale(true));
        assert_eq!(memory.recall(&hash(1), Timestamp(10_000)), stale(false));
        memory.put_off(&hash(1), Timestamp(3_599_999));
        assert_eq!(memory.recall(&hash(1), Timestamp(3_600_000)), Remembered::Unknown);
    }

    #[test]
    fn a_doubted_key_is_looked_up_and_goes_on_without_the_table() {
        let memory = KeyMemory::new(Trust::default());
        memory.remember(hash(1), Some(record()), Timestamp(1_000_000));
        memory.doubt(Timestamp(1_001_000));
        let stale = Remembered::Stale { record: record(), put_off: false };
        assert_eq!(memory.recall(&hash(1), Timestamp(1_001_000)), stale);
        memory.remember(hash(1), Some(record()), Timestamp(1_002_000));
        assert_eq!(memory.recall(&hash(1), Timestamp(1_003_000)), Remembered::Fresh(Some(record())));
    }

    #[test]
    fn a_refusal_is_remembered_for_ten_seconds() {
        let memory = KeyMemory::default();
        memory.remember(hash(1), None, Timestamp(0));
        assert_eq!(memory.recall(&hash(1), Timestamp(9_999)), Remembered::Fresh(None));
        assert_eq!(memory.recall(&hash(1), Timestamp(10_000)), Remembered::Unknown);
    }

    #[test]
    fn a_revoked_key_is_refused_at_once_whatever_a_lookup_under_way_finds() {
        let memory = KeyMemory::default();
        memory.remember(hash(1), Some(record()), Timestamp(0));
        memory.revoke(hash(1), Timestamp(5));
        memory.remember(hash(1), Some(record()), Timestamp(6));
        memory.forget(&hash(1));
        assert_eq!(memory.recall(&hash(1), Timestamp(7)), Remembered::Fresh(None));
        assert_eq!(memory.recall(&hash(1), Timestamp(10_005)), Remembered::Unknown);
        memory.remember(hash(1), Some(record()), Timestamp(10_005));
        assert_eq!(memory.recall(&hash(1), Timestamp(10_006)), Remembered::Fresh(Some(record())));
    }

    #[test]
    fn a_forgotten_key_is_looked_up_again() {
        let memory = KeyMemory::default();
        memory.remember(hash(1), Some(record()), Timestamp(0));
        memory.forget(&hash(1));
        assert_eq!(memory.recall(&hash(1), Timestamp(1)), Remembered::Unknown);
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

    #[test]
    fn the_environment_sets_how_long_a_lookup_is_trusted() {
        let read = |key: &str, stale: &str| {
            let (key, stale) = (key.to_owned(), stale.to_owned());
            Trust::read(move |name| {
                let value = if name == "RIPPLE_KEY_SECONDS" { &key } else { &stale };
                (!value.is_empty()).then(|| value.clone())
            })
        };
        assert_eq!(read("", ""), Ok(Trust::default()));
        assert_eq!(read("2", "0"), Ok(Trust { fresh: Duration::from_secs(2), stale: Duration::ZERO }));
        assert_eq!(
            read("", "1h").map_err(|error| error.to_string()),
            Err("RIPPLE_STALE_SECONDS must be a whole number of seconds".to_owned())
        );
    }
}
