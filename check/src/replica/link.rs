//! The object's way to the table. Reads take time and may lag, requests fail, and the object may crash before and after
//! each of them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::record::schema::Resource;
use ripple_core::replica::Clock;
use ripple_core::replica::sql::error;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Changes, Consistency, IndexEntry, Keys, Page, Position, Source, StoreError};
use ripple_core::{Record, RecordId, Timestamp};

use super::world::{Fault, World};
use crate::sim::scheduler::at_once;

/// The number of records of a page.
const PAGE: usize = 2;
/// How long a request usually takes at most, and how long a slow one.
const QUICK: Duration = Duration::from_millis(40);
const SLOW: Duration = Duration::from_millis(6_000);

/// The store of the copy.
pub(super) struct Link {
    pub(super) world: Rc<World>,
    /// Whether it belongs to a full read.
    pub(super) tends: bool,
}

/// The time of the simulation.
pub(super) struct Time(pub(super) Rc<World>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn pause(&self, duration: Duration) {
        self.0.scheduler.pass(duration).await;
    }
}

impl Link {
    async fn travel(&self) {
        let slow = self.world.chance(8);
        self.world.scheduler.pass_some_of(if slow { SLOW } else { QUICK }).await;
        if self.world.chance(60) {
            self.world.crash();
            std::future::pending().await
        }
    }

    /// Runs a request on the table as it was some time ago.
    async fn ask<T>(&self, lag: Duration, request: impl AsyncFnOnce(&Memory) -> T) -> Result<T, StoreError> {
        self.travel().await;
        if self.world.is_away() || self.world.chance(25) {
            return Err(error("no answer"));
        }
        let lag = self.world.scheduler.below(lag.as_millis() as usize + 1) as u64;
        let memory = self.world.table.as_of(Timestamp(self.world.now().0 - lag));
        let answer = at_once(request(&memory));
        self.travel().await;
        Ok(answer)
    }
}

impl Keys for Link {
    fn resource(&self) -> &Arc<Resource> {
        self.world.table.memory.resource()
    }

    async fn key(&self, hash: &KeyHash, _: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.travel().await;
        if self.world.is_away() || self.world.chance(25) {
            return Err(error("no answer"));
        }
        let lag = self.world.scheduler.below(self.world.lag.get().as_millis() as usize + 1) as u64;
        let found = self.world.keys.found(hash, Timestamp(self.world.now().0 - lag));
        self.travel().await;
        Ok(found)
    }
}

impl Source for Link {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        if self.tends && self.world.fault == Some(Fault::NoStrongRead) {
            return Ok(None);
        }
        let lag = if read == Consistency::Strong { Duration::ZERO } else { self.world.lag.get() };
        self.ask(lag, async |memory| memory.get(id, read, cost).await).await?
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        let after = from.clone();
        let page = self.ask(self.world.lag.get(), async |memory| memory.scan(after, read, cost).await).await??;
        let mut records = page.records;
        let more = records.len() > PAGE;
        records.truncate(PAGE);
        let next = records.last().filter(|_| more).map(|last| Position { id: last.id.clone(), at: None });
        let page = Page { records, next };
        self.world.judge.delivered(from.map(|from| from.id), &page);
        Ok(page)
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        _: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        let lag = self.world.index_lag.get();
        self.ask(lag, async |memory| memory.changes(shard, since, from, PAGE, cost).await).await?
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.ask(self.world.lag.get(), async |memory| memory.fetch(entries, cost).await).await?
    }

    fn shards(&self) -> u16 {
        1
    }
}
