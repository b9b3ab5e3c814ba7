//! Ids for entries that come without one.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::value::{Members, Value, entries_by_id};

/// The member that an entry is known by.
const ID: &str = "id";

/// Gives every new entry of `mine` that is an object an `id`. One without `id` that stands in `base` or in `theirs` as
/// it is has come back, and stays as it is.
pub(crate) fn give(mine: &mut Members, base: &Members, theirs: &Members, seed: &str) {
    for (name, value) in mine {
        give_in(value, [base.get(name), theirs.get(name)], seed);
    }
}

/// `known`: the value in the base, and in theirs.
fn give_in(value: &mut Value, known: [Option<&Value>; 2], seed: &str) {
    match value {
        Value::Map(members) => {
            static EMPTY: Members = Members::new();
            let [base, theirs] = known.map(|side| if let Some(Value::Map(members)) = side { members } else { &EMPTY });
            give(members, base, theirs, seed);
        }
        Value::List(list) => {
            let known = known.map(|side| if let Some(Value::List(list)) = side { list.as_slice() } else { &[] });
            give_entries(list, known, seed);
        }
        _ => {}
    }
}

fn give_entries(list: &mut [Value], known: [&[Value]; 2], seed: &str) {
    // Mostly none has entries of its own.
    let nested = list.iter().any(|entry| entry.entry_id().is_some() && has_list(entry));
    let mut named = known.map(|side| entries_by_id(if nested { side } else { &[] }));
    let mut unnamed: HashMap<&Value, usize> = HashMap::new();
    for side in known.map(unnamed_entries) {
        for (entry, count) in side {
            let most = unnamed.entry(entry).or_default();
            *most = count.max(*most);
        }
    }
    let mut made: HashMap<String, u64> = HashMap::new();
    for entry in list {
        if let Some(id) = entry.entry_id() {
            // Of two with one id (another writer may have made them) each has its own before it.
            let before = named.each_mut().map(|side| side.get_mut(id).and_then(Vec::pop));
            give_in(entry, before, seed);
            continue;
        }
        if let Some(left) = unnamed.get_mut(&*entry).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        if !matches!(entry, Value::Map(members) if lacks_id(members)) {
            give_in(entry, [None; 2], seed);
            continue;
        }
        let content = serde_json::to_string(entry).expect("values serialise");
        let ordinal = made.entry(content.clone()).or_default();
        let id = derive(&content, seed, *ordinal);
        *ordinal += 1;
        give_in(entry, [None; 2], seed);
        if let Value::Map(members) = entry {
            members.insert(ID.to_owned(), id.into());
        }
    }
}

/// How many there are of each entry that has no id.
fn unnamed_entries(list: &[Value]) -> HashMap<&Value, usize> {
    let mut unnamed: HashMap<&Value, usize> = HashMap::new();
    for entry in list.iter().filter(|entry| entry.entry_id().is_none()) {
        *unnamed.entry(entry).or_default() += 1;
    }
    unnamed
}

/// Whether there is a list in it.
fn has_list(value: &Value) -> bool {
    match value {
        Value::List(_) => true,
        Value::Map(members) => members.values().any(has_list),
        _ => false,
    }
}

fn lacks_id(members: &Members) -> bool {
    matches!(members.get(ID), None | Some(Value::Null))
}

/// 96 bits: two entries of a list will not meet in them.
fn derive(content: &str, seed: &str, ordinal: u64) -> String {
    let seed = serde_json::to_vec(&(seed, ordinal, content)).expect("numbers and text serialise");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(seed)[..12])
}
