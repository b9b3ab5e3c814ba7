//! Tables and hosts with one fault each, and the check finds it.

use std::time::Duration;

use ripple_check::{Losing, Storm, Table, every_schedule, scenarios, storm};
use ripple_core::idempotency::Claim;
use ripple_core::key::{KeyHash, KeyRecord};
use ripple_core::record::history::Version;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Commit, Consistency, Page, Position, Source, Store, StoreError, Write};
use ripple_core::{Record, RecordId, Timestamp};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A write is made whatever the table holds by now.
    NoCondition,
    /// A write is made whenever the version is as it was, and another writer's states all have the same.
    VersionAlone,
    /// A save merges with the newest state in the place of its base: so the last whole record wins.
    LastWins,
    /// Nobody remembers which `Idempotency-Key` has come.
    NoClaims,
    /// It is remembered only with a write.
    NoIdleClaims,
    /// The history has the state before in the place of the one after.
    WrongHistory,
    /// What others have written is dropped.
    DropsUnknown,
    /// A write that is refused is answered as done.
    SaysDone,
}

#[derive(Clone)]
struct Mutant {
    memory: Memory,
    fault: Fault,
}

impl Mutant {
    async fn now(&self, id: &RecordId) -> Option<Record> {
        self.memory.get(id, Consistency::Strong, &mut Capacity::default()).await.expect("memory answers")
    }
}

impl Table for Mutant {
    const AT_ONCE: bool = true;

    fn put(&self, project: Record) {
        self.memory.put(project);
    }
}

impl Source for Mutant {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.memory.get(id, read, cost).await
    }

    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.memory.scan(from, cost).await
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError> {
        self.memory.changes(shard, since, from, cost).await
    }

    fn shards(&self) -> u16 {
        self.memory.shards()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.memory.key(hash, cost).await
    }
}

impl Store for Mutant {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let now = self.now(&write.after.id).await;
        match self.fault {
            Fault::NoCondition => self.memory.commit(&Write { before: now.as_ref(), ..*write }, cost).await,
            Fault::VersionAlone => {
                let alike = |now: &&Record| write.before.is_some_and(|before| before.version == now.version);
                let before = now.as_ref().filter(alike).or(write.before);
                self.memory.commit(&Write { before, ..*write }, cost).await
            }
            Fault::NoClaims => self.memory.commit(&Write { claim: None, ..*write }, cost).await,
            Fault::DropsUnknown => {
                let mut after = write.after.clone();
                after.attributes.remove("legacy");
                self.memory.commit(&Write { after: &after, ..*write }, cost).await
            }
            Fault::SaysDone => {
                self.memory.commit(write, cost).await?;
                Ok(Commit::Done)
            }
            Fault::LastWins | Fault::WrongHistory | Fault::NoIdleClaims => self.memory.commit(write, cost).await,
        }
    }

    async fn version(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        match self.fault {
            Fault::LastWins => Ok(self.now(id).await),
            Fault::WrongHistory if number > 1 => self.memory.version(id, number - 1, cost).await,
            _ => self.memory.version(id, number, cost).await,
        }
    }

    async fn versions(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Version>, StoreError> {
        self.memory.versions(id, before, limit, cost).await
    }

    async fn claim(&self, key: &str, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        self.memory.claim(key, cost).await
    }

    async fn remember(&self, claim: &Claim, now: Timestamp, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        match self.fault {
            Fault::NoClaims | Fault::NoIdleClaims => Ok(None),
            _ => self.memory.remember(claim, now, cost).await,
        }
    }

    async fn key_used(&self, hash: &KeyHash, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        self.memory.key_used(hash, now, cost).await
    }

    async fn pause(&self, duration: Duration) {
        self.memory.pause(duration).await;
    }
}

fn table(fault: Fault) -> impl Fn() -> Mutant {
    move || Mutant { memory: Memory::new(), fault }
}

fn found_by_a_storm(fault: Fault) -> Box<Losing> {
    let mut storms = (0..300).map(|seed| storm(Storm::default(), seed, table(fault)));
    storms.find_map(Result::err).unwrap_or_else(|| panic!("{fault:?} is not found by 300 storms"))
}

fn found_by_every_order(fault: Fault) -> Box<Losing> {
    let orders = scenarios().into_iter().map(|scenario| every_schedule(&scenario, table(fault), || {}));
    let found = orders.map(Result::err).find_map(|losing| losing);
    found.unwrap_or_else(|| panic!("{fault:?} is not found by any order"))
}

/// Its schedule is short, and says why.
#[track_caller]
fn tells(losing: &Losing, why: &str) {
    println!("{losing}\n");
    assert!(losing.why.contains(why), "{losing}");
    assert!((3..30).contains(&losing.schedule.len()), "{losing}");
}

#[test]
fn a_write_without_its_condition() {
    tells(&found_by_every_order(Fault::NoCondition), "does not tell that /goal was");
    tells(&found_by_a_storm(Fault::NoCondition), "it made a record of a record");
}

#[test]
fn a_write_that_goes_by_the_version_alone() {
    tells(&found_by_every_order(Fault::VersionAlone), "the save left it alone");
    tells(&found_by_a_storm(Fault::VersionAlone), "others had added or changed it");
}

#[test]
fn the_last_whole_record_wins() {
    tells(&found_by_every_order(Fault::LastWins), "others had added or changed it");
    tells(&found_by_a_storm(Fault::LastWins), "the history shows version");
}

#[test]
fn a_key_that_nobody_remembers() {
    tells(&found_by_every_order(Fault::NoClaims), "Idempotency-Key was answered that it had nothing to do");
    tells(&found_by_a_storm(Fault::NoClaims), "Idempotency-Key was answered that it had nothing to do");
}

#[test]
fn a_key_that_is_remembered_only_with_a_write() {
    tells(&found_by_every_order(Fault::NoIdleClaims), "was answered that it had nothing to do");
}

#[test]
fn a_history_that_shows_other_states() {
    tells(&found_by_every_order(Fault::WrongHistory), "the history shows version");
    tells(&found_by_a_storm(Fault::WrongHistory), "the history shows version");
}

#[test]
fn an_unknown_attribute_that_is_dropped() {
    tells(&found_by_every_order(Fault::DropsUnknown), "/legacy");
    tells(&found_by_a_storm(Fault::DropsUnknown), "/legacy");
}

#[test]
fn a_refused_write_that_is_answered_as_done() {
    tells(&found_by_every_order(Fault::SaysDone), "which it has not made");
    tells(&found_by_a_storm(Fault::SaysDone), "which it has not made");
}
