//! Tables with one fault each, and the check finds it.

use std::time::Duration;

use ripple_check::{Counterexample, Law, Storm, Table, every_schedule, scenarios, storm};
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
    /// A save merges with the newest state in the place of its base: so the last whole record wins.
    LastWins,
    /// Nobody remembers which `Idempotency-Key` has come.
    NoClaims,
    /// It is remembered only with a write.
    NoIdleClaims,
    /// The history has the state before in the place of the one after.
    WrongHistory,
    /// An attribute is dropped that the save leaves alone.
    DropsNote,
    /// A write that is refused is answered as done.
    SaysDone,
    /// The history has only the three newest versions.
    ForgetsRows,
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

    fn item(&self, id: &RecordId) -> Option<Record> {
        self.memory.item(id)
    }

    fn put(&self, id: &RecordId, item: Option<Record>) {
        Table::put(&self.memory, id, item);
    }

    fn expire(&self, now: Timestamp) {
        self.memory.expire(now);
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
            Fault::NoClaims => self.memory.commit(&Write { claim: None, ..*write }, cost).await,
            Fault::DropsNote => {
                let mut after = write.after.clone();
                after.attributes.remove("note");
                self.memory.commit(&Write { after: &after, ..*write }, cost).await
            }
            Fault::SaysDone => {
                self.memory.commit(write, cost).await?;
                Ok(Commit::Done)
            }
            Fault::LastWins | Fault::WrongHistory | Fault::NoIdleClaims | Fault::ForgetsRows => {
                self.memory.commit(write, cost).await
            }
        }
    }

    async fn version(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        match self.fault {
            Fault::LastWins => Ok(self.now(id).await),
            Fault::WrongHistory if number > 1 => self.memory.version(id, number - 1, cost).await,
            Fault::ForgetsRows => {
                let newest = self.now(id).await.map_or(0, |record| record.version);
                if number + 3 <= newest { Ok(None) } else { self.memory.version(id, number, cost).await }
            }
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

fn found_by_a_storm(fault: Fault) -> Box<Counterexample> {
    let mut storms = (0..300).map(|seed| storm(Storm::default(), seed, table(fault)));
    storms.find_map(Result::err).unwrap_or_else(|| panic!("{fault:?} is not found by 300 storms"))
}

fn found_by_every_order(fault: Fault) -> Box<Counterexample> {
    let orders = scenarios().into_iter().map(|scenario| every_schedule(&scenario, table(fault), || {}));
    let found = orders.map(Result::err).find_map(|counterexample| counterexample);
    found.unwrap_or_else(|| panic!("{fault:?} is not found by any order"))
}

/// Its schedule is short, and it names the law.
#[track_caller]
fn breaks(counterexample: &Counterexample, laws: &[Law]) {
    println!("{counterexample}\n");
    assert!(laws.contains(&counterexample.broken.law), "{counterexample}");
    assert!((2..30).contains(&counterexample.schedule.len()), "{counterexample}");
}

#[test]
fn a_write_without_its_condition() {
    breaks(&found_by_every_order(Fault::NoCondition), &[Law::Write]);
    breaks(&found_by_a_storm(Fault::NoCondition), &[Law::Write]);
}

#[test]
fn the_last_whole_record_wins() {
    breaks(&found_by_every_order(Fault::LastWins), &[Law::Merge]);
    breaks(&found_by_a_storm(Fault::LastWins), &[Law::Merge, Law::History, Law::Number]);
}

#[test]
fn a_key_that_nobody_remembers() {
    breaks(&found_by_every_order(Fault::NoClaims), &[Law::Repeat]);
    breaks(&found_by_a_storm(Fault::NoClaims), &[Law::Repeat]);
}

#[test]
fn a_key_that_is_remembered_only_with_a_write() {
    breaks(&found_by_every_order(Fault::NoIdleClaims), &[Law::Repeat]);
}

#[test]
fn a_history_that_shows_other_states() {
    breaks(&found_by_every_order(Fault::WrongHistory), &[Law::Number, Law::History]);
    breaks(&found_by_a_storm(Fault::WrongHistory), &[Law::Number, Law::History]);
}

#[test]
fn a_history_that_forgets_rows() {
    breaks(&found_by_every_order(Fault::ForgetsRows), &[Law::Merge, Law::History]);
    breaks(&found_by_a_storm(Fault::ForgetsRows), &[Law::Merge, Law::History]);
}

#[test]
fn an_attribute_that_is_dropped() {
    breaks(&found_by_every_order(Fault::DropsNote), &[Law::Write]);
    breaks(&found_by_a_storm(Fault::DropsNote), &[Law::Write]);
}

#[test]
fn a_refused_write_that_is_answered_as_done() {
    breaks(&found_by_every_order(Fault::SaysDone), &[Law::Number, Law::Answer]);
    breaks(&found_by_a_storm(Fault::SaysDone), &[Law::Number, Law::Answer]);
}
