//! A writer's connection to the table. It stops before each operation, and a choice decides the operation's fate.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ripple_core::auth::{KeyHash, KeyRecord, Usage};
use ripple_core::feed::{Decision, StreamRecord};
use ripple_core::record::history::{Entry, Row};
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::memory::Memory;
use ripple_core::store::{
    Batch, BatchCommit, Capacity, Changes, Commit, Consistency, IdempotencyRecord, IndexEntry, Keys, Page, Position,
    Source, Store, StoreError, StoreErrorKind, Write,
};
use ripple_core::{Record, RecordId, Timestamp};

use super::Sim;
use super::scheduler::Operation;
use crate::model::item::{self, Item};
use crate::model::transcript::{Actor, Asked, State};

/// A store to check.
pub trait Table: Store + Clone + 'static {
    /// Whether operations complete at once. Then the order of all operations can be chosen, and the table can be read
    /// and written between any two of them.
    const AT_ONCE: bool;

    /// Returns an item with every attribute. This method and the next two are for tables with
    /// [`AT_ONCE`](Table::AT_ONCE).
    fn item(&self, _id: &RecordId) -> Option<Item> {
        None
    }

    /// Replaces an item whatever it was, or deletes it.
    fn put(&self, _id: &RecordId, _item: Option<Item>) {}

    /// Deletes items that have expired at `now`.
    fn delete_expired(&self, _now: Timestamp) {}

    /// Decides what a change of an item was.
    fn decide(&self, change: &StreamRecord) -> Decision {
        item::decide(change)
    }
}

impl Table for Memory {
    const AT_ONCE: bool = true;

    fn item(&self, id: &RecordId) -> Option<Item> {
        Memory::item(self, id)
    }

    fn put(&self, id: &RecordId, item: Option<Item>) {
        match item {
            Some(item) => self.put_item(id, item),
            None => self.delete_item(id),
        }
    }

    fn delete_expired(&self, now: Timestamp) {
        Memory::expire(self, now);
    }
}

impl Table for DynamoDb {
    const AT_ONCE: bool = false;
}

/// The fate of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The operation is done, and its response arrives.
    Well,
    /// The operation is not done: it was throttled, or conflicted with another transaction through all retries.
    NotDone,
    /// The operation is done, and its response is lost.
    AnswerLost,
    /// The operation is done, its response is lost, and the SDK sends it once more.
    SentTwice,
    /// The operation is done after its client stopped waiting.
    Late,
    /// A weakly consistent read returns an older state.
    Older,
    /// The process ends before it sends the operation.
    Crash,
}

const READ: &[Fate] = &[Fate::Well, Fate::NotDone, Fate::Crash];
const WEAK_READ: &[Fate] = &[Fate::Well, Fate::NotDone, Fate::Crash, Fate::Older];
const COMMIT: &[Fate] = &[Fate::Well, Fate::NotDone, Fate::AnswerLost, Fate::SentTwice, Fate::Late, Fate::Crash];

/// The longest duration of a request to the table, and of its response. DynamoDB answers within some milliseconds.
const WAY: Duration = Duration::from_millis(5);

pub(crate) struct Link<S> {
    pub(crate) sim: Rc<Sim>,
    pub(crate) store: S,
    /// The name of the running save.
    pub(crate) by: String,
    /// The same name, for the schedule.
    pub(crate) who: String,
    pub(crate) asked: Rc<Asked>,
}

impl<S: Table> Link<S> {
    fn tell(&self, what: impl Display) {
        self.sim.transcript.tell(format_args!("{} {what}", self.who));
    }

    /// Runs one operation, with the way to the table and back.
    async fn access<T>(
        &self,
        operation: &'static str,
        kind: Operation,
        what: impl Display,
        fates: &[Fate],
        done: impl AsyncFnOnce(Fate) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let reads = u32::from(operation != "UpdateItem" && operation != "PutItem");
        self.asked.reads.set(self.asked.reads.get() + reads);
        self.sim.scheduler.turn(kind).await;
        let fate = self.sim.faults.fate(&self.sim.scheduler, fates);
        match fate {
            Fate::NotDone => {
                self.tell(format_args!("reads {what}: it fails"));
                self.asked.failed.set(true);
                return Err(unavailable(operation));
            }
            Fate::Crash => {
                self.tell(format_args!("would read {what}: the process crashes"));
                self.sim.scheduler.crash().await
            }
            Fate::Older => self.tell(format_args!("reads {what}, weakly: an older state")),
            _ => self.tell(format_args!("reads {what}")),
        }
        self.sim.scheduler.pass_some_of(WAY).await;
        let found = done(fate).await;
        self.sim.scheduler.pass_some_of(WAY).await;
        found
    }

    async fn send(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let commit = self.commit_and_look(write, cost).await;
        let told = match &commit {
            Ok(Commit::Done) => "done".to_owned(),
            Ok(Commit::Conflict(Some(found))) => format!("refused: the table has {}", state(found)),
            Ok(Commit::Conflict(None)) => "refused: the table has no item".to_owned(),
            Ok(Commit::NumberTaken) => "refused: the history has that version".to_owned(),
            Ok(Commit::Claimed(claim)) => format!("refused: its Idempotency-Key made version {}", claim.version),
            Err(error) => error.to_string(),
        };
        self.tell(format_args!("commits {}: {told}", step(write)));
        if !matches!(commit, Ok(Commit::Done)) {
            self.sim.scheduler.was_refused();
        }
        commit
    }

    /// Commits, and keeps the table's new state.
    async fn commit_and_look(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let commit = self.store.commit(write, cost).await;
        look(&self.sim, &self.store, &write.after.id, Actor::Ripple(self.by.clone()), Some(write));
        commit
    }

    /// Sends the same write later. No client waits for it.
    fn send_late(&self, write: &Write<'_>) {
        let (before, after, rows) = (write.before.cloned(), write.after.clone(), write.rows.to_vec());
        let (claim, now, token) = (write.claim.cloned(), write.now, write.token);
        let kind = operation(write);
        let link = Link {
            sim: Rc::clone(&self.sim),
            store: self.store.clone(),
            by: self.by.clone(),
            who: format!("late, {}", self.who),
            asked: Rc::default(),
        };
        self.sim.scheduler.under_way(async move {
            link.sim.scheduler.turn(kind).await;
            let (before, after, rows, claim) = (before.as_ref(), &after, &rows, claim.as_ref());
            let write = Write { before, after, rows, claim, now, token };
            let _ = link.send(&write, &mut Capacity::default()).await; // its response is lost
        });
    }
}

fn operation(write: &Write<'_>) -> Operation {
    Operation::commit(write.claim.map(|claim| claim.key.as_str()))
}

/// Returns the item of a record, with every attribute.
pub(crate) fn read_item<S: Table>(store: &S, id: &RecordId) -> Option<Item> {
    store.item(id)
}

/// Puts an item, or deletes it.
pub(crate) fn put_item<S: Table>(store: &S, id: &RecordId, item: Option<Item>) {
    store.put(id, item);
}

/// Keeps the table's state, if the table can be read.
pub(crate) fn look<S: Table>(sim: &Sim, store: &S, id: &RecordId, by: Actor, write: Option<&Write<'_>>) {
    if S::AT_ONCE {
        let now = sim.transcript.face(id, read_item(store, id));
        let face = |item: Option<Item>| {
            if item == now.item { Rc::clone(&now) } else { sim.transcript.face(id, item) }
        };
        let write = write.map(|write| (face(write.before.map(item::of)), face(Some(item::of(write.after)))));
        sim.transcript.keep(State { at: sim.scheduler.now(), by, now, write });
    }
}

fn step(write: &Write<'_>) -> String {
    let made = if write.after.is_deleted() { "a tombstone" } else { "version" };
    match write.before {
        None => format!("{made} {} on nothing", write.after.version),
        Some(before) => format!("{made} {} on {}", write.after.version, state(before)),
    }
}

pub(crate) fn state(project: &Record) -> String {
    match project {
        record if record.is_external() => "an external state".to_owned(),
        Record { tombstone: Some(_), version, .. } => format!("the tombstone {version}"),
        Record { version, .. } => format!("version {version}"),
    }
}

fn unavailable(operation: &'static str) -> StoreError {
    StoreError { operation, kind: StoreErrorKind::Unavailable, source: None }
}

fn unknown() -> StoreError {
    StoreError { operation: "TransactWriteItems", kind: StoreErrorKind::OutcomeUnknown, source: None }
}

impl<S: Table> Keys for Link<S> {
    fn resource(&self) -> &Arc<Resource> {
        self.store.resource()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.store.key(hash, cost).await
    }
}

impl<S: Table> Source for Link<S> {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let weak = S::AT_ONCE && read == Consistency::Eventual;
        let fates = if weak { WEAK_READ } else { READ };
        self.access("GetItem", Operation::READ_ITEM, "the record", fates, async |fate| {
            let found = self.store.get(id, read, cost).await?;
            if fate != Fate::Older {
                return Ok(found);
            }
            let states = self.sim.transcript.states.borrow();
            let older = &states[self.sim.scheduler.below(states.len())].now.item;
            Ok(older.clone().map(|older| item::record(id, older)))
        })
        .await
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.store.scan(from, read, cost).await
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.store.changes(shard, since, from, limit, cost).await
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.store.fetch(entries, cost).await
    }

    fn shards(&self) -> u16 {
        self.store.shards()
    }
}

impl<S: Table> Store for Link<S> {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        self.asked.commits.set(self.asked.commits.get() + 1);
        self.sim.scheduler.turn(operation(write)).await;
        let told = |what: &str| self.tell(format_args!("commits {}: {what}", step(write)));
        let fate = self.sim.faults.fate(&self.sim.scheduler, COMMIT);
        self.asked.failed.set(self.asked.failed.get() || fate != Fate::Well);
        match fate {
            Fate::NotDone => {
                told("it fails");
                Err(unavailable("TransactWriteItems"))
            }
            Fate::Crash => {
                self.tell(format_args!("would commit {}: the process crashes", step(write)));
                self.sim.scheduler.crash().await
            }
            Fate::AnswerLost => {
                let _ = self.send(write, cost).await; // its response is lost
                self.tell("gets no response");
                Err(unknown())
            }
            Fate::SentTwice => {
                let _ = self.send(write, cost).await; // its response is lost
                self.tell("gets no response, and sends the same write again");
                self.sim.scheduler.turn(operation(write)).await;
                self.send(write, cost).await
            }
            Fate::Late => {
                told("it takes too long");
                self.send_late(write);
                Err(unknown())
            }
            Fate::Well | Fate::Older => {
                self.sim.scheduler.pass_some_of(WAY).await;
                let commit = self.send(write, cost).await;
                self.sim.scheduler.pass_some_of(WAY).await;
                commit
            }
        }
    }

    /// Makes a batch at once: the checked clients send none.
    async fn commit_all(&self, batch: &Batch<'_>, cost: &mut Capacity) -> Result<BatchCommit, StoreError> {
        self.store.commit_all(batch, cost).await
    }

    fn time(&self) -> Timestamp {
        self.store.time()
    }

    async fn keep(&self, row: &Row, cost: &mut Capacity) -> Result<bool, StoreError> {
        let fates = &[Fate::Well, Fate::NotDone, Fate::AnswerLost, Fate::Crash];
        let what = format_args!("row {} in the history, and writes it if there is none", row.entry.number).to_string();
        let kept = self.access("PutItem", Operation::WRITE_HISTORY, what, fates, async |fate| {
            let kept = self.store.keep(row, cost).await;
            if fate == Fate::AnswerLost {
                self.asked.failed.set(true);
                return Err(unavailable("PutItem"));
            }
            kept
        });
        kept.await
    }

    async fn expire(&self, id: &RecordId, number: u64, at: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        let what = format_args!("the expiry of version {number}").to_string();
        // No step of a save depends on this expiry.
        let done = async |_| self.store.expire(id, number, at, cost).await;
        self.access("UpdateItem", Operation::STILL, what, READ, done).await
    }

    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let what = format_args!("version {number} in the history").to_string();
        // A row never changes, and a client that asks for a row has seen it.
        self.access("GetItem", Operation::STILL, what, READ, async |_| self.store.state(id, number, cost).await).await
    }

    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let what = format_args!("the external state {shown} in the history").to_string();
        self.access("Query", Operation::READ_HISTORY, what, READ, async |_| self.store.shown(id, shown, cost).await)
            .await
    }

    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError> {
        let read = async |_| self.store.entries(id, before, limit, cost).await;
        self.access("Query", Operation::READ_HISTORY, "the history", READ, read).await
    }

    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let read = async |_| self.store.claim(key, now, cost).await;
        self.access("GetItem", Operation::read_claim(key), "its idempotency record", READ, read).await
    }

    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let fates = &[Fate::Well, Fate::NotDone, Fate::AnswerLost, Fate::Crash];
        let what = "its idempotency record, and writes one that notes no change";
        let left = self.access("PutItem", Operation::leave_claim(&claim.key), what, fates, async |fate| {
            let left = self.store.remember(claim, now, cost).await;
            if fate == Fate::AnswerLost {
                self.asked.failed.set(true);
                return Err(unavailable("PutItem"));
            }
            left
        });
        left.await
    }

    async fn key_used(
        &self,
        hash: &KeyHash,
        usage: Usage,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(), StoreError> {
        self.store.key_used(hash, usage, now, cost).await
    }

    async fn pause(&self, duration: Duration) {
        if S::AT_ONCE {
            self.sim.scheduler.pass(duration).await;
        } else {
            self.store.pause(duration).await;
        }
    }
}
