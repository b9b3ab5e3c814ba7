//! The laws of the history: every replaced state can be read for 90 days, and the history is true.

use ripple_core::limits;
use ripple_core::value::{Members, Value};

use super::field::id;
use super::steps::is_adoption;
use super::{Broken, Evidence, Law};
use crate::model::record::{SYSTEM, attributes, text};
use crate::model::script::FEED;
use crate::model::transcript::{Actor, Face, Probe, State};

impl Evidence<'_> {
    pub(super) fn check_history(&self) -> Result<(), Broken> {
        for probe in self.probes.iter().filter(|_| self.observed) {
            let states = &self.states[..=probe.place];
            for (place, state) in states.iter().enumerate() {
                let next = states.get(place + 1);
                let kept = next.is_none_or(|next| next.at.after(limits::HISTORY) > probe.at);
                if kept {
                    check_kept(probe, state, next).map_err(|why| Law::History.broken(why))?;
                }
            }
            for (number, row, heard) in &probe.rows {
                check_row(states, *number, row, heard.body())
                    .map_err(|why| Law::History.broken(format!("the row of version {number}: {why}")))?;
            }
        }
        Ok(())
    }
}

/// Checks that the history shows a state that is current or was replaced within 90 days.
fn check_kept(probe: &Probe, state: &State, next: Option<&State>) -> Result<(), String> {
    if let Some((_, made)) = &state.write {
        let Some((_, row, heard)) = probe.rows.iter().find(|(number, ..)| *number == made.number) else {
            let until = if next.is_some() { "which was replaced within 90 days" } else { "which is the newest" };
            return Err(format!("it has no row of version {}, {until}", made.number));
        };
        if made.content.is_none() {
            let told = row.get("deleted") == Some(&Value::Bool(true)) && heard.status() == 410;
            return if told { Ok(()) } else { Err(format!("it does not show the deletion {}", made.number)) };
        }
        if heard.body().map(attributes) != made.content {
            return Err(format!("it does not show version {} as it was", made.number));
        }
    }
    // A state of another program gets a row when a save replaces it. So the replaced values must be in a row.
    if state.made().is_none()
        && let Some(left) = &state.now.content
        && let Some(next) = next.filter(|next| next.write.is_some())
    {
        let none = Members::new();
        let now = next.now.content.as_ref().unwrap_or(&none);
        for (name, value) in left.iter().filter(|(name, value)| now.get(name.as_str()) != Some(*value)) {
            let has = |body: &Members| attributes(body).get(name.as_str()) == Some(value);
            if !probe.rows.iter().any(|(.., heard)| heard.is_success() && heard.body().is_some_and(has)) {
                let value = text(Some(value));
                return Err(format!("no row has the /{name} that a save replaced of an external state: {value}"));
            }
        }
    }
    Ok(())
}

/// Checks that a row shows a state that existed.
fn check_row(states: &[State], number: i64, row: &Members, body: Option<&Members>) -> Result<(), String> {
    let made = states.iter().find_map(|state| match (&state.write, &state.by) {
        (Some((read, made)), Actor::Ripple(by)) if made.number == number => Some((read, made, by)),
        _ => None,
    });
    if let Some((read, made, _)) = made
        && is_adoption(read, made)
    {
        let told = row.get("external") == Some(&Value::Bool(true)) && row.get("updated_by") == Some(&FEED.into());
        return if told { Ok(()) } else { Err("it does not say that another program left that state".to_owned()) };
    }
    if let Some((read, made, by)) = made {
        if row.get("updated_by") != Some(&by.as_str().into()) {
            return Err(format!("it was made by {by}, but it says {}", text(row.get("updated_by"))));
        }
        return check_changes(row, read, made);
    }
    let content = body.map(attributes);
    let was = |face: &Face| face.content == content;
    let ever = states.iter().any(|state| was(&state.now) || state.write.as_ref().is_some_and(|(read, _)| was(read)));
    if ever { Ok(()) } else { Err("no state of the record was like that".to_owned()) }
}

/// Checks that a row names every difference, with the previous value.
fn check_changes(row: &Members, before: &Face, after: &Face) -> Result<(), String> {
    let Some(Value::List(changes)) = row.get("changes") else { return Err("it has no changes".to_owned()) };
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
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(name.as_str())));
    for name in names.filter(|name| !SYSTEM.contains(&name.as_str())) {
        let (was, is) = (before.get(name.as_str()), after.get(name.as_str()));
        if was == is {
            continue;
        }
        // A row names changes inside an object member by member, and changes inside a list by entry or by place.
        let whole = !matches!(
            (was, is),
            (Some(Value::Map(_)), Some(Value::Map(_))) | (Some(Value::List(_)), Some(Value::List(_)))
        );
        if !told(name, None, was.filter(|_| whole)) {
            return Err(format!("it does not say that /{name} was {}", text(was)));
        }
        if let (Some(Value::List(list)), Some(Value::List(is))) = (was, is)
            && !told(name, None, was)
        {
            for entry in list.iter().filter(|entry| !is.contains(entry)) {
                if !told(name, id(entry), Some(entry)) && !told_inside(changes, name) {
                    return Err(format!("it does not say that /{name} had {}", text(Some(entry))));
                }
            }
        }
    }
    Ok(())
}

/// Reports whether a row names a change inside a place of the list.
fn told_inside(changes: &[Value], name: &str) -> bool {
    changes.iter().any(|change| match change {
        Value::Map(change) => match change.get("field") {
            Some(Value::String(field)) => field.starts_with(&format!("/{name}/")),
            _ => false,
        },
        _ => false,
    })
}
