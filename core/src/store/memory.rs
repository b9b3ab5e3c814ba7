//! Tables in memory that behave like DynamoDB's, for tests and simulation. They have items with raw attributes, an
//! index over two of them, and a time to live that is applied on request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::item::{self, RPL_AT, RPL_DELETED, RPL_EXPIRES_AT, RPL_SHARD, RPL_VERSION, natural};
use super::page::{self, Indexed};
use super::scan;
use super::write::Action;
use super::{
    Batch, BatchCommit, Capacity, Changes, Commit, Consistency, IdempotencyRecord, IndexEntry, Keys, Page, Position,
    Source, Store, StoreError, StoreErrorKind, Write,
};
use crate::auth::{KeyHash, KeyRecord, Usage};
use crate::limits;
use crate::query::{ListPage, Order, Place, Query};
use crate::record::history::{Entry, Row};
use crate::record::schema::Resource;
use crate::record::{Names, Record, RecordId};
use crate::session::Session;
use crate::store::row;
use crate::time::Timestamp;
use crate::value::{Members, Value, stored_size};

/// The size of a page: DynamoDB ends a page of a scan or a query at 1 MB.
const PAGE: usize = 1024 * 1024;
/// The number of partitions of the index.
const SHARDS: u16 = 1;

/// Records and keys in memory. Clones share them.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ripple_core::RecordId;
/// use ripple_core::store::memory::Memory;
/// use ripple_core::store::{Capacity, Consistency, Source as _};
/// use ripple_core::value::Members;
///
/// // Another program puts an item. It has no version.
/// let (store, id) = (Memory::new(), RecordId::parse("a").unwrap());
/// store.put_item(&id, Members::from([("prj_id".to_owned(), "a".into())]));
/// let found = store.get(&id, Consistency::Strong, &mut Capacity::default()).await.unwrap().unwrap();
/// assert!(found.is_external() && found.number().is_none());
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    resource: Arc<Resource>,
    names: Arc<Names>,
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    items: BTreeMap<RecordId, Members>,
    keys: HashMap<String, KeyRecord>,
    history: BTreeMap<(RecordId, u64), Row>,
    claims: HashMap<String, IdempotencyRecord>,
    /// The commits that were made, by token. (DynamoDB forgets tokens after ten minutes.)
    tokens: HashMap<[u8; 16], Vec<Record>>,
    time: Timestamp,
    /// How long a commit takes.
    commit_takes: Duration,
    /// Whether every record has entries in the indexes.
    is_fed: bool,
}

impl Default for Memory {
    /// Returns empty tables of the resource `prj`.
    fn default() -> Self {
        Memory::of(Resource::built_in())
    }
}

impl Memory {
    /// Returns empty tables of the resource `prj`.
    #[must_use]
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Returns empty tables of a resource's records.
    #[must_use]
    pub fn of(resource: Arc<Resource>) -> Memory {
        Memory { names: Arc::clone(&resource.names), resource, tables: Arc::default() }
    }

    /// Puts a record as it was read or written, like another program that copies an item.
    pub fn put(&self, record: &Record) {
        let item = if record.is_external() {
            item::as_read(record, &self.names)
        } else {
            item::item(record, SHARDS, &self.names)
        };
        self.put_item(&record.id, item);
    }

    /// Puts an item as it is, like another program.
    pub fn put_item(&self, id: &RecordId, item: Members) {
        self.tables().items.insert(id.clone(), item);
    }

    /// Returns an item with all its attributes, as another program sees it.
    #[must_use]
    pub fn item(&self, id: &RecordId) -> Option<Members> {
        self.tables().items.get(id).cloned()
    }

    /// Deletes an item, like another program.
    pub fn delete_item(&self, id: &RecordId) {
        self.tables().items.remove(id);
    }

    /// Deletes a row of the history, for tests of incomplete histories.
    pub fn delete_row(&self, id: &RecordId, number: u64) {
        self.tables().history.remove(&(id.clone(), number));
    }

    /// Deletes expired items as of `now`. DynamoDB does so some time after they expire.
    pub fn expire(&self, now: Timestamp) {
        let tables = &mut *self.tables();
        let expired = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let seconds = |item: &Members| natural(item.get(RPL_EXPIRES_AT)).map(|at| Timestamp(at.saturating_mul(1000)));
        tables.items.retain(|_, item| !expired(seconds(item)));
        tables.history.retain(|_, row| !expired(row.expires));
        tables.claims.retain(|_, claim| !expired(Some(claim.expires)));
    }

    /// Sets the time, and how long a commit takes. Without it, no time passes.
    pub fn set_time(&self, now: Timestamp, commit_takes: Duration) {
        let tables = &mut *self.tables();
        (tables.time, tables.commit_takes) = (now, commit_takes);
    }

    /// States that every record has entries in the indexes, so that pages are read from those.
    pub fn set_fed(&self) {
        self.tables().is_fed = true;
    }

    /// Puts the record of an API key.
    pub fn put_key(&self, record: KeyRecord) {
        self.tables().keys.insert(record.key_hash.clone(), record);
    }

    fn record(&self, item: Members) -> Result<Record, StoreError> {
        read(item, &self.names)
    }

    /// Locks the tables. A panic elsewhere leaves the maps consistent: nothing panics between a commit's inserts.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys for Memory {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        cost.read += read_units(0, Consistency::Eventual);
        Ok(self.tables().keys.get(&hash.to_hex()).cloned())
    }
}

impl Source for Memory {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let item = self.tables().items.get(id).cloned();
        cost.read += read_units(item.as_ref().map_or(0, stored_size), read);
        item.map(|item| self.record(item)).transpose()
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        let tables = self.tables();
        let after = |(id, _): &(&RecordId, &Members)| from.as_ref().is_none_or(|from| **id > from.id);
        let (mut page, mut size) = (Page::default(), 0);
        for (id, item) in tables.items.iter().filter(after) {
            size += stored_size(item);
            page.records.push(self.record(item.clone())?);
            if size >= PAGE {
                page.next = Some(Position { id: id.clone(), at: None });
                break;
            }
        }
        cost.read += read_units(size, read);
        Ok(page)
    }

    async fn list(
        &self,
        query: &Query,
        session: &Session,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<ListPage, StoreError> {
        let is_fed = self.tables().is_fed;
        match if is_fed { page::list(self, self, query, session, now, cost).await? } else { None } {
            Some(page) => Ok(page),
            None => scan::list(self, query, session, now, cost).await,
        }
    }

    async fn changes(
        &self,
        _shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        let tables = self.tables();
        let entry = |(id, item): (&RecordId, &Members)| {
            let at = natural(item.get(RPL_AT)).map(Timestamp).filter(|at| *at >= since)?;
            let indexed = matches!(item.get(RPL_SHARD), Some(Value::String(_)));
            let version = item.get(RPL_VERSION).and_then(item::stated);
            indexed.then(|| IndexEntry { id: id.clone(), at, version })
        };
        let mut entries: Vec<IndexEntry> = tables.items.iter().filter_map(entry).collect();
        entries.sort_unstable_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        let from = from.map(|from| (from.at.unwrap_or_default(), from.id));
        entries.retain(|entry| from.as_ref().is_none_or(|(at, id)| (entry.at, &entry.id) > (*at, id)));
        cost.read += read_units(0, Consistency::Eventual);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(IndexEntry::position);
        Ok(Changes { entries, next })
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        let tables = self.tables();
        let items = entries.iter().filter_map(|entry| tables.items.get(&entry.id));
        items
            .map(|item| {
                cost.read += read_units(stored_size(item), Consistency::Eventual);
                self.record(item.clone())
            })
            .collect()
    }

    fn shards(&self) -> u16 {
        SHARDS
    }
}

impl Indexed for Memory {
    async fn walk(
        &self,
        place: &Place,
        _shard: u16,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        let tables = self.tables();
        let by_time = place.order != Order::Id;
        let entry = |(id, item): (&RecordId, &Members)| {
            let at = natural(item.get(RPL_AT)).map(Timestamp);
            let is_deleted = !by_time && item.contains_key(RPL_DELETED);
            let indexed = matches!(item.get(RPL_SHARD), Some(Value::String(_))) && (at.is_some() || !by_time);
            let at = at.filter(|_| by_time).unwrap_or_default();
            (indexed && !is_deleted).then(|| IndexEntry { id: id.clone(), at, version: None })
        };
        let mut entries: Vec<IndexEntry> = tables.items.iter().filter_map(entry).collect();
        entries.sort_unstable_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        if place.descends() {
            entries.reverse();
        }
        let from = match (from, &place.start) {
            (Some(from), _) => entries.iter().position(|entry| entry.id == from.id).map(|place| place + 1),
            (None, Some(start)) => {
                entries.iter().position(|entry| start.reaches(entry.at, &entry.id, place.descends()))
            }
            (None, None) => Some(0),
        };
        entries.drain(..from.unwrap_or(entries.len()));
        cost.read += read_units(0, Consistency::Eventual);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(IndexEntry::position);
        Ok(Changes { entries, next })
    }
}

impl Store for Memory {
    async fn commit_all(&self, batch: &Batch<'_>, cost: &mut Capacity) -> Result<BatchCommit, StoreError> {
        let tables = &mut *self.tables();
        for write in batch.writes {
            cost.write += tables.write_units(write, &self.names.key)?;
        }
        let afters: Vec<&Record> = batch.writes.iter().map(|write| write.after).collect();
        if let Some(done) = tables.tokens.get(&batch.token)
            && done.iter().collect::<Vec<_>>() == afters
        {
            return Ok(BatchCommit::Done);
        }
        if batch.claims.iter().any(|claim| tables.claim(&claim.key, batch.now).is_some()) {
            return Ok(BatchCommit::Claimed);
        }
        let mut made = Vec::with_capacity(afters.len());
        for (place, write) in batch.writes.iter().enumerate() {
            match tables.made(write, &self.names)? {
                Ok(item) => made.push(item),
                Err(refused) => return Ok(BatchCommit::Refused(place, refused)),
            }
        }
        for (write, item) in batch.writes.iter().zip(made) {
            let Write { after, rows, .. } = *write;
            tables.history.extend(rows.iter().map(|row| ((after.id.clone(), row.entry.number), row.clone())));
            tables.items.insert(after.id.clone(), item);
        }
        let claims = batch.writes.iter().filter_map(|write| write.claim).chain(batch.claims);
        tables.claims.extend(claims.map(|claim| (claim.key.clone(), claim.clone())));
        tables.tokens.insert(batch.token, afters.into_iter().cloned().collect());
        tables.time = tables.time.after(tables.commit_takes);
        Ok(BatchCommit::Done)
    }

    async fn keep(&self, row: &Row, cost: &mut Capacity) -> Result<bool, StoreError> {
        cost.write += units(row::size(row, &self.names.key)?, 1024);
        let tables = &mut *self.tables();
        let place = (row.record.id.clone(), row.entry.number);
        let is_free = !tables.history.contains_key(&place);
        if is_free {
            tables.history.insert(place, row.clone());
        }
        Ok(is_free)
    }

    async fn expire(&self, id: &RecordId, number: u64, at: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        let tables = &mut *self.tables();
        if let Some(row) = tables.history.get_mut(&(id.clone(), number)).filter(|row| row.expires.is_none()) {
            row.expires = Some(at);
            cost.write += units(row::size(row, &self.names.key)?, 1024);
        }
        Ok(())
    }

    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let tables = self.tables();
        let found = tables.history.get(&(id.clone(), number));
        cost.read +=
            read_units(found.map(|row| row::size(row, &self.names.key)).transpose()?.unwrap_or(0), Consistency::Strong);
        Ok(found.map(|row| row.record.clone()))
    }

    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let tables = self.tables();
        let mut rows = tables.history.range((id.clone(), 0)..=(id.clone(), u64::MAX)).rev();
        cost.read += read_units(0, Consistency::Strong);
        Ok(rows.find(|(_, row)| row.entry.shown == Some(shown)).map(|(_, row)| row.record.clone()))
    }

    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables();
        let below = (id.clone(), before.unwrap_or(u64::MAX));
        let rows: Vec<&Row> =
            tables.history.range((id.clone(), 0)..below).rev().take(limit).map(|(_, row)| row).collect();
        let sizes = rows.iter().map(|row| row::size(row, &self.names.key)).collect::<Result<Vec<usize>, _>>()?;
        cost.read += read_units(sizes.iter().sum(), Consistency::Strong);
        Ok(rows.into_iter().map(|row| row.entry.clone()).collect())
    }

    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        cost.read += read_units(0, Consistency::Strong);
        Ok(self.tables().claim(key, now).cloned())
    }

    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let tables = &mut *self.tables();
        if let Some(there) = tables.claim(&claim.key, now) {
            return Ok(Some(there.clone()));
        }
        cost.write += 1.0;
        tables.claims.insert(claim.key.clone(), claim.clone());
        Ok(None)
    }

    async fn key_used(&self, hash: &KeyHash, _: Usage, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        cost.write += 1.0;
        if let Some(record) = self.tables().keys.get_mut(&hash.to_hex()) {
            record.last_used = Some(now.0);
        }
        Ok(())
    }

    /// Returns at once, since no other thread has work to do meanwhile.
    async fn pause(&self, _: Duration) {}

    fn time(&self) -> Timestamp {
        self.tables().time
    }
}

impl Tables {
    fn claim(&self, key: &str, now: Timestamp) -> Option<&IdempotencyRecord> {
        self.claims.get(key).filter(|claim| claim.expires > now)
    }

    /// Returns the item after a write, or why the write cannot be made.
    fn made(&self, write: &Write<'_>, names: &Names) -> Result<Result<Members, Commit>, StoreError> {
        let Write { after, rows, .. } = *write;
        if let Some(claim) = write.claim.and_then(|claim| self.claim(&claim.key, write.now)) {
            return Ok(Err(Commit::Claimed(claim.clone())));
        }
        let current = self.items.get(&after.id);
        if !write.conditions(names).iter().all(|condition| condition.holds(current)) {
            let current = current.cloned().map(|item| read(item, names)).transpose()?;
            return Ok(Err(Commit::Conflict(current)));
        }
        if rows.iter().any(|row| self.history.contains_key(&(after.id.clone(), row.entry.number))) {
            return Ok(Err(Commit::NumberTaken));
        }
        let made = made(write.action(SHARDS, names), current);
        if stored_size(&made) > limits::ITEM {
            return Err(too_large(stored_size(&made)));
        }
        Ok(Ok(made))
    }

    /// Returns the write units of a transaction, which prepares and commits each item.
    fn write_units(&self, write: &Write<'_>, key: &str) -> Result<f64, StoreError> {
        let current = self.items.get(&write.after.id).map_or(0, stored_size);
        let record = units(current.max(write.after.stored_size()), 1024);
        let rows =
            write.rows.iter().map(|row| Ok(units(row::size(row, key)?, 1024))).sum::<Result<f64, StoreError>>()?;
        Ok(2.0 * (record + rows + write.claim.map_or(0.0, |_| 1.0)))
    }
}

fn read(item: Members, names: &Names) -> Result<Record, StoreError> {
    item::record(item, names).map_err(|malformed| StoreError::malformed("GetItem", malformed))
}

/// Returns the item after an action.
fn made(action: Action, current: Option<&Members>) -> Members {
    match action {
        Action::Put(item) => item,
        Action::Update(attributes) => {
            let mut item = current.cloned().unwrap_or_default();
            for (name, value) in attributes {
                match value {
                    Some(value) => item.insert(name, value),
                    None => item.remove(&name),
                };
            }
            item
        }
    }
}

fn too_large(size: usize) -> StoreError {
    StoreError { operation: "TransactWriteItems", kind: StoreErrorKind::TooLarge(size), source: None }
}

fn read_units(size: usize, read: Consistency) -> f64 {
    let units = units(size, 4 * 1024);
    match read {
        Consistency::Strong => units,
        Consistency::Eventual => units / 2.0,
    }
}

/// Returns the units of an item. An empty item costs one unit too.
fn units(size: usize, unit: usize) -> f64 {
    size.div_ceil(unit).max(1) as f64
}
