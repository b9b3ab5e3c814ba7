//! A table in memory that behaves like DynamoDB's, for tests and simulation. Items expire when [`Memory::expire`] is
//! called, which stands for DynamoDB's TTL: late, or not at all.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Capacity, Commit, Consistency, Page, Position, Source, Store, StoreError, Write};
use crate::idempotency::Claim;
use crate::key::{KeyHash, KeyRecord};
use crate::limits;
use crate::record::history::Version;
use crate::record::{EXPIRES_AT, Record, RecordId, SYSTEM, Timestamp};
use crate::value::Value;

/// DynamoDB ends a page of a scan or a query at 1 MB.
const PAGE: usize = 1024 * 1024;

/// Projects and keys in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    projects: BTreeMap<RecordId, Record>,
    keys: HashMap<String, KeyRecord>,
    history: BTreeMap<(RecordId, u64), (Version, Record)>,
    claims: HashMap<String, Claim>,
    /// When rows of the history and claims expire.
    expiry: Expiry,
    /// Commits done, by their tokens. (DynamoDB forgets them after ten minutes.)
    tokens: HashMap<[u8; 16], Record>,
}

#[derive(Debug, Default)]
struct Expiry {
    rows: BTreeMap<(RecordId, u64), Timestamp>,
    claims: HashMap<String, Timestamp>,
}

impl Memory {
    /// Empty tables.
    #[must_use]
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Puts a record in as it is, as a writer that is not ripple would.
    pub fn put(&self, project: Record) {
        self.tables().projects.insert(project.id.clone(), project);
    }

    /// Returns an item as it is.
    #[must_use]
    pub fn item(&self, id: &RecordId) -> Option<Record> {
        self.tables().projects.get(id).cloned()
    }

    /// Deletes an item, as another program does: without a tombstone.
    pub fn remove(&self, id: &RecordId) {
        self.tables().projects.remove(id);
    }

    /// Deletes everything that has expired by `now`, as DynamoDB's TTL does some time after.
    pub fn expire(&self, now: Timestamp) {
        let mut tables = self.tables();
        let Tables { projects, history, claims, expiry, .. } = &mut *tables;
        history.retain(|row, _| expiry.rows.get(row).is_none_or(|at| *at > now));
        claims.retain(|key, _| expiry.claims.get(key).is_none_or(|at| *at > now));
        projects.retain(|_, record| expires_at(record).is_none_or(|at| at > now));
    }

    /// Forgets what the history has of every record, as it does in time.
    pub fn expire_history(&self) {
        self.tables().history.clear();
    }

    /// Puts an API key in.
    pub fn put_key(&self, record: KeyRecord) {
        self.tables().keys.insert(record.key_hash.clone(), record);
    }

    /// A panic elsewhere leaves the maps whole: nothing panics between a commit's inserts.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Memory {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let project = self.tables().projects.get(id).cloned();
        cost.read += read_units(project.as_ref().map_or(0, Record::stored_size), read);
        Ok(project)
    }

    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError> {
        let tables = self.tables();
        let after = |project: &&Record| from.as_ref().is_none_or(|from| project.id > from.id);
        Ok(page(tables.projects.values().filter(after), |_| None, cost))
    }

    async fn changes(
        &self,
        _shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError> {
        let tables = self.tables();
        let mut written: Vec<&Record> = tables.projects.values().collect();
        written.retain(|project| project.updated_at.is_some_and(|at| at >= since));
        written.sort_by_key(|project| (project.updated_at, &project.id));
        let from = from.map(|from| (from.updated_at, from.id));
        let after =
            |project: &&Record| from.as_ref().is_none_or(|(at, id)| (project.updated_at, &project.id) > (*at, id));
        Ok(page(written.into_iter().filter(after), |project| project.updated_at, cost))
    }

    fn shards(&self) -> u16 {
        1
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        cost.read += read_units(0, Consistency::Eventual);
        Ok(self.tables().keys.get(&hash.to_hex()).cloned())
    }
}

impl Store for Memory {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let Write { after, version, .. } = *write;
        let mut tables = self.tables();
        cost.write += tables.write_units(write);
        if tables.tokens.get(&write.token) == Some(after) {
            return Ok(Commit::Done);
        }
        if let Some(claim) = write.claim.and_then(|claim| tables.claims.get(&claim.attempt.key)) {
            return Ok(Commit::Claimed(claim.clone()));
        }
        let current = tables.projects.get(&after.id);
        if !write.conditions().iter().all(|condition| condition.holds(current)) {
            return Ok(Commit::Conflict(current.cloned()));
        }
        let made = made(write, current);
        let foreign = write.foreign();
        let foreign = foreign.map(|foreign| (Version::found(&foreign), foreign));
        let rows: Vec<_> = foreign.into_iter().chain([(version.clone(), after.clone())]).collect();
        let place = |version: &Version| (after.id.clone(), version.number);
        if rows.iter().any(|(version, _)| tables.history.contains_key(&place(version))) {
            return Ok(Commit::VersionTaken);
        }
        let expires = write.now.after(limits::HISTORY);
        tables.expiry.rows.extend(rows.iter().map(|row| (place(&row.0), expires)));
        tables.history.extend(rows.into_iter().map(|row| (place(&row.0), row)));
        tables.projects.insert(after.id.clone(), made);
        tables.tokens.insert(write.token, after.clone());
        if let Some(claim) = write.claim {
            tables.remember(claim, write.now);
        }
        Ok(Commit::Done)
    }

    async fn version(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let found = self.tables().history.get(&(id.clone(), number)).cloned();
        cost.read += read_units(found.as_ref().map_or(0, row_size), Consistency::Strong);
        Ok(found.map(|(_, project)| project))
    }

    async fn versions(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Version>, StoreError> {
        let tables = self.tables();
        let below = (id.clone(), before.unwrap_or(u64::MAX));
        let rows = tables.history.range((id.clone(), 0)..below).rev().take(limit);
        let (sizes, versions): (Vec<usize>, _) = rows.map(|(_, row)| (row_size(row), row.0.clone())).unzip();
        cost.read += read_units(sizes.iter().sum(), Consistency::Strong);
        Ok(versions)
    }

    async fn claim(&self, key: &str, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        cost.read += read_units(0, Consistency::Strong);
        Ok(self.tables().claims.get(key).cloned())
    }

    async fn remember(&self, claim: &Claim, now: Timestamp, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        let mut tables = self.tables();
        if let Some(there) = tables.claims.get(&claim.attempt.key) {
            return Ok(Some(there.clone()));
        }
        cost.write += 1.0;
        tables.remember(claim, now);
        Ok(None)
    }

    async fn key_used(&self, hash: &KeyHash, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        cost.write += 1.0;
        if let Some(record) = self.tables().keys.get_mut(&hash.to_hex()) {
            record.last_used = Some(now.0);
        }
        Ok(())
    }

    /// Nobody else is at work while this thread waits.
    async fn pause(&self, _: Duration) {}
}

impl Tables {
    fn remember(&mut self, claim: &Claim, now: Timestamp) {
        let key = &claim.attempt.key;
        self.expiry.claims.insert(key.clone(), now.after(limits::CLAIM));
        self.claims.insert(key.clone(), claim.clone());
    }

    /// Each item of a transaction is prepared and committed.
    fn write_units(&self, write: &Write<'_>) -> f64 {
        let current = self.projects.get(&write.after.id).map_or(0, Record::stored_size);
        let record = current.max(write.after.stored_size());
        let row = write.after.stored_size() + changes_size(write.version);
        let foreign = write.foreign().map_or(0.0, |foreign| units(foreign.stored_size(), 1024));
        let claim = write.claim.map_or(0.0, |_| 1.0);
        2.0 * (units(record, 1024) + units(row, 1024) + foreign + claim)
    }
}

/// When TTL may delete the item: by its attribute `expires_at`, whoever wrote it.
fn expires_at(record: &Record) -> Option<Timestamp> {
    let stated = match record.attributes.get(EXPIRES_AT) {
        Some(Value::Number(seconds)) => seconds.as_u64().map(|seconds| Timestamp(seconds.saturating_mul(1000))),
        _ => None,
    };
    record.tombstone.or(stated)
}

/// What a write makes of the item that is there: whatever an update does not change stays.
fn made(write: &Write<'_>, current: Option<&Record>) -> Record {
    let (Some(current), Some(changed)) = (current, write.changed()) else { return write.after.clone() };
    let mut attributes = current.attributes.clone();
    attributes.retain(|name, _| !SYSTEM.contains(&name.as_str()));
    for name in changed {
        match write.after.attributes.get(name) {
            Some(value) => attributes.insert(name.to_owned(), value.clone()),
            None => attributes.remove(name),
        };
    }
    Record { attributes, ..write.after.clone() }
}

fn row_size((version, project): &(Version, Record)) -> usize {
    project.stored_size() + changes_size(version)
}

fn changes_size(version: &Version) -> usize {
    version.changes.iter().map(Value::stored_size).sum()
}

fn page<'a>(
    projects: impl Iterator<Item = &'a Record>,
    place: impl Fn(&Record) -> Option<Timestamp>,
    cost: &mut Capacity,
) -> Page {
    let mut page = Page::default();
    let mut size = 0;
    for project in projects {
        size += project.stored_size();
        page.projects.push(project.clone());
        if size >= PAGE {
            page.next = Some(Position { id: project.id.clone(), updated_at: place(project) });
            break;
        }
    }
    cost.read += read_units(size, Consistency::Eventual);
    page
}

fn read_units(size: usize, read: Consistency) -> f64 {
    let units = units(size, 4 * 1024);
    match read {
        Consistency::Strong => units,
        Consistency::Eventual => units / 2.0,
    }
}

/// Nothing costs one unit too.
fn units(size: usize, unit: usize) -> f64 {
    size.div_ceil(unit).max(1) as f64
}
