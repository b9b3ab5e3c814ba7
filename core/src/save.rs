//! Saving: read what is there, merge the edit into it, write that on condition that nobody was quicker.

use std::time::Duration;

use http::StatusCode;
use http::header::HeaderName;

use crate::error::{Error, Fault, Place};
use crate::idempotency::{self, Claim};
use crate::limits;
use crate::method::{Answer, Call};
use crate::receipt::{Known, Outcome, Result as Did};
use crate::record::change::{Edit, TooLarge};
use crate::record::history::Version;
use crate::record::merge::{Known as Entries, give_ids};
use crate::record::{Record, RecordId, check_new, check_reserved};
use crate::store::{Commit, Consistency, Store, Write};
use crate::value::{Members, Value};

pub(crate) const RECEIPT: HeaderName = HeaderName::from_static("ripple-receipt");

/// What a caller wants of a record.
#[derive(Clone, Debug)]
pub(crate) enum Intent {
    /// It is not there, and shall be.
    Create(Members),
    /// It is not there any more, and shall be as it was: nothing in it is new.
    BringIn(Members),
    /// It shall be changed.
    Edit(Edit, Base),
    /// It shall be as it was at this version.
    Restore(u64, Option<u64>),
    /// It shall be gone.
    Delete,
}

/// On what an edit was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Base {
    /// The version that its author had in front of them.
    pub(crate) version: Option<u64>,
    /// Whether it says that a deleted record is to come back.
    pub(crate) revive: bool,
}

/// A save that was done.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) project: Record,
    /// The header's value.
    pub(crate) receipt: String,
}

impl Saved {
    /// The record as it is now, with the receipt.
    pub(crate) fn answer(&self, status: StatusCode) -> Answer {
        let answer = match status {
            StatusCode::NO_CONTENT => Answer::json(Vec::new()),
            _ => Answer::project(&self.project),
        };
        let answer = answer.with_status(status).with_header(RECEIPT, &self.receipt);
        match status {
            StatusCode::CREATED => answer.with_header(http::header::LOCATION, &format!("prj/{}", self.project.id)),
            _ => answer,
        }
    }
}

/// What a save would write.
struct Plan {
    before: Option<Record>,
    /// The record's new content; `None`: as it is.
    content: Option<Record>,
    outcome: Outcome,
}

/// Saves, and answers with `status`. When another writer was quicker, the failed condition hands back the newer state,
/// and the edit is merged into that.
pub(crate) async fn save<S: Store>(
    call: &mut Call<'_, S>,
    id: &RecordId,
    intent: &Intent,
    status: StatusCode,
) -> Result<Answer, Error> {
    let mut found = match intent {
        Intent::Create(_) | Intent::BringIn(_) => None, // its condition tells if there is one
        _ => call.store.get(id, Consistency::Strong, call.cost).await?,
    };
    let mut history = History::default();
    for tries in 0..limits::SAVE_TRIES {
        // The first time, with the state that the failed condition handed back, at once: it is as new as can be. Whoever
        // loses again waits, and looks again after that: what was new before is old by then.
        if tries > 1 {
            let wait = backoff(tries - 1, call);
            call.store.pause(wait).await;
            found = call.store.get(id, Consistency::Strong, call.cost).await?;
        }
        let Plan { before, content, mut outcome } = plan(call, id, found.take(), intent, &mut history).await?;
        let Some(content) = content else {
            let project = before.expect("only what is there is left as it is");
            outcome.result = Did::Unchanged;
            let saved = done(call, project, &outcome);
            // A late repetition would find something to change, and win over what came after this.
            if let Some(attempt) = call.attempt.clone() {
                let claim = Claim::of(attempt, &saved.project, status, &saved.receipt);
                if let Some(first) = call.store.remember(&claim, call.now, call.cost).await? {
                    return idempotency::again(call, first).await;
                }
            }
            return Ok(saved.answer(status));
        };
        let after = content.following(before.as_ref(), history.last, call.now, &call.caller.name);
        check_limits(&after)?;
        check_changes(before.as_ref(), &after)?;
        let write = Write {
            before: before.as_ref(),
            after: &after,
            version: &Version::between(before.as_ref(), &after, outcome.base.map(|(base, _)| base)),
            claim: None,
            now: call.now,
            token: call.random.bytes(),
        };
        if let Some(number) = write.foreign_number() {
            outcome.replaced = number;
        }
        let receipt = outcome.header(after.version);
        let claim = call.attempt.clone().map(|attempt| Claim::of(attempt, &after, status, &receipt));
        let write = Write { claim: claim.as_ref(), ..write };
        *call.tries = tries + 1;
        match call.store.commit(&write, call.cost).await? {
            Commit::Done => return Ok(done(call, after, &outcome).answer(status)),
            Commit::Conflict(newer) => found = newer,
            Commit::VersionTaken => {
                let newest = call.store.versions(id, None, 1, call.cost).await?;
                history.last = newest.first().map(|version| version.number);
                found = before;
            }
            Commit::Claimed(claim) => return idempotency::again(call, claim).await,
        }
    }
    Err(Error::Contended)
}

fn done<S>(call: &mut Call<'_, S>, project: Record, outcome: &Outcome) -> Saved {
    call.session.wrote(&project.id, project.version);
    Saved { receipt: outcome.header(project.version), project }
}

/// Some part of a time that doubles with each try: writers that met once do not meet again.
fn backoff<S>(tries: u32, call: &mut Call<'_, S>) -> Duration {
    let [low, high, ..] = call.random.bytes();
    let part = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    (limits::SAVE_BACKOFF * 2_u32.pow(tries - 1)).min(limits::SAVE_WAIT).mul_f64(part)
}

async fn plan<S: Store>(
    call: &mut Call<'_, S>,
    id: &RecordId,
    found: Option<Record>,
    intent: &Intent,
    history: &mut History,
) -> Result<Plan, Error> {
    match intent {
        Intent::Create(attributes) | Intent::BringIn(attributes) => match found {
            Some(found) if !found.is_deleted() => Err(Error::Exists(found.id)),
            tombstone => {
                call.preconditions.check_creation()?;
                let mut attributes = attributes.clone();
                if matches!(intent, Intent::Create(_)) {
                    give_ids(&mut attributes, Entries::Base(&Members::new()), "").map_err(too_large)?;
                }
                Ok(creation(id, tombstone, attributes, Did::Created))
            }
        },
        Intent::Edit(edit, base) => match found {
            None => Err(Error::NotFound(id.clone())),
            Some(tombstone) if tombstone.is_deleted() => {
                let plan = revival(tombstone, edit, *base)?;
                call.preconditions.check_creation()?;
                Ok(plan)
            }
            Some(theirs) => {
                call.preconditions.check_write(&theirs)?;
                let mut edit = edit.clone();
                check_reserved(edit.sent_mut(), &theirs.attributes)?;
                change(call, theirs, &edit, base.version, history).await
            }
        },
        Intent::Restore(version, base) => {
            let Some(theirs) = found else { return Err(Error::NotFound(id.clone())) };
            let state = match history.state(call, id, *version).await? {
                None => return Err(Error::NoSuchVersion { id: id.clone(), version: *version }),
                Some(state) if state.is_deleted() => {
                    return Err(Error::Gone { id: id.clone(), version: *version });
                }
                Some(state) => state.attributes,
            };
            if theirs.is_deleted() {
                call.preconditions.check_creation()?;
                return Ok(creation(id, Some(theirs), state, Did::Restored));
            }
            call.preconditions.check_write(&theirs)?;
            let mut plan = change(call, theirs, &Edit::Restore(state), *base, history).await?;
            plan.outcome.result = Did::Restored;
            Ok(plan)
        }
        Intent::Delete => {
            let theirs = crate::read::live(found, id)?;
            call.preconditions.check_write(&theirs)?;
            let content = Some(theirs.deleted(call.now));
            Ok(Plan { before: Some(theirs), content, outcome: Outcome::of(Did::Deleted) })
        }
    }
}

fn creation(id: &RecordId, tombstone: Option<Record>, attributes: Members, did: Did) -> Plan {
    let content = Some(Record::new(id.clone(), attributes));
    Plan { before: tombstone, content, outcome: Outcome::of(did) }
}

/// An edit of a record that was deleted. Whose author had not seen that is told so; who had seen it must say that the
/// record is to come back, and send all of it.
fn revival(tombstone: Record, edit: &Edit, base: Base) -> Result<Plan, Error> {
    let Record { id, version, .. } = tombstone.clone();
    if base.version != Some(version) {
        return Err(Error::Gone { id, version });
    }
    if !base.revive {
        return Err(Error::Deleted { id, version });
    }
    let (nothing, mut edit) = (Members::new(), edit.clone());
    check_reserved(edit.sent_mut(), &nothing)?;
    let (attributes, _) = edit.merge_into(&nothing, Some(&nothing), &seed(base.version)).map_err(too_large)?;
    check_new(&attributes)?;
    let mut plan = creation(&id, Some(tombstone), attributes, Did::Restored);
    plan.outcome.base = Some((version, Known::Yes));
    Ok(plan)
}

/// An edit of a record that is there.
async fn change<S: Store>(
    call: &mut Call<'_, S>,
    theirs: Record,
    edit: &Edit,
    base: Option<u64>,
    history: &mut History,
) -> Result<Plan, Error> {
    // Who names the state in `If-Match` has it in front of them.
    let named = call.preconditions.names_state();
    let on_theirs = match base {
        None => named || matches!(edit, Edit::Restore(_)),
        Some(0) if theirs.version == 0 => named || history.last.is_none(),
        Some(base) => base == theirs.version,
    };
    let (known, state) = match base {
        _ if on_theirs => (Some((theirs.version, Known::Yes)), Some(theirs.attributes.clone())),
        None => (None, None),
        Some(base) if base > theirs.version && theirs.version > 0 => {
            return Err(Error::Stale { base, current: Box::new(theirs) });
        }
        Some(base) => match history.base(call, &theirs, base).await? {
            Some(state) => (Some((base, Known::Yes)), Some(state.attributes)),
            // Where another writer put a record without versions in this one's place, the history still has it.
            None if base > theirs.version => return Err(Error::Stale { base, current: Box::new(theirs) }),
            None => (Some((base, Known::No)), None),
        },
    };
    let seed = seed(known.map(|(base, _)| base));
    let (attributes, fields) = edit.merge_into(&theirs.attributes, state.as_ref(), &seed).map_err(too_large)?;
    let content = (attributes != theirs.attributes).then(|| Record { attributes, ..theirs.clone() });
    let outcome = Outcome { result: Did::Saved, base: known, replaced: theirs.version, fields };
    Ok(Plan { before: Some(theirs), content, outcome })
}

/// Returns what tells the new entries of one save from those of another.
fn seed(base: Option<u64>) -> String {
    base.map(|version| version.to_string()).unwrap_or_default()
}

fn too_large(TooLarge(size): TooLarge) -> Error {
    Error::RecordTooLarge(size)
}

/// What a save has learned of the record's history. A row never changes: each is looked up once.
#[derive(Default)]
struct History {
    states: Vec<(u64, Option<Record>)>,
    /// The newest version, where a record that shows none has one all the same: the numbers go on from it.
    last: Option<u64>,
    /// Whether version 0 is one state, once that was asked.
    zero_is_one: Option<bool>,
}

impl History {
    /// The record at a version.
    async fn state<S: Store>(
        &mut self,
        call: &mut Call<'_, S>,
        id: &RecordId,
        version: u64,
    ) -> Result<Option<Record>, Error> {
        if let Some((_, found)) = self.states.iter().find(|(number, _)| *number == version) {
            return Ok(found.clone());
        }
        let found = call.store.version(id, version, call.cost).await?;
        self.states.push((version, found.clone()));
        Ok(found)
    }

    /// The state that the author of an edit had in front of them, if it was not `theirs`. Every state of another writer
    /// is shown as version 0, and which of them it was nobody knows but while there is only the one that the history
    /// begins with.
    async fn base<S: Store>(
        &mut self,
        call: &mut Call<'_, S>,
        theirs: &Record,
        version: u64,
    ) -> Result<Option<Record>, Error> {
        if version == 0 && theirs.version == 0 {
            return Ok(None);
        }
        let found = self.state(call, &theirs.id, version).await?;
        if version == 0 && found.is_some() && !self.zero_is_one(call, theirs).await? {
            return Ok(None);
        }
        Ok(found)
    }

    /// Whether no other writer has come again. Of a history that is longer than a page that is not known.
    async fn zero_is_one<S: Store>(&mut self, call: &mut Call<'_, S>, theirs: &Record) -> Result<bool, Error> {
        if let Some(known) = self.zero_is_one {
            return Ok(known);
        }
        let is_one = theirs.version < limits::HISTORY_PAGE as u64 && {
            let rows = call.store.versions(&theirs.id, None, limits::HISTORY_PAGE, call.cost).await?;
            let foreign: Vec<u64> = rows.iter().filter(|row| row.is_foreign()).map(|row| row.number).collect();
            foreign == [0]
        };
        Ok(*self.zero_is_one.insert(is_one))
    }
}

/// What a body that is within every limit can make of a record.
fn check_limits(project: &Record) -> Result<(), Error> {
    let size = project.stored_size();
    if size > limits::RECORD {
        return Err(Error::RecordTooLarge(size));
    }
    if project.attributes.len() > limits::MEMBERS {
        let detail = format!("a record has at most {} members", limits::MEMBERS);
        return Err(Error::InvalidBody(vec![Fault { place: Place::Pointer(String::new()), detail }]));
    }
    // An entry gets an `id`, which is one level more in an empty one.
    let too_deep = |(_, value): &(&String, &Value)| value.depth() > limits::NESTING;
    match project.attributes.iter().find(too_deep) {
        Some((name, _)) => {
            let detail = format!("nested deeper than {} levels, the ids of its entries counted", limits::NESTING);
            Err(Error::InvalidBody(vec![Fault::member(name, detail)]))
        }
        None => Ok(()),
    }
}

fn check_changes(before: Option<&Record>, after: &Record) -> Result<(), Error> {
    let updates = before.filter(|before| !before.is_deleted() && !after.is_deleted());
    if updates.is_none_or(|before| before.differing(after).count() <= limits::CHANGED_MEMBERS) {
        return Ok(());
    }
    let detail = format!("one write changes at most {} members", limits::CHANGED_MEMBERS);
    Err(Error::InvalidBody(vec![Fault { place: Place::Pointer(String::new()), detail }]))
}
