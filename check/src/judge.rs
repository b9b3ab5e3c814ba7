//! What must hold after a run, by what its writers and readers heard and what the table and its history show.

mod history;
mod receipt;
mod state;

use std::collections::BTreeMap;

use ripple_core::limits;
use ripple_core::value::{Members, Value};

use crate::heard::{Heard, version};
use crate::law::{self, check_once, shown};
use crate::script::{FOREIGN, UNKNOWN};
use crate::writer::{Sent, What};

pub(crate) use receipt::receipt_version;
pub(crate) use state::State;
use state::{attributes, patched, same, unpatched, with};

/// Whoever made the record that a run begins with.
pub(crate) const SETUP: &str = "setup";

/// Everything that is known of a run.
pub(crate) struct Evidence<'a> {
    /// The record's states, each after the one before.
    pub(crate) states: &'a [State],
    pub(crate) sent: &'a [Sent],
    /// Every answer to a reader.
    pub(crate) seen: &'a [(String, Heard)],
    /// The history, newest first, and the states it shows.
    pub(crate) rows: &'a [Members],
    pub(crate) history: &'a [(u64, Heard)],
    /// Whether there were faults.
    pub(crate) faulty: bool,
}

/// Laws 1 to 3, and that the history tells the truth.
///
/// # Errors
/// The first thing that is not as it must be.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Result<(), String> {
    let versions = evidence.check_steps()?;
    evidence.check_history(&versions)?;
    for (reader, heard) in evidence.seen {
        evidence.check_seen(heard, &versions).map_err(|why| format!("what {reader} read: {why}"))?;
    }
    for sent in evidence.sent {
        evidence.check_answers(sent, &versions).map_err(|why| format!("{}: {why}", sent.by))?;
    }
    Ok(())
}

/// A version that was made, and what it was made of; `None`: it is the state of another writer, which got its number
/// when ripple wrote over it.
#[derive(Clone, Copy)]
struct Made<'a> {
    before: Option<&'a State>,
    after: &'a State,
}

type Versions<'a> = BTreeMap<u64, Made<'a>>;

/// The state that version 0 is to the author of a save; `None`: nobody knows.
type Zero<'a> = Option<&'a State>;

impl Evidence<'_> {
    /// Each step of the record from one state to the next is what some save asked for, and nothing more.
    fn check_steps(&self) -> Result<Versions<'_>, String> {
        let mut versions: Versions<'_> = BTreeMap::new();
        for pair in self.states.windows(2) {
            let [before, after] = pair else { continue };
            if after.is_foreign() {
                continue; // it does as it likes
            }
            let next = |versions: &Versions<'_>| versions.keys().next_back().map(|last| last + 1);
            let earlier = versions.clone();
            if before.is_foreign() {
                versions.insert(next(&versions).unwrap_or(0), Made { before: None, after: before });
            }
            let expected = next(&versions).unwrap_or(1);
            if after.version != expected {
                return Err(format!("version {} follows version {}", after.version, expected - 1));
            }
            versions.insert(after.version, Made { before: Some(before), after });
            if after.by.as_deref() != Some(SETUP) {
                let by = after.by.clone().unwrap_or_default();
                let sent =
                    self.sent.iter().find(|sent| sent.by == by).ok_or("nobody of that name has sent anything")?;
                let mut step = Ok(());
                for zero in self.zeros(sent, before, &earlier) {
                    step = self.check_step(sent, before, after, zero, &versions);
                    if step.is_ok() {
                        break;
                    }
                }
                step.map_err(|why| format!("version {}, made by {by}: {why}", after.version))?;
            }
            if let Some(record) = &after.attributes {
                check_once(record).map_err(|why| format!("version {}: {why}", after.version))?;
            }
        }
        Ok(versions)
    }

    /// What version 0 can be to the author of a save that met `theirs`, with these versions before that. While ripple
    /// has not written, it is what is there; then it is what the history begins with. Once another writer has come
    /// again it is that for a save which was under way before, and for others nobody knows what.
    fn zeros<'a>(&self, sent: &Sent, theirs: &'a State, versions: &Versions<'a>) -> Vec<Zero<'a>> {
        let foreign: Vec<u64> = versions.iter().filter(|(_, made)| made.before.is_none()).map(|(n, _)| *n).collect();
        let first = versions.get(&0).map(|made| made.after);
        match (theirs.is_foreign(), foreign.as_slice()) {
            (true, _) if versions.is_empty() => vec![Some(theirs)],
            (true, _) => vec![None],
            (false, [0]) => vec![first],
            (false, _) => {
                let until = |first: &State| self.states.iter().position(|state| state.shown == first.shown);
                let seen_by_then = |first: &&State| {
                    let states = &self.states[..=until(first).unwrap_or(0)];
                    states.iter().any(|state| state.is_foreign() && state.shown == sent.view)
                };
                let mut zeros = vec![None];
                zeros.extend(first.filter(seen_by_then).map(Some));
                zeros
            }
        }
    }

    fn check_step(
        &self,
        sent: &Sent,
        before: &State,
        after: &State,
        zero: Zero<'_>,
        versions: &Versions<'_>,
    ) -> Result<(), String> {
        let made_before = versions.values().filter(|made| made.after.by.as_ref() == Some(&sent.by)).count();
        if sent.keyed && made_before > 1 {
            return Err("its Idempotency-Key has made a version before".to_owned());
        }
        let nothing = Members::new();
        let theirs = before.attributes.as_ref();
        let merged = after.attributes.as_ref();
        match (&sent.what, theirs, merged) {
            (What::Delete, Some(_), None) => Ok(()),
            (What::Create(record), None, Some(merged)) => same(record, merged),
            (What::Put(record), None, Some(merged)) if revives(record) => same(&attributes(record), merged),
            (What::Restore(number), None, Some(merged)) if before.is_tombstone() => {
                same(state(*number, versions)?, merged)
            }
            (What::Put(_) | What::Patch(_) | What::Restore(_), Some(theirs), Some(merged)) => {
                let (base, mine) = sides(sent, before, theirs, zero, versions)?;
                lawful(sent, [&base, theirs, &mine, merged])?;
                check_gone(sent, theirs, merged)?;
                if before.unknown.is_some() && !matches!(sent.what, What::Restore(_)) && after.unknown != before.unknown
                {
                    return Err(format!("/{UNKNOWN} is not as it was, though JSON shows no difference"));
                }
                Ok(())
            }
            _ => Err(format!(
                "it made {} of {}",
                if merged.is_some_and(|merged| *merged != nothing) { "a record" } else { "nothing" },
                if theirs.is_some() { "a record" } else { "nothing" },
            )),
        }
    }

    /// What a reader saw is what there was.
    fn check_seen(&self, heard: &Heard, versions: &Versions<'_>) -> Result<(), String> {
        let Heard::Answer { status: 200 | 201, body: Some(body), .. } = heard else { return Ok(()) };
        let known = match version(body) {
            Some(0) => self.states.iter().any(|state| state.is_foreign() && state.shown.as_ref() == Some(body)),
            Some(number) => versions.get(&number).is_some_and(|made| made.after.shown.as_ref() == Some(body)),
            None => false,
        };
        if known { Ok(()) } else { Err(format!("there never was {}", shown(Some(&Value::Map(body.clone()))))) }
    }

    /// A save that was answered with success is in the record's history; one that was refused is not.
    fn check_answers(&self, sent: &Sent, versions: &Versions<'_>) -> Result<(), String> {
        let made: Vec<u64> = versions
            .iter()
            .filter(|(_, made)| made.after.by.as_ref() == Some(&sent.by))
            .map(|(number, _)| *number)
            .collect();
        let idle = |heard: &Heard| matches!(heard, Heard::Answer { receipt, .. } if receipt.contains("=unchanged"));
        if sent.keyed && !made.is_empty() && sent.heard.iter().any(idle) {
            return Err(format!(
                "its Idempotency-Key was answered that it had nothing to do, and made version {made:?}"
            ));
        }
        for heard in &sent.heard {
            let Heard::Answer { status, receipt, .. } = heard else { continue };
            if heard.is_success() {
                self.check_success(sent, receipt, &made, versions)?;
                self.check_seen(heard, versions)?;
                continue;
            }
            let was_deleted = self.states.iter().any(State::is_tombstone);
            let was_foreign = self.states.iter().any(State::is_foreign);
            let was_nothing = self.states.iter().any(|state| state.version == 0 && state.shown.is_none());
            let due = match heard.code().unwrap_or_default() {
                "exists" => matches!(sent.what, What::Create(_)),
                "gone" | "deleted" => was_deleted,
                "not_found" => was_nothing,
                "no_such_version" => matches!(sent.what, What::Restore(_)),
                "stale" => was_foreign,
                // All its tries, each lost to a state that came between, or to what a foreign one did not tell.
                "unavailable" if heard.is_contended() => {
                    self.states.len() + self.states.iter().filter(|state| state.is_foreign()).count()
                        > limits::SAVE_TRIES as usize
                }
                "unavailable" | "outcome_unknown" => self.faulty,
                _ => false,
            };
            if !due {
                return Err(format!("it was answered {status} for no reason: {}", heard.text()));
            }
        }
        let open =
            sent.unheard || sent.heard.iter().any(Heard::leaves_open) || sent.heard.iter().any(Heard::is_success);
        if open || made.is_empty() {
            Ok(())
        } else {
            Err(format!("it was refused, and made version {made:?} all the same"))
        }
    }
}

/// What a save was made on, and what its author made of it.
fn sides(
    sent: &Sent,
    before: &State,
    theirs: &Members,
    zero: Zero<'_>,
    versions: &Versions<'_>,
) -> Result<(Members, Members), String> {
    let nothing = Members::new();
    let base = match sent.base {
        // It brings back what was deleted.
        Some(base) if versions.get(&base).is_some_and(|made| made.after.is_tombstone()) => Some(&nothing),
        Some(0) => zero.and_then(|state| state.attributes.as_ref()),
        Some(base) if base == before.version => Some(theirs),
        Some(base) => Some(state(base, versions)?),
        None if matches!(sent.what, What::Restore(_)) => Some(theirs),
        None => None,
    };
    // Made on nobody knows what: it has seen nothing of what it sends.
    let unseen = |sent: &Members| {
        let mut base = theirs.clone();
        base.retain(|name, _| sent.get(name).is_none_or(|sent| *sent == Value::Null));
        base
    };
    Ok(match (&sent.what, base) {
        (What::Put(record), Some(base)) => (base.clone(), with(base.clone(), &attributes(record))),
        (What::Patch(patch), Some(base)) => (base.clone(), patched(base.clone(), patch)),
        (What::Restore(number), Some(base)) => (base.clone(), state(*number, versions)?.clone()),
        (What::Put(record), None) => (unseen(record), with(theirs.clone(), &attributes(record))),
        (What::Patch(patch), None) => (unpatched(theirs.clone(), patch), patched(theirs.clone(), patch)),
        (What::Restore(number), None) => {
            let state = state(*number, versions)?;
            (unseen(state), with(theirs.clone(), state))
        }
        (What::Create(_) | What::Delete, _) => return Err("it found a record".to_owned()),
    })
}

/// The record at a version.
fn state<'a>(number: u64, versions: &Versions<'a>) -> Result<&'a Members, String> {
    let made = versions.get(&number);
    made.and_then(|made| made.after.attributes.as_ref())
        .ok_or_else(|| format!("there was no record at version {number}"))
}

/// Whatever the save says it was made on: no entry that was added through ripple is gone which its author had not in
/// front of them. (But for who restores without a base: they want what is there now gone.)
fn check_gone(sent: &Sent, theirs: &Members, merged: &Members) -> Result<(), String> {
    if matches!(sent.what, What::Restore(_)) && sent.base.is_none() {
        return Ok(());
    }
    let marks = |record: Option<&Members>, name: &str| match record.and_then(|record| record.get(name)) {
        Some(Value::List(list)) => list.iter().map(law::mark).collect(),
        _ => Vec::new(),
    };
    for name in theirs.keys() {
        let (seen, left) = (marks(sent.view.as_ref(), name), marks(Some(merged), name));
        let gone = |mark: &&String| !left.contains(mark) && !seen.contains(mark) && !is_foreign(mark);
        if let Some(mark) = marks(Some(theirs), name).iter().find(gone) {
            return Err(format!("/{name}/{mark} is gone, and its author had not seen it"));
        }
    }
    Ok(())
}

/// Whether another writer made it.
fn is_foreign(mark: &str) -> bool {
    FOREIGN.iter().any(|name| mark.contains(&format!("by {name}"))) || mark.starts_with('{')
}

/// Whether the last of these has what became of base and theirs by what the save made of its base.
fn lawful(sent: &Sent, sides: [&Members; 4]) -> Result<(), String> {
    let [base, theirs, ..] = sides;
    if !matches!(sent.what, What::Restore(_)) || base == theirs {
        let [base, theirs, mine, merged] = sides;
        return law::check(base, theirs, mine, merged);
    }
    // A binary that has come back as JSON is a text. To restore it is a change, which JSON does not show.
    let [base, theirs, mine, merged] = sides.map(|side| {
        let mut side = side.clone();
        side.remove(UNKNOWN);
        side
    });
    law::check(&base, &theirs, &mine, &merged)
}

fn revives(record: &Members) -> bool {
    record.get("deleted") == Some(&Value::Bool(false))
}

/// Those before one.
fn until<'a>(versions: &Versions<'a>, number: u64) -> Versions<'a> {
    versions.range(..number).map(|(number, made)| (*number, *made)).collect()
}
