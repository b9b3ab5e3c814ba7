//! The check finds each of these feeds, which have one fault each.

#[macro_use]
mod memory;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ripple_check::{Breadth, Choices, Law, Storm, Table};
use ripple_core::auth::{KeyHash, KeyRecord, Usage};
use ripple_core::feed::{Decision, External, StreamRecord, decide};
use ripple_core::record::history::{Entry, Row};
use ripple_core::record::schema::Resource;
use ripple_core::record::{Names, Stamp};
use ripple_core::store::item::{self, RPL_SEAL, RPL_VERSION};
use ripple_core::store::memory::Memory;
use ripple_core::store::{
    Batch, BatchCommit, Capacity, Changes, Commit, Consistency, IdempotencyRecord, IndexEntry, Keys, Page, Position,
    Source, Store, StoreError, Write,
};
use ripple_core::value::Members;
use ripple_core::{Record, RecordId, Timestamp};

/// The fault of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It adopts the state that a change left, whatever the item is by now.
    StaleImage,
    /// It does not know what a change replaced.
    NoOldImage,
    /// It gives a state that it has adopted another number when the change is told again.
    NumbersTwice,
    /// It adopts ripple's own writes, and then its own.
    Loops,
}

#[derive(Clone)]
struct Mutant {
    memory: Memory,
    fault: Fault,
    /// The change that the feed was told last.
    told: Rc<RefCell<Option<External>>>,
}

impl Mutant {
    async fn now(&self, id: &RecordId) -> Option<Record> {
        self.memory.get(id, Consistency::Strong, &mut Capacity::default()).await.expect("memory answers")
    }
}

/// Returns a state that ripple wrote, changed so that its seal does not match.
fn unsealed(record: Record) -> Record {
    let stated = item::item(&record, 1, &Names::default());
    let [version, seal] = [RPL_VERSION, RPL_SEAL].map(|name| stated.get(name).cloned());
    let stamp = Stamp { version, seal, at: record.updated_at };
    Record { version: -1, external: Some(Box::new(stamp)), updated_at: None, updated_by: None, ..record }
}

impl Table for Mutant {
    const AT_ONCE: bool = true;

    fn item(&self, id: &RecordId) -> Option<Members> {
        self.memory.item(id)
    }

    fn put(&self, id: &RecordId, item: Option<Members>) {
        Table::put(&self.memory, id, item);
    }

    fn delete_expired(&self, now: Timestamp) {
        self.memory.expire(now);
    }

    fn decide(&self, change: &StreamRecord) -> Decision {
        let old = change.old.clone().filter(|_| self.fault != Fault::NoOldImage);
        let decision = decide(&StreamRecord { old, ..change.clone() }, &Names::default()).expect("a record");
        let after = change.new.clone().map(|item| item::record(item, &Names::default()).expect("a record"));
        let decision = match (self.fault, decision, after) {
            (Fault::Loops, Decision::Own, Some(after)) if !after.is_deleted() => {
                let (id, after) = (after.id.clone(), Some(unsealed(after)));
                Decision::External(Box::new(External { id, before: None, after, at: change.at }))
            }
            (_, decision, _) => decision,
        };
        *self.told.borrow_mut() = match &decision {
            Decision::External(told) => Some((**told).clone()),
            _ => None,
        };
        decision
    }
}

impl Keys for Mutant {
    pass_on_keys!();
}

impl Source for Mutant {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let found = self.memory.get(id, read, cost).await?;
        let told = self.told.borrow();
        let Some(External { after: Some(after), .. }) = told.as_ref().filter(|told| told.id == *id) else {
            return Ok(found);
        };
        Ok(match self.fault {
            Fault::StaleImage if after.is_external() => Some(after.clone()),
            Fault::NumbersTwice if found.as_ref().is_some_and(|found| found.attributes == after.attributes) => {
                Some(after.clone())
            }
            Fault::Loops if after.version == -1 => found.map(unsealed),
            _ => found,
        })
    }

    pass_on_reads!();
}

impl Store for Mutant {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let is_adoption = write.rows.iter().all(|row| row.entry.shown.is_some());
        let told = self.told.borrow_mut().take();
        if is_adoption && told.is_some() && matches!(self.fault, Fault::StaleImage | Fault::NumbersTwice) {
            let now = self.now(&write.after.id).await;
            return self.memory.commit(&Write { before: now.as_ref(), ..*write }, cost).await;
        }
        self.memory.commit(write, cost).await
    }

    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.memory.state(id, number, cost).await
    }

    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.memory.shown(id, shown, cost).await
    }

    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError> {
        self.memory.entries(id, before, limit, cost).await
    }

    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.memory.claim(key, now, cost).await
    }

    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.memory.remember(claim, now, cost).await
    }

    pass_on_the_rest!();
}

/// Finds the fault in storms with the feed, and asserts that the run breaks one of these laws. The choices are not
/// shrunk: a feed that adopts its own writes makes each run long.
#[track_caller]
fn is_found(fault: Fault, laws: &[Law]) {
    let table = || Mutant { memory: Memory::new(), fault, told: Rc::default() };
    let feed = Storm { breadth: Breadth::Feed, ..Storm::default() };
    let broken = (0..300).find_map(|seed| feed.run(table(), Choices::seeded(seed)).verdict.err());
    let broken = broken.unwrap_or_else(|| panic!("{fault:?} is not found by 300 storms"));
    assert!(laws.contains(&broken.law), "{broken}");
}

#[test]
fn a_feed_that_adopts_a_stale_image() {
    is_found(Fault::StaleImage, &[Law::Write, Law::Merge]);
}

#[test]
fn a_feed_that_drops_the_old_image() {
    is_found(Fault::NoOldImage, &[Law::Feed]);
}

#[test]
fn a_feed_that_numbers_a_state_twice() {
    is_found(Fault::NumbersTwice, &[Law::Write]);
}

#[test]
fn a_feed_that_adopts_its_own_writes() {
    is_found(Fault::Loops, &[Law::Write]);
}
