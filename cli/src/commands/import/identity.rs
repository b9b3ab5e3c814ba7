//! The identities of entries, and the ids of new records that have none.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ripple_core::record::Names;
use ripple_core::store::dynamodb::export;
use serde_json::value::{RawValue, Value};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::source::Entry;

/// Gives each entry of a file an identity, which follows from its content and from the number of equal ones before it.
#[derive(Default)]
pub(super) struct Identities {
    /// The numbers of entries with the same content, by half of its hash: a file may have millions.
    equal: HashMap<[u8; 16], u32>,
}

impl Identities {
    /// Returns the identity of the next entry.
    pub(super) fn next(&mut self, content: &[u8]) -> [u8; 32] {
        let content: [u8; 32] = Sha256::digest(content).into();
        let count = self.equal.entry(half(&content)).or_default();
        let identity =
            Sha256::new().chain_update(content).chain_update(u64::from(*count).to_be_bytes()).finalize().into();
        *count += 1;
        identity
    }
}

/// Returns a hash that no two contents of a file have in common.
pub(super) fn half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// Returns the id of a new record that has none. It follows from the identity of its entry, so that the entry creates it
/// once.
pub(super) fn id_of(identity: &[u8; 32]) -> Uuid {
    Builder::from_custom_bytes(half(identity)).into_uuid()
}

/// Gives each record without the key one that is derived from its content and from the number of equal ones before it.
/// If the same file is imported again, even with more lines, no record is imported twice.
#[derive(Default)]
pub(super) struct Ids(Identities);

impl Ids {
    pub(super) fn identified(&mut self, Entry { place, json }: Entry, names: &Names) -> Entry {
        let Some(members) = without_key(&json, names) else { return Entry { place, json } };
        let id = id_of(&self.0.next(&json));
        let comma = if members.is_empty() { "" } else { "," };
        Entry { place, json: Bytes::from(format!(r#"{{{}:"{id}"{comma}{members}}}"#, Value::from(&*names.key))) }
    }
}

/// Returns the text between the braces of a new record that has no key. Returns `None` for anything else. A record with a
/// version is not new.
fn without_key(json: &[u8], names: &Names) -> Option<String> {
    if export::is_line(json) {
        return None;
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
    if members.get(&*names.version).is_some_and(|version| version.get() != "null") {
        return None;
    }
    match members.get(&*names.key) {
        None => {
            let text = std::str::from_utf8(json).ok()?.trim();
            Some(text.strip_prefix('{')?.strip_suffix('}')?.trim().to_owned())
        }
        // This counts as no key. With another one beside it, the key would occur twice.
        Some(value) if value.get() == "null" => {
            let others = members.iter().filter(|(name, _)| **name != *names.key);
            Some(
                others
                    .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
                    .collect::<Vec<_>>()
                    .join(","),
            )
        }
        Some(_) => None,
    }
}
