//! Authentication of clients: by the form of the key, then by memory, then by the table of keys.

use std::sync::Arc;

use crate::auth::{
    ApiKey, Caller, ClientAddress, KeyHash, KeyMemory, KeyRecord, Limiter, Remembered, TooOften, Trust, UsageCounter,
};
use crate::feed::key::{KeyChange, Rights};
use crate::store::{Capacity, Keys, Store, StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// The state with which a host authenticates clients and limits their requests.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ripple_core::Timestamp;
/// use ripple_core::service::authenticate::{Authenticator, Error};
/// use ripple_core::store::{Capacity, memory::Memory};
///
/// let (authenticator, cost) = (Authenticator::default(), &mut Capacity::default());
/// let refused = authenticator.authenticate(&Memory::new(), Some("no key"), None, true, Timestamp(5), cost).await;
/// assert!(matches!(refused, Err(Error::NoValidKey)));
/// assert_eq!(cost.read, 0.0, "its form shows that it is no key");
/// # });
/// ```
#[derive(Debug)]
pub struct Authenticator {
    keys: KeyMemory,
    limiter: Limiter,
    strangers: Limiter,
    usage: UsageCounter,
}

impl Default for Authenticator {
    /// Returns an authenticator that remembers no keys and limits nothing.
    fn default() -> Self {
        let (limiter, strangers) = (Limiter::new(None), Limiter::of_addresses(None));
        Authenticator { keys: KeyMemory::default(), limiter, strangers, usage: UsageCounter::default() }
    }
}

/// A client whose key is valid.
#[derive(Debug)]
pub struct Authenticated {
    /// The key's owner and scopes.
    pub caller: Caller,
    /// The key, for [`Authenticator::count_use`]. `None` if the table of keys cannot be read.
    pub key_use: Option<KeyUse>,
}

/// One use of a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyUse {
    key: KeyHash,
    /// Whether the table has no note of a use of the key yet.
    is_new: bool,
}

impl KeyUse {
    /// Returns the hash of the key, as the table has it.
    pub(crate) fn hash(&self) -> String {
        self.key.to_hex()
    }
}

/// Why a client is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request has no valid API key. The reason is deliberately not disclosed.
    #[error("a valid API key is needed in x-api-key")]
    NoValidKey,
    /// The client's address sends too many requests without a known key.
    #[error(transparent)]
    TooOften(#[from] TooOften),
    /// The table of keys cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authenticator {
    /// Limits the requests of each key.
    #[must_use]
    pub fn limiting_keys(self, limiter: Limiter) -> Authenticator {
        Authenticator { limiter, ..self }
    }

    /// Limits, for each client address, the requests that carry no valid key from memory.
    #[must_use]
    pub fn limiting_strangers(self, strangers: Limiter) -> Authenticator {
        Authenticator { strangers, ..self }
    }

    /// Sets how long a host trusts the result of a key lookup.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Authenticator {
        Authenticator { keys: KeyMemory::new(trust), ..self }
    }

    /// Returns the limiter of the keys' requests.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Counts a request that needs no key.
    ///
    /// # Errors
    /// If its client address sends too many requests.
    pub fn count_stranger(&self, address: Option<&ClientAddress>, now: Timestamp) -> Result<(), TooOften> {
        self.strangers.take_from(address, now)
    }

    /// Returns the record of a key that is in memory and valid. Returns `None` for a text that is not a key.
    #[must_use]
    pub fn remembered(&self, key: &str, now: Timestamp) -> Option<Arc<KeyRecord>> {
        match self.keys.recall(&KeyHash::of(key), now) {
            Remembered::Fresh(record) => record.filter(|record| record.is_valid(now)),
            _ => None,
        }
    }

    /// Returns the client that a key belongs to. If the table cannot be read, a read accepts the last known record of
    /// the key.
    ///
    /// # Errors
    /// If the key is not valid, the client's address sends too many requests, or the table cannot be read.
    pub async fn authenticate<S: Keys>(
        &self,
        store: &S,
        sent: Option<&str>,
        address: Option<&ClientAddress>,
        reads: bool,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Authenticated, Error> {
        let hash = sent.and_then(ApiKey::parse).map(|key| key.hash());
        let remembered = hash.map_or(Remembered::Fresh(None), |hash| self.keys.recall(&hash, now));
        let known = match &remembered {
            Remembered::Fresh(Some(record)) | Remembered::Stale { record, .. } => record.is_valid(now),
            _ => false,
        };
        if !known {
            self.strangers.take_from(address, now)?;
        }
        let hash = hash.ok_or(Error::NoValidKey)?;
        // While the table of keys cannot be read, it is not written either: a read would wait for that.
        let (record, table_answers) = match remembered {
            Remembered::Fresh(record) => (record, true),
            Remembered::Stale { record, put_off: true } if reads => (Some(record), false),
            remembered => match (store.key(&hash, cost).await, remembered) {
                (Ok(record), _) => {
                    let record = record.filter(|record| record.is_of(&hash)).map(Arc::new);
                    self.keys.remember(hash, record.clone(), now);
                    (record, true)
                }
                (Err(error), Remembered::Stale { record, .. })
                    if reads && error.kind != StoreErrorKind::Undecodable =>
                {
                    self.keys.put_off(&hash, now);
                    (Some(record), false)
                }
                (Err(error), _) => return Err(error.into()),
            },
        };
        let record = record.filter(|record| record.is_valid(now)).ok_or(Error::NoValidKey)?;
        let key_use = table_answers.then_some(KeyUse { key: hash, is_new: record.last_used.is_none() });
        Ok(Authenticated { caller: Caller::from(&*record), key_use })
    }

    /// Forgets what is remembered of a key that lost rights, and refuses a revoked key.
    pub fn key_changed(&self, change: &KeyChange, now: Timestamp) {
        let Some(hash) = KeyHash::from_hex(&change.key_hash) else { return };
        match change.rights {
            Rights::Kept => {}
            Rights::Reduced => self.keys.forget(&hash),
            Rights::Revoked => self.keys.revoke(hash, now),
        }
    }

    /// Looks every remembered key up again at its next request: some key has lost rights.
    pub fn doubt_keys(&self, now: Timestamp) {
        self.keys.doubt(now);
    }

    /// Counts a request, and from time to time notes the key's use in the table. A note that fails is lost, since the
    /// counts are approximate. The cost of a note is not part of the request's cost.
    pub async fn count_use<S: Store>(&self, store: &S, known: &KeyUse, writes: bool, now: Timestamp) {
        if let Some(usage) = self.usage.count(known.key, writes, now, known.is_new) {
            if known.is_new {
                self.keys.note_use(&known.key, now);
            }
            let _ = store.key_used(&known.key, usage, now, &mut Capacity::default()).await;
        }
    }
}
