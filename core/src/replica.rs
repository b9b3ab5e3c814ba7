//! A store's list held near its readers: a snapshot, kept by its policy, that answers as the store would.
//!
//! A host calls [`Replica::prepare`] before it lets the core answer a read, and tells the reader what that gave.
//! The core then finds list and records here; everything else goes through to the store.

pub mod refresh;
pub mod snapshot;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::auth::{KeyHash, KeyRecord};
use crate::query::{ListPage, Query};
use crate::record::{ContentHash, Names, Record, RecordId};
use crate::session::Session;
use crate::store::dynamodb::copy::{self, Copy};
use crate::store::scan;
use crate::store::{Capacity, Changes, Consistency, IndexEntry, Page, Position, Source, StoreError, StoreErrorKind};
use crate::time::Timestamp;
use crate::value::shape_members;
use refresh::{Action, Freshness, REFRESH_TIMEOUT, Read, Refresh, RefreshPolicy};
use snapshot::Snapshot;

/// A snapshot larger than this is not held: a Worker has 128 MB in all.
pub const GREATEST: usize = 64 * 1024 * 1024;
/// A larger table is not kept for other hosts: while a copy of it is made or taken, it is there some times over.
const GREATEST_COPIED: usize = 8 * 1024 * 1024;
/// Changes that a refresh asks for at once.
const CHANGES: usize = 1_000;
/// How often a request that waits for another's refresh looks whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The host's clock.
pub trait Clock {
    /// The time.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn pause(&self, duration: Duration);
}

/// Where hosts that stand together find what one of them has read: a data centre's cache. It may forget at any time, and
/// some have never anything.
pub trait SharedCache {
    /// What was kept last.
    async fn get(&self) -> Option<Vec<u8>>;
    /// Keeps it for the others.
    async fn put(&self, copy: Vec<u8>);
}

/// For a host that stands alone.
#[derive(Clone, Copy, Debug)]
pub enum Alone {}

impl SharedCache for Alone {
    async fn get(&self) -> Option<Vec<u8>> {
        match *self {}
    }

    async fn put(&self, _: Vec<u8>) {
        match *self {}
    }
}

/// A store with its list in memory.
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
    /// The table is too large: reads go through to the store.
    too_large: bool,
}

impl ReplicaState {
    /// Lets go of what has grown past what a full read would let in.
    fn bound(&mut self) {
        if self.snapshot.memory() > GREATEST {
            self.too_large = true;
            self.snapshot.clear();
        }
    }
}

/// What a read will be answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// How fresh it is.
    pub freshness: Freshness,
    /// How old it is.
    pub age: Duration,
    /// Whether this request waited for DynamoDB.
    pub fetched: bool,
    /// Whether nothing was known before it.
    pub missed: bool,
}

/// What is ready for a read.
#[derive(Debug)]
pub struct Preparation {
    /// What it will be answered from. `None`: the list is too large to hold, and reads go through to the store.
    pub result: Result<Option<Prepared>, StoreError>,
    /// To be run when the answer is on its way, whatever that is: until it counts as lost nobody else refreshes.
    pub behind: Option<Refresh>,
}

impl<S: Source, C: Clock> Replica<S, C> {
    /// With nothing known yet. `fresh` is how long a snapshot is served with nothing done.
    pub fn new(store: S, clock: C, fresh: Duration) -> Replica<S, C> {
        let snapshot = Snapshot::new(store.names().clone());
        let held = ReplicaState { snapshot, policy: RefreshPolicy::new(fresh), too_large: false };
        Replica { store, clock, shared: None, held: Mutex::new(held) }
    }

    /// The same, with another bound on how long the list is served while DynamoDB does not answer, or denies.
    #[must_use]
    pub fn stale_for(self, stale: Duration) -> Replica<S, C> {
        self.held().policy.set_stale(stale);
        self
    }

    /// The same, among hosts that share their full reads.
    pub fn with_shared_cache<N: SharedCache>(self, shared: N) -> Replica<S, C, N> {
        Replica { store: self.store, clock: self.clock, shared: Some(shared), held: self.held }
    }
}

impl<S: Source, C: Clock, N: SharedCache> Replica<S, C, N> {
    /// The host's clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Makes the snapshot good enough to answer a read from: refreshed, if `newer` is wanted or it is too old, and
    /// with what the session wrote. It fails when there is nothing to answer from and DynamoDB does not answer.
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

    /// Does a refresh that the policy has begun. Returns whether the store was asked: a host beside this one may have been
    /// there before.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the snapshot stays as it is.
    pub async fn refresh(&self, refresh: Refresh, cost: &mut Capacity) -> Result<bool, StoreError> {
        if refresh.read == Read::All && self.take_copy(refresh).await.is_some() {
            return Ok(false);
        }
        let read = self.read(refresh.read, cost).await;
        let now = self.clock.now();
        match read {
            // Somebody else has taken it over, and its first pages are old by now.
            Ok(_) if now >= refresh.began.after(REFRESH_TIMEOUT) => {
                self.held().policy.failed(refresh, now);
                Err(unreachable_store())
            }
            Ok(read) => {
                let copied = read.as_deref().filter(|_| refresh.read == Read::All);
                let copy = self
                    .shared
                    .as_ref()
                    .zip(copied.and_then(|projects| copy_of(refresh.began, projects, &self.store.names().key)));
                self.take_in(refresh, read, now);
                if let Some((cache, copy)) = copy {
                    cache.put(copy).await;
                }
                Ok(true)
            }
            Err(error) => {
                self.held().policy.failed(refresh, now);
                Err(error)
            }
        }
    }

    /// Takes in what a refresh read.
    fn take_in(&self, refresh: Refresh, read: Option<Vec<Record>>, now: Timestamp) {
        let held = &mut *self.held();
        held.too_large = read.is_none();
        match (read, refresh.read) {
            (None, _) => held.snapshot.clear(),
            (Some(projects), Read::All) => held.snapshot.fill(projects, refresh.began, now),
            (Some(projects), Read::Since(_)) => {
                for project in projects {
                    held.snapshot.apply(project, now);
                }
            }
        }
        held.bound();
        held.policy.succeeded(refresh);
    }

    /// Takes over the full read of another host, where there is one that serves in place of this refresh. What it gave
    /// is known since it began, and no later.
    async fn take_copy(&self, refresh: Refresh) -> Option<()> {
        let text = self.shared.as_ref()?.get().await?;
        let copy = Copy::open(&text)?;
        let held = &mut *self.held();
        // Looked at before all of it is read: when a full read is due, what is found is most often this host's own last.
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

    /// Takes in a record that somebody else's answer showed: a write's, on its way through this host.
    pub fn apply_write(&self, project: Record) {
        let now = self.clock.now();
        self.held().snapshot.apply(project, now);
    }

    /// Takes in the record that the answer to a write shows. JSON hides some of DynamoDB's types: they are taken from
    /// the state known before.
    pub(crate) fn apply_answer(&self, json: &[u8]) {
        let now = self.clock.now();
        let held = &mut *self.held();
        let Some(mut project) = Record::from_json(json, held.snapshot.names()) else { return };
        if let Some(known) = held.snapshot.get(&project.id) {
            project.attributes = shape_members(project.attributes, &known.attributes);
        }
        held.snapshot.apply_write(project, now);
    }

    /// How long a snapshot is served with nothing done.
    pub fn fresh(&self) -> Duration {
        self.held().policy.fresh()
    }

    /// What the whole list's entity tag is made of, its age and how long it is fresh, if it is held, fresh, and one page.
    pub(crate) fn whole(&self, now: Timestamp) -> Option<(ContentHash, Duration, Duration)> {
        let held = self.held();
        let fresh = held.policy.fresh();
        let age = held.policy.age(now).filter(|age| *age <= fresh && !held.too_large)?;
        held.snapshot.is_one_page().then(|| (held.snapshot.content(), age, fresh))
    }

    /// The whole list as JSON, if it is one page.
    pub(crate) fn whole_page(&self) -> Option<Bytes> {
        self.held().snapshot.whole_page()
    }

    /// `None`: more than can be held.
    async fn read(&self, read: Read, cost: &mut Capacity) -> Result<Option<Vec<Record>>, StoreError> {
        let mut projects: Vec<Record> = Vec::new();
        let mut size = 0;
        let shards = match read {
            Read::All => 1,
            // A table too large to hold is read again only when all of it would be.
            Read::Since(_) if self.held().too_large => return Ok(None),
            Read::Since(_) => self.store.shards(),
        };
        for shard in 0..shards {
            let mut from = None;
            loop {
                let page = match read {
                    Read::All => self.store.scan(from, Consistency::Eventual, cost).await?,
                    Read::Since(since) => {
                        let changes = self.store.changes(shard, since, from, CHANGES, cost).await?;
                        let Changes { mut entries, next } = changes;
                        entries.retain(|entry| self.lacks(entry));
                        Page { records: self.store.fetch(&entries, cost).await?, next }
                    }
                };
                // As a record is held, there are beside it its JSON, its text and its part of the page, each about as long
                // as it is in the table.
                let held = |project: &Record| project.memory() + 3 * project.stored_size();
                size += page.records.iter().map(held).sum::<usize>();
                if size > GREATEST {
                    return Ok(None);
                }
                projects.extend(page.records);
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        Ok(Some(projects))
    }

    /// Whether an entry of the index tells of a state that is not known.
    fn lacks(&self, entry: &IndexEntry) -> bool {
        let held = self.held();
        let known = held.snapshot.get(&entry.id).and_then(Record::number);
        known.is_none() || known < entry.version
    }

    /// Just those records, strongly, of which the session wrote a newer version than is known.
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

    /// A panic elsewhere leaves the snapshot as it was or with a record more; both are states it may have.
    fn held(&self) -> MutexGuard<'_, ReplicaState> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy_of(began: Timestamp, projects: &[Record], key: &str) -> Option<Vec<u8>> {
    let size: usize = projects.iter().map(Record::stored_size).sum();
    (size <= GREATEST_COPIED).then(|| copy::write(began, projects, key))
}

fn unreachable_store() -> StoreError {
    StoreError { operation: "refresh", kind: StoreErrorKind::Unavailable, source: None }
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
            if !held.too_large && !session.outruns(known) {
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

    fn names(&self) -> &Names {
        self.store.names()
    }

    fn shards(&self) -> u16 {
        self.store.shards()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.store.key(hash, cost).await
    }
}
