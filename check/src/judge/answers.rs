//! The laws of responses: a save's response states what the save did, and a reader is shown a state that existed.

use std::collections::BTreeSet;

use ripple_core::Timestamp;
use ripple_core::limits;
use ripple_core::value::{Members, Value};

use super::lists::lines_collide;
use super::numbers::Numbers;
use super::sides::unpatched;
use super::steps::lawful;
use super::{Broken, Evidence, Law};
use crate::model::heard::{Heard, Receipt};
use crate::model::record::{Kind, REQUIRED, attributes, kind, text};
use crate::model::transcript::{Actor, Face, Read, Reply, Save, State, What};

impl Evidence<'_> {
    pub(super) fn check_answers(&self, numbers: &Numbers) -> Result<(), Broken> {
        for save in self.saves {
            self.check_save(save, numbers)
                .map_err(|Broken { law, why }| Broken { law, why: format!("{}: {why}", save.by) })?;
        }
        Ok(())
    }

    pub(super) fn check_reads(&self) -> Result<(), Broken> {
        for Read { by, heard } in self.reads {
            self.check_shown(heard).map_err(|why| Law::Read.broken(format!("what {by} read: {why}")))?;
        }
        Ok(())
    }

    /// Checks that a response shows a state that existed.
    fn check_shown(&self, heard: &Heard) -> Result<(), String> {
        let (200 | 201, Some(body)) = (heard.status(), heard.body()) else { return Ok(()) };
        let number = heard.version();
        let shows = |state: &State| {
            let made = state.write.as_ref().map(|(_, made)| made);
            let mut faces = [Some(&state.now), made].into_iter().flatten();
            faces.any(|face| Some(face.number) == number && face.shown.as_ref() == Some(body))
        };
        if self.states.iter().any(shows) {
            return Ok(());
        }
        Err(format!("no state ever was {}", text(Some(&Value::Map(body.clone())))))
    }

    /// Returns the places of the states that this save made, or that another save with its `Idempotency-Key` made.
    fn made_by(&self, save: &Save) -> Vec<usize> {
        let makes = |place: &usize| match (&self.states[*place].by, &self.states[*place].write) {
            (Actor::Ripple(by), Some((read, made))) if read.data != made.data || read.content.is_none() => {
                *by == save.by || self.saves.iter().any(|other| other.by == *by && other.shares_key(save))
            }
            _ => false,
        };
        (0..self.states.len()).filter(makes).collect()
    }

    fn check_save(&self, save: &Save, numbers: &Numbers) -> Result<(), Broken> {
        let made = self.made_by(save);
        let by_itself = |place: &&usize| self.states[**place].by == Actor::Ripple(save.by.clone());
        for reply in &save.heard {
            if !reply.heard.is_success() {
                if reply.heard.answer().is_some() && !self.is_due(save, reply) {
                    return Err(Law::Answer.broken(format!("without a reason it {}", reply.heard.text())));
                }
                continue;
            }
            let Some(receipt) = reply.heard.answer().and_then(|answer| answer.receipt.as_ref()) else {
                return Err(Law::Receipt.broken("its response has no receipt"));
            };
            if receipt.result == "unchanged" {
                let made_later =
                    |place: &&usize| by_itself(place) && self.states[**place].at.before(limits::CLAIM) < reply.at;
                if save.key.is_some() && made.iter().any(|place| made_later(&place)) {
                    return Err(Law::Repeat.broken("its Idempotency-Key changed nothing, and then made a version"));
                }
                self.check_unchanged(save, reply, receipt, numbers).map_err(|why| Law::Unchanged.broken(why))?;
            } else {
                self.check_success(save, reply, receipt, &made, numbers)?;
            }
            self.check_shown(&reply.heard).map_err(|why| Law::Read.broken(format!("its response: {why}")))?;
        }
        let open = save.unheard || save.heard.iter().any(|reply| reply.heard.leaves_open() || reply.heard.is_success());
        if !open && made.iter().any(|place| by_itself(&place)) {
            return Err(Law::Answer.broken("it was refused, but it made a version"));
        }
        Ok(())
    }

    /// Checks a response that names a version. The save made that version, or the same request with the same
    /// `Idempotency-Key` made it less than a day before.
    fn check_success(
        &self,
        save: &Save,
        reply: &Reply,
        receipt: &Receipt,
        made: &[usize],
        numbers: &Numbers,
    ) -> Result<(), Broken> {
        let number = |place: usize| self.states[place].write.as_ref().map_or(0, |(_, made)| made.number);
        let may_answer = |place: &usize| {
            let state = &self.states[*place];
            let Actor::Ripple(by) = &state.by else { return false };
            let same = self.saves.iter().any(|other| other.by == *by && other.request == save.request);
            *by == save.by || same && state.at.after(limits::CLAIM) > reply.at
        };
        let Some(place) = made
            .iter()
            .copied()
            .filter(|place| may_answer(place) && !self.is_part(*place))
            .find(|place| number(*place) == receipt.version)
        else {
            let why = format!("it was answered with version {}, which it did not make", receipt.version);
            return Err(Law::Answer.broken(why));
        };
        self.check_receipt(save, receipt, place, numbers).map_err(|why| Law::Receipt.broken(why))
    }

    /// Checks a response of `unchanged`. The state that it shows has everything that the save asked for, and that state
    /// stays in the record or in a row.
    fn check_unchanged(&self, save: &Save, reply: &Reply, receipt: &Receipt, numbers: &Numbers) -> Result<(), String> {
        let first = self.saves.iter().filter(|other| other.shares_key(save)).map(|other| other.place).min();
        let from = if self.observed { first.unwrap_or(save.place).min(save.place) } else { 0 };
        let to = if self.observed { reply.place } else { self.states.len() - 1 };
        let mut why = format!("it was answered with version {}, which did not exist", receipt.version);
        for place in from..=to {
            let state = &self.states[place];
            let made = state.write.as_ref().map(|(_, made)| made);
            for face in [Some(&state.now), made].into_iter().flatten() {
                let Some(found) = face.content.as_ref().filter(|_| face.number == receipt.version) else { continue };
                let repeated = self.is_repeated(save, place);
                let all = self.sides(save, place, reply.at, found, numbers);
                let verdicts: Vec<_> = all.iter().map(|sides| lawful(save, sides, found, found, repeated)).collect();
                match verdicts.into_iter().find_map(Result::err) {
                    Some(lacks) if !all.iter().any(|sides| lawful(save, sides, found, found, repeated).is_ok()) => {
                        why = lacks;
                    }
                    _ if self.stays(place, face) => return Ok(()),
                    _ => why = "its values were in an external state, and are in no row".to_owned(),
                }
            }
        }
        Err(why)
    }

    /// Reports whether a state was written by ripple, is still in the table, or is in a row.
    fn stays(&self, place: usize, face: &Face) -> bool {
        let state = &self.states[place];
        let in_row = |body: &Members| Some(attributes(body)) == face.content;
        state.write.is_some()
            || place + 1 == self.states.len()
            || self.probes.iter().flat_map(|probe| &probe.rows).any(|(.., heard)| heard.body().is_some_and(in_row))
    }

    /// Reports whether the run gives a reason for a refusal.
    fn is_due(&self, save: &Save, reply: &Reply) -> bool {
        let heard = &reply.heard;
        let (from, to) = if self.observed { (save.place, reply.place) } else { (0, self.states.len() - 1) };
        let met = &self.states[from..=to];
        // A program may have written to an item while it was deleted. The row is that of a tombstone all the same.
        let was_tombstone = |state: &State| {
            state.now.is_tombstone() || state.write.as_ref().is_some_and(|(_, made)| made.is_tombstone())
        };
        let external = self.states[..=to].iter().any(|state| state.made().is_none() && state.now.item.is_some());
        match heard.code().unwrap_or_default() {
            "exists" => matches!(save.what, What::Create(_)) && met.iter().any(|state| state.now.content.is_some()),
            "gone" | "deleted" => {
                met.iter().any(|state| state.now.is_tombstone())
                    || matches!(save.what, What::Restore(_)) && self.states[..=to].iter().any(was_tombstone)
            }
            "not_found" => met.iter().any(|state| state.now.item.is_none()),
            "no_such_version" => match &save.what {
                What::Restore(number) => !self.must_have_row(*number, to, reply.at),
                _ => false,
            },
            "stale" => external,
            // A restored record is a new record, so it must have every required member.
            "invalid_body" => match &save.what {
                What::Put(record) => {
                    let brings_back = record.get("deleted") == Some(&Value::Bool(false));
                    brings_back && !REQUIRED.iter().all(|name| record.contains_key(*name))
                }
                _ => false,
            },
            "idempotency_key_reused" => {
                let used = |other: &Save| other.shares_key(save) && other.request != save.request;
                let lately = |other: &&Save| other.at.after(limits::CLAIM) > reply.at;
                self.saves.iter().filter(lately).any(used)
            }
            // Each of the tries was lost to a state that another writer made in between.
            "unavailable" if heard.is_contended() => {
                let external = self.states.iter().filter(|state| state.write.is_none()).count();
                self.states.len() + external > limits::SAVE_TRIES as usize
            }
            "unavailable" | "outcome_unknown" => self.faulty,
            _ => false,
        }
    }

    /// Reports whether the history must have this version now, while the table holds the state of this place.
    pub(super) fn must_have_row(&self, number: i64, place: usize, now: Timestamp) -> bool {
        self.states[..=place].iter().enumerate().any(|(index, state)| {
            let is_it = state.write.as_ref().is_some_and(|(_, made)| made.number == number);
            let next = self.states[..=place].get(index + 1);
            is_it && next.is_none_or(|next| next.at.after(limits::HISTORY) > now)
        })
    }

    /// Checks that the receipt names every replaced single value and no other, and whether its base is missing.
    fn check_receipt(&self, save: &Save, receipt: &Receipt, place: usize, numbers: &Numbers) -> Result<(), String> {
        let Some((read, _)) = &self.states[place].write else { return Ok(()) };
        let (Some(theirs), What::Put(_) | What::Patch(_) | What::MergePatch(_) | What::Edit { .. }) =
            (&read.content, &save.what)
        else {
            return Ok(());
        };
        if receipt.base != save.base && save.base.is_some() {
            return Err(format!("it should name the base {:?}: {receipt:?}", save.base));
        }
        let (before, at) = (place - 1, self.states[place].at);
        let must_know = match save.base {
            Some(base) if numbers.is_tombstone(base) => self.must_have_row(base, before, at),
            _ => self.must_know(save, before, at),
        };
        if receipt.missing && must_know && !matches!(save.what, What::Edit { .. }) {
            return Err(format!("it says that its base is missing, but the history must have it: {receipt:?}"));
        }
        for won in &receipt.won {
            let Some(number) = won.replaced else { return Err(format!("it should say what {} replaced", won.pointer)) };
            let field = won.pointer[1..].split('/').next().unwrap_or_default();
            let known = numbers.content(number).map(|content| content.get(field));
            if known.is_some_and(|value| value != theirs.get(field)) {
                return Err(format!("{} did not replace version {number}'s: {receipt:?}", won.pointer));
            }
        }
        let all = self.sides(save, before, at, theirs, numbers);
        let mut verdict = Ok(());
        for sides in all.iter().filter(|sides| sides.known != receipt.missing || all.len() == 1) {
            // Without a base, a merge patch may replace values that its author did not see.
            let base = match &save.what {
                What::MergePatch(patch) if !sides.known => &unpatched(theirs.clone(), patch),
                _ => &sides.base,
            };
            verdict = check_won(receipt, [base, theirs, &sides.mine]);
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }
}

/// Checks that the receipt names every single value that both sides changed, and every such place of a list of equal
/// length.
fn check_won(receipt: &Receipt, [base, theirs, mine]: [&Members; 3]) -> Result<(), String> {
    if receipt.omitted > 0 {
        return Ok(());
    }
    let told: BTreeSet<&str> = receipt.won.iter().map(|won| won.pointer.as_str()).collect();
    let names: BTreeSet<&String> = theirs.keys().chain(mine.keys()).chain(base.keys()).collect();
    for name in names {
        let [base, theirs, mine] = [base, theirs, mine].map(|side| side.get(name.as_str()));
        let path = format!("/{name}");
        let both = mine != base && theirs != base && mine != theirs;
        let single = |value: Option<&Value>| !matches!(value, Some(Value::List(_) | Value::Map(_)));
        let says = |path: &str, expected: bool| {
            if told.contains(path) == expected {
                return Ok(());
            }
            let replaced = if expected { "was replaced" } else { "was not replaced" };
            Err(format!("{path} {replaced}: {receipt:?}"))
        };
        match kind(name) {
            Kind::Lines if both && base.is_some() && theirs.is_some() && mine.is_some() => {
                says(&path, lines_collide(base, theirs, mine))?;
            }
            Kind::Places => {
                if let (Some(Value::List(base)), Some(Value::List(theirs)), Some(Value::List(mine))) =
                    (base, theirs, mine)
                    && base.len() == theirs.len()
                    && theirs.len() == mine.len()
                {
                    let collides = |place: &usize| {
                        let [base, theirs, mine] = [base, theirs, mine].map(|side| side.get(*place));
                        mine != base && theirs != base && mine != theirs && single(mine)
                    };
                    for place in (0..mine.len()).filter(collides) {
                        says(&format!("{path}/{place}"), true)?;
                    }
                }
            }
            _ if single(mine) && single(theirs) => says(&path, both)?,
            _ => {}
        }
    }
    Ok(())
}
