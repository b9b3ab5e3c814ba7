//! A copy of a store's list near its readers: a snapshot that a policy refreshes, and that answers like the store.
//!
//! A host calls [`Replica::prepare`] before the core answers a read, and tells the reader the result. The core then
//! finds the list and the records here. All other requests go through to the store.

pub mod refresh;
pub mod snapshot;
pub mod sql;
pub mod stored;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::auth::{KeyHash, KeyRecord};
use crate::query::{ListPage, Query};
use crate::record::schema::Resource;
use crate::record::{ContentHash, Record, RecordId};
use crate::session::Session;
use crate::store::dynamodb::copy::{self, Copy};
use crate::store::scan;
use crate::store::{
    Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError, StoreErrorKind,
};
use crate::time::Timestamp;
use crate::value::shape_members;
use refresh::{Action, Freshness, REFRESH_TIMEOUT, Read, Refresh, RefreshPolicy, full_read_pause};
use snapshot::Snapshot;

/// The largest snapshot that is held, in bytes. A Worker has 128 MB in all.
pub const GREATEST: usize = 64 * 1024 * 1024;
/// The largest table that is copied to other hosts, in bytes. While a copy is written or read, it is in memory several
/// times.
const GREATEST_COPIED: usize = 8 * 1024 * 1024;
/// The number of changes that a refresh reads with one query.
const CHANGES: usize = 1_000;
/// How often a request that waits for another request's refresh checks whether the refresh is done.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The host's clock.
pub trait Clock {
    /// Returns the time.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn pause(&self, duration: Duration);
}

/// A cache shared by the hosts of one data centre. It holds the latest full table scan. It may evict it at any time,
/// and some caches never hold anything.
pub trait SharedCache {
    /// Returns the copy that was stored last, if it is still there.
    async fn get(&self) -> Option<Vec<u8>>;
    /// Stores a copy for the other hosts, which may use it for this long.
    async fn put(&self, copy: Vec<u8>, lifetime: Duration);
}

/// The cache of a host that shares none.
#[derive(Clone, Copy, Debug)]
pub enum Alone {}

impl SharedCache for Alone {
    async fn get(&self) -> Option<Vec<u8>> {
        match *self {}
    }

    async fn put(&self, _: Vec<u8>, _: Duration) {
        match *self {}
    }
}

/// A store with a copy of its list in memory.
#[derive(Debug)]
pub struct Replica<S, C, N = Alone> {
    store: S,
    clock: C,
    shared: Option<N>,
    held: Mutex<ReplicaState>,
}

#[derive(Debug)]
struct ReplicaState {
    snapshot: Snapshot,
    policy: RefreshPolicy,
    /// Whether the table is too large. Reads then go through to the store.
    too_large: bool,
    /// Whether the feed adopts what other programs write.
    fed: bool,
}

impl ReplicaState {
    /// Sets the pause until the next full read by the size of the table. Drops the snapshot if it has grown too large.
    /// Returns whether it is held.
    fn bound(&mut self) -> bool {
        let is_held = self.snapshot.memory() <= GREATEST;
        if !is_held {
            self.too_large = true;
            self.snapshot.clear();
        }
        let bytes = if self.too_large { GREATEST } else { self.snapshot.weight() };
        self.policy.set_full_read_pause(full_read_pause(bytes as u64, self.fed));
        is_held
    }
}

/// The state of the snapshot that answers a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The freshness of the snapshot.
    pub freshness: Freshness,
    /// The age of the snapshot.
    pub age: Duration,
    /// Whether this request waited for DynamoDB.
    pub fetched: bool,
    /// Whether the host had no snapshot before this request.
    pub missed: bool,
}

/// The whole list of a snapshot.
pub(crate) struct Whole {
    /// Its content hash.
    pub(crate) content: ContentHash,
    /// The number of its records.
    pub(crate) count: usize,
    /// Its age.
    pub(crate) age: Duration,
    /// How long it is fresh.
    pub(crate) fresh: Duration,
}

/// The result of preparing a read.
#[derive(Debug)]
pub struct Preparation {
    /// The snapshot that answers the read. `None`: the list is too large to hold, and reads go through to the store.
    pub result: Result<Option<Prepared>, StoreError>,
    /// A refresh for the host to run once it sends the answer, even if that is an error. Until the refresh ends or
    /// times out, no other request starts one.
    pub behind: Option<Refresh>,
}

impl<S: Source, C: Clock> Replica<S, C> {
    /// Returns a replica without a snapshot. `fresh` is how long a snapshot is served without a refresh.
    pub fn new(store: S, clock: C, fresh: Duration) -> Replica<S, C> {
        let snapshot = Snapshot::new(Arc::clone(store.resource()));
        let held = ReplicaState { snapshot, policy: RefreshPolicy::new(fresh), too_large: false, fed: false };
        Replica { store, clock, shared: None, held: Mutex::new(held) }
    }

    /// Sets how long the list is served while DynamoDB does not answer, or denies access.
    #[must_use]
    pub fn stale_for(self, stale: Duration) -> Replica<S, C> {
        self.held().policy.set_stale(stale);
        self
    }

    /// States that the feed adopts what other programs write, so that the index shows it. Full reads are then a check.
    #[must_use]
    pub fn fed(self, fed: bool) -> Replica<S, C> {
        self.held().fed = fed;
        self.held().policy.set_full_read_pause(full_read_pause(0, fed));
        self
    }

    /// Shares full reads with the other hosts of a cache.
    pub fn with_shared_cache<N: SharedCache>(self, shared: N) -> Replica<S, C, N> {
        Replica { store: self.store, clock: self.clock, shared: Some(shared), held: self.held }
    }
}

impl<S: Source, C: Clock, N: SharedCache> Replica<S, C, N> {
    /// Returns the host's clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Prepares the snapshot to answer a read. It is refreshed if `newer` is set or it is too old. It then includes the
    /// session's writes. The result is an error if there is no snapshot to answer from and DynamoDB does not answer.
    pub async fn prepare(&self, session: &Session, newer: bool, cost: &mut Capacity) -> Preparation {
        let asked = self.clock.now();
        let missed = self.held().policy.age(asked).is_none();
        let mut fetched = false;
        let mut last_error = None;
        let (freshness, behind) = loop {
            let step = self.held().policy.next_action(self.clock.now(), asked, newer);
            match step {
                Action::Serve(freshness) => break (freshness, None),
                Action::ServeAndRefresh(refresh) => break (Freshness::Stale, Some(refresh)),
                Action::Wait => self.clock.pause(LOOK_AGAIN).await,
                Action::Refresh(refresh) => match self.refresh(refresh, cost).await {
                    Ok(asked) => fetched |= asked,
                    Err(error) => {
                        fetched = true;
                        last_error = Some(error);
                    }
                },
                Action::Fail => {
                    let error = last_error.unwrap_or_else(unreachable_store);
                    return Preparation { result: Err(error), behind: None };
                }
            }
        };
        if self.held().too_large {
            return Preparation { result: Ok(None), behind };
        }
        let result = self.read_what_was_written(session, cost).await.map(|asked| {
            let age = self.held().policy.age(self.clock.now()).unwrap_or_default();
            Some(Prepared { freshness, age, fetched: fetched || asked, missed })
        });
        Preparation { result, behind }
    }

    /// Runs a refresh that the policy has begun. Returns whether the store was read: a copy of another host may have
    /// replaced the read.
    ///
    /// # Errors
    /// If DynamoDB does not answer. The snapshot stays as it is.
    pub async fn refresh(&self, refresh: Refresh, cost: &mut Capacity) -> Result<bool, StoreError> {
        if refresh.read == Read::All && self.take_copy(refresh).await.is_some() {
            return Ok(false);
        }
        let read = match refresh.read {
            Read::All => self.read_all(refresh, cost).await,
            Read::Since(since) => self.read_changes(refresh, since, cost).await.map(|()| None),
        };
        match read {
            Ok(copy) => {
                let lifetime = {
                    let held = &mut *self.held();
                    held.policy.succeeded(refresh);
                    held.policy.full_read_pause()
                };
                if let Some((cache, copy)) = self.shared.as_ref().zip(copy) {
                    cache.put(copy, lifetime).await;
                }
                Ok(true)
            }
            Err(error) => {
                self.held().policy.failed(refresh, self.clock.now());
                Err(error)
            }
        }
    }

    /// Begins a refresh at once, since a change is known. Returns `None` if one is underway, or there is no snapshot.
    pub(crate) fn hasten(&self) -> Option<Refresh> {
        let now = self.clock.now();
        self.held().policy.hasten(now)
    }

    /// Uses another host's full read if it can replace this refresh. The records count as known since that read began.
    async fn take_copy(&self, refresh: Refresh) -> Option<()> {
        let text = self.shared.as_ref()?.get().await?;
        let copy = Copy::open(&text)?;
        let held = &mut *self.held();
        // The beginning is checked before the rest is decoded: when a full read is due, the cache most often holds this
        // host's own last one.
        if !held.policy.would_take(copy.began, self.clock.now()) {
            return None;
        }
        let projects = copy.records(self.store.names())?;
        held.too_large = false;
        held.snapshot.fill(projects, copy.began, copy.began);
        held.bound();
        held.policy.took(refresh, copy.began);
        Some(())
    }

    /// Applies a record that was read for another purpose, such as the result of a write that passed through this host.
    pub fn apply_write(&self, project: Record) {
        let now = self.clock.now();
        self.held().snapshot.apply(project, now);
    }

    /// Applies the record that the answer to a write shows. JSON hides some of DynamoDB's types, so these are taken
    /// from the previously known state.
    pub(crate) fn apply_answer(&self, json: &[u8]) {
        let now = self.clock.now();
        let held = &mut *self.held();
        let Some(mut project) = Record::from_json(json, held.snapshot.names()) else { return };
        if let Some(known) = held.snapshot.get(&project.id) {
            project.attributes = shape_members(project.attributes, &known.attributes);
        }
        held.snapshot.apply_write(project, now);
    }

    /// Returns how long a snapshot is served without a refresh.
    pub fn fresh(&self) -> Duration {
        self.held().policy.fresh()
    }

    /// Describes the whole list. Returns `None` if it is not held, is not fresh, or is more than one page.
    pub(crate) fn whole(&self, now: Timestamp) -> Option<Whole> {
        let held = self.held();
        let fresh = held.policy.fresh();
        let age = held.policy.age(now).filter(|age| *age <= fresh && !held.too_large)?;
        let (content, count) = (held.snapshot.content(), held.snapshot.live());
        held.snapshot.is_one_page().then_some(Whole { content, count, age, fresh })
    }

    /// Returns the whole list as JSON. Returns `None` if it is more than one page.
    pub(crate) fn whole_page(&self) -> Option<Bytes> {
        self.held().snapshot.whole_page()
    }

    /// Reads the whole table into the snapshot, page by page, so that one page is in memory beside it. Returns the copy
    /// for the other hosts, if they share a cache and the table is not too large for it.
    async fn read_all(&self, refresh: Refresh, cost: &mut Capacity) -> Result<Option<Vec<u8>>, StoreError> {
        let fill = self.held().snapshot.begin_fill(refresh.began);
        let mut copy = self.shared.as_ref().map(|_| copy::Writer::new(refresh.began));
        let (mut from, mut size) = (None, 0);
        loop {
            let Page { records, next } = self.store.scan(from, Consistency::Eventual, cost).await?;
            size += records.iter().map(Record::stored_size).sum::<usize>();
            copy = copy.filter(|_| size <= GREATEST_COPIED);
            if let Some(copy) = &mut copy {
                records.iter().for_each(|record| copy.add(record, self.store.names()));
            }
            let is_held =
                self.take_in(refresh, records, |snapshot, record, now| snapshot.fill_in(fill, record, now))?;
            if !is_held {
                return Ok(None);
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
        let held = &mut *self.held();
        held.snapshot.end_fill(fill);
        held.too_large = false;
        held.bound();
        Ok(copy.map(copy::Writer::finish))
    }

    /// Reads what was written since this time into the snapshot. If the table is too large to hold, only a full read
    /// tries again.
    async fn read_changes(&self, refresh: Refresh, since: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        if self.held().too_large {
            return Ok(());
        }
        for shard in 0..self.store.shards() {
            let mut from = None;
            loop {
                let Changes { mut entries, next } = self.store.changes(shard, since, from, CHANGES, cost).await?;
                entries.retain(|entry| self.lacks(entry));
                let records = self.store.fetch(&entries, cost).await?;
                let apply = |snapshot: &mut Snapshot, record, now| _ = snapshot.apply(record, now);
                if !self.take_in(refresh, records, apply)? {
                    return Ok(());
                }
                from = next;
                if from.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Applies a page of a refresh. Returns whether the snapshot is held: it is dropped if it has grown too large.
    ///
    /// # Errors
    /// If the refresh has timed out. Another request may have started one, so the page may be outdated.
    fn take_in(
        &self,
        refresh: Refresh,
        records: Vec<Record>,
        apply: impl Fn(&mut Snapshot, Record, Timestamp),
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if now >= refresh.began.after(REFRESH_TIMEOUT) {
            return Err(unreachable_store());
        }
        let held = &mut *self.held();
        records.into_iter().for_each(|record| apply(&mut held.snapshot, record, now));
        Ok(held.bound())
    }

    /// Reports whether an entry of the index refers to a state that is not known.
    fn lacks(&self, entry: &IndexEntry) -> bool {
        let held = self.held();
        let known = held.snapshot.get(&entry.id).filter(|known| !known.is_bare_tombstone()).and_then(Record::number);
        known.is_none() || known < entry.version
    }

    /// Reads, with strong consistency, only those records of which the session wrote a newer version than is known.
    /// Returns whether it read any.
    async fn read_what_was_written(&self, session: &Session, cost: &mut Capacity) -> Result<bool, StoreError> {
        let missing: Vec<&RecordId> = {
            let held = self.held();
            session.ids().filter(|id| session.outdates(id, held.snapshot.get(id))).collect()
        };
        for id in &missing {
            if let Some(project) = self.store.get(id, Consistency::Strong, cost).await? {
                self.apply_write(project);
            }
        }
        Ok(!missing.is_empty())
    }

    /// Locks the state. A panic elsewhere leaves the snapshot as it was or with one more record. Both are valid states.
    fn held(&self) -> MutexGuard<'_, ReplicaState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable_store() -> StoreError {
    StoreError { operation: "refresh", kind: StoreErrorKind::Unavailable, source: None }
}

impl<S: Source, C: Clock, N: SharedCache> Keys for Replica<S, C, N> {
    fn resource(&self) -> &Arc<Resource> {
        self.store.resource()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.store.key(hash, cost).await
    }
}

impl<S: Source, C: Clock, N: SharedCache> Source for Replica<S, C, N> {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        {
            let held = self.held();
            if read == Consistency::Eventual && !held.too_large {
                return Ok(held.snapshot.get(id).cloned());
            }
        }
        self.store.get(id, read, cost).await
    }

    async fn list(
        &self,
        query: &Query,
        session: &Session,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<ListPage, StoreError> {
        let known = self.known(now);
        {
            let held = &mut *self.held();
            let lacks_deletions = query.is_of_deleted() && held.snapshot.has_bare_tombstone();
            if !held.too_large && !session.outruns(known) && !lacks_deletions {
                return Ok(held.snapshot.list(query));
            }
        }
        scan::list(&self.store, query, session, now, cost).await
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.store.scan(from, read, cost).await
    }

    fn known(&self, now: Timestamp) -> Timestamp {
        let held = self.held();
        let age = held.policy.age(now).unwrap_or_default();
        if held.too_large { now } else { now.before(age) }
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.store.changes(shard, since, from, limit, cost).await
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.store.fetch(entries, cost).await
    }

    fn shards(&self) -> u16 {
        self.store.shards()
    }
}
