//! Saves: read the record, decide, commit on condition that nothing has changed, and otherwise try again.
//!
//! A save is one transaction. It writes the record on condition of the state that was read, and a row of the history on
//! condition that its number is free. The rows allocate the numbers:
//!
//! | the record is | it becomes | rows |
//! |---|---|---|
//! | ripple's version n | n + 1 | n + 1 |
//! | external, the newest row being e − 1 | e + 1 | e (the external state), e + 1 |
//! | absent | the newest row + 1 | the same |
//!
//! If a row of that number exists, another writer has restored an old item or deleted the record. The save then
//! continues from the newest row. So versions only increase, and one number identifies one content.

use super::lost;
use super::replay::replayed;
use super::transaction::{check_size, newest, send};
use super::{Context, Error, Saved};
use crate::limits;
use crate::record::decide::{Change, Decision, Past, Precondition, Seen, decide};
use crate::record::history::{EXTERNAL, Row};
use crate::record::merge::Rules;
use crate::record::outcome::Outcome;
use crate::record::{Record, RecordId};
use crate::store::{Commit, Consistency, IdempotencyRecord, Store, StoreError, StoreErrorKind, Write};
use crate::time::Timestamp;

/// Makes a change to the record `id`.
///
/// ```
/// use ripple_core::random::Random;
/// use ripple_core::record::change::Edit;
/// use ripple_core::record::decide::Change;
/// use ripple_core::record::schema::Schema;
/// use ripple_core::service::{Author, Context, Metrics, save};
/// use ripple_core::session::Session;
/// use ripple_core::store::memory::Memory;
/// use ripple_core::value::Members;
/// use ripple_core::{RecordId, Timestamp};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = &Memory::new();
/// let (random, session, metrics) = (&mut Random::new([7; 32]), &mut Session::default(), &mut Metrics::default());
/// let author = Author { name: "Ann", person: None, lineage: "key_ann" };
/// let mut cx = Context { store, author, now: Timestamp(1_000), random, idempotency: None, session, metrics };
///
/// let (id, members) = (RecordId::parse("a").unwrap(), |goal: &str| Members::from([("goal".to_owned(), goal.into())]));
/// save(&mut cx, &id, &Change::Create(members("Beans")), &()).await.unwrap();
/// let edit = Change::edit(Edit::Patch(members("Peas")), Some(1), false, &Schema::default());
/// let saved = save(&mut cx, &id, &edit, &()).await.unwrap();
/// assert_eq!((saved.record.number(), &saved.record.attributes["goal"]), (Some(2), &"Peas".into()));
/// # });
/// ```
///
/// # Errors
/// If the change is refused, other writers are faster at every try, or the store fails. Then nothing was changed,
/// unless the error says that the outcome is unknown.
pub async fn save<S: Store>(
    cx: &mut Context<'_, S>,
    id: &RecordId,
    change: &Change,
    expected: &impl Precondition,
) -> Result<Saved, Error> {
    let mut history = History::default();
    let saved = save_with(cx, id, change, expected, &mut history).await;
    saved.map_err(|error| if history.has_begun { in_part(error) } else { error })
}

/// Returns the error for a change that was made in part. If the client repeats the change, the rest is made.
fn in_part(error: Error) -> Error {
    let kind = StoreErrorKind::OutcomeUnknown;
    Error::Store(StoreError { operation: "TransactWriteItems", kind, source: Some(Box::new(error)) })
}

async fn save_with<S: Store>(
    cx: &mut Context<'_, S>,
    id: &RecordId,
    change: &Change,
    expected: &impl Precondition,
    history: &mut History,
) -> Result<Saved, Error> {
    // A creation reads only the history, since numbers continue from there. Its condition detects an existing record.
    let mut current = if change.creates() {
        history.newest = newest(cx, id).await?;
        None
    } else {
        read(cx, id).await?
    };
    for tries in 0..limits::SAVE_TRIES {
        // The second try starts at once, with the state that the failed condition returned. Further tries wait and then
        // read again, since that state is outdated by then.
        if tries > 1 {
            cx.back_off(tries - 1).await;
            current = read(cx, id).await?;
        }
        let (goal, outcome) = match decided(cx, id, change, current.as_ref(), expected, history).await? {
            Decided::Unchanged(outcome) => match current.take() {
                Some(record) => return unchanged(cx, record, outcome).await,
                None => unreachable!("only a record that is there is unchanged"),
            },
            Decided::Write(goal, outcome) => (goal, outcome),
        };
        cx.metrics.tries += 1;
        match commit(cx, current, goal, outcome, history).await? {
            Attempt::Done(saved) => return Ok(saved),
            Attempt::Lost(found) => current = found,
        }
    }
    Err(Error::Contended)
}

pub(super) async fn read<S: Store>(cx: &mut Context<'_, S>, id: &RecordId) -> Result<Option<Record>, Error> {
    Ok(cx.store.get(id, Consistency::Strong, &mut cx.metrics.capacity).await?)
}

/// Returns the seed of new entries' ids. It tells this request's new entries from equal ones of another request.
fn seed<S>(cx: &Context<'_, S>, change: &Change) -> String {
    let key = cx.idempotency.map_or("", |attempt| attempt.key.as_str());
    let base = change.base().map(|base| base.to_string()).unwrap_or_default();
    format!("{base}/{}/{key}", cx.author.lineage)
}

/// The parts of the record's history that a save has read. A row never changes, so each is looked up only until it is
/// found.
#[derive(Default)]
pub(super) struct History {
    states: Vec<(i64, Record)>,
    /// The newest number, if the record does not say it.
    pub(super) newest: Option<u64>,
    /// Whether a part of the change was made.
    has_begun: bool,
}

impl History {
    /// Looks up the states that the change refers to.
    async fn look_up<'a, S: Store>(
        &'a mut self,
        cx: &mut Context<'_, S>,
        change: &Change,
        current: Option<&Record>,
        expected: &impl Precondition,
    ) -> Result<Past<'a>, Error> {
        let Some(current) = current else { return Ok(Past { seen: Seen::Unstated, restored: None }) };
        if current.is_external() && self.newest.is_none() {
            self.newest = newest(cx, &current.id).await?;
        }
        let restored = match change {
            Change::Restore { version, .. } => Some(version.cast_signed()),
            _ => None,
        };
        let base = match change.base() {
            Some(base) if !current.is_deleted() && !current.is_version(base) => Some(base),
            _ => None,
        };
        for version in restored.into_iter().chain(base) {
            self.find(cx, &current.id, version).await?;
        }
        let past_newest = current.number().max(self.newest).map_or(0, u64::cast_signed);
        if base.is_some_and(|base| base > past_newest && self.state(base).is_none()) {
            self.newest = newest(cx, &current.id).await?;
        }
        let newest = current.number().max(self.newest).map_or(0, u64::cast_signed);
        let seen = match (base, change.base()) {
            (None, None) if !expected.names_current() => Seen::Unstated,
            (None, _) => Seen::Current,
            (Some(base), _) => match self.state(base) {
                // A deletion is a state without attributes.
                Some(state) => Seen::Earlier(state),
                None if base > newest => Seen::Never,
                None => Seen::Missing,
            },
        };
        Ok(Past { seen, restored: restored.and_then(|version| self.state(version)) })
    }

    fn state(&self, version: i64) -> Option<&Record> {
        self.states.iter().find(|(number, _)| *number == version).map(|(_, found)| found)
    }

    async fn find<S: Store>(&mut self, cx: &mut Context<'_, S>, id: &RecordId, version: i64) -> Result<(), Error> {
        if self.states.iter().any(|(number, _)| *number == version) {
            return Ok(());
        }
        let cost = &mut cx.metrics.capacity;
        let found = match u64::try_from(version) {
            Ok(number) if number <= limits::VERSION => cx.store.state(id, number, cost).await?,
            Ok(_) => None,
            Err(_) => cx.store.shown(id, version, cost).await?,
        };
        // A missing row may appear later: another writer gives an external state its row between two tries.
        self.states.extend(found.map(|found| (version, found)));
        Ok(())
    }
}

/// What a save has decided on the state that it read.
pub(super) enum Decided {
    /// The record shows everything that was requested, and has a number and a row.
    Unchanged(Outcome),
    /// The record is to become this.
    Write(Goal, Outcome),
}

/// The state that a record is to reach.
pub(super) struct Goal {
    content: Record,
    /// Whether the record changes. Otherwise an external state only gets a number and a row.
    edited: bool,
}

/// Decides a change on the state that was read.
pub(super) async fn decided<S: Store>(
    cx: &mut Context<'_, S>,
    id: &RecordId,
    change: &Change,
    current: Option<&Record>,
    expected: &impl Precondition,
    history: &mut History,
) -> Result<Decided, Error> {
    let seed = seed(cx, change);
    let past = history.look_up(cx, change, current, expected).await?;
    let person = cx.author.person;
    let (content, edited, outcome) =
        match decide(id, change, current, past, expected, &seed, &cx.store.resource().schema)? {
            Decision::Unchanged(outcome) => match current.filter(|current| current.is_external()) {
                None => return Ok(Decided::Unchanged(outcome)),
                // An external state first gets a number and a row, since another writer may overwrite it unseen.
                Some(external) => (Record::new(id.clone(), external.attributes.clone()), false, outcome),
            },
            Decision::Write(Some(attributes), mut outcome) => {
                if let Some(theirs) = current {
                    outcome.lost = lost::look_up(cx, theirs, &attributes, &outcome).await?;
                }
                let content = Record::new(id.clone(), attributes).on_behalf_of(person);
                (content.replacing(outcome.lost.clone()), true, outcome)
            }
            Decision::Write(None, outcome) => {
                let Some(current) = current else { unreachable!("only a record that is there is deleted") };
                let expires = cx.now.after(cx.store.resource().tombstone());
                (current.deleted(expires).on_behalf_of(person), true, outcome)
            }
        };
    check_size(&content, cx.author.name)?;
    Ok(Decided::Write(Goal { content, edited }, outcome))
}

/// One transaction of a save.
pub(super) struct Planned {
    /// The record after it.
    pub(super) written: Record,
    pub(super) rows: Vec<Row>,
    pub(super) claim: Option<IdempotencyRecord>,
    pub(super) outcome: Outcome,
    /// Whether the record then is as it is to be.
    pub(super) last: bool,
}

impl Planned {
    /// Returns the write of the transaction.
    pub(super) fn write<'a>(&'a self, before: Option<&'a Record>, now: Timestamp, token: [u8; 16]) -> Write<'a> {
        Write { before, after: &self.written, rows: &self.rows, claim: self.claim.as_ref(), now, token }
    }

    /// Returns the number of the record after it.
    pub(super) fn number(&self) -> u64 {
        self.written.number().unwrap_or_default()
    }
}

/// Plans the next transaction on the way to a goal. `newest` is the number of the newest row, if the record does not say
/// it. A change of more members than one transaction takes needs several, each with its row.
pub(super) fn plan<S: Store>(
    cx: &Context<'_, S>,
    before: Option<&Record>,
    goal: &Goal,
    mut outcome: Outcome,
    newest: Option<u64>,
) -> Planned {
    let (content, last) = step(before, &goal.content);
    let content = if last { goal.content.clone() } else { content };
    let external = before.filter(|before| before.is_external());
    let newest = before.and_then(Record::number).max(newest).unwrap_or(0);
    let first = newest + 1;
    // An adoption gives the external state itself a number. A write over that state gets the next one.
    let number = if external.is_some() && goal.edited { first + 1 } else { first };
    let by = if goal.edited { cx.author.name } else { EXTERNAL };
    let written = content.written(before, number, cx.now, by);
    let mut rows = Vec::new();
    if let Some(external) = external {
        if goal.edited {
            rows.push(Row::of_external(external, first, Some(cx.now.after(cx.store.resource().retention()))));
        }
        outcome.replaced = first.cast_signed();
    }
    let rules = Rules::of(&cx.store.resource().schema);
    rows.push(if goal.edited {
        Row::of_write(before, &written, outcome.base.map(|base| base.version), rules)
    } else {
        Row::of_adoption(None, &written, rules)
    });
    let claim = if last { claim(cx, &written, &outcome) } else { None };
    Planned { written, rows, claim, outcome, last }
}

/// The result of one try.
enum Attempt {
    Done(Saved),
    /// Another writer was faster, and left this state.
    Lost(Option<Record>),
}

/// Writes what was decided.
async fn commit<S: Store>(
    cx: &mut Context<'_, S>,
    mut before: Option<Record>,
    goal: Goal,
    mut outcome: Outcome,
    history: &mut History,
) -> Result<Attempt, Error> {
    loop {
        let planned = plan(cx, before.as_ref(), &goal, outcome.clone(), history.newest);
        let write = planned.write(before.as_ref(), cx.now, cx.random.bytes());
        match send(cx, &write, before.as_ref().and_then(Record::number), history.newest).await? {
            Commit::Done => {
                history.newest = history.newest.map(|_| planned.number());
                if planned.last {
                    cx.session.wrote(&planned.written.id, planned.number(), cx.now);
                    return Ok(Attempt::Done(Saved { record: planned.written, outcome: planned.outcome.bounded() }));
                }
                history.has_begun = true;
                (before, outcome) = (Some(planned.written), planned.outcome);
            }
            Commit::Conflict(found) => return Ok(Attempt::Lost(found)),
            Commit::NumberTaken => {
                history.newest = self::newest(cx, &goal.content.id).await?;
                return Ok(Attempt::Lost(before));
            }
            Commit::Claimed(done) => return replayed(cx, done).await.map(Attempt::Done),
        }
    }
}

/// Returns the state that one transaction can reach from `before` on the way to `goal`, and whether that is all.
fn step(before: Option<&Record>, goal: &Record) -> (Record, bool) {
    let Some(before) = before.filter(|before| !before.is_deleted() && !goal.is_deleted()) else {
        return (goal.clone(), true);
    };
    let mut names: Vec<&String> = before.differing(goal).collect();
    if names.len() <= limits::CONDITIONS {
        return (goal.clone(), true);
    }
    // Changes that free space come first, so that no state in between is larger than both ends.
    let size = |record: &Record, name: &String| {
        record.attributes.get(name).map_or(0, |value| name.len() + value.stored_size()).cast_signed()
    };
    names.sort_by_cached_key(|name| size(goal, name) - size(before, name));
    let names = &names[..limits::CONDITIONS];
    let kept = before.attributes.iter().filter(|(name, _)| !names.contains(name));
    let new = names.iter().filter_map(|name| Some((*name, goal.attributes.get(*name)?)));
    let attributes = kept.chain(new).map(|(name, value)| (name.clone(), value.clone())).collect();
    (Record::new(goal.id.clone(), attributes).on_behalf_of(goal.updated_author.as_ref()), false)
}

pub(super) fn claim<S>(cx: &Context<'_, S>, record: &Record, outcome: &Outcome) -> Option<IdempotencyRecord> {
    let attempt = cx.idempotency?;
    Some(IdempotencyRecord {
        key: attempt.key.clone(),
        request: attempt.request.clone(),
        id: record.id.clone(),
        version: record.number().unwrap_or_default(),
        outcome: outcome.clone().bounded(),
        expires: cx.now.after(attempt.lives),
    })
}

/// Answers a save that found everything done. The answer is stored for repetitions too. Otherwise a late repetition
/// would find something to change, and overwrite later changes.
async fn unchanged<S: Store>(cx: &mut Context<'_, S>, record: Record, outcome: Outcome) -> Result<Saved, Error> {
    if let Some(claim) = claim(cx, &record, &outcome)
        && let Some(first) = cx.store.remember(&claim, cx.now, &mut cx.metrics.capacity).await?
    {
        return replayed(cx, first).await;
    }
    cx.session.wrote(&record.id, record.number().unwrap_or_default(), cx.now);
    Ok(Saved { record, outcome: outcome.bounded() })
}
