//! The laws of steps: a save asked for each step of the record from one state to the next, and for all of it.

use ripple_core::limits;
use ripple_core::value::{Members, Value};

use super::law::{self, alike, check_once};
use super::numbers::Numbers;
use super::sides::{Sides, sent};
use super::{Broken, Evidence, Law};
use crate::model::record::{UNKNOWN, attributes, text};
use crate::model::script::{FEED, SETUP};
use crate::model::transcript::{Actor, Face, Save, State, What};

impl Evidence<'_> {
    pub(super) fn check_steps(&self, numbers: &Numbers) -> Result<(), Broken> {
        for (place, pair) in self.states.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            match &after.by {
                Actor::Initial | Actor::External => {}
                Actor::Expiry => check_expiry(before, after)?,
                Actor::Ripple(by) => {
                    let number = after.write.as_ref().map_or(0, |(_, made)| made.number);
                    self.check_step(by, place, numbers).map_err(|Broken { law, why }| Broken {
                        law,
                        why: format!("version {number}, made by {by}: {why}"),
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Checks the step from the state of this place to the next, which the save `by` made.
    fn check_step(&self, by: &str, place: usize, numbers: &Numbers) -> Result<(), Broken> {
        let (before, after) = (&self.states[place], &self.states[place + 1]);
        let Some((read, made)) = &after.write else { return Err(Law::Write.broken("no save wrote it")) };
        check_written(&before.now, read, made, &after.now)?;
        if is_adoption(read, made) {
            let is_external = before.made().is_none();
            return if is_external { Ok(()) } else { Err(Law::Write.broken("it changes nothing")) };
        }
        if let Some(record) = &made.content {
            check_once(record).map_err(|why| Law::Once.broken(why))?;
        }
        if by == FEED {
            let is_deletion = made.is_tombstone() && read.content.is_none() && before.made().is_none();
            return if is_deletion { Ok(()) } else { Err(Law::Write.broken("the feed edits a record")) };
        }
        if by == SETUP {
            return Ok(());
        }
        let save =
            self.saves.iter().find(|save| save.by == by).ok_or_else(|| Law::Write.broken("no save has this name"))?;
        self.check_repeat(save, place)?;
        self.check_edit(save, place, numbers)?;
        check_types(save, read, made)
    }

    /// Checks that a repeated request makes no second version while its `Idempotency-Key` is remembered. Without an
    /// `Idempotency-Key`, it must change nothing directly after its first version.
    fn check_repeat(&self, save: &Save, place: usize) -> Result<(), Broken> {
        let after = &self.states[place + 1];
        for earlier in &self.states[..=place] {
            let Actor::Ripple(by) = &earlier.by else { continue };
            if is_full(earlier) {
                continue; // it may be a part; only the last part leaves an idempotency record
            }
            let remembered = earlier.at.after(limits::CLAIM) > after.at;
            let same_key = self.saves.iter().any(|other| other.by == *by && other.shares_key(save));
            let same_key = same_key || *by == save.by && save.key.is_some();
            if same_key && remembered {
                return Err(Law::Repeat.broken("its Idempotency-Key has made a version before"));
            }
        }
        // If another program changed the item at the same time, the state is not the save's own result.
        let own = matches!(&self.states[place].by, Actor::Ripple(by) if *by == save.by)
            && self.states[place].made().is_some();
        let merges = matches!(save.what, What::Put(_) | What::Patch(_) | What::Edit { .. }) && save.base.is_some();
        if own && merges && self.states[place].now.content.is_some() && !self.is_part(place) {
            return Err(Law::Repeat.broken("it changes its own result"));
        }
        Ok(())
    }

    fn check_edit(&self, save: &Save, place: usize, numbers: &Numbers) -> Result<(), Broken> {
        let after = &self.states[place + 1];
        let Some((read, made)) = &after.write else { return Ok(()) };
        let brings_back = |state: &Members| same(state, made.content.as_ref());
        match (&save.what, &read.content, &made.content) {
            (What::Delete, Some(_), None) if made.is_tombstone() => Ok(()),
            (What::Create(record), None, Some(_)) => brings_back(&attributes(record)),
            (What::Put(record), None, Some(_)) if record.get("deleted") == Some(&Value::Bool(false)) => {
                brings_back(&sent(record))
            }
            (What::Restore(number), None, Some(_)) if read.is_tombstone() => match numbers.content(*number) {
                Some(state) => brings_back(state),
                None => Err(Law::Merge.broken(format!("there was no record at version {number}"))),
            },
            (What::Create(_) | What::Delete, ..) | (_, None, _) | (_, _, None) => {
                let of = |face: &Face| if face.content.is_some() { "a record" } else { "nothing" };
                Err(Law::Merge.broken(format!("it made {} of {}", of(made), of(read))))
            }
            (_, Some(theirs), Some(merged)) => {
                let all = self.sides(save, place, after.at, theirs, numbers);
                let repeated = self.is_repeated(save, place);
                let mut verdict = Err("there was no such version".to_owned());
                for sides in all {
                    verdict = lawful(save, &sides, theirs, merged, repeated);
                    if verdict.is_err() && is_full(after) {
                        verdict = lawful_in_part(save, &sides, theirs, merged, repeated);
                    }
                    if verdict.is_ok() {
                        break;
                    }
                }
                verdict.map_err(|why| Law::Merge.broken(why))
            }
        }
    }

    /// Reports whether the save that made the state of this place continued from it.
    pub(super) fn is_part(&self, place: usize) -> bool {
        let state = &self.states[place];
        let goes_on = |later: &State| match (&state.write, &later.write) {
            (Some((_, made)), Some((read, _))) => later.by == state.by && read.item == made.item,
            _ => false,
        };
        is_full(state) && self.states[place + 1..].iter().any(goes_on)
    }

    /// Reports whether an earlier save made a version that ripple cannot distinguish from this save.
    pub(super) fn is_repeated(&self, save: &Save, place: usize) -> bool {
        self.states[..=place].iter().any(|state| match &state.by {
            Actor::Ripple(by) => self.saves.iter().any(|other| other.by == *by && other.looks_like(save)),
            _ => false,
        })
    }
}

/// Reports whether a write gives an external state its number and changes nothing.
pub(super) fn is_adoption(read: &Face, made: &Face) -> bool {
    read.content.is_some() && made.content.is_some() && read.data == made.data
}

/// Reports whether a write changes as many members as one transaction can. A larger change takes several transactions,
/// and all but the last are full.
fn is_full(state: &State) -> bool {
    let Some((read, made)) = &state.write else { return false };
    let (Some(read), Some(made)) = (&read.data, &made.data) else { return false };
    let changed = read.keys().filter(|name| made.get(*name) != read.get(*name)).count();
    changed + made.keys().filter(|name| !read.contains_key(*name)).count() == limits::CONDITIONS
}

/// Checks that the members that one part of a save changed have their merged values.
fn lawful_in_part(
    save: &Save,
    sides: &Sides,
    theirs: &Members,
    merged: &Members,
    repeated: bool,
) -> Result<(), String> {
    let changed = |side: &Members| -> Members {
        let changed = side.iter().filter(|(name, _)| theirs.get(*name) != merged.get(*name));
        changed.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let part = Sides { base: changed(&sides.base), mine: changed(&sides.mine), known: sides.known };
    lawful(save, &part, &changed(theirs), &changed(merged), repeated)
}

/// Checks that `merged` is what the save makes of `theirs`.
pub(super) fn lawful(
    save: &Save,
    Sides { base, mine, known }: &Sides,
    theirs: &Members,
    merged: &Members,
    repeated: bool,
) -> Result<(), String> {
    let all = [base, theirs, mine, merged];
    if !matches!(save.what, What::Restore(_)) || base == theirs {
        return law::check(all, repeated, *known);
    }
    // A restored binary came back from JSON as a text. Restoring it is a change that JSON does not show.
    let [base, theirs, mine, merged] = all.map(|side| {
        let mut side = side.clone();
        side.remove(UNKNOWN);
        side
    });
    law::check([&base, &theirs, &mine, &merged], repeated, *known)
}

/// Checks that a write changes what it states, and has read what it changes.
fn check_written(before: &Face, read: &Face, made: &Face, after: &Face) -> Result<(), Broken> {
    let none = Members::new();
    let [before_data, read_data, made_data, after_data] =
        [before, read, made, after].map(|face| face.data.as_ref().unwrap_or(&none));
    let deleted_since = before.is_tombstone() && !read.is_tombstone();
    if deleted_since || before.item.is_some() != read.item.is_some() {
        return Err(Law::Write.broken("it wrote over a state that it had not read"));
    }
    let names = before_data.keys().chain(read_data.keys()).chain(made_data.keys()).chain(after_data.keys());
    for name in names {
        let [before, read, made, after] =
            [before_data, read_data, made_data, after_data].map(|data| data.get(name.as_str()));
        let changes = read != made;
        if changes && before != read {
            let (before, read) = (text(before), text(read));
            return Err(Law::Write.broken(format!("it wrote over /{name}, which was {before}, but it had read {read}")));
        }
        let expected = if changes { made } else { before };
        if after != expected {
            let (after, expected) = (text(after), text(expected));
            return Err(Law::Write.broken(format!("it left /{name} as {after}, and not as {expected}")));
        }
    }
    Ok(())
}

/// Checks that TTL deletes only a tombstone, or what another program left.
fn check_expiry(before: &State, after: &State) -> Result<(), Broken> {
    if before.now.content.is_some() && after.now.content.is_none() && before.write.is_some() {
        return Err(Law::Expiry.broken("TTL deletes a record that ripple has saved"));
    }
    Ok(())
}

/// Checks that a new record is as sent.
fn same(sent: &Members, made: Option<&Members>) -> Result<(), Broken> {
    let none = Members::new();
    let made = made.unwrap_or(&none);
    let mut expected = sent.clone();
    expected.retain(|_, value| *value != Value::Null);
    for name in expected.keys().chain(made.keys()) {
        if !alike(expected.get(name.as_str()), made.get(name.as_str())) {
            let (is, not) = (text(made.get(name.as_str())), text(expected.get(name.as_str())));
            return Err(Law::Merge.broken(format!("/{name} is {is}, and not {not}")));
        }
    }
    Ok(())
}

/// Checks types: a value that JSON shows unchanged keeps its type, a set stays a set, and hidden attributes stay.
fn check_types(save: &Save, read: &Face, made: &Face) -> Result<(), Broken> {
    if matches!(save.what, What::Restore(_)) {
        return Ok(());
    }
    let shown = read.shown.as_ref();
    let (Some(read), Some(made)) = (&read.data, &made.data) else { return Ok(()) };
    for (name, before) in read {
        let Some(after) = made.get(name) else {
            if shown.is_some_and(|shown| shown.contains_key(name)) {
                continue;
            }
            return Err(Law::Keep.broken(format!("/{name}, which no reader is shown, is gone")));
        };
        keeps_type(before, after)
            .map_err(|()| Law::Keep.broken(format!("/{name} has lost a type: it was {before:?} and is {after:?}")))?;
    }
    Ok(())
}

fn keeps_type(before: &Value, after: &Value) -> Result<(), ()> {
    let same = |keeps: bool| if keeps { Ok(()) } else { Err(()) };
    match (before, after) {
        (Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_), Value::List(_)) => Err(()),
        (Value::Map(before), Value::Map(after)) => before
            .iter()
            .filter_map(|(name, before)| Some((before, after.get(name)?)))
            .try_for_each(|(before, after)| keeps_type(before, after)),
        (Value::List(before), Value::List(after)) => {
            // Entries without an id are identified by their content.
            let untyped = |value: &Value| matches!(value, Value::Map(members) if !members.contains_key("mark"));
            let (mut one, mut other) = (before.iter().filter(|v| untyped(v)), after.iter().filter(|v| untyped(v)));
            match (one.next(), other.next(), one.next(), other.next()) {
                (Some(before), Some(after), None, None) => keeps_type(before, after),
                _ => Ok(()),
            }
        }
        _ => same(text(Some(before)) != text(Some(after)) || before == after),
    }
}
