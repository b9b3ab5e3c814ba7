//! Whether the history tells the truth.

use ripple_core::value::{Members, Value};

use super::state::{SYSTEM, with};
use super::{Evidence, Made, Versions};
use crate::heard::{Heard, version};
use crate::law::{id, shown};

impl Evidence<'_> {
    /// The history has a row for each version, which tells what the write changed and what that replaced, and shows the
    /// record as it was.
    pub(super) fn check_history(&self, versions: &Versions<'_>) -> Result<(), String> {
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
}

fn body(heard: &Heard) -> &Option<Members> {
    match heard {
        Heard::Answer { body, .. } => body,
        Heard::Nothing => &None,
    }
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
