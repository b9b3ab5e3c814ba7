//! The check finds each of these tables, which have one fault each.

#[macro_use]
mod memory;

use std::sync::Arc;
use std::time::Duration;

use ripple_check::{Breadth, Choices, Counterexample, Law, Storm, Table, every_schedule, scenarios, storm};
use ripple_core::auth::{KeyHash, KeyRecord, Usage};
use ripple_core::record::Names;
use ripple_core::record::history::{Entry, Row};
use ripple_core::record::schema::Resource;
use ripple_core::store::item::{self, RPL_SEAL};
use ripple_core::store::memory::Memory;
use ripple_core::store::{
    Batch, BatchCommit, Capacity, Changes, Commit, Consistency, IdempotencyRecord, IndexEntry, Keys, Page, Position,
    Source, Store, StoreError, Write,
};
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp, limits};

/// The fault of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A write is applied whatever the table holds.
    NoCondition,
    /// A save merges with the newest state instead of its base, so the last whole record wins.
    LastWins,
    /// No `Idempotency-Key` is remembered.
    NoClaims,
    /// An `Idempotency-Key` is remembered only with a write.
    NoIdleClaims,
    /// An `Idempotency-Key` is remembered for ever.
    EndlessClaims,
    /// The history has the previous state in place of the state after the write.
    WrongHistory,
    /// An attribute that the save leaves alone is dropped.
    DropsNote,
    /// A refused write is answered as done.
    SaysDone,
    /// The history has only the three newest versions.
    ForgetsRows,
    /// A row expires 90 days after it was written, instead of 90 days after its replacement.
    RowsExpireEarly,
    /// A row is replaced by another row with the same number.
    ReplacesRows,
    /// Numbers start again if there is no item.
    NumbersStartAgain,
    /// A state that states a number counts as ripple's, whatever its seal.
    NoSeal,
    /// A state counts as ripple's if its seal is that of the same content under another id.
    SealWithoutId,
    /// An external state that already shows what a save asks for is not adopted.
    NoAdoption,
    /// All external states are shown under the same number.
    OneExternalNumber,
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

    /// Returns a record as the fault shows it to a reader.
    fn seen(&self, record: Record) -> Record {
        let Some(stamp) = &record.external else { return record };
        let stated = match &stamp.version {
            Some(Value::Number(number)) => number.as_i64(),
            _ => None,
        };
        let as_ripples = |version| Record { version, updated_at: stamp.at, external: None, ..record.clone() };
        match (self.fault, stated) {
            (Fault::NoSeal, Some(version)) => as_ripples(version),
            (Fault::SealWithoutId, Some(version)) => {
                let original = Record { id: RecordId::parse("q").expect("a letter"), ..as_ripples(version) };
                let fits = item::item(&original, 1, &Names::default()).get(RPL_SEAL) == stamp.seal.as_ref();
                if fits { as_ripples(version) } else { record }
            }
            (Fault::OneExternalNumber, _) => Record { version: -1, ..record },
            _ => record,
        }
    }
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
}

impl Keys for Mutant {
    pass_on_keys!();
}

impl Source for Mutant {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        Ok(self.memory.get(id, read, cost).await?.map(|record| self.seen(record)))
    }

    pass_on_reads!();
}

impl Store for Mutant {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let now = self.now(&write.after.id).await;
        let commit = match self.fault {
            Fault::NoCondition => self.memory.commit(&Write { before: now.as_ref(), ..*write }, cost).await?,
            Fault::NoClaims => self.memory.commit(&Write { claim: None, ..*write }, cost).await?,
            Fault::EndlessClaims => self.memory.commit(&Write { now: Timestamp(0), ..*write }, cost).await?,
            Fault::DropsNote => {
                let mut after = write.after.clone();
                after.attributes.remove("note");
                self.memory.commit(&Write { after: &after, ..*write }, cost).await?
            }
            Fault::SaysDone => {
                self.memory.commit(write, cost).await?;
                Commit::Done
            }
            Fault::RowsExpireEarly => {
                let expires = Some(write.now.after(limits::HISTORY));
                let rows: Vec<Row> = write.rows.iter().map(|row| Row { expires, ..row.clone() }).collect();
                self.memory.commit(&Write { rows: &rows, ..*write }, cost).await?
            }
            Fault::ReplacesRows => match self.memory.commit(write, cost).await? {
                Commit::NumberTaken => {
                    write.rows.iter().for_each(|row| self.memory.delete_row(&write.after.id, row.entry.number));
                    self.memory.commit(write, cost).await?
                }
                commit => commit,
            },
            Fault::NoAdoption if write.rows.iter().all(|row| row.entry.shown.is_some()) => Commit::Done,
            // The state that counted as ripple's is still in the table.
            Fault::NoSeal | Fault::SealWithoutId
                if now.clone().map(|record| self.seen(record)).as_ref() == write.before =>
            {
                self.memory.commit(&Write { before: now.as_ref(), ..*write }, cost).await?
            }
            _ => self.memory.commit(write, cost).await?,
        };
        Ok(match commit {
            Commit::Conflict(found) => Commit::Conflict(found.map(|record| self.seen(record))),
            commit => commit,
        })
    }

    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        match self.fault {
            Fault::LastWins => Ok(self.now(id).await),
            Fault::WrongHistory if number > 1 => self.memory.state(id, number - 1, cost).await,
            Fault::ForgetsRows => {
                let newest = self.now(id).await.and_then(|record| record.number()).unwrap_or(0);
                if number + 3 <= newest { Ok(None) } else { self.memory.state(id, number, cost).await }
            }
            _ => self.memory.state(id, number, cost).await,
        }
    }

    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        match self.fault {
            Fault::LastWins => Ok(self.now(id).await),
            _ => self.memory.shown(id, shown, cost).await,
        }
    }

    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError> {
        if self.fault == Fault::NumbersStartAgain && self.memory.item(id).is_none() {
            return Ok(Vec::new());
        }
        self.memory.entries(id, before, limit, cost).await
    }

    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let now = if self.fault == Fault::EndlessClaims { Timestamp(0) } else { now };
        self.memory.claim(key, now, cost).await
    }

    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        match self.fault {
            Fault::NoClaims | Fault::NoIdleClaims => Ok(None),
            Fault::EndlessClaims => self.memory.remember(claim, Timestamp(0), cost).await,
            _ => self.memory.remember(claim, now, cost).await,
        }
    }

    pass_on_the_rest!();
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

/// Finds the fault in the orders of one scenario.
#[track_caller]
fn found_in(name: &str, fault: Fault) -> Box<Counterexample> {
    let all = scenarios();
    let scenario = all.iter().find(|scenario| scenario.name == name).unwrap_or_else(|| panic!("no scenario {name}"));
    match every_schedule(scenario, table(fault), || {}) {
        Err(counterexample) => counterexample,
        Ok(count) => {
            let first = scenario.run(table(fault)(), Choices::given(Vec::new())).schedule;
            panic!("{fault:?} is not found by {count} orders of: {name}. The first: {first:#?}")
        }
    }
}

/// Finds the fault in storms with other programs and time.
#[track_caller]
fn found_by_a_storm_of_everything(fault: Fault) -> Box<Counterexample> {
    let everything = Storm { breadth: Breadth::Everything, ..Storm::default() };
    let mut storms = (0..300).map(|seed| storm(everything, seed, table(fault)));
    storms.find_map(Result::err).unwrap_or_else(|| panic!("{fault:?} is not found by 300 storms"))
}

/// Asserts that the counterexample names the law, and that its schedule is short.
#[track_caller]
fn breaks(counterexample: &Counterexample, laws: &[Law]) {
    names(counterexample, laws);
    assert!((2..30).contains(&counterexample.schedule.len()), "{counterexample}");
}

/// Asserts that the counterexample names the law. (Schedules with time and other programs are longer.)
#[track_caller]
fn names(counterexample: &Counterexample, laws: &[Law]) {
    println!("{counterexample}\n");
    assert!(laws.contains(&counterexample.broken.law), "{counterexample}");
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
fn a_key_that_is_not_remembered() {
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

#[test]
fn a_key_that_is_remembered_for_ever() {
    let found =
        found_in("another request comes with an Idempotency-Key that was used 30 hours ago", Fault::EndlessClaims);
    breaks(&found, &[Law::Answer]);
}

#[test]
fn a_row_that_expires_90_days_after_it_was_written() {
    let found = found_in("a record rests for 95 days, then two save other fields", Fault::RowsExpireEarly);
    breaks(&found, &[Law::Merge, Law::History]);
    names(&found_by_a_storm_of_everything(Fault::RowsExpireEarly), &[Law::Merge, Law::History]);
}

#[test]
fn a_row_that_is_replaced() {
    let found = found_in("a program puts an old item back, and two save after that", Fault::ReplacesRows);
    breaks(&found, &[Law::Number, Law::History]);
    names(&found_by_a_storm_of_everything(Fault::ReplacesRows), &[Law::Number, Law::History, Law::Merge]);
}

#[test]
fn numbers_that_start_again_after_a_program_has_deleted_the_item() {
    let name = "the rows have expired when a program deletes the item, and then it is created again";
    breaks(&found_in(name, Fault::NumbersStartAgain), &[Law::Number, Law::Answer, Law::History]);
    names(&found_by_a_storm_of_everything(Fault::NumbersStartAgain), &[Law::Number, Law::Answer, Law::History]);
}

#[test]
fn a_state_without_a_matching_seal_that_counts_as_ripples() {
    let found = found_in("a program sets one field while two save", Fault::NoSeal);
    breaks(&found, &[Law::History, Law::Number, Law::Merge]);
    names(&found_by_a_storm_of_everything(Fault::NoSeal), &[Law::History, Law::Number, Law::Merge, Law::Expiry]);
}

#[test]
fn a_copied_item_that_counts_as_ripples() {
    let found = found_in("a record that was copied with ripple's attributes is saved by two", Fault::SealWithoutId);
    breaks(&found, &[Law::History, Law::Number, Law::Merge]);
}

#[test]
fn an_external_state_that_is_not_adopted() {
    let name = "a save asks for what a program has set, and the program puts another item";
    breaks(&found_in(name, Fault::NoAdoption), &[Law::Unchanged, Law::Answer, Law::Number]);
    names(&found_by_a_storm_of_everything(Fault::NoAdoption), &[Law::Unchanged, Law::Answer, Law::Number]);
}

#[test]
fn external_states_under_one_number() {
    let found = found_in("two external states one after the other, a client on each", Fault::OneExternalNumber);
    names(&found, &[Law::Merge, Law::Number, Law::Receipt]);
    names(&found_by_a_storm_of_everything(Fault::OneExternalNumber), &[Law::Merge, Law::Number, Law::Read]);
}
