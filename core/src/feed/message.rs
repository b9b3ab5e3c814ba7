//! The messages that the feed sends: states of records, and keys that lost rights.
//!
//! | type | for | data |
//! |---|---|---|
//! | `ripple.states` | an edge | `resource`, and `states` with `id`, `version`, `deleted` and the `item` as the table has it |
//! | `ripple.keys` | an edge | `keys` with `key_hash`, `key_id` and `revoked` |
//! | `{resource}.changed` | a webhook | `changed` and `deleted`, as `_changes` has them |
//!
//! A message has only states that ripple wrote or adopted, each under its number. So a receiver can apply messages in
//! any order and more than once: the greater version wins. A message about keys only takes rights away.

mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::StreamRecord;
use super::key::{KeyChange, Rights};
use crate::record::schema::Resource;
use crate::record::{Names, Record, RecordId};
use crate::store::dynamodb::export;
use crate::store::item::{self, Malformed};

/// The size of a message.
pub const BODY: usize = 1024 * 1024;
/// The size of a request that a receiver may refuse before it reads it. It is more than [`BODY`], so that the limit of
/// a sender may be raised before that of a receiver.
pub const REFUSED: usize = 2 * BODY;

const STATES: &str = "ripple.states";
const KEYS: &str = "ripple.keys";
/// The end of the type of a webhook's message.
const CHANGED: &str = ".changed";

/// What a batch of a stream tells: the newest state of each record, and the keys that lost rights.
#[derive(Debug, Default)]
pub struct Told {
    resources: BTreeMap<String, (Arc<Resource>, BTreeMap<RecordId, Record>)>,
    keys: BTreeMap<String, KeyChange>,
}

/// A message that an edge receives.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// States of records.
    States {
        /// The name of the resource.
        resource: String,
        /// The states.
        states: Vec<State>,
    },
    /// Keys that lost rights.
    Keys(Vec<KeyChange>),
}

/// A state of a record.
#[derive(Debug, PartialEq)]
pub struct State {
    /// The record's id.
    pub id: RecordId,
    /// The number of the state.
    pub version: u64,
    /// Whether the record is deleted.
    pub deleted: bool,
    /// The state. `None` if a message has no room for it: the receiver reads it from the table.
    pub record: Option<Record>,
}

/// Returns the state that a change left, if it has a number.
///
/// # Errors
/// If the new image is not a record.
pub fn numbered(change: &StreamRecord, names: &Names) -> Result<Option<Record>, Malformed> {
    let Some(image) = change.new.clone() else { return Ok(None) };
    Ok(Some(item::record(image, names)?).filter(|record| !record.is_external()))
}

impl Told {
    /// Adds a state, unless a newer one of the same record is there. A state of another program is ignored.
    pub fn add_state(&mut self, resource: &Arc<Resource>, state: Record) {
        if state.is_external() {
            return;
        }
        let (_, states) =
            self.resources.entry(resource.name.clone()).or_insert_with(|| (Arc::clone(resource), BTreeMap::new()));
        let newer = states.get(&state.id).is_some_and(|known| known.version >= state.version);
        if !newer {
            states.insert(state.id.clone(), state);
        }
    }

    /// Adds a change of a key, if the key lost rights.
    pub fn add_key(&mut self, change: KeyChange) {
        if change.rights == Rights::Kept {
            return;
        }
        let known = self.keys.entry(change.key_hash.clone()).or_insert_with(|| change.clone());
        if change.rights == Rights::Revoked {
            *known = change;
        }
    }

    /// Reports whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.keys.is_empty()
    }

    /// Returns the messages for an edge, each of at most [`BODY`] bytes. Those about keys come first.
    #[must_use]
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let keys = self.keys.values().map(|change| {
            let KeyChange { key_hash, key_id, rights } = change;
            json(&KeyJson { key_hash, key_id: key_id.as_deref(), revoked: *rights == Rights::Revoked })
        });
        let mut messages = split(&format!(r#"{{"type":"{KEYS}","data":{{"keys":["#), keys);
        for (name, (resource, states)) in &self.resources {
            let head = format!(r#"{{"type":"{STATES}","data":{{"resource":"{name}","states":["#);
            messages
                .extend(split(&head, states.values().map(|state| state_json(state, resource, BODY - head.len() - 8))));
        }
        messages
    }

    /// Returns the resources of which there are states.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values().map(|(resource, _)| resource)
    }

    /// Returns the messages for the webhook of a resource, each of at most [`BODY`] bytes.
    #[must_use]
    pub fn events(&self, resource: &str) -> Vec<Vec<u8>> {
        let Some((resource, states)) = self.resources.get(resource) else { return Vec::new() };
        let (deleted, live): (Vec<&Record>, Vec<&Record>) = states.values().partition(|state| state.is_deleted());
        let head = format!(r#"{{"type":"{}{CHANGED}","data":{{"deleted":[],"changed":["#, resource.name);
        let mut events = split(&head, live.into_iter().map(|state| state.to_json(&resource.names)));
        let head = format!(r#"{{"type":"{}{CHANGED}","data":{{"changed":[],"deleted":["#, resource.name);
        events.extend(split(&head, deleted.into_iter().map(|state| json(&state.id.as_str()))));
        events
    }
}

#[derive(Serialize)]
struct StateJson<'a> {
    id: &'a str,
    version: u64,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct KeyJson<'a> {
    key_hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    revoked: bool,
}

/// Writes a state. Without its item if it would be larger than `limit`.
fn state_json(state: &Record, resource: &Resource, limit: usize) -> Vec<u8> {
    let item = export::item(state, &resource.names);
    let mut shown = StateJson {
        id: state.id.as_str(),
        version: state.number().unwrap_or_default(),
        deleted: state.is_deleted(),
        item: Some(&item),
    };
    let whole = json(&shown);
    if whole.len() <= limit {
        return whole;
    }
    shown.item = None;
    json(&shown)
}

/// Writes parts into messages of at most [`BODY`] bytes. Only a part that is larger by itself makes a larger message.
fn split(head: &str, parts: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    const TAIL: &[u8] = b"]}}";
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for part in parts {
        match messages.last_mut() {
            Some(message) if message.len() + 1 + part.len() + TAIL.len() <= BODY => {
                message.push(b',');
                message.extend(part);
            }
            _ => messages.push([head.as_bytes(), &part].concat()),
        }
    }
    messages.iter_mut().for_each(|message| message.extend(TAIL));
    messages
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers serialise")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stamp;
    use crate::time::Timestamp;
    use crate::value::{Members, Value};

    fn attributes(goal: &str) -> Members {
        Members::from([
            ("goal".to_owned(), goal.into()),
            ("raw".to_owned(), Value::Binary(vec![0, 255])),
            ("tags".to_owned(), Value::Strings(["x".to_owned()].into())),
        ])
    }

    fn state(id: &str, number: u64, goal: &str) -> Record {
        Record::new(RecordId::stored(id.to_owned()), attributes(goal)).written(None, number, Timestamp(5), "Ann")
    }

    fn tombstone(id: &str, number: u64) -> Record {
        let record = Record::new(RecordId::stored(id.to_owned()), Members::new()).deleted(Timestamp(9_000));
        record.written(None, number, Timestamp(5), "Ann")
    }

    fn told(states: impl IntoIterator<Item = Record>) -> Told {
        let mut told = Told::default();
        states.into_iter().for_each(|state| told.add_state(&Resource::built_in(), state));
        told
    }

    fn read(body: &[u8]) -> Result<Message, Malformed> {
        let resource = Resource::built_in();
        Message::read(body, |name| (name == "prj").then_some(&resource))
    }

    fn states(body: &[u8]) -> Vec<State> {
        match read(body) {
            Ok(Message::States { resource, states }) if resource == "prj" => states,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_has_the_newest_state_of_each_record_with_every_type() {
        let newest = state("p", 3, "three");
        let sent = [state("p", 2, "two"), newest.clone(), state("p", 1, "one"), tombstone("q", 7)];
        let messages = told(sent).messages();
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        let told: Vec<_> =
            states(message).into_iter().map(|state| (state.version, state.deleted, state.record)).collect();
        assert_eq!(told, [(3, false, Some(newest)), (7, true, Some(tombstone("q", 7)))]);
    }

    #[test]
    fn a_state_of_another_program_is_never_sent() {
        let mut external = state("p", 3, "theirs");
        external.external = Some(Box::new(Stamp::default()));
        assert!(told([external]).is_empty());
        let image = item::item(&state("p", 3, "ours"), 1, &Names::default());
        let theirs = Members::from([("prj_id".to_owned(), "p".into())]);
        let change = |new| StreamRecord { old: None, new, at: Timestamp(0), expired: false };
        assert_eq!(numbered(&change(Some(image)), &Names::default()), Ok(Some(state("p", 3, "ours"))));
        assert_eq!(numbered(&change(Some(theirs)), &Names::default()), Ok(None));
        assert_eq!(numbered(&change(None), &Names::default()), Ok(None));
    }

    #[test]
    fn messages_are_split_at_their_limit_and_lose_nothing() {
        let large = "x".repeat(300 * 1024);
        let sent: Vec<Record> = (0..10).map(|number| state(&format!("p{number}"), 1, &large)).collect();
        let messages = told(sent.clone()).messages();
        assert!(messages.len() > 1 && messages.iter().all(|message| message.len() <= BODY));
        let found: Vec<Record> =
            messages.iter().flat_map(|message| states(message)).filter_map(|state| state.record).collect();
        assert_eq!(found, sent);
        let events = told(sent).events("prj");
        assert!(events.len() > 1 && events.iter().all(|event| event.len() <= BODY));
    }

    #[test]
    fn a_state_without_room_is_named_without_its_item() {
        // JSON escapes control characters with six bytes each.
        let messages = told([state("a", 1, "small"), state("b", 2, &"\u{1}".repeat(300 * 1024))]).messages();
        assert!(messages.iter().all(|message| message.len() <= BODY));
        let found: Vec<State> = messages.iter().flat_map(|message| states(message)).collect();
        assert_eq!((found[0].record.is_some(), &found[1].record, found[1].version), (true, &None, 2));
    }

    #[test]
    fn keys_only_lose_rights() {
        let change =
            |hash: &str, rights| KeyChange { key_hash: hash.to_owned(), key_id: Some("key_1".to_owned()), rights };
        let mut told = Told::default();
        for change in [
            change("a", Rights::Kept),
            change("b", Rights::Reduced),
            change("c", Rights::Reduced),
            change("c", Rights::Revoked),
            change("c", Rights::Reduced),
        ] {
            told.add_key(change);
        }
        let messages = told.messages();
        assert_eq!(messages.len(), 1);
        let expected = Message::Keys(vec![change("b", Rights::Reduced), change("c", Rights::Revoked)]);
        assert_eq!(read(&messages[0]), Ok(expected));
    }

    #[test]
    fn a_webhook_gets_what_the_list_of_changes_shows() {
        let events = told([state("p", 3, "three"), tombstone("q", 7)]).events("prj");
        let events: Vec<&str> = events.iter().map(|event| str::from_utf8(event).expect("JSON")).collect();
        let changed = r#"{"type":"prj.changed","data":{"deleted":[],"changed":[{"goal":"three","prj_id":"p","raw":"AP8=","tags":["x"],"updated_at":5,"updated_by":"Ann","version":3}]}}"#;
        assert_eq!(events, [changed, r#"{"type":"prj.changed","data":{"changed":[],"deleted":["q"]}}"#]);
        assert!(told([]).events("prj").is_empty());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let message = String::from_utf8(told([state("p", 3, "three")]).messages().remove(0)).expect("JSON");
        assert!(read(message.as_bytes()).is_ok());
        for text in [
            "",
            "[]",
            "{}",
            &message.replace("three", "changed"),
            &message.replace(r#""version":3"#, r#""version":4"#),
            &message.replace(r#""deleted":false"#, r#""deleted":true"#),
            &message.replace(r#""resource":"prj""#, r#""resource":"other""#),
            &message.replace(STATES, "ripple.other"),
            r#"{"type":"ripple.states","data":{"resource":"prj","states":[{"id":"p","version":1,"deleted":false,"item":{}}]}}"#,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
