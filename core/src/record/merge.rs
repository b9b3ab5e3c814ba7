//! The three-way merge: what a save makes of the state it finds.
//!
//! # The law
//!
//! A save knows three states: **base**, which its author had in front of them; **mine**, what they made of it; and
//! **theirs**, what the table holds by now. The merge takes them to the state that holds both edits.
//!
//! 1. *One side changed.* What only one side changed is as that side left it. What both changed to the same is that.
//! 2. *Single values.* Where both changed text, a number, `true`, `null`, or a value's type, mine stands: it is the
//!    later save. A value that was removed or was not there counts as one more value. The receipt names what gave way.
//! 3. *Objects* are merged member by member.
//! 4. *Lists* are merged entry by entry. An entry that is an object is known by its `id`, text or a number; every
//!    other by its value. Equal entries are told apart by counting them. Entries added on either side are in, once;
//!    entries removed on either side are gone; an entry that both changed is merged as an object is. Where one side
//!    removed an entry that the other changed, the change stands, and so does an added entry against the removal of
//!    its equal.
//! 5. *Order* is theirs. What I added follows the neighbour that it had in mine, and what I put at the end is at the
//!    end. Only where I moved entries and they did not is the order mine.
//! 6. *Sets* are lists of values without order. A list, set or object that one side removed was emptied by it: what
//!    the other side put into it stays.
//! 7. *New entries get an `id`*: an object in a list that has none, and is not an entry of the base or of theirs coming
//!    back, gets one made of its content, the base's version and its place among its equals. So a save that is sent
//!    again makes the same ids, and changes nothing. What is restored is not new.
//! 8. *No base.* Whose author says of no version that they saw it has seen nothing: single values are as they sent
//!    them, lists and sets hold what both have, and nothing is removed but by an explicit `null`. So it is with a base
//!    that nobody has any longer, and with version 0 where that may be one of several states (see [`crate::record::history`]).

mod entries;
mod ids;
mod list;
mod receipt;

use crate::value::{Members, Value};

pub use receipt::{Counts, Report, Touched};

pub(crate) use entries::Entries;
pub(crate) use ids::give as give_ids;
pub(crate) use list::elements;
pub(crate) use receipt::push_token;

use receipt::Notes;

/// Merges `mine` into `theirs`, both made of `base`, and tells what became of what.
#[must_use]
pub fn merge(base: &Members, theirs: &Members, mine: &Members) -> (Members, Report) {
    let mut notes = Notes::default();
    let merged = merge_members(base, theirs, mine, &mut notes);
    (merged, notes.receipt)
}

fn merge_members(base: &Members, theirs: &Members, mine: &Members, notes: &mut Notes) -> Members {
    let mut merged = Members::new();
    let added = mine.keys().filter(|name| !theirs.contains_key(*name));
    let gone = base.keys().filter(|name| !theirs.contains_key(*name) && !mine.contains_key(*name));
    for name in theirs.keys().chain(added).chain(gone) {
        let value = notes.within(name, |notes| merge_value(base.get(name), theirs.get(name), mine.get(name), notes));
        merged.extend(value.map(|value| (name.clone(), value)));
    }
    merged
}

/// `None` is a value that is not there.
fn merge_value(base: Option<&Value>, theirs: Option<&Value>, mine: Option<&Value>, notes: &mut Notes) -> Option<Value> {
    if mine == theirs {
        return theirs.cloned();
    }
    if mine == base {
        notes.kept();
        return theirs.cloned();
    }
    if theirs == base {
        notes.taken(list::changed(base, mine));
        return mine.cloned();
    }
    let merged = if let Some([base, theirs, mine]) = objects(base, theirs, mine) {
        let merged = merge_members(base, theirs, mine, notes);
        (!merged.is_empty()).then_some(Value::Map(merged))
    } else if let Some(merged) = list::merge(base, theirs, mine, notes) {
        Some(merged).filter(|merged| !is_empty(merged))
    } else {
        notes.won();
        return mine.cloned();
    };
    // Empty it stays only where neither side removed it.
    merged.or_else(|| theirs.and(mine).cloned().map(emptied))
}

/// The three as objects, one that is not there as an empty one; `None` where they are not all objects.
fn objects<'a>(
    base: Option<&'a Value>,
    theirs: Option<&'a Value>,
    mine: Option<&'a Value>,
) -> Option<[&'a Members; 3]> {
    static EMPTY: Members = Members::new();
    // What was another type before both made an object of it is no base.
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
    matches!(value, Value::List(list) if list.is_empty())
}

fn emptied(value: Value) -> Value {
    match value {
        Value::Map(_) => Value::Map(Members::new()),
        _ => Value::List(Vec::new()),
    }
}
