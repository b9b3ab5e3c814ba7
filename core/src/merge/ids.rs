//! Ids for entries that come without one.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::value::{Members, Value};

/// The member that an entry is known by.
const ID: &str = "id";

/// Gives every new entry of `mine` that is an object an `id`. One without `id` that stands in `base` as it is has
/// come back, and stays as it is.
pub(crate) fn give(mine: &mut Members, base: &Members, version: Option<u64>) {
    for (name, value) in mine {
        give_in(value, base.get(name), version);
    }
}

fn give_in(value: &mut Value, base: Option<&Value>, version: Option<u64>) {
    match value {
        Value::Map(members) => {
            static EMPTY: Members = Members::new();
            let base = if let Some(Value::Map(base)) = base { base } else { &EMPTY };
            give(members, base, version);
        }
        Value::List(list) => {
            let base = if let Some(Value::List(base)) = base { base.as_slice() } else { &[] };
            give_entries(list, base, version);
        }
        _ => {}
    }
}

fn give_entries(list: &mut [Value], base: &[Value], version: Option<u64>) {
    let mut known: HashMap<&Value, Vec<&Value>> = HashMap::new();
    for (id, entry) in base.iter().rev().filter_map(|entry| Some((entry.entry_id()?, entry))) {
        known.entry(id).or_default().push(entry);
    }
    let mut unnamed: HashMap<&Value, usize> = HashMap::new();
    for entry in base.iter().filter(|entry| entry.entry_id().is_none()) {
        *unnamed.entry(entry).or_default() += 1;
    }
    let mut made: HashMap<String, u64> = HashMap::new();
    for entry in list {
        if let Some(id) = entry.entry_id() {
            // Of two with one id (another writer may have made them) each has its own before it.
            let before = known.get_mut(id).and_then(Vec::pop);
            give_in(entry, before, version);
            continue;
        }
        if let Some(left) = unnamed.get_mut(&*entry).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        if !matches!(entry, Value::Map(members) if lacks_id(members)) {
            give_in(entry, None, version);
            continue;
        }
        let content = serde_json::to_string(entry).expect("values serialise");
        let ordinal = made.entry(content.clone()).or_default();
        let id = derive(&content, version, *ordinal);
        *ordinal += 1;
        give_in(entry, None, version);
        if let Value::Map(members) = entry {
            members.insert(ID.to_owned(), id.into());
        }
    }
}

fn lacks_id(members: &Members) -> bool {
    matches!(members.get(ID), None | Some(Value::Null))
}

/// 96 bits: two entries of a list will not meet in them.
fn derive(content: &str, version: Option<u64>, ordinal: u64) -> String {
    let seed = serde_json::to_vec(&(version, ordinal, content)).expect("numbers and text serialise");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(seed)[..12])
}
