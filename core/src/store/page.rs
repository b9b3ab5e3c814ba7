//! Pages of a list from an index: what a page shows is read, and no other record.
//!
//! ```text
//!  partitions of the index ──entries, in order──▶ Lanes ──span──▶ fetch ──records──▶ Listing
//! ```
//!
//! > A span is complete: it has every entry up to its end. A record whose place is beyond the end is left to a later
//! > span, so that no page ends with a record while one before it was not read.
//!
//! Records that were only adopted have an entry, and no time: a list by time has them last. So the end of such a list
//! requires a scan.
//!
//! An index lags behind its table. So a record may have moved since its entry was read, and the entries of the client's
//! own writes may be missing: those records are read from the table.

use std::collections::{BTreeSet, VecDeque};

use super::{Capacity, Changes, Consistency, IndexEntry, Position, Source, StoreError};
use crate::query::{ListPage, Listing, Order, Place, Query};
use crate::record::{Record, RecordId};
use crate::session::Session;
use crate::time::Timestamp;

/// The greatest number of records that are read at once.
const READ: usize = 250;
/// The number of records that were read and are not on the page, at which a scan is cheaper.
const BEYOND: usize = 250;
/// The number of entries of one time, at which a scan is cheaper.
const OF_ONE_TIME: usize = 500;
/// The number of entries among which a record before the page is looked for.
const PROBE: usize = 8;

/// The greatest number of entries that are read at once, where many are of deleted records.
const ENTRIES: usize = 1_000;

/// The indexes of a source, one for each [`Order`]. Every live record has an entry in each.
pub(crate) trait Indexed {
    /// Returns entries of one partition, in the order of the place and from its start on, after `from`. It reads at most
    /// `limit` entries. Entries of deleted records may be omitted.
    async fn walk(
        &self,
        place: &Place,
        shard: u16,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError>;
}

/// Returns a page of the list. Returns `None` if it requires a scan.
pub(crate) async fn list<S: Source>(
    store: &S,
    index: &impl Indexed,
    query: &Query,
    session: &Session,
    now: Timestamp,
    cost: &mut Capacity,
) -> Result<Option<ListPage>, StoreError> {
    let Some(place) = query.place().filter(|_| !session.outruns(store.known(now))) else { return Ok(None) };
    let mut page = Page {
        listing: Listing::new(query),
        query,
        session,
        place: &place,
        met: BTreeSet::new(),
        waiting: Vec::new(),
        deleted: 0,
    };
    let mut lanes = Lanes::new(&place, store.shards());
    // One record shows that the page is not the last, and the one at the start that it is not the first.
    let mut wanted = query.limit().saturating_add(if place.start.is_some() { 2 } else { 1 }).min(READ);
    loop {
        let span = lanes.span(index, wanted, cost).await?;
        let is_last = span.end.is_none();
        if span.entries.len() > READ + OF_ONE_TIME || is_last && place.ends_without_time() {
            return Ok(None);
        }
        page.add(store, span, cost).await?;
        if page.listing.is_full() || is_last {
            break;
        }
        if page.waiting.len() + page.deleted > BEYOND {
            return Ok(None);
        }
        wanted = READ;
    }
    // Another record may have the members that those of the page lack.
    if page.listing.lacks_members() {
        return Ok(None);
    }
    let (mut listing, mut deleted) = (page.listing, 0);
    let other = place.clone().reversed();
    let mut lanes = Lanes::new(&other, store.shards());
    while place.start.is_some() && !listing.is_passed() {
        let span = lanes.span(index, PROBE, cost).await?;
        store.fetch(&span.entries, cost).await?.iter().for_each(|record| listing.pass(record));
        deleted += span.entries.len();
        let is_last = span.end.is_none();
        if !listing.is_passed() && (deleted > BEYOND || is_last && other.ends_without_time()) {
            return Ok(None);
        }
        if is_last {
            break;
        }
    }
    Ok(Some(listing.finish()))
}

/// A page under construction.
struct Page<'a> {
    listing: Listing<'a>,
    query: &'a Query,
    session: &'a Session,
    place: &'a Place,
    /// The records that were added, and the client's own writes that were read.
    met: BTreeSet<RecordId>,
    /// Records that have moved, and are beyond every span so far.
    waiting: Vec<Record>,
    /// The number of deleted records that were read.
    deleted: usize,
}

impl Page<'_> {
    /// Adds the records of a span.
    async fn add<S: Source>(&mut self, store: &S, span: Span, cost: &mut Capacity) -> Result<(), StoreError> {
        let mut records = std::mem::take(&mut self.waiting);
        for mut record in store.fetch(&span.entries, cost).await? {
            let id = record.id.clone();
            if self.met.contains(&id) || records.iter().any(|other| other.id == id) {
                continue;
            }
            if self.session.outdates(&id, Some(&record)) {
                match store.get(&id, Consistency::Strong, cost).await? {
                    Some(current) => record = current,
                    None => continue,
                }
            }
            records.push(record);
        }
        for id in self.session.ids() {
            let is_met = self.met.contains(id) || records.iter().any(|record| record.id == *id);
            if is_met || !self.session.outdates(id, None) || !self.may_have(&span, id) {
                continue;
            }
            self.met.insert(id.clone());
            records.extend(store.get(id, Consistency::Strong, cost).await?);
        }
        for record in records {
            if span.end.as_ref().is_none_or(|end| self.is_within(end, &record)) {
                self.met.insert(record.id.clone());
                self.deleted += usize::from(record.is_deleted());
                self.listing.add(&record);
            } else {
                self.waiting.push(record);
            }
        }
        Ok(())
    }

    /// Reports whether the record with this id may be in a span.
    fn may_have(&self, span: &Span, id: &RecordId) -> bool {
        match (self.place.order, &span.end) {
            (Order::Id, Some(end)) if self.place.descends() => *id >= end.id,
            (Order::Id, Some(end)) => *id <= end.id,
            _ => true,
        }
    }

    /// Reports whether a record is not beyond the end of a span.
    fn is_within(&self, end: &IndexEntry, record: &Record) -> bool {
        let descends = self.place.descends();
        match self.place.order {
            Order::Id if descends => record.id >= end.id,
            Order::Id => record.id <= end.id,
            // Records without a time are last.
            Order::Time { .. } => match self.query.time(record) {
                Some(at) if descends => at >= end.at,
                Some(at) => at <= end.at,
                None => false,
            },
        }
    }
}

/// The entries of a part of an index.
struct Span {
    entries: Vec<IndexEntry>,
    /// The last of them. `None` if there are no further entries.
    end: Option<IndexEntry>,
}

/// The partitions of an index, read side by side.
struct Lanes<'a> {
    place: &'a Place,
    lanes: Vec<Lane>,
}

struct Lane {
    shard: u16,
    /// Entries that were read and not taken yet, in order.
    read: VecDeque<IndexEntry>,
    /// The entry after which the partition is read on.
    from: Option<Position>,
    is_at_end: bool,
}

impl<'a> Lanes<'a> {
    fn new(place: &'a Place, shards: u16) -> Lanes<'a> {
        let lane = |shard| Lane { shard, read: VecDeque::new(), from: None, is_at_end: false };
        Lanes { place, lanes: (0..shards).map(lane).collect() }
    }

    /// Returns the next entries, at least `wanted` unless the index ends. Those of one time are not separated, since
    /// the index has no order among them.
    async fn span(&mut self, index: &impl Indexed, wanted: usize, cost: &mut Capacity) -> Result<Span, StoreError> {
        let mut entries: Vec<IndexEntry> = Vec::new();
        loop {
            for lane in &mut self.lanes {
                let mut limit = wanted.saturating_sub(entries.len()).max(PROBE);
                while lane.read.is_empty() && !lane.is_at_end {
                    let found = index.walk(self.place, lane.shard, lane.from.take(), limit, cost).await?;
                    // All of them may be of deleted records.
                    limit = (2 * limit).min(ENTRIES);
                    lane.read.extend(found.entries);
                    lane.is_at_end = found.next.is_none();
                    lane.from = found.next;
                }
            }
            let Some(next) = self.first() else { return Ok(Span { entries, end: None }) };
            let is_apart = self.place.order == Order::Id || entries.last().is_none_or(|last| last.at != next.at);
            if entries.len() >= wanted && (is_apart || entries.len() > READ + OF_ONE_TIME) {
                let end = entries.last().cloned();
                return Ok(Span { entries, end });
            }
            entries.extend(self.take());
        }
    }

    /// Returns the next entry of all partitions.
    fn first(&self) -> Option<&IndexEntry> {
        self.lanes.iter().filter_map(|lane| lane.read.front()).reduce(|one, other| self.earlier(one, other))
    }

    fn take(&mut self) -> Option<IndexEntry> {
        let id = self.first()?.id.clone();
        let lane = self.lanes.iter_mut().find(|lane| lane.read.front().is_some_and(|entry| entry.id == id))?;
        lane.read.pop_front()
    }

    fn earlier<'e>(&self, one: &'e IndexEntry, other: &'e IndexEntry) -> &'e IndexEntry {
        let order = match self.place.order {
            Order::Id => one.id.cmp(&other.id),
            Order::Time { .. } => one.at.cmp(&other.at),
        };
        let order = if self.place.descends() { order.reverse() } else { order };
        if order.is_gt() { other } else { one }
    }
}

#[cfg(test)]
mod tests;
