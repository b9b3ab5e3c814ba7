//! A field in the states of a save, and the identity of its entries.

use ripple_core::value::Value;

use crate::model::record::text as shown;

/// A field in the four states of a save: base, theirs, mine and merged.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) base: Option<&'a Value>,
    pub(super) theirs: Option<&'a Value>,
    pub(super) mine: Option<&'a Value>,
    pub(super) merged: Option<&'a Value>,
}

/// What the judge knows about the save.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// Whether ripple cannot distinguish the save from an earlier one.
    pub(super) repeated: bool,
    /// Whether the base is the state that the author saw.
    pub(super) known: bool,
}

/// Returns the entries of a list. An absent value has none. Returns `None` for a value that is not a list.
pub(super) fn list(value: Option<&Value>) -> Option<&[Value]> {
    match value {
        None => Some(&[]),
        Some(Value::List(list)) => Some(list),
        Some(_) => None,
    }
}

/// Returns the text that identifies an entry through every edit.
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

/// Returns an entry without its id, which ripple may have given.
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
