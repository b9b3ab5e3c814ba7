//! The three-way merge: the effect of a save on the state that it finds.
//!
//! # The law
//!
//! A save knows three states: **base**, the state that its author saw; **mine**, the author's edited state; and
//! **theirs**, the state in the table. The merge returns the state that holds both edits.
//!
//! 1. *One side changed.* A value that only one side changed is as that side left it. If both changed it to the same
//!    value, that value stands.
//! 2. *Single values.* If both changed a value, mine stands, since it is the later save. The report names it in `won`.
//!    A value that was removed or did not exist counts as one more value.
//! 3. *Objects* are merged member by member.
//! 4. *Text* of several lines is merged line by line if the two edits do not touch. Edits of adjacent lines touch. Then
//!    the text is a single value.
//! 5. *Lists* are of three kinds. The base and mine decide the kind, so that a retry decides the same.
//!    * *Known entries*: base or mine has an entry with an `id`, or both are distinct texts, or the base is empty. An
//!      object is identified by its `id`, a text or a number, and every other entry by its value. Equal entries are
//!      counted. An entry that either side added is included once. An entry that either side removed is gone. An entry
//!      that both changed is merged as an object. If one side removed an entry that the other changed, the change
//!      stands. An added entry stands even if the other side removed an equal one. The order is theirs: an entry that
//!      mine added follows its neighbour in mine, and an entry that mine put at the end is at the end. The order is
//!      mine only if mine moved entries and theirs did not.
//!    * *Places*: all three have one length. Each place is merged as a value.
//!    * *Sequences*: all others. Elements that either side inserted are included, and elements that either side removed
//!      are gone. If both replaced elements of one region by others, mine stands there, and `won` names the list.
//! 6. *Sets* are lists of known values without order. If one side removed a list, set or object, it counts as emptied:
//!    the other side's additions stay. An emptied set is removed, since DynamoDB has no empty sets.
//! 7. *New entries get an `id`.* This applies to an object in a list that has none (`""` and `null` count as none) and
//!    is not an entry of the base. Its `id` is derived from its content, the save's seed, and its number among equal
//!    entries. A copy of an entry with the same `id` also gets a new one. Of entries with one `id`, as many keep it as
//!    the base has, unchanged ones first. So a retry makes the same ids, and two authors who add equal entries add two.
//!    Restored entries are not new.
//! 8. *The schema* can state another rule for a value. The first of these rules decides. The states before and after
//!    the edit pick it, so that a retry picks the same. A value of another shape is merged without the schema.
//!    * *Whole* (`x-merge`): a list, an object or a text is a single value. Its entries get no `id`.
//!    * *Entry keys* (`x-ripple.entries`): another member takes the part of `id`, and `id` is data. With `false`,
//!      objects have no key. They are identified by value or by place, and get no `id`.
//!    * *Places with schemas* (`prefixItems`): each place is merged as a value, and entries get no `id`. A place that a
//!      list lacks is a value that does not exist. If mine cut places, they are gone with all places behind them. If
//!      theirs cut places and mine changed or added one there, the places before it come back as mine has them.
//!      A DynamoDB set, and a list of base or mine with more places than the schema, is merged without the schema.
//!    * *Sets with order* (`uniqueItems`): entries are known by their values, and each value is included once. A list
//!      of base or mine that holds lists or objects is merged without the schema.
//!    * `oneOf`: the value's type picks the branch, and the branch's rules apply.
//! 9. *No base.* An edit without a base was made on an unknown state. Single values, whole values and places with
//!    schemas are as sent. Other lists and sets hold the elements of both. Only an explicit `null` removes anything.
//!    The one exception is a merge patch (RFC 7396): it replaces lists as a whole.

mod entries;
mod ids;
mod list;
mod report;
mod rules;
mod sequence;

use std::cmp::Ordering;

use crate::value::{Members, Value};

pub use report::{Counts, Report, Touched};
pub use rules::Rules;

pub(crate) use entries::Entries;
pub(crate) use ids::{Known, give as give_ids};
pub(crate) use list::{elements, stand_by_place};
pub(crate) use rules::ListRule;

use report::Notes;

/// Merges `mine` into `theirs`, both based on `base`, by the rules of a schema. Reports the result for each field.
///
/// ```
/// use ripple_core::record::merge::{Rules, merge};
/// use ripple_core::value::Members;
///
/// let state = |goal: &str, term: u64| Members::from([("goal".into(), goal.into()), ("term".into(), term.into())]);
/// let (merged, report) = merge(&state("Beans", 1), &state("Peas", 1), &state("Beans", 2), Rules::default());
/// assert_eq!(merged, state("Peas", 2));
/// assert_eq!(report.taken[0].pointer, "/term");
/// ```
#[must_use]
pub fn merge(base: &Members, theirs: &Members, mine: &Members, rules: Rules<'_>) -> (Members, Report) {
    let mut notes = Notes::default();
    let merged = merge_members([base, theirs, mine], rules, &mut notes);
    (merged, notes.report)
}

/// Merges like [`merge`], but treats every list and set as a single value.
pub(super) fn merge_with_whole_lists(
    base: &Members,
    theirs: &Members,
    mine: &Members,
    rules: Rules<'_>,
) -> (Members, Report) {
    let mut notes = Notes::default();
    notes.whole_lists = true;
    let merged = merge_members([base, theirs, mine], rules, &mut notes);
    (merged, notes.report)
}

fn merge_members(sides: [&Members; 3], rules: Rules<'_>, notes: &mut Notes) -> Members {
    let [_, theirs, mine] = sides;
    let merged = names(theirs, mine).filter_map(|name| {
        let values = sides.map(|side| side.get(name));
        let value = notes.within(name, |notes| merge_value(values, rules.member(name), notes));
        Some((name.clone(), value?))
    });
    merged.collect()
}

/// Returns the names that either has, in order. A name that only the base has is gone on both sides.
fn names<'a>(one: &'a Members, other: &'a Members) -> impl Iterator<Item = &'a String> {
    let (mut one, mut other) = (one.keys().peekable(), other.keys().peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(left), Some(right)) => match left.cmp(right) {
            Ordering::Less => one.next(),
            Ordering::Greater => other.next(),
            Ordering::Equal => one.next().and(other.next()),
        },
        _ => one.next().or_else(|| other.next()),
    })
}

/// Merges one value. `None` is a value that does not exist.
fn merge_value(sides: [Option<&Value>; 3], rules: Rules<'_>, notes: &mut Notes) -> Option<Value> {
    let [base, theirs, mine] = sides;
    if mine == theirs {
        return theirs.cloned();
    }
    if mine == base {
        notes.kept();
        return theirs.cloned();
    }
    if theirs == base {
        notes.taken(list::changed(base, mine, rules.branch(mine.or(base))));
        return mine.cloned();
    }
    // Theirs emptied what mine removed: there is nothing to merge, and the removal is the later change.
    if mine.is_none() && theirs.is_some_and(is_empty) {
        notes.won();
        return None;
    }
    // If mine has no value, theirs has one of the same type as the merged value. So a retry picks the same branch.
    let value = mine.or(theirs);
    if rules.is_whole(value) {
        notes.won();
        return mine.cloned();
    }
    let rules = rules.branch(value);
    let merged = if let Some(sides) = objects(base, theirs, mine) {
        let merged = merge_members(sides, rules, notes);
        (!merged.is_empty()).then_some(Value::Map(merged))
    } else if let Some(text) = text(base, theirs, mine) {
        let merged = Some(Value::String(text));
        if merged.as_ref() == theirs {
            notes.kept()
        } else {
            notes.merged(None)
        }
        merged
    } else if !notes.whole_lists
        && let Some(merged) = list::merge(sides, rules, notes)
    {
        Some(merged).filter(|merged| !is_empty(merged))
    } else {
        notes.won();
        return mine.cloned();
    };
    // An empty value stays only if neither side removed it.
    merged.or_else(|| theirs.and(mine).and_then(emptied))
}

/// Returns the merged text. Returns `None` if it is a single value.
fn text(base: Option<&Value>, theirs: Option<&Value>, mine: Option<&Value>) -> Option<String> {
    match (base, theirs, mine) {
        (Some(Value::String(base)), Some(Value::String(theirs)), Some(Value::String(mine))) => {
            sequence::merge_lines(base, theirs, mine)
        }
        _ => None,
    }
}

/// Returns the three as objects, with an empty object for one that does not exist. Returns `None` if another kind of
/// value is among them.
fn objects<'a>(
    base: Option<&'a Value>,
    theirs: Option<&'a Value>,
    mine: Option<&'a Value>,
) -> Option<[&'a Members; 3]> {
    static EMPTY: Members = Members::new();
    // A base of another type counts as none if both sides made an object of it.
    let base = match base {
        Some(Value::Map(members)) => Some(members),
        Some(_) if theirs.is_none() || mine.is_none() => return None,
        _ => None,
    };
    let members = |side: Option<&'a Value>| match side {
        Some(Value::Map(members)) => Some(members),
        Some(_) => None,
        None => Some(&EMPTY),
    };
    Some([base.unwrap_or(&EMPTY), members(theirs)?, members(mine)?])
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_empty(),
        Value::Map(members) => members.is_empty(),
        _ => false,
    }
}

/// Returns the empty value of the same type. Returns `None` for a set, since there is no empty set.
fn emptied(value: &Value) -> Option<Value> {
    match value {
        Value::Map(_) => Some(Value::Map(Members::new())),
        Value::List(_) => Some(Value::List(Vec::new())),
        _ => None,
    }
}
