//! The simulated world: a table with its history, an index that lags, and the time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::query::{Listing, Query};
use ripple_core::record::Names;
use ripple_core::record::schema::Resource;
use ripple_core::replica::{Clock, Prepared, SharedCache};
use ripple_core::store::{
    Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError, StoreErrorKind, item,
};
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp};

/// The longest time until the index and eventually consistent reads show a write.
const GREATEST_LAG: u64 = 9_000;
/// The largest difference between a clock and the true time. Two skews and a lag are less than the protocol allows for.
const GREATEST_SKEW: u64 = 10_000;
/// The longest time between the arrival of a save's request, which gives the save its time, and its write.
const LONGEST_SAVE: u64 = 30_000;
/// A read that takes longer counts as lost.
const LONGEST_READ: u64 = 30_000;
const BEGINNING: u64 = 10_000_000;
const RECORDS: u64 = 4;

/// One state of a record.
#[derive(Clone)]
struct Written {
    project: Option<Record>,
    at: u64,
    /// When the index and eventually consistent reads show it.
    visible: u64,
    by_ripple: bool,
}

pub(crate) struct World {
    now: Cell<u64>,
    random: RefCell<u64>,
    records: RefCell<BTreeMap<RecordId, Vec<Written>>>,
    rewritten: RefCell<BTreeSet<RecordId>>,
    numbers: RefCell<BTreeMap<RecordId, u64>>,
    healed: Cell<bool>,
    count: Cell<u64>,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        World {
            now: Cell::new(BEGINNING),
            random: RefCell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03),
            records: RefCell::default(),
            rewritten: RefCell::default(),
            numbers: RefCell::default(),
            healed: Cell::new(false),
            count: Cell::new(0),
        }
    }

    /// Returns a number below `bound`, by SplitMix64.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let mut state = self.random.borrow_mut();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
    }

    pub(crate) fn heal(&self) {
        self.healed.set(true);
    }

    /// Returns the milliseconds to add to the true time less [`GREATEST_SKEW`].
    pub(crate) fn skew(&self) -> u64 {
        self.below(2 * GREATEST_SKEW + 1)
    }

    fn clock(&self, skew: u64) -> Timestamp {
        Timestamp(self.now() + skew - GREATEST_SKEW)
    }

    /// Makes a save through ripple, by a host with any clock. Most saves are made at once; some have waited and tried
    /// again.
    pub(crate) fn write(&self) -> (RecordId, u64) {
        let id = self.some_id();
        let took = if self.below(4) == 0 { self.below(LONGEST_SAVE + 1) } else { 0 };
        let now = self.clock(self.skew()).before(Duration::from_millis(took));
        let before = self.latest(&id);
        // Rows of the history allocate the numbers, which continue after the states of another program.
        let version =
            self.numbers.borrow_mut().entry(id.clone()).and_modify(|number| *number += 1).or_insert(1).to_owned();
        let deleted = before.as_ref().is_some_and(|project| !project.is_deleted()) && self.below(5) == 0;
        let next = Record::new(id.clone(), self.content());
        let next = if deleted { next.deleted(Timestamp(u64::MAX / 2)) } else { next };
        self.record(&id, Some(next.written(before.as_ref(), version, now, "test")), true);
        (id, version)
    }

    /// Writes like another program: the legacy function overwrites the whole item, a console changes an attribute, or a
    /// person deletes it.
    pub(crate) fn write_behind_its_back(&self) {
        let id = self.some_id();
        let project = match (self.below(3), self.latest(&id)) {
            (0, Some(_)) => None,
            (1, Some(project)) if !project.is_deleted() => {
                let mut changed = item::as_read(&project, &Names::default());
                changed.extend(self.content());
                Some(item::record(changed, &Names::default()).expect("a record"))
            }
            _ => {
                let mut whole = self.content();
                whole.insert("prj_id".to_owned(), id.as_str().into());
                Some(item::record(whole, &Names::default()).expect("a record"))
            }
        };
        self.rewritten.borrow_mut().insert(id.clone());
        self.record(&id, project, false);
    }

    /// Reports whether another program removed ripple's versions of a record.
    pub(crate) fn was_rewritten(&self, id: &RecordId) -> bool {
        self.rewritten.borrow().contains(id)
    }

    /// Checks that staleness is bounded. The snapshot has every write of ripple that index and eventually consistent
    /// reads showed before the snapshot was read. The exception is a record that was written again during the read. Two
    /// pages may come from two replicas of the index, one behind the other, so that the record is in neither. The next
    /// refresh has it.
    pub(crate) fn check_bound(&self, prepared: &Prepared, seen: impl Fn(&RecordId) -> u64) {
        let age = u64::try_from(prepared.age.as_millis()).expect("small");
        let read = self.now().saturating_sub(age);
        for (id, history) in &*self.records.borrow() {
            let visible = |written: &&Written| written.by_ripple && written.visible <= read;
            let newest = history.iter().filter(visible).filter_map(|written| written.project.as_ref()?.number());
            let newest = newest.max().unwrap_or(0);
            let moving = |written: &Written| written.at <= read + LONGEST_READ && written.visible > read;
            if history.iter().any(moving) {
                continue;
            }
            assert!(seen(id) >= newest || self.was_rewritten(id), "{id}: version {newest} was there {age} ms ago");
        }
    }

    /// Returns the table as the list shows it.
    pub(crate) fn list(&self) -> String {
        let query = Query::parse(&[], &Resource::built_in()).expect("a query");
        let mut listing = Listing::new(&query);
        for history in self.records.borrow().values() {
            history.last().and_then(|written| written.project.as_ref()).inspect(|project| listing.add(project));
        }
        String::from_utf8_lossy(&listing.finish().body).into_owned()
    }

    fn some_id(&self) -> RecordId {
        RecordId::parse(&format!("p{}", self.below(RECORDS))).expect("valid")
    }

    fn content(&self) -> Members {
        self.count.set(self.count.get() + 1);
        Members::from([("n".to_owned(), Value::from(self.count.get()))])
    }

    fn latest(&self, id: &RecordId) -> Option<Record> {
        self.records.borrow().get(id)?.last()?.project.clone()
    }

    fn record(&self, id: &RecordId, project: Option<Record>, by_ripple: bool) {
        let at = self.now();
        let mut records = self.records.borrow_mut();
        let history = records.entry(id.clone()).or_default();
        // An index shows the states of one item in their order.
        let earliest = history.last().map_or(0, |written| written.visible);
        let visible = earliest.max(at + self.below(GREATEST_LAG + 1));
        history.push(Written { project, at, visible, by_ripple });
    }

    /// Returns what an eventually consistent read may see of a record now: any state that is not yet certainly
    /// replaced.
    fn weakly(&self, history: &[Written]) -> Option<Record> {
        let visible = history.iter().rposition(|written| written.visible <= self.now());
        let newer = history.len() - visible.map_or(0, |at| at);
        let chosen = visible.map_or(0, |at| at) + self.below(newer as u64) as usize;
        if visible.is_none() && self.below(2) == 0 {
            return None;
        }
        history.get(chosen).filter(|written| written.at <= self.now()).and_then(|written| written.project.clone())
    }
}

/// A host's clock.
pub(crate) struct HostClock {
    world: Rc<World>,
    skew: u64,
}

impl HostClock {
    pub(crate) fn new(world: &Rc<World>, skew: u64) -> HostClock {
        HostClock { world: Rc::clone(world), skew }
    }
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        self.world.clock(self.skew)
    }

    async fn pause(&self, duration: Duration) {
        let until = self.world.now() + u64::try_from(duration.as_millis()).expect("short");
        std::future::poll_fn(|_| {
            if self.world.now() >= until { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

/// A host's connection to the table, which delays, fails and loses requests.
pub(crate) struct Link {
    world: Rc<World>,
    clock: HostClock,
    resource: Arc<Resource>,
}

impl Link {
    pub(crate) fn new(world: &Rc<World>, skew: u64) -> Link {
        Link { world: Rc::clone(world), clock: HostClock::new(world, skew), resource: Resource::built_in() }
    }

    /// Delays an operation on its way there or back.
    async fn travel(&self) -> Result<(), StoreError> {
        let world = &self.world;
        let fate = if world.healed.get() { 99 } else { world.below(100) };
        match fate {
            0..2 => std::future::pending().await,
            2..20 => {
                self.clock.pause(Duration::from_millis(world.below(9_000))).await;
                Err(StoreError { operation: "simulated", kind: StoreErrorKind::Unavailable, source: None })
            }
            20..40 => {
                self.clock.pause(Duration::from_millis(world.below(9_000))).await;
                Ok(())
            }
            _ => {
                self.clock.pause(Duration::from_millis(world.below(50))).await;
                Ok(())
            }
        }
    }

    /// Returns a page of at most two entries, ordered by time and id.
    fn page<T>(mut records: Vec<(Position, T)>, from: Option<Position>) -> (Vec<T>, Option<Position>) {
        let place = |position: &Position| (position.at, position.id.clone());
        records.sort_by_key(|(position, _)| place(position));
        let from = from.as_ref().map(place);
        records.retain(|(position, _)| from.as_ref().is_none_or(|from| place(position) > *from));
        let more = records.len() > 2;
        records.truncate(2);
        let next = records.last().filter(|_| more).map(|(position, _)| position.clone());
        (records.into_iter().map(|(_, record)| record).collect(), next)
    }
}

impl Keys for Link {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    async fn key(&self, _: &KeyHash, _: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        unreachable!("nobody asks for keys")
    }
}

impl Source for Link {
    async fn get(&self, id: &RecordId, read: Consistency, _: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.travel().await?;
        assert_eq!(read, Consistency::Strong, "a replica answers the others itself");
        let found = self.world.latest(id);
        self.travel().await?;
        Ok(found)
    }

    async fn scan(&self, from: Option<Position>, _: Consistency, _: &mut Capacity) -> Result<Page, StoreError> {
        self.travel().await?;
        let page = {
            let records = self.world.records.borrow();
            let seen = records.values().filter_map(|history| self.world.weakly(history));
            let place = |record: Record| (Position { id: record.id.clone(), at: None }, record);
            let (records, next) = Link::page(seen.map(place).collect(), from);
            Page { records, next }
        };
        self.travel().await?;
        Ok(page)
    }

    async fn changes(
        &self,
        _: u16,
        since: Timestamp,
        from: Option<Position>,
        _: usize,
        _: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.travel().await?;
        let page = {
            let records = self.world.records.borrow();
            let seen = records.values().filter_map(|history| self.world.weakly(history));
            let entries = seen.filter_map(|record| entry_of(&record)).filter(|entry| entry.at >= since);
            let (entries, next) = Link::page(entries.map(|entry| (entry.position(), entry)).collect(), from);
            Changes { entries, next }
        };
        self.travel().await?;
        Ok(page)
    }

    /// Returns each record in the state of its entry, or a later one.
    async fn fetch(&self, entries: &[IndexEntry], _: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.travel().await?;
        let found = entries.iter().filter_map(|entry| {
            let records = self.world.records.borrow();
            let history = records.get(&entry.id)?;
            let is_it = |written: &Written| written.project.as_ref().and_then(entry_of).as_ref() == Some(entry);
            let indexed = history.iter().position(is_it)?;
            let later = indexed + self.world.below((history.len() - indexed) as u64) as usize;
            history[later].project.clone()
        });
        let found = found.collect();
        self.travel().await?;
        Ok(found)
    }

    fn shards(&self) -> u16 {
        1
    }
}

/// Returns the entry of a state in the index, for a state of any writer.
fn entry_of(record: &Record) -> Option<IndexEntry> {
    let at = record.updated_at.or_else(|| record.external.as_ref()?.at)?;
    let stated = record.external.as_ref().and_then(|stamp| stamp.version.clone());
    let stated = stated.and_then(|version| serde_json::to_string(&version).ok()?.parse().ok());
    Some(IndexEntry { id: record.id.clone(), at, version: record.number().or(stated) })
}

/// The shared cache of the hosts of one data centre, with the data centre's clock. It is slow, evicts copies, and
/// sometimes returns an older or a damaged one.
#[derive(Clone)]
pub(crate) struct DataCentre {
    world: Rc<World>,
    pub(crate) skew: u64,
    copies: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl DataCentre {
    pub(crate) fn new(world: &Rc<World>) -> DataCentre {
        DataCentre { world: Rc::clone(world), skew: world.skew(), copies: Rc::default() }
    }

    async fn pause(&self, most: u64) {
        let pause = Duration::from_millis(self.world.below(most));
        HostClock::new(&self.world, self.skew).pause(pause).await;
    }
}

impl SharedCache for DataCentre {
    async fn get(&self) -> Option<Vec<u8>> {
        self.pause(100).await;
        let (copies, world) = (self.copies.borrow(), &self.world);
        let last = copies.last()?;
        match world.below(10) {
            0 => None,
            1 => copies.get(world.below(copies.len() as u64) as usize).cloned(),
            2 => Some(last[..world.below(last.len() as u64) as usize].to_vec()),
            _ => Some(last.clone()),
        }
    }

    async fn put(&self, copy: Vec<u8>, _: Duration) {
        self.pause(5_000).await;
        if self.world.below(5) > 0 {
            self.copies.borrow_mut().push(copy);
        }
    }
}
