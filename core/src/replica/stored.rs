//! A whole table in SQL beside a host, and what keeps it current.
//!
//! ```text
//!  Scan ──▶ fill ──┐                              ┌── read ──▶ the core's Listing
//!  by_update ──────┼──▶ apply ──▶ r, s, sum ──────┘
//!  feed, GetItem ──┘   the only writer
//! ```
//!
//! > A record's version never falls. Everything that was written before `confirmed` is in the copy, and only a full read
//! > and a refresh from the index raise `confirmed`. A record goes only after a strongly consistent read missed it.
//!
//! A host calls [`Table::tend`] when [`Standing::wish`] says so, and [`Table::refresh`] when the copy is too old for a
//! reader. While sockets of the live channel are open, it refreshes every ten seconds. Both may end at any point, run
//! twice, and run beside each other: each step is one transaction, and compares the position from which it started.

mod answers;
mod apply;
mod by_id;
mod by_time;
mod conditions;
mod fill;
mod gate;
mod live;
mod log;
pub mod need;
mod read;
mod schema;

use std::sync::Arc;
use std::time::Duration;

use super::Clock;
use super::refresh::full_read_pause;
use super::sql::Nearby;
use crate::auth::{KeyHash, KeyRecord};
use crate::limits::{self, OVERLAP};
use crate::query::columns::Columns;
use crate::query::{ListPage, Query};
use crate::record::schema::Resource;
use crate::record::{Record, RecordId};
use crate::session::Session;
use crate::store::{Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError, scan};
use crate::time::Timestamp;
use apply::Seen;
pub use gate::Closing;
pub use live::{Outcome, Sockets, alarm, position};
use schema::Meta;

/// The number of pages that one call of [`Table::tend`] reads. A host is not to be busy for long.
const PAGES: usize = 8;
/// The number of entries of the index that a refresh reads with one query.
const CHANGES: usize = 1_000;
/// The number of records that a refresh reads before it applies them, so that one that is cut off has not been in vain.
const FETCHED: usize = 100;
/// How often a record is read that other reads keep changing meanwhile.
const STRONG_READS: u32 = 3;
/// How long a message of the feed shows that the feed is on.
const FED: Duration = limits::DAY;
/// How exactly that time is known.
const FED_STEP: Duration = Duration::from_secs(60 * 60);
/// How long the feed may take to send a change. All its tries together take less.
const UNTOLD: Duration = Duration::from_secs(60);

/// A table in SQL, and the store that it is a copy of.
#[derive(Debug)]
pub struct Table<Q, S, C> {
    sql: Q,
    store: S,
    clock: C,
    columns: Columns,
}

/// What a copy can be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Every write that was done before this time is in the copy. `None` until the first full read has ended: the copy
    /// answers nothing.
    pub confirmed: Option<Timestamp>,
    /// When the host is to call [`Table::tend`].
    pub wish: Option<Timestamp>,
    /// How often keys lost rights, as far as the feed has told.
    pub keys: u64,
}

/// What has shown a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A refresh from the index.
    Index,
    /// The feed.
    Feed,
    /// A strongly consistent read of the table.
    Table,
}

/// What a strongly consistent read has found.
struct Strong {
    found: Option<Record>,
    began: Timestamp,
    /// Whether it may be older than what is known.
    is_in_doubt: bool,
}

/// Returns the resource of the copy in a database, if there is one.
///
/// # Errors
/// If the database refuses.
pub fn resource(sql: &impl Nearby) -> Result<Option<String>, StoreError> {
    Ok(Meta::read(sql)?.map(|meta| meta.resource))
}

/// Returns since when the feed is silent. The feed is silent if it sent something within a day, and has not sent a known
/// change for a minute. Returns `None` if there was no such change: then the feed may work or not.
///
/// # Errors
/// If the database refuses.
pub fn silent_since(sql: &impl Nearby, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let meta = Meta::read(sql)?.filter(|meta| is_fed(meta, now));
    Ok(meta.and_then(|meta| meta.untold).map(Timestamp).filter(|untold| now >= untold.after(UNTOLD)))
}

impl<Q: Nearby, S: Source, C: Clock> Table<Q, S, C> {
    /// Opens the copy in a database. It begins anew if there is none, or it has other columns.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn open(sql: Q, store: S, clock: C) -> Result<Table<Q, S, C>, StoreError> {
        let columns = Columns::of(store.resource());
        schema::open(&sql, &columns, clock.now())?;
        Ok(Table { sql, store, clock, columns })
    }

    /// Returns what the copy can be used for. A full read begins if one is due.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn standing(&self) -> Result<Standing, StoreError> {
        let mut meta = Meta::of(&self.sql)?;
        let now = self.clock.now();
        if meta.fill.is_none() && meta.full.is_some_and(|full| now >= Timestamp(full).after(pause(&meta, now))) {
            fill::begin(&mut meta, now);
            meta.write(&self.sql)?;
        }
        Ok(Standing { confirmed: meta.confirmed.map(Timestamp), wish: meta.wish.map(Timestamp), keys: meta.keys })
    }

    /// Reads on in the full read that is under way.
    ///
    /// # Errors
    /// If DynamoDB does not answer or the database refuses. What was read before stays.
    pub async fn tend(&self, cost: &mut Capacity) -> Result<(), StoreError> {
        for _ in 0..PAGES {
            let Some(fill) = Meta::of(&self.sql)?.fill else { return Ok(()) };
            let began = self.clock.now();
            if !fill.scanned {
                let from = fill.at.clone().map(|id| Position { id: RecordId::stored(id), at: None });
                let page = self.store.scan(from, Consistency::Eventual, cost).await?;
                fill::take(&self.sql, &self.columns, &fill, page, began, self.clock.now())?;
                continue;
            }
            let gone = fill::gone(&self.sql, &fill)?;
            if gone.is_empty() {
                fill::end(&self.sql, &fill, self.clock.now())?;
                // A copy whose sum is wrong would give wrong tags for ever. The next event begins it anew.
                return if self.is_consistent()? { Ok(()) } else { schema::discard(&self.sql) };
            }
            for id in gone {
                let Strong { found, began, is_in_doubt } = self.find(&id, cost).await?;
                if !is_in_doubt {
                    fill::confirm(&self.sql, &self.columns, &id, found, began, self.clock.now())?;
                }
            }
        }
        Ok(())
    }

    /// Reads what was written since the copy was confirmed, from the index.
    ///
    /// # Errors
    /// If DynamoDB does not answer, or the database refuses. The copy stays usable, and as old as it was.
    pub async fn refresh(&self, cost: &mut Capacity) -> Result<(), StoreError> {
        let Some(confirmed) = Meta::of(&self.sql)?.confirmed else { return Ok(()) };
        let since = Timestamp(confirmed).before(OVERLAP);
        let first = self.clock.now();
        for shard in 0..self.store.shards() {
            let mut from = None;
            loop {
                let began = self.clock.now();
                let Changes { mut entries, next } = self.store.changes(shard, since, from, CHANGES, cost).await?;
                let mut lacking = Vec::with_capacity(entries.len());
                for entry in entries.drain(..) {
                    if self.lacks(&entry)? {
                        lacking.push(entry);
                    }
                }
                for some in lacking.chunks(FETCHED) {
                    let records = self.store.fetch(some, cost).await?;
                    self.take(records, began, By::Index)?;
                }
                match next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        self.sql.transaction(|| {
            let mut meta = Meta::of(&self.sql)?;
            // A copy that began anew meanwhile has not been filled yet.
            meta.confirmed = meta.confirmed.map(|confirmed| confirmed.max(first.0));
            meta.write(&self.sql)
        })
    }

    /// Applies states that the feed told. A state that is not told whole is read. The copy does not become younger, since
    /// a feed that is silent looks like one that has failed.
    ///
    /// # Errors
    /// If DynamoDB does not answer for a state that is not told whole, or the database refuses.
    pub async fn hear(
        &self,
        states: Vec<Record>,
        missing: Vec<RecordId>,
        cost: &mut Capacity,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.take(states, now, By::Feed)?;
        for id in missing {
            self.read_strongly(&id, cost).await?;
        }
        self.sql.transaction(|| {
            let mut meta = Meta::of(&self.sql)?;
            let untold = meta.untold.take();
            // Each message would write a row.
            let is_due = meta.fed.is_none_or(|fed| now >= Timestamp(fed).after(FED_STEP));
            if is_due {
                meta.fed = Some(now.0);
            }
            if is_due || untold.is_some() { meta.write(&self.sql) } else { Ok(()) }
        })
    }

    /// Reads, with strong consistency, the records of which the session wrote a newer version than the copy has.
    ///
    /// # Errors
    /// If DynamoDB does not answer, or the database refuses.
    pub async fn read_what_was_written(&self, session: &Session, cost: &mut Capacity) -> Result<bool, StoreError> {
        let mut fetched = false;
        for id in session.ids() {
            // A row that cannot be read counts as missing.
            let known = read::record(&self.sql, &self.columns, id).ok().flatten();
            if session.outdates(id, known.as_ref()) {
                self.read_strongly(id, cost).await?;
                fetched = true;
            }
        }
        Ok(fetched)
    }

    /// Reads a record with strong consistency, and takes in what it finds.
    async fn read_strongly(&self, id: &RecordId, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let Strong { found, began, is_in_doubt } = self.find(id, cost).await?;
        if !is_in_doubt {
            self.take(found.iter().cloned(), began, By::Table)?;
        }
        Ok(found)
    }

    /// Reads a record with strong consistency. A state without a number has no order, and neither has the absence of one:
    /// what was applied during the read may be older or newer. Then it reads again.
    async fn find(&self, id: &RecordId, cost: &mut Capacity) -> Result<Strong, StoreError> {
        let mut tries = 0;
        loop {
            let (began, before) = (self.clock.now(), apply::known(&self.sql, id)?);
            let found = self.store.get(id, Consistency::Strong, cost).await?;
            let is_in_doubt =
                found.as_ref().and_then(Record::number).is_none() && apply::known(&self.sql, id)? != before;
            tries += 1;
            if !is_in_doubt || tries == STRONG_READS {
                return Ok(Strong { found, began, is_in_doubt });
            }
        }
    }

    fn take(&self, records: impl IntoIterator<Item = Record>, at: Timestamp, by: By) -> Result<(), StoreError> {
        let seen = Seen { at, in_table: by == By::Table, now: self.clock.now() };
        self.sql.transaction(|| {
            let mut meta = Meta::of(&self.sql)?;
            let before = meta.clone();
            for record in records {
                apply::apply(&self.sql, &self.columns, &mut meta, record, seen)?;
            }
            if by != By::Feed && is_fed(&meta, seen.now) && meta.seq > before.seq {
                meta.untold.get_or_insert(seen.now.0);
            }
            if meta == before { Ok(()) } else { meta.write(&self.sql) }
        })
    }

    /// Reports whether an entry of the index refers to a state that is not known.
    fn lacks(&self, entry: &IndexEntry) -> Result<bool, StoreError> {
        let known = apply::known(&self.sql, &entry.id)?;
        let number = known.filter(|known| known.is_sealed).map(|known| known.version);
        Ok(number.is_none() || number < entry.version)
    }

    /// Reports whether the sum, the size and the numbers of the whole list are those of its rows.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn is_consistent(&self) -> Result<bool, StoreError> {
        let meta = Meta::of(&self.sql)?;
        let searched = self.sql.first("SELECT sum(h0), sum(h1), sum(h2), sum(h3), sum(size), count(*) FROM s", &[])?;
        let live = self.sql.first("SELECT count(*), sum(timed) FROM r WHERE state = 0", &[])?;
        let (Some(mut searched), Some(mut live)) = (searched, live) else { return Ok(false) };
        let (sum, count) = (schema::hash(&mut searched, 0), live.integer(0));
        let untimed = (count - live.integer(1)).cast_unsigned();
        Ok(sum == meta.sum()
            && searched.integer(4).cast_unsigned() == meta.bytes
            && searched.integer(5) == count
            && count.cast_unsigned() == meta.live
            && untimed == meta.untimed)
    }
}

/// Returns the pause between full reads.
fn pause(meta: &Meta, now: Timestamp) -> Duration {
    full_read_pause(meta.bytes, is_fed(meta, now))
}

/// Reports whether the feed is on.
fn is_fed(meta: &Meta, now: Timestamp) -> bool {
    meta.fed.is_some_and(|fed| now < Timestamp(fed).after(FED))
}

impl<Q: Nearby, S: Source, C: Clock> Keys for Table<Q, S, C> {
    fn resource(&self) -> &Arc<Resource> {
        self.store.resource()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        // The read may be older than what the feed has told.
        let record = self.store.key(hash, cost).await?;
        let is_revoked = record.as_ref().map_or(Ok(false), |record| gate::is_revoked(&self.sql, &record.key_id))?;
        Ok(record.filter(|_| !is_revoked))
    }
}

impl<Q: Nearby, S: Source, C: Clock> Source for Table<Q, S, C> {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        match read {
            Consistency::Eventual => match read::record(&self.sql, &self.columns, id) {
                // The table has what the row should have, and it replaces the row.
                Err(_) => self.read_strongly(id, cost).await,
                found => found,
            },
            Consistency::Strong => self.read_strongly(id, cost).await,
        }
    }

    async fn list(
        &self,
        query: &Query,
        session: &Session,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<ListPage, StoreError> {
        // Without a row for most sessions.
        if session.outruns(Timestamp(0)) && session.outruns(self.known(now)) {
            return scan::list(&self.store, query, session, now, cost).await;
        }
        answers::list(&self.sql, &self.columns, &Meta::of(&self.sql)?, query)
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.store.scan(from, read, cost).await
    }

    fn known(&self, now: Timestamp) -> Timestamp {
        let meta = Meta::of(&self.sql).ok();
        meta.and_then(|meta| meta.confirmed).map_or(Timestamp(0), |confirmed| now.min(Timestamp(confirmed)))
    }

    fn is_copy(&self) -> bool {
        true
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        _: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        read::changes(&self.sql, (shard, self.shards()), since, from, limit)
    }

    async fn fetch(&self, entries: &[IndexEntry], _: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        let record = |entry: &IndexEntry| read::record(&self.sql, &self.columns, &entry.id).transpose();
        entries.iter().filter_map(record).collect()
    }

    fn shards(&self) -> u16 {
        self.store.shards()
    }
}
