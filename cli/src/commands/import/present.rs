//! Entries that are not created, since their ids exist: in the table, or earlier in the file.
//!
//! An import that was interrupted finds the records that it has made. So an entry whose record has the same content is
//! no news. An entry with other content is, since the import leaves the record as it is.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use ripple_core::record::Names;
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::store::{Capacity, IndexEntry, Source as _};
use ripple_core::value::{Members, Value, parse};
use ripple_core::{RecordId, Timestamp, limits};
use sha2::{Digest as _, Sha256};

use super::identity::half;
use super::source::Entry;

/// An entry whose id exists.
pub(super) struct Present {
    pub(super) id: String,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// What has the id has the content of the entry too.
    Same,
    /// The record in the table has other content.
    Differs,
    /// An earlier entry of the file has the id, and other content.
    DiffersEarlier,
    /// The id was not there when the entry was looked up.
    Meanwhile,
}

/// What was found about an entry before it is imported.
#[derive(Default)]
pub(super) struct Lookup {
    /// `None` for the same entries as of [`content`].
    pub(super) id: Option<String>,
    pub(super) present: Option<Present>,
}

/// The ids of a file that the table did not have, each with the content of its first entry. Both are hashes: a file may
/// have millions.
#[derive(Default)]
pub(super) struct Earlier(HashMap<[u8; 16], [u8; 16]>);

impl Earlier {
    /// Looks up the next entries of the file. They are few, since their records are read at once.
    pub(super) async fn look_up(&mut self, store: &DynamoDb, entries: &[&Entry]) -> anyhow::Result<Vec<Lookup>> {
        let names = store.names();
        let contents: Vec<_> = entries.iter().map(|entry| content(&entry.json, names)).collect();
        let new: BTreeSet<&str> = contents.iter().flatten().map(|(id, _)| &**id).filter(|id| !self.has(id)).collect();
        let asked = |id: &str| IndexEntry { id: RecordId::stored(id.to_owned()), at: Timestamp(0), version: None };
        let asked: Vec<IndexEntry> = new.into_iter().map(asked).collect();
        let found = store.fetch(&asked, &mut Capacity::default()).await.context("cannot read the table")?;
        let found: HashMap<String, Members> = found
            .into_iter()
            .filter(|record| !record.is_deleted())
            .map(|record| (record.id.to_string(), shown(record.attributes)))
            .collect();
        let look_up = |content: Option<(String, Members)>| {
            let Some((id, members)) = content else { return Lookup::default() };
            let state = match found.get(&id) {
                Some(stored) => Some(if is_same(&members, stored) { State::Same } else { State::Differs }),
                None => self.state(&id, members),
            };
            Lookup { id: Some(id.clone()), present: state.map(|state| Present { id, state }) }
        };
        Ok(contents.into_iter().map(look_up).collect())
    }

    fn has(&self, id: &str) -> bool {
        self.0.contains_key(&hash(id.as_bytes()))
    }

    /// Returns what an earlier entry says about one with the same id. Returns `None` if there is no earlier one, and notes
    /// this one.
    fn state(&mut self, id: &str, members: Members) -> Option<State> {
        let content = hash(&serde_json::to_vec(&Value::Map(members)).unwrap_or_default());
        match self.0.entry(hash(id.as_bytes())) {
            Vacant(place) => {
                place.insert(content);
                None
            }
            Occupied(first) => Some(if *first.get() == content { State::Same } else { State::DiffersEarlier }),
        }
    }
}

fn hash(bytes: &[u8]) -> [u8; 16] {
    half(&Sha256::digest(bytes).into())
}

/// Returns the id of an entry and what a record would have of it. Returns `None` for an entry without an id, for a
/// deletion, and for one that is not valid.
fn content(line: &[u8], names: &Names) -> Option<(String, Members)> {
    if export::is_line(line) {
        let record = export::record(line, names).ok().filter(|record| !record.is_deleted())?;
        return Some((record.id.to_string(), shown(record.attributes)));
    }
    let Ok(Value::Map(mut members)) = parse(line) else { return None };
    let key: Vec<Value> = names.keys().into_iter().filter_map(|(name, _)| members.get(name).cloned()).collect();
    let id = names.id_of(&key)?.to_string();
    for (name, _) in names.keys() {
        members.remove(name);
    }
    for name in [&names.version, &names.updated_at, &names.updated_by, &names.updated_author, &names.deleted] {
        members.remove(&**name);
    }
    Some((id, shown(members)))
}

/// Returns members without those that are `null`, which a new record does not get.
fn shown(mut members: Members) -> Members {
    members.retain(|_, value| *value != Value::Null);
    members
}

/// Reports whether a record that was created from `sent` would be as `stored`.
fn is_same(sent: &Members, stored: &Members) -> bool {
    sent.len() == stored.len() && has_all(sent, stored)
}

fn has_all(sent: &Members, stored: &Members) -> bool {
    sent.iter().all(|(name, value)| stored.get(name).is_some_and(|stored| is_same_value(value, stored)))
}

fn is_same_value(sent: &Value, stored: &Value) -> bool {
    match (sent, stored) {
        (Value::Map(sent), Value::Map(stored)) => is_same(sent, stored),
        (Value::List(sent), Value::List(stored)) => {
            sent.len() == stored.len() && sent.iter().zip(stored).all(|(sent, stored)| is_same_entry(sent, stored))
        }
        // JSON has no sets and no binaries.
        (sent, stored) => sent.clone().shaped_like(stored) == *stored,
    }
}

/// Reports whether an entry of a list is the stored one. A creation gives an `id` to an object that has none. Its name
/// depends on the resource.
fn is_same_entry(sent: &Value, stored: &Value) -> bool {
    let (Value::Map(sent), Value::Map(stored)) = (sent, stored) else { return is_same_value(sent, stored) };
    let mut more = stored.iter().filter(|(name, _)| sent.get(name.as_str()).is_none());
    let is_given = |value: &Value| matches!(value, Value::String(id) if id.len() == limits::GIVEN_ID);
    has_all(sent, stored) && more.next().is_none_or(|(_, value)| is_given(value)) && more.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(sent: &str, stored: &str) -> bool {
        let members = |json: &str| match parse(json.as_bytes()) {
            Ok(Value::Map(members)) => members,
            other => panic!("{other:?}"),
        };
        is_same(&shown(members(sent)), &shown(members(stored)))
    }

    #[test]
    fn a_record_has_the_content_that_it_was_created_from() {
        assert!(same(r#"{"a":1.50,"n":null}"#, r#"{"a":1.5}"#));
        assert!(same(
            r#"{"l":[{"x":[{"y":1}]}]}"#,
            r#"{"l":[{"id":"abcdefghijklmnop","x":[{"id":"0123456789abcdef","y":1}]}]}"#
        ));
        for (sent, stored) in [
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
            (r#"{"o":{"a":1}}"#, r#"{"o":{"a":1,"id":"abcdefghijklmnop"}}"#),
            (r#"{"l":[{"x":1}]}"#, r#"{"l":[{"id":"other","x":1}]}"#),
            (r#"{"l":[{"id":"a","x":1}]}"#, r#"{"l":[{"id":"b","x":1}]}"#),
            (r#"{"l":[1,2]}"#, r#"{"l":[2,1]}"#),
            (r#"{"l":[1]}"#, r#"{"l":[1,2]}"#),
        ] {
            assert!(!same(sent, stored), "{sent} {stored}");
        }
    }

    #[test]
    fn ripples_own_members_are_no_content() {
        let names = Names::default();
        let line = br#"{"prj_id":"a","version":3,"updated_at":1,"updated_by":"x","deleted":false,"n":null,"goal":"b"}"#;
        let (id, members) = content(line, &names).expect("a record");
        assert_eq!((id.as_str(), members), ("a", Members::from([("goal".to_owned(), "b".into())])));
        assert!(content(br#"{"goal":"b"}"#, &names).is_none() && content(b"not JSON", &names).is_none());
    }
}
