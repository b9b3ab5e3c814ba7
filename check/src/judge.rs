//! What must hold after a run, by what its writers and readers heard and what the table and its history show.

use std::collections::BTreeMap;

use ripple_core::value::{Members, Value};
use ripple_core::{Project, limits};

use crate::law::{self, alike, check_once, id, shown};
use crate::script::{FOREIGN, UNKNOWN};
use crate::writer::{Heard, Sent, What, members, version};

/// Whoever made the record that a run begins with.
pub(crate) const SETUP: &str = "setup";

/// What a caller does not send, or sends in vain.
const SYSTEM: [&str; 4] = ["prj_id", "version", "updated_at", "updated_by"];

/// A state of the record, as a caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    version: u64,
    by: Option<String>,
    /// What is shown of it; `None`: there was nothing, or a tombstone.
    shown: Option<Members>,
    /// The same without what is ripple's own.
    attributes: Option<Members>,
    /// Of what only the table shows.
    unknown: Option<Value>,
}

impl State {
    pub(crate) fn of(project: Option<&Project>) -> State {
        let live = project.filter(|project| !project.is_deleted());
        let shown = live.and_then(|project| members(&project.to_json()));
        State {
            version: project.map_or(0, |project| project.version),
            by: project.and_then(|project| project.updated_by.clone()),
            attributes: shown.as_ref().map(attributes),
            shown,
            unknown: live.and_then(|project| project.attributes.get(UNKNOWN).cloned()),
        }
    }

    pub(crate) fn shown(&self) -> Option<&Members> {
        self.shown.as_ref()
    }

    /// Somebody's who knows no versions.
    fn is_foreign(&self) -> bool {
        self.version == 0 && self.shown.is_some()
    }

    fn is_tombstone(&self) -> bool {
        self.version > 0 && self.shown.is_none()
    }
}

fn attributes(shown: &Members) -> Members {
    let mut attributes = shown.clone();
    attributes.retain(|name, _| !SYSTEM.contains(&name.as_str()) && name != "deleted");
    // Of a set JSON shows some order.
    if let Some(Value::List(labels)) = attributes.get_mut("labels") {
        labels.sort_by_key(shown_text);
    }
    attributes
}

fn shown_text(value: &Value) -> String {
    shown(Some(value))
}

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

    /// The history has a row for each version, which tells what the write changed and what that replaced, and shows the
    /// record as it was.
    fn check_history(&self, versions: &Versions<'_>) -> Result<(), String> {
        let numbers: Vec<u64> = self.rows.iter().filter_map(version).collect();
        if !numbers.iter().eq(versions.keys().rev()) {
            return Err(format!("the history has the versions {numbers:?}, and not {:?}", versions.keys()));
        }
        for (row, (number, heard)) in self.rows.iter().zip(self.history) {
            let made = versions[number];
            let mut shown = made.after.shown.clone();
            if made.before.is_none() {
                shown = shown.map(|shown| with(shown, &Members::from([("version".to_owned(), (*number).into())])));
            }
            if *body(heard) != shown && heard.is_success() {
                return Err(format!("the history shows version {number} otherwise than it was"));
            }
            if heard.is_success() != made.after.shown.is_some() {
                return Err(format!("version {number} in the history {}", heard.text()));
            }
            check_changes(row, made).map_err(|why| format!("the history of version {number}: {why}"))?;
        }
        Ok(())
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
                "unavailable" => self.faulty,
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

    fn check_success(&self, sent: &Sent, receipt: &str, made: &[u64], versions: &Versions<'_>) -> Result<(), String> {
        let number = receipt_version(receipt).ok_or_else(|| format!("its receipt names no version: {receipt}"))?;
        if !receipt.starts_with("result=unchanged") {
            if !made.contains(&number) {
                return Err(format!("it was answered with version {number}, which it has not made"));
            }
            return self.check_receipt(sent, receipt, number, versions);
        }
        // Nothing to do: what it would make is there.
        for state in self.states {
            let Some(found) = state.attributes.as_ref().filter(|_| state.version == number) else { continue };
            let zeros = match state.is_foreign() {
                true => vec![Some(state), None],
                // Another writer may have come again before it looked.
                false => [&until(versions, number + 1), versions].map(|by| self.zeros(sent, state, by)).concat(),
            };
            for zero in zeros {
                let sides = sides(sent, state, found, zero, versions);
                if sides.is_ok_and(|(base, mine)| lawful(sent, [&base, found, &mine, found]).is_ok()) {
                    return Ok(());
                }
            }
        }
        Err(format!("it was answered that version {number} has its edits, and it has not"))
    }

    /// The receipt names every single value that gave way, and no other.
    fn check_receipt(&self, sent: &Sent, receipt: &str, number: u64, versions: &Versions<'_>) -> Result<(), String> {
        let Some(before) = versions[&number].before else { return Ok(()) };
        let (Some(theirs), What::Put(_) | What::Patch(_)) = (&before.attributes, &sent.what) else { return Ok(()) };
        let earlier = until(versions, number - u64::from(before.is_foreign()));
        let missing = receipt.contains("base=0;missing");
        let zeros = self.zeros(sent, before, &earlier);
        let Some(zero) = zeros.into_iter().find(|zero| sent.base != Some(0) || zero.is_none() == missing) else {
            return Err(format!("its receipt should say otherwise whether its base is known: {receipt}"));
        };
        let Ok((base, mine)) = sides(sent, before, theirs, zero, versions) else { return Ok(()) };
        let mut replaced = receipt.split(";replaced=").skip(1);
        if !replaced.all(|rest| rest.split([' ', ')']).next() == Some(&(number - 1).to_string())) {
            return Err(format!("its receipt should say that version {} gave way: {receipt}", number - 1));
        }
        let single = |value: Option<&Value>| !matches!(value, Some(Value::List(_) | Value::Map(_)));
        let gave_way = |name: &&String| {
            let (base, theirs, mine) = (base.get(*name), theirs.get(*name), mine.get(*name));
            single(mine) && single(theirs) && mine != base && theirs != base && mine != theirs
        };
        let names: std::collections::BTreeSet<&String> = theirs.keys().chain(mine.keys()).chain(base.keys()).collect();
        let expected: Vec<String> = names.into_iter().filter(gave_way).map(|name| format!("/{name}")).collect();
        let mut told: Vec<String> =
            receipt_list(receipt, "won").into_iter().filter(|name| !name[1..].contains('/')).collect();
        told.sort();
        if told == expected {
            Ok(())
        } else {
            Err(format!("its receipt says that {told:?} gave way, and {expected:?} did"))
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

fn body(heard: &Heard) -> &Option<Members> {
    match heard {
        Heard::Answer { body, .. } => body,
        Heard::Nothing => &None,
    }
}

fn revives(record: &Members) -> bool {
    record.get("deleted") == Some(&Value::Bool(false))
}

/// A new record is as it was sent.
fn same(sent: &Members, made: &Members) -> Result<(), String> {
    let mut expected = sent.clone();
    expected.retain(|_, value| *value != Value::Null);
    for name in expected.keys().chain(made.keys()) {
        if !alike(expected.get(name), made.get(name)) {
            return Err(format!("/{name} is {}, and not {}", shown(made.get(name)), shown(expected.get(name))));
        }
    }
    Ok(())
}

fn with(mut record: Members, sent: &Members) -> Members {
    for (name, value) in sent {
        if *value == Value::Null {
            record.remove(name);
        } else {
            record.insert(name.clone(), value.clone());
        }
    }
    record
}

fn patched(mut record: Members, patch: &Members) -> Members {
    for (name, value) in patch {
        match (value, record.get(name)) {
            (Value::Null, _) => drop(record.remove(name)),
            (Value::Map(patch), Some(Value::Map(members))) => {
                let members = patched(members.clone(), patch);
                record.insert(name.clone(), Value::Map(members));
            }
            _ => drop(record.insert(name.clone(), value.clone())),
        }
    }
    attributes(&record)
}

/// A record without what a patch sets.
fn unpatched(mut record: Members, patch: &Members) -> Members {
    for (name, value) in patch {
        match (value, record.get(name)) {
            (Value::Null, _) => {}
            (Value::Map(patch), Some(Value::Map(members))) => {
                let members = unpatched(members.clone(), patch);
                record.insert(name.clone(), Value::Map(members));
            }
            _ => drop(record.remove(name)),
        }
    }
    record
}

/// Those before one.
fn until<'a>(versions: &Versions<'a>, number: u64) -> Versions<'a> {
    versions.range(..number).map(|(number, made)| (*number, *made)).collect()
}

/// Every difference is told, with what was there before.
fn check_changes(row: &Members, Made { before, after }: Made<'_>) -> Result<(), String> {
    let Some(Value::List(changes)) = row.get("changes") else { return Err("it tells no changes".to_owned()) };
    let Some(before) = before else {
        let silent = changes.is_empty() && !row.contains_key("updated_at") && !row.contains_key("updated_by");
        return if silent { Ok(()) } else { Err("it tells of a write that was not ripple's".to_owned()) };
    };
    let told = |name: &str, entry: Option<&Value>, replaced: Option<&Value>| {
        changes.iter().any(|change| {
            let Value::Map(change) = change else { return false };
            let field = match change.get("field") {
                Some(Value::String(field)) => field.as_str(),
                _ => "",
            };
            let here = field == format!("/{name}") || field.starts_with(&format!("/{name}/"));
            here && entry.is_none_or(|entry| change.get("entry") == Some(entry))
                && replaced.is_none_or(|replaced| change.get("replaced") == Some(replaced))
        })
    };
    let nothing = Members::new();
    let (before, after) = (before.shown.as_ref().unwrap_or(&nothing), after.shown.as_ref().unwrap_or(&nothing));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    for name in names.filter(|name| !SYSTEM.contains(&name.as_str())) {
        let (was, is) = (before.get(name), after.get(name));
        if was == is {
            continue;
        }
        // What is inside an object is told member by member, a list entry by entry.
        let whole = !matches!(
            (was, is),
            (Some(Value::Map(_)), Some(Value::Map(_))) | (Some(Value::List(_)), Some(Value::List(_)))
        );
        if !told(name, None, was.filter(|_| whole)) {
            return Err(format!("it does not tell that /{name} was {}", shown(was)));
        }
        if let (Some(Value::List(was)), Some(Value::List(is))) = (was, is) {
            for entry in was.iter().filter(|entry| !is.contains(entry)) {
                if !told(name, id(entry), Some(entry)) {
                    return Err(format!("it does not tell that /{name} had {}", shown(Some(entry))));
                }
            }
        }
    }
    Ok(())
}

/// The version that a receipt names.
pub(crate) fn receipt_version(receipt: &str) -> Option<u64> {
    let (_, rest) = receipt.split_once("version=")?;
    rest.split(',').next()?.parse().ok()
}

/// The fields in one of a receipt's lists. No field's name has a quote in it here.
fn receipt_list(receipt: &str, name: &str) -> Vec<String> {
    let Some((_, rest)) = receipt.split_once(&format!("{name}=(")) else { return Vec::new() };
    let list = rest.split(')').next().unwrap_or_default();
    list.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect()
}
