//! The law of merging, formulated independently of the merge.
//!
//! It holds only for the records that writers make here: a new text occurs nowhere else, and an entry keeps its `mark`
//! through every edit.

use std::collections::{BTreeSet, HashMap, HashSet};

use ripple_core::value::{Members, Value};

use super::field::{Context, Field, id, list, mark, nameless};
use super::lists::{hours, lines, places};
use crate::model::record::{Kind, kind, text as shown};

/// Checks that `merged` has the changes of both sides.
///
/// # Errors
/// Returns a value that `merged` lacks or should not have.
pub(super) fn check([base, theirs, mine, merged]: [&Members; 4], repeated: bool, known: bool) -> Result<(), String> {
    let context = Context { repeated, known };
    for name in names([base, theirs, mine, merged]) {
        let [base, theirs, mine, merged] = [base, theirs, mine, merged].map(|side| side.get(name));
        field(&format!("/{name}"), kind(name), context, Field { base, theirs, mine, merged })?;
    }
    Ok(())
}

fn names(sides: [&Members; 4]) -> BTreeSet<&str> {
    sides.into_iter().flat_map(|side| side.keys().map(String::as_str)).collect()
}

fn field(
    path: &str,
    kind: Kind,
    context: Context,
    field @ Field { base, theirs, mine, merged }: Field<'_>,
) -> Result<(), String> {
    let is = |expected: Option<&Value>, exactly: bool, why: &str| {
        let same = if exactly { merged == expected } else { alike(merged, expected) };
        let sentence = || format!("{path} is {}, and not {}: {why}", shown(merged), shown(expected));
        if same { Ok(()) } else { Err(sentence()) }
    };
    if mine == base {
        return is(theirs, true, "the save left it alone");
    }
    if mine == theirs && !adds_unnamed(base, mine) {
        return is(theirs, true, "the save has it as it was");
    }
    if theirs == base {
        return is(mine, false, "only the save changed it");
    }
    match kind {
        Kind::Places => return places(path, context, field),
        Kind::Hours => return hours(path, context, field),
        Kind::Lines if theirs.is_some() && mine.is_some() => return lines(path, field),
        Kind::Plain | Kind::Set | Kind::Lines => {}
    }
    // A side that removed an object counts as having removed its members.
    let emptied = |side: Option<&Value>| match (side, base) {
        (None, None | Some(Value::Map(_))) => Some(Members::new()),
        (side, _) => map(side),
    };
    if let (Some(theirs), Some(mine)) = (emptied(theirs), emptied(mine)) {
        let (base, merged) = (map(base).unwrap_or_default(), map(merged).unwrap_or_default());
        let kind = if path == "/boxes" { Kind::Places } else { Kind::Plain };
        for name in names([&base, &theirs, &mine, &merged]) {
            let [base, theirs, mine, merged] = [&base, &theirs, &mine, &merged].map(|side| side.get(name));
            self::field(&format!("{path}/{name}"), kind, context, Field { base, theirs, mine, merged })?;
        }
        return Ok(());
    }
    if let (Some(theirs), Some(mine)) = (list(theirs), list(mine)) {
        let (base, merged) = (list(base).unwrap_or_default(), list(merged).unwrap_or_default());
        return entries(path, context, base, theirs, mine, merged);
    }
    is(mine, true, "both changed it, and the save came later")
}

fn map(value: Option<&Value>) -> Option<Members> {
    match value {
        Some(Value::Map(members)) => Some(members.clone()),
        _ => None,
    }
}

fn entries(
    path: &str,
    context: Context,
    base: &[Value],
    theirs: &[Value],
    mine: &[Value],
    merged: &[Value],
) -> Result<(), String> {
    unnamed(path, base, theirs, mine, merged)?;
    let named = [base, theirs, mine, merged]
        .map(|side| side.iter().filter(|entry| !is_unnamed(entry)).cloned().collect::<Vec<Value>>());
    let [base, theirs, mine, merged] = &named;
    let sides = named.each_ref().map(|side| side.iter().map(mark).collect::<Vec<_>>());
    let marks: BTreeSet<&String> = sides.iter().flatten().collect();
    let places = sides.each_ref().map(|side| {
        let places = side.iter().enumerate().rev();
        places.map(|(place, mark)| (mark, place)).collect::<HashMap<&String, usize>>()
    });
    for name in marks {
        let places = places.each_ref().map(|side| side.get(name).copied());
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
                    return Err(format!("{path} has another id than before"));
                }
                let base = base.as_ref().map(entry);
                let (theirs, mine, merged) = (entry(theirs), entry(mine), merged.as_ref().map(entry));
                let sides =
                    Field { base: base.as_ref(), theirs: Some(&theirs), mine: Some(&mine), merged: merged.as_ref() };
                field(&path, Kind::Plain, context, sides)?;
            }
            (Some(base), Some(theirs), None) if base == theirs => there(None, "the save removed it")?,
            (Some(base), None, Some(mine)) if alike(Some(base), Some(mine)) => there(None, "others had removed it")?,
            (_, Some(theirs), None) => there(Some(theirs), "others had added or changed it")?,
            (_, None, Some(mine)) => there(Some(mine), "the save added or changed it")?,
            (_, None, None) => there(None, "neither side has it")?,
        }
    }
    let common = |of: &[String], with: &[String]| -> Vec<String> {
        let with: HashSet<&String> = with.iter().collect();
        of.iter().filter(|mark| with.contains(mark)).cloned().collect()
    };
    let [base, theirs, mine, merged] = &sides;
    // Without a base, the author's moves are unknown.
    let moved = |side: &[String]| common(side, base) != common(base, side);
    if context.known && !moved(mine) && common(merged, theirs) != common(theirs, merged) {
        return Err(format!("{path} has another order, but the save moved nothing"));
    }
    if context.known && moved(mine) && !moved(theirs) && common(merged, mine) != common(mine, merged) {
        return Err(format!("{path} is not in the order that the save made"));
    }
    Ok(())
}

/// Checks entries of other programs, which have no mark.
///
/// An entry that is in the record as it was sent is the same entry. An entry may have left the record, or may have got
/// an id when the record was created again. An author who still has such an entry may add it.
fn unnamed(path: &str, base: &[Value], theirs: &[Value], mine: &[Value], merged: &[Value]) -> Result<(), String> {
    for entry in theirs.iter().filter(|entry| is_unnamed(entry)) {
        let stays = mine.contains(entry) || !base.contains(entry);
        if merged.iter().filter(|merged| *merged == entry).count() != usize::from(stays) {
            return Err(format!("{path} does not have {} as it was", shown(Some(entry))));
        }
    }
    for entry in merged.iter().filter(|entry| is_unnamed(entry) && !theirs.contains(entry)) {
        let sent = |mine: &Value| !base.contains(mine) && nameless(mine) == nameless(entry);
        if !mine.iter().any(sent) {
            return Err(format!("{path} has {}, which no author added", shown(Some(entry))));
        }
    }
    for entry in mine.iter().filter(|entry| is_unnamed(entry) && !base.contains(entry) && !theirs.contains(entry)) {
        if !merged.iter().any(|merged| nameless(merged) == nameless(entry)) {
            return Err(format!("{path} lacks {}, which the save made", shown(Some(entry))));
        }
    }
    Ok(())
}

/// Reports whether a list has entries without a mark that the base lacks. If two authors add equal ones, each adds one.
fn adds_unnamed(base: Option<&Value>, mine: Option<&Value>) -> bool {
    let (Some(base), Some(mine)) = (list(base), list(mine)) else { return false };
    mine.iter().any(|entry| is_unnamed(entry) && !base.contains(entry))
}

fn is_unnamed(entry: &Value) -> bool {
    matches!(entry, Value::Map(members) if !members.contains_key("mark"))
}

/// Reports whether two values are equal, except for ids that ripple may have given to entries.
pub(super) fn alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::List(one)), Some(Value::List(other))) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| nameless(one) == nameless(other))
        }
        (Some(one @ Value::Map(_)), Some(other @ Value::Map(_))) => nameless(one) == nameless(other),
        _ => one == other,
    }
}

/// Checks that no list has an id, a marked entry or a text twice.
///
/// # Errors
/// Returns the repeated entry.
pub(super) fn check_once(record: &Members) -> Result<(), String> {
    for (name, value) in record.iter().filter(|(name, _)| kind(name) != Kind::Places) {
        let Value::List(list) = value else { continue };
        let mut seen = BTreeSet::new();
        for entry in list {
            if kind(name) != Kind::Hours && !seen.insert(mark(entry)) {
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
