//! The law of merging once more, in other words than the merge's own, and only for the records that writers make here:
//! whatever is new has a text that occurs nowhere else, an entry keeps its `mark` through every edit, and nobody moves
//! entries.

use std::collections::BTreeSet;

use ripple_core::value::{Members, Value};

/// A field in the four states of a save: what its author had seen, what was there, what they made of it, what came of it.
#[derive(Clone, Copy)]
struct Field<'a> {
    base: Option<&'a Value>,
    theirs: Option<&'a Value>,
    mine: Option<&'a Value>,
    merged: Option<&'a Value>,
}

/// Whether `merged` has what both sides did.
///
/// # Errors
/// What it has that it should not, or lacks.
pub(crate) fn check(base: &Members, theirs: &Members, mine: &Members, merged: &Members) -> Result<(), String> {
    members("", base, theirs, mine, merged)
}

fn members(path: &str, base: &Members, theirs: &Members, mine: &Members, merged: &Members) -> Result<(), String> {
    let names: BTreeSet<&String> = [base, theirs, mine, merged].into_iter().flat_map(|side| side.keys()).collect();
    for name in names {
        let [base, theirs, mine, merged] = [base, theirs, mine, merged].map(|side| side.get(name));
        field(&format!("{path}/{name}"), Field { base, theirs, mine, merged })?;
    }
    Ok(())
}

fn field(path: &str, field: Field<'_>) -> Result<(), String> {
    let Field { base, theirs, mine, merged } = field;
    let is = |expected: Option<&Value>, exactly: bool, why: &str| {
        let same = if exactly { merged == expected } else { alike(merged, expected) };
        let sentence = || format!("{path} is {}, and not {}: {why}", shown(merged), shown(expected));
        if same { Ok(()) } else { Err(sentence()) }
    };
    if mine == base {
        return is(theirs, true, "the save left it alone");
    }
    if mine == theirs {
        return is(theirs, true, "the save has it as it was");
    }
    if theirs == base {
        return is(mine, false, "only the save changed it");
    }
    if let (Some(theirs), Some(mine)) = (map(theirs), map(mine)) {
        return members(path, &map(base).unwrap_or_default(), &theirs, &mine, &map(merged).unwrap_or_default());
    }
    if let (Some(theirs), Some(mine)) = (list(theirs), list(mine)) {
        return entries(path, list(base).unwrap_or_default(), theirs, mine, list(merged).unwrap_or_default());
    }
    is(mine, true, "both changed it, and the save came later")
}

fn map(value: Option<&Value>) -> Option<Members> {
    match value {
        Some(Value::Map(members)) => Some(members.clone()),
        _ => None,
    }
}

/// One that is not there has no entries. (A single value is no list.)
fn list(value: Option<&Value>) -> Option<&[Value]> {
    match value {
        None => Some(&[]),
        Some(Value::List(list)) => Some(list),
        Some(_) => None,
    }
}

fn entries(path: &str, base: &[Value], theirs: &[Value], mine: &[Value], merged: &[Value]) -> Result<(), String> {
    unnamed(path, base, theirs, mine, merged)?;
    let named = [base, theirs, mine, merged]
        .map(|side| side.iter().filter(|entry| !is_unnamed(entry)).cloned().collect::<Vec<Value>>());
    let [base, theirs, mine, merged] = &named;
    let sides = named.each_ref().map(|side| side.iter().map(mark).collect::<Vec<_>>());
    let marks: BTreeSet<&String> = sides.iter().flatten().collect();
    for name in marks {
        let places = sides.each_ref().map(|side| side.iter().position(|mark| mark == name));
        let at = |side: usize, list: &'_ [Value]| places[side].map(|place| list[place].clone());
        let (base, theirs, mine, merged) = (at(0, base), at(1, theirs), at(2, mine), at(3, merged));
        let path = format!("{path}/{}", shown(Some(&name.as_str().into())));
        let there = |expected: Option<&Value>, why: &str| {
            let as_it_must = match expected {
                None => merged.is_none(),
                Some(expected) => alike(merged.as_ref(), Some(expected)),
            };
            let sentence = || format!("{path} is {}, and not {}: {why}", shown(merged.as_ref()), shown(expected));
            if as_it_must { Ok(()) } else { Err(sentence()) }
        };
        match (&base, &theirs, &mine) {
            (_, Some(theirs), Some(mine)) => {
                let entry = |value| nameless(value);
                let (theirs_id, merged_id) = (id(theirs), merged.as_ref().and_then(id));
                if theirs_id != merged_id {
                    return Err(format!("{path} has another id than it had"));
                }
                let base = base.as_ref().map(entry);
                let (theirs, mine, merged) = (entry(theirs), entry(mine), merged.as_ref().map(entry));
                let sides =
                    Field { base: base.as_ref(), theirs: Some(&theirs), mine: Some(&mine), merged: merged.as_ref() };
                field(&path, sides)?;
            }
            (Some(base), Some(theirs), None) if base == theirs => there(None, "the save removed it")?,
            (Some(base), None, Some(mine)) if alike(Some(base), Some(mine)) => there(None, "others had removed it")?,
            (_, Some(theirs), None) => there(Some(theirs), "others had added or changed it")?,
            (_, None, Some(mine)) => there(Some(mine), "the save added or changed it")?,
            (_, None, None) => there(None, "neither side has it")?,
        }
    }
    let common = |of: &[String], with: &[String]| -> Vec<String> {
        of.iter().filter(|mark| with.contains(mark)).cloned().collect()
    };
    let [base, theirs, mine, merged] = &sides;
    if common(mine, base) == common(base, mine) && common(merged, theirs) != common(theirs, merged) {
        return Err(format!("{path} is in another order than it was: the save moved nothing"));
    }
    Ok(())
}

/// Entries of another writer's that have no mark, and are never edited. One that is there as it was sent is the same.
/// One that is there no longer, or has got an id when the record was created anew, may be added by who still has it.
fn unnamed(path: &str, base: &[Value], theirs: &[Value], mine: &[Value], merged: &[Value]) -> Result<(), String> {
    for entry in theirs.iter().filter(|entry| is_unnamed(entry)) {
        let stays = mine.contains(entry) || !base.contains(entry);
        if merged.iter().filter(|merged| *merged == entry).count() != usize::from(stays) {
            return Err(format!("{path} has {} not as it was", shown(Some(entry))));
        }
    }
    for entry in merged.iter().filter(|entry| is_unnamed(entry) && !theirs.contains(entry)) {
        let sent = |mine: &Value| !theirs.contains(mine) && !base.contains(mine) && nameless(mine) == nameless(entry);
        if !mine.iter().any(sent) {
            return Err(format!("{path} has {}, which nobody added", shown(Some(entry))));
        }
    }
    Ok(())
}

fn is_unnamed(entry: &Value) -> bool {
    matches!(entry, Value::Map(members) if !members.contains_key("mark"))
}

/// What an entry is recognised by, whatever is done to it.
pub(crate) fn mark(entry: &Value) -> String {
    match entry {
        Value::String(text) => text.clone(),
        Value::Map(members) => match members.get("mark") {
            Some(Value::String(mark)) => mark.clone(),
            _ => shown(Some(entry)),
        },
        other => shown(Some(other)),
    }
}

pub(crate) fn id(entry: &Value) -> Option<&Value> {
    match entry {
        Value::Map(members) => members.get("id"),
        _ => None,
    }
}

/// An entry but for its id, which ripple gives.
fn nameless(entry: &Value) -> Value {
    match entry {
        Value::Map(members) => {
            Value::Map(members.iter().filter(|(name, _)| *name != "id").map(|(n, v)| (n.clone(), v.clone())).collect())
        }
        other => other.clone(),
    }
}

/// Whether they are the same but for ids that ripple may have given to entries.
pub(crate) fn alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::List(one)), Some(Value::List(other))) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| nameless(one) == nameless(other))
        }
        (Some(one @ Value::Map(_)), Some(other @ Value::Map(_))) => nameless(one) == nameless(other),
        _ => one == other,
    }
}

/// For a sentence.
pub(crate) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), |value| serde_json::to_string(value).unwrap_or_default())
}

/// Whether every entry of every list is in it once, and no id twice.
///
/// # Errors
/// Which is not.
pub(crate) fn check_once(record: &Members) -> Result<(), String> {
    for (name, value) in record {
        let Value::List(list) = value else { continue };
        let mut seen = BTreeSet::new();
        for entry in list {
            if !seen.insert(mark(entry)) {
                return Err(format!("/{name} has {} twice", shown(Some(entry))));
            }
            if let Some(id) = id(entry)
                && !seen.insert(format!("id {}", shown(Some(id))))
            {
                return Err(format!("/{name} has the id {} twice", shown(Some(id))));
            }
        }
    }
    Ok(())
}
