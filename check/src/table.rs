//! A writer's connection to the table: it stops before each operation, and what becomes of that is chosen.

use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::idempotency::Claim;
use ripple_core::key::{KeyHash, KeyRecord};
use ripple_core::record::history::Version;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::memory::Memory;
use ripple_core::store::{
    Capacity, Commit, Consistency, Page, Position, Source, Store, StoreError, StoreErrorKind, Write,
};
use ripple_core::{Record, RecordId, Timestamp};

use crate::world::{Operation, World};

/// A store that is checked.
pub trait Table: Store + Clone + 'static {
    /// Whether operations are done at once: then the order of all of them can be chosen, and the table looked at
    /// between any two.
    const AT_ONCE: bool;

    /// Puts an item as a writer who is not ripple does: whole, and whatever was there. For tables with [`AT_ONCE`].
    ///
    /// [`AT_ONCE`]: Table::AT_ONCE
    fn put(&self, _project: Record) {}
}

impl Table for Memory {
    const AT_ONCE: bool = true;

    fn put(&self, project: Record) {
        Memory::put(self, project);
    }
}

impl Table for DynamoDb {
    const AT_ONCE: bool = false;
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is done and answered.
    Well,
    /// It is not done: throttled, or in conflict with another transaction beyond all retries.
    NotDone,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// Its answer is lost, and the SDK sends it once more.
    SentTwice,
    /// Nobody waits for it any longer, and then it is done.
    Late,
    /// A weakly consistent read shows an older state.
    Older,
    /// The process ends before it is sent.
    Crash,
}

const READ: &[Fate] = &[Fate::Well, Fate::NotDone, Fate::Crash];
const WEAK_READ: &[Fate] = &[Fate::Well, Fate::NotDone, Fate::Crash, Fate::Older];
const COMMIT: &[Fate] = &[Fate::Well, Fate::NotDone, Fate::AnswerLost, Fate::SentTwice, Fate::Late, Fate::Crash];

/// How long an operation takes on its way there, and on its way back, at most. DynamoDB answers in some milliseconds.
const WAY: Duration = Duration::from_millis(5);

/// What one request asked of the table.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) reads: Cell<u32>,
    pub(crate) commits: Cell<u32>,
}

pub(crate) struct Link<S> {
    pub(crate) world: Rc<World>,
    pub(crate) store: S,
    /// Who is at work, for the schedule.
    pub(crate) who: String,
    pub(crate) asked: Rc<Asked>,
}

impl<S: Table> Link<S> {
    fn tell(&self, what: impl Display) {
        self.world.tell(format_args!("{} {what}", self.who));
    }

    /// The way to the table and back, with one operation in the middle.
    async fn access<T>(
        &self,
        operation: &'static str,
        kind: Operation,
        what: impl Display,
        fates: &[Fate],
        done: impl AsyncFnOnce(Fate) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.asked.reads.set(self.asked.reads.get() + 1);
        self.world.turn(kind).await;
        let fate = self.world.fate(fates);
        match fate {
            Fate::NotDone => {
                self.tell(format_args!("reads {what}: it fails"));
                return Err(unavailable(operation));
            }
            Fate::Crash => {
                self.tell(format_args!("would read {what}: the process crashes"));
                self.world.crash().await
            }
            Fate::Older => self.tell(format_args!("reads {what}, weakly: an older state")),
            _ => self.tell(format_args!("reads {what}")),
        }
        self.world.pass_some_of(WAY).await;
        let found = done(fate).await;
        self.world.pass_some_of(WAY).await;
        found
    }

    async fn send(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        let commit = send(&self.world, &self.store, write, cost).await;
        let told = match &commit {
            Ok(Commit::Done) => "done".to_owned(),
            Ok(Commit::Conflict(Some(found))) => format!("refused, for there is {}", state(found)),
            Ok(Commit::Conflict(None)) => "refused, for there is nothing".to_owned(),
            Ok(Commit::VersionTaken) => "refused, for the history has that version".to_owned(),
            Ok(Commit::Claimed(claim)) => format!("refused, for its key has made version {}", claim.version),
            Err(error) => error.to_string(),
        };
        self.tell(format_args!("commits {}: {told}", step(write)));
        commit
    }

    /// The same write, with nobody waiting.
    fn send_late(&self, write: &Write<'_>) {
        let (before, after, version) = (write.before.cloned(), write.after.clone(), write.version.clone());
        let (claim, now, token) = (write.claim.cloned(), write.now, write.token);
        let link = Link {
            world: Rc::clone(&self.world),
            store: self.store.clone(),
            who: format!("late, {}", self.who),
            asked: Rc::default(),
        };
        self.world.under_way(async move {
            link.world.turn(Operation::Write).await;
            let (before, after, version, claim) = (before.as_ref(), &after, &version, claim.as_ref());
            let write = Write { before, after, version, claim, now, token };
            let _ = link.send(&write, &mut Capacity::default()).await; // nobody hears of it
        });
    }
}

/// Commits, and keeps what the table then holds.
async fn send<S: Table>(
    world: &World,
    store: &S,
    write: &Write<'_>,
    cost: &mut Capacity,
) -> Result<Commit, StoreError> {
    let commit = store.commit(write, cost).await;
    look(world, store, &write.after.id).await;
    commit
}

/// Keeps what the table holds, if it can be looked at.
pub(crate) async fn look<S: Table>(world: &World, store: &S, id: &RecordId) {
    if S::AT_ONCE {
        let found = store.get(id, Consistency::Strong, &mut Capacity::default()).await.ok().flatten();
        let mut states = world.states.borrow_mut();
        if states.last() != Some(&found) {
            states.push(found);
        }
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
        Record { version: 0, .. } => "another writer's state".to_owned(),
        Record { tombstone: Some(_), version, .. } => format!("the tombstone {version}"),
        Record { version, .. } => format!("version {version}"),
    }
}

fn unavailable(operation: &'static str) -> StoreError {
    StoreError { operation, kind: StoreErrorKind::Unavailable, source: None }
}

fn unheard() -> StoreError {
    StoreError { operation: "TransactWriteItems", kind: StoreErrorKind::Unheard, source: None }
}

impl<S: Table> Source for Link<S> {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let weak = S::AT_ONCE && read == Consistency::Eventual;
        let fates = if weak { WEAK_READ } else { READ };
        self.access("GetItem", Operation::Read, "the record", fates, async |fate| {
            let found = self.store.get(id, read, cost).await?;
            if fate != Fate::Older {
                return Ok(found);
            }
            let states = self.world.states.borrow();
            Ok(states[self.world.below(states.len())].clone())
        })
        .await
    }

    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError> {
        self.store.scan(from, cost).await
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError> {
        self.store.changes(shard, since, from, cost).await
    }

    fn shards(&self) -> u16 {
        self.store.shards()
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.store.key(hash, cost).await
    }
}

impl<S: Table> Store for Link<S> {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        self.asked.commits.set(self.asked.commits.get() + 1);
        self.world.turn(Operation::Write).await;
        let told = |what: &str| self.tell(format_args!("commits {}: {what}", step(write)));
        match self.world.fate(COMMIT) {
            Fate::NotDone => {
                told("it fails");
                Err(unavailable("TransactWriteItems"))
            }
            Fate::Crash => {
                self.tell(format_args!("would commit {}: the process crashes", step(write)));
                self.world.crash().await
            }
            Fate::AnswerLost => {
                let _ = self.send(write, cost).await; // nobody hears of it
                self.tell("does not get the answer");
                Err(unheard())
            }
            Fate::SentTwice => {
                let _ = self.send(write, cost).await; // nobody hears of it
                self.tell("does not get the answer, and sends the same once more");
                self.world.turn(Operation::Write).await;
                self.send(write, cost).await
            }
            Fate::Late => {
                told("it is on its way for too long");
                self.send_late(write);
                Err(unheard())
            }
            Fate::Well | Fate::Older => {
                self.world.pass_some_of(WAY).await;
                let commit = self.send(write, cost).await;
                self.world.pass_some_of(WAY).await;
                commit
            }
        }
    }

    async fn version(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let what = format_args!("version {number} in the history").to_string();
        // A row never changes, and who asks for one has seen it; but anybody may ask for the first.
        let kind = if number == 0 { Operation::Read } else { Operation::Still };
        self.access("GetItem", kind, what, READ, async |_| self.store.version(id, number, cost).await).await
    }

    async fn versions(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Version>, StoreError> {
        let read = async |_| self.store.versions(id, before, limit, cost).await;
        self.access("Query", Operation::Read, "the history", READ, read).await
    }

    async fn claim(&self, key: &str, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        let read = async |_| self.store.claim(key, cost).await;
        self.access("GetItem", Operation::Read, "what its key has done", READ, read).await
    }

    async fn remember(&self, claim: &Claim, now: Timestamp, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        let fates = &[Fate::Well, Fate::NotDone, Fate::AnswerLost, Fate::Crash];
        let what = "what its key has done, and leaves that it has nothing to do";
        let left = self.access("PutItem", Operation::Write, what, fates, async |fate| {
            let left = self.store.remember(claim, now, cost).await;
            if fate == Fate::AnswerLost { Err(unavailable("PutItem")) } else { left }
        });
        left.await
    }

    async fn key_used(&self, hash: &KeyHash, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        self.store.key_used(hash, now, cost).await
    }

    async fn pause(&self, duration: Duration) {
        if S::AT_ONCE {
            self.world.pass(duration).await;
        } else {
            self.store.pause(duration).await;
        }
    }
}
