//! A field in the states of a save, and what its lists and entries are known by.

use ripple_core::value::Value;

use crate::model::record::text as shown;

/// A field in the four states of a save: what its author had seen, what was there, what they made of it, what came of it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) base: Option<&'a Value>,
    pub(super) theirs: Option<&'a Value>,
    pub(super) mine: Option<&'a Value>,
    pub(super) merged: Option<&'a Value>,
}

/// What is known of the save.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// Whether ripple cannot tell it from an earlier save.
    pub(super) repeated: bool,
    /// Whether the base is what its author had in front of them.
    pub(super) known: bool,
}

/// One that is not there has no entries. (A single value is no list.)
pub(super) fn list(value: Option<&Value>) -> Option<&[Value]> {
    match value {
        None => Some(&[]),
        Some(Value::List(list)) => Some(list),
        Some(_) => None,
    }
}

/// Returns what an entry is recognised by, whatever is done to it.
pub(super) fn mark(entry: &Value) -> String {
    match entry {
        Value::String(text) => text.clone(),
        Value::Map(members) => match members.get("mark") {
            Some(Value::String(mark)) => mark.clone(),
            _ => shown(Some(entry)),
        },
        other => shown(Some(other)),
    }
}

/// Returns an entry without its id, which ripple may give.
pub(super) fn nameless(entry: &Value) -> Value {
    match entry {
        Value::Map(members) => {
            Value::Map(members.iter().filter(|(name, _)| *name != "id").map(|(n, v)| (n.clone(), v.clone())).collect())
        }
        other => other.clone(),
    }
}

pub(super) fn id(entry: &Value) -> Option<&Value> {
    match entry {
        Value::Map(members) => members.get("id"),
        _ => None,
    }
}
