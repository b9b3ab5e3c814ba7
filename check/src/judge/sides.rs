//! The two sides of a save: its base, and its author's edit.

use ripple_core::Timestamp;
use ripple_core::limits;
use ripple_core::value::{Members, Value};

use super::Evidence;
use super::numbers::Numbers;
use crate::model::heard::version;
use crate::model::record::attributes;
use crate::model::transcript::{Face, Save, State, What};

/// The two sides of a save.
pub(super) struct Sides {
    pub(super) base: Members,
    pub(super) mine: Members,
    /// Whether the base is the state that the author saw.
    pub(super) known: bool,
}

impl Evidence<'_> {
    /// Returns the possible sides of a save that finds `theirs` in the state of this place, at this time. There are two
    /// only if ripple may have lost the base.
    pub(super) fn sides(
        &self,
        save: &Save,
        place: usize,
        at: Timestamp,
        theirs: &Members,
        numbers: &Numbers,
    ) -> Vec<Sides> {
        let view = save.view.as_ref().map(attributes).unwrap_or_default();
        let on_view = || sides(save, Some(&view), theirs, numbers);
        let on_nothing = || sides(save, None, theirs, numbers);
        let all = match (&save.what, save.base) {
            (What::Edit { .. }, _) => vec![on_nothing()],
            (_, None) => vec![on_nothing()],
            (_, Some(base)) if numbers.is_tombstone(base) => {
                let on_tombstone = sides(save, Some(&Members::new()), theirs, numbers);
                let known = self.must_have_row(base, place, at);
                if known { vec![on_tombstone] } else { vec![on_tombstone, on_nothing()] }
            }
            (_, Some(_)) if self.must_know(save, place, at) => vec![on_view()],
            (_, Some(_)) => vec![on_view(), on_nothing()],
        };
        all.into_iter().flatten().collect()
    }

    /// Reports whether ripple must know the state that the author saw: it is current, or it has a row and was replaced
    /// within 90 days. An external state has a row only if a save adopted it or wrote over it.
    pub(super) fn must_know(&self, save: &Save, place: usize, at: Timestamp) -> bool {
        let number = save.view.as_ref().and_then(version);
        let shows = |face: &Face| Some(face.number) == number && face.shown.is_some() && face.shown == save.view;
        let kept = |replaced: &State| replaced.at.after(limits::HISTORY) > at;
        (0..=place).any(|index| {
            let (state, next) = (&self.states[index], self.states[..=place].get(index + 1));
            let made = state.write.as_ref().is_some_and(|(_, made)| shows(made));
            let replaced = state.write.as_ref().is_some_and(|(read, _)| {
                let there = index.checked_sub(1).map(|before| &self.states[before].now);
                shows(read) || there.is_some_and(|there| shows(there) && there.data == read.data)
            });
            made && next.is_none_or(kept) || replaced && kept(state) || next.is_none() && shows(&state.now)
        })
    }
}

/// Returns the sides of a save. `base` is the state that the author saw. It is `None` if the request names no base, or
/// if ripple has lost it.
fn sides(save: &Save, base: Option<&Members>, theirs: &Members, numbers: &Numbers) -> Option<Sides> {
    // The author has not seen the current values of the sent members.
    let unseen = |sent: &Members| {
        let mut base = theirs.clone();
        base.retain(|name, _| sent.get(name).is_none_or(|sent| *sent == Value::Null));
        base
    };
    let known = base.is_some();
    let (base, mine) = match (&save.what, base) {
        (What::Put(record), Some(base)) => (base.clone(), with(base.clone(), &sent(record))),
        (What::Patch(patch) | What::MergePatch(patch), Some(base)) => (base.clone(), patched(base.clone(), patch)),
        (What::Restore(number), Some(base)) => (base.clone(), numbers.content(*number)?.clone()),
        (What::Put(record), None) => (unseen(record), with(theirs.clone(), &sent(record))),
        (What::Patch(patch), None) => (unpatched(theirs.clone(), patch), patched(theirs.clone(), patch)),
        // RFC 7396: the current value becomes the value of the patch.
        (What::MergePatch(patch), None) => (theirs.clone(), patched(theirs.clone(), patch)),
        (What::Restore(number), None) if save.base.is_none() => (theirs.clone(), numbers.content(*number)?.clone()),
        (What::Restore(number), None) => {
            let state = numbers.content(*number)?;
            (unseen(state), with(theirs.clone(), state))
        }
        (What::Edit { seen, set }, _) => {
            let (mut base, mut mine) = (theirs.clone(), theirs.clone());
            for (name, value) in set {
                put(&mut base, name, seen.get(name));
                put(&mut mine, name, value.as_ref());
            }
            return Some(Sides { base: attributes(&base), mine: attributes(&mine), known: true });
        }
        (What::Create(_) | What::Delete, _) => return None,
    };
    Some(Sides { base, mine, known })
}

fn put(record: &mut Members, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => drop(record.insert(name.to_owned(), value.clone())),
        None => drop(record.remove(name)),
    }
}

/// Returns the attributes that a whole record sends.
pub(super) fn sent(record: &Members) -> Members {
    let mut sent = attributes(record);
    if record.get("deleted") == Some(&Value::Bool(false)) {
        sent.remove("deleted");
    }
    // An empty set is a removal.
    if record.contains_key("labels") && !sent.contains_key("labels") {
        sent.insert("labels".to_owned(), Value::Null);
    }
    sent
}

fn with(mut record: Members, sent: &Members) -> Members {
    for (name, value) in sent {
        put(&mut record, name, Some(value).filter(|value| **value != Value::Null));
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

/// Returns a record without the members that a patch sets.
pub(super) fn unpatched(mut record: Members, patch: &Members) -> Members {
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
