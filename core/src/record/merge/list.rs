//! Merges lists and sets by their kind.

use std::borrow::Cow;
use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::entries::Entries;
use super::report::{Counts, Notes};
use super::{ListRule, Rules, merge_value, sequence};
use crate::value::Value;

/// The indexes of the sides of a merge.
const BASE: usize = 0;
const THEIRS: usize = 1;
const MINE: usize = 2;

/// Returns the effect of one side on a list's entries. Returns `None` if a side is not a list.
pub(super) fn changed(base: Option<&Value>, mine: Option<&Value>, rules: Rules<'_>) -> Option<Counts> {
    let rule = rules.list(base, mine);
    let by_place = stand_by_place(base, mine, rule);
    let (base, mine) = (elements(base)?, elements(mine)?);
    let mut counts = Counts::default();
    if by_place {
        counts.changed = base.iter().zip(mine.iter()).filter(|(before, after)| before != after).count();
        counts.added = mine.len().saturating_sub(base.len());
        counts.removed = base.len().saturating_sub(mine.len());
        return Some(counts);
    }
    let entries = Entries::of([&base, &mine], rule.key());
    for slot in entries.slots(1) {
        match entries.get(BASE, *slot) {
            None => counts.added += 1,
            before if before != entries.get(1, *slot) => counts.changed += 1,
            _ => {}
        }
    }
    counts.removed = base.len() + counts.added - mine.len();
    Some(counts)
}

/// Merges changes of both sides. Returns `None` if a side has neither a list nor a set.
pub(super) fn merge(sides: [Option<&Value>; 3], rules: Rules<'_>, notes: &mut Notes) -> Option<Value> {
    let [base, theirs, mine] = sides;
    let was_list = base.is_none_or(|base| elements(Some(base)).is_some());
    if !was_list && (theirs.is_none() || mine.is_none()) {
        return None;
    }
    // JSON shows a set as a list, so a list beside a set counts as a set. A value that was a set stays one if its
    // elements allow it. A set has no places.
    let rule = rules.list(base, mine);
    let sets = || [theirs, mine, base].into_iter().flatten().filter(|value| rule != ListRule::Places && value.is_set());
    let set = sets().next();
    let typed = sides.map(|side| in_type_of(side, set));
    let [of_base, of_theirs, of_mine] = typed.each_ref().map(Option::as_deref);
    let before = elements(of_base).unwrap_or_default();
    let (their_list, my_list) = (elements(of_theirs)?, elements(of_mine)?);
    let sides: [&[Value]; 3] = [&before, &their_list, &my_list];
    let Merged { list, counts, kept, won } = match rule {
        ListRule::Entries(key) => merge_lists(sides, set.is_some(), key, rules.entry(), notes),
        ListRule::Places => merge_tuples(sides, rules, notes),
        ListRule::Set => {
            let distinct = sides.map(distinct);
            merge_entries(&Entries::of(distinct.each_ref().map(AsRef::as_ref), None), rules.entry(), notes)
        }
    };

    // If the sides' sets have several types, the first one that the elements fit unchanged is used. A text beside
    // binaries fits none of them, whatever it looks like.
    let texts = list.iter().any(|value| matches!(value, Value::String(_)));
    let fits = |set: &&Value| !(texts && matches!(set, Value::Binaries(_)));
    let merged = sets().filter(fits).fold(Value::List(list), Value::shaped_like);
    let as_theirs = theirs.map_or_else(|| super::is_empty(&merged), |theirs| *theirs == merged);
    match (as_theirs, won) {
        (true, _) => notes.kept(),
        (false, true) => notes.won(),
        (false, false) => notes.merged(Some(counts)),
    }
    kept.into_iter().for_each(|place| notes.kept_at(place));
    Some(merged)
}

/// A merged list.
#[derive(Default)]
struct Merged {
    list: Vec<Value>,
    /// The edit's effect on the entries.
    counts: Counts,
    /// The places of entries that the edit removed and another author had changed.
    kept: Vec<usize>,
    /// Whether the edit replaced a part of the list that another author had changed.
    won: bool,
}

/// Decides the kind of a list from all its states, and merges it. A retry must decide the same: it has the same base
/// and the same mine, and theirs is the merged list. `rules` are those of an entry.
fn merge_lists(sides: [&[Value]; 3], set: bool, key: Option<&str>, rules: Rules<'_>, notes: &mut Notes) -> Merged {
    let [base, _, mine] = sides;
    let known = set || base.is_empty() || has_keys(&[base, mine], key) || are_distinct_texts(&[base, mine]);
    let (merged, ambiguous) = if known {
        let entries = Entries::of(sides, key);
        (merge_entries(&entries, rules, notes), entries.repeats)
    } else if sides.iter().all(|side| side.len() == base.len()) {
        return merge_places(sides, rules, notes);
    } else {
        (merge_sequence(sides), true)
    };
    // Repeated entries can be matched in several ways. If a retry would match them differently, mine stands as a whole.
    let again = |merged: &Merged| {
        let retry = [base, &merged.list, mine];
        match known {
            true => merge_entries(&Entries::of(retry, key), rules, &mut Notes::default()).list,
            false if merged.list.len() == base.len() && mine.len() == base.len() => {
                merge_places(retry, rules, &mut Notes::default()).list
            }
            false => merge_sequence(retry).list,
        }
    };
    if ambiguous && again(&merged) != merged.list {
        return Merged { list: mine.to_vec(), won: true, ..Merged::default() };
    }
    merged
}

/// Merges lists of equal length, with each place as a separate value.
fn merge_places([base, theirs, mine]: [&[Value]; 3], rules: Rules<'_>, notes: &mut Notes) -> Merged {
    let mut merged = Merged::default();
    for (place, ((base, theirs), mine)) in base.iter().zip(theirs).zip(mine).enumerate() {
        let value = match mine == theirs || mine == base {
            true => theirs.clone(),
            // A place is never removed: if all three have a value, the merged one exists too.
            false => notes
                .at(place, |notes| merge_value([base, theirs, mine].map(Some), rules, notes))
                .unwrap_or_else(|| mine.clone()),
        };
        merged.counts.changed += usize::from(value != *theirs);
        merged.list.push(value);
    }
    merged
}

/// Merges lists whose places have schemas of their own. A place that a list lacks is a value that does not exist.
///
/// If mine cut places, they are gone, and all behind them. If theirs cut places and mine changed one of them or one
/// behind them, the list reaches up to it again, and the places before it are as in mine.
fn merge_tuples([base, theirs, mine]: [&[Value]; 3], rules: Rules<'_>, notes: &mut Notes) -> Merged {
    let cut = mine.len() < base.len();
    let end = if cut { mine.len() } else { mine.len().max(theirs.len()) };
    let mut merged =
        Merged { won: (end..theirs.len()).any(|place| theirs.get(place) != base.get(place)), ..Merged::default() };
    for place in 0..end {
        let values = [base, theirs, mine].map(|side| side.get(place));
        let value = notes.at(place, |notes| merge_value(values, rules.place(place), notes));
        if let Some(value) = value {
            // Only theirs cut places here, so mine has them.
            merged.list.extend(mine.iter().take(place).skip(merged.list.len()).cloned());
            merged.list.push(value);
        }
    }
    for (place, value) in merged.list.iter().enumerate() {
        match theirs.get(place) {
            None => merged.counts.added += 1,
            before => merged.counts.changed += usize::from(before != Some(value)),
        }
    }
    merged.counts.removed = theirs.len().saturating_sub(merged.list.len());
    merged
}

/// Merges lists whose elements are identified neither by a name nor by a place.
fn merge_sequence(sides: [&[Value]; 3]) -> Merged {
    let sides = sides.map(|side| side.iter().collect::<Vec<&Value>>());
    let merged = sequence::merge(sides.each_ref().map(Vec::as_slice), false).expect("changes may meet");
    Merged {
        list: merged.items.into_iter().cloned().collect(),
        counts: merged.counts,
        won: merged.won,
        kept: Vec::new(),
    }
}

/// Merges lists whose entries are identified by their ids or their values.
fn merge_entries(entries: &Entries<'_, 3>, rules: Rules<'_>, notes: &mut Notes) -> Merged {
    let mut merged = Merged { list: Vec::with_capacity(entries.slots(THEIRS).len()), ..Merged::default() };
    for slot in order(entries) {
        let [base, theirs, mine] = [BASE, THEIRS, MINE].map(|side| entries.get(side, slot));
        let more_than_before = |side| entries.count(side, slot) > entries.count(BASE, slot);
        let value = match (theirs, mine) {
            (Some(theirs), Some(mine)) if theirs == mine => Some(theirs.clone()),
            (Some(theirs), Some(_)) => {
                let value = notes.at(merged.list.len(), |notes| merge_value([base, Some(theirs), mine], rules, notes));
                merged.counts.changed += usize::from(value.as_ref() != Some(theirs));
                value
            }
            (Some(_), None) if base == theirs && !more_than_before(THEIRS) => {
                merged.counts.removed += 1;
                None
            }
            (Some(theirs), None) => {
                if base.is_some_and(|base| base != theirs) {
                    merged.kept.push(merged.list.len());
                }
                Some(theirs.clone())
            }
            (None, Some(mine)) => match base {
                Some(base) if base == mine && !more_than_before(MINE) => None,
                base => {
                    merged.counts.added += usize::from(base.is_none());
                    merged.counts.changed += usize::from(base.is_some_and(|base| base != mine));
                    Some(mine.clone())
                }
            },
            (None, None) => None,
        };
        merged.list.extend(value);
    }
    merged
}

/// Returns the entries of both sides in the order of the merged list, including some that do not stay in it.
///
/// The order is theirs, unless only mine moved entries. An entry that mine changed counts even if theirs removed it,
/// since it is back in the merged list. So a retry decides the same.
fn order(entries: &Entries<'_, 3>) -> Vec<u32> {
    let has = |side, slot| entries.place(side, slot).is_some();
    let stays = |slot| has(THEIRS, slot) || entries.get(BASE, slot) != entries.get(MINE, slot);
    let mine_leads = entries.moved(MINE, stays) && !entries.moved(THEIRS, |slot| has(MINE, slot));
    let (spine, grafts) = if mine_leads { (MINE, THEIRS) } else { (THEIRS, MINE) };
    // An entry that the other side added follows its neighbour there. An entry that it put at the end is at the end.
    let grafts = (entries.slots(grafts), grafts);
    let run = |start: usize| grafts.0[start..].iter().copied().take_while(|slot| !has(spine, *slot));
    let last = grafts.0.iter().rposition(|slot| has(spine, *slot));
    let mut order = Vec::with_capacity(entries.slots(spine).len() + grafts.0.len());
    if last.is_some() {
        order.extend(run(0));
    }
    for slot in entries.slots(spine) {
        order.push(*slot);
        if let Some(place) = entries.place(grafts.1, *slot).filter(|place| Some(*place) != last) {
            order.extend(run(place + 1));
        }
    }
    order.extend(run(last.map_or(0, |place| place + 1)));
    order
}

/// Reports whether two states of a list are compared place by place.
pub(crate) fn stand_by_place(before: Option<&Value>, after: Option<&Value>, rule: ListRule<'_>) -> bool {
    let (Some(Value::List(before)), Some(Value::List(after))) = (before, after) else { return false };
    let sides: [&[Value]; 2] = [before, after];
    match rule {
        ListRule::Places => true,
        ListRule::Set => false,
        ListRule::Entries(key) => before.len() == after.len() && !has_keys(&sides, key) && !are_distinct_texts(&sides),
    }
}

/// Reports whether an entry has a key.
fn has_keys(sides: &[&[Value]], key: Option<&str>) -> bool {
    sides.iter().any(|side| side.iter().any(|entry| entry.entry_key(key).is_some()))
}

/// Returns a list without repeated values.
fn distinct(list: &[Value]) -> Vec<Value> {
    let mut seen = HashSet::with_hasher(RandomState::default());
    list.iter().filter(|value| seen.insert(*value)).cloned().collect()
}

/// Reports whether each side holds only texts, and none twice.
fn are_distinct_texts(sides: &[&[Value]]) -> bool {
    sides.iter().all(|side| {
        let mut seen = HashSet::with_hasher(RandomState::default());
        side.iter().all(|entry| matches!(entry, Value::String(text) if seen.insert(text)))
    })
}

/// Returns a list as a set of the same type as the given one.
fn in_type_of<'a>(value: Option<&'a Value>, set: Option<&Value>) -> Option<Cow<'a, Value>> {
    match (value?, set) {
        (list @ Value::List(_), Some(set)) => Some(Cow::Owned(list.clone().shaped_like(set))),
        (value, _) => Some(Cow::Borrowed(value)),
    }
}

/// Returns the entries of a list or set, or no entries if it does not exist. Returns `None` for any other value.
pub(crate) fn elements(value: Option<&Value>) -> Option<Cow<'_, [Value]>> {
    match value {
        None => Some(Cow::Borrowed(&[])),
        Some(Value::List(list)) => Some(Cow::Borrowed(list)),
        Some(Value::Strings(set)) => Some(set.iter().cloned().map(Value::String).collect()),
        Some(Value::Numbers(set)) => Some(set.iter().cloned().map(Value::Number).collect()),
        Some(Value::Binaries(set)) => Some(set.iter().cloned().map(Value::Binary).collect()),
        Some(_) => None,
    }
}
