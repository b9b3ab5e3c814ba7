//! Reads the messages that an edge receives.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{KEYS, Message, STATES, State};
use crate::feed::key::{KeyChange, Rights};
use crate::record::schema::Resource;
use crate::record::{Record, RecordId};
use crate::store::dynamodb::export;
use crate::store::item::Malformed;

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct States<'a> {
    resource: &'a str,
    #[serde(borrow)]
    states: Vec<ReadState<'a>>,
}

#[derive(Deserialize)]
struct ReadState<'a> {
    id: String,
    version: u64,
    deleted: bool,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<ReadKey>,
}

#[derive(Deserialize)]
struct ReadKey {
    key_hash: String,
    key_id: Option<String>,
    revoked: bool,
}

impl Message {
    /// Reads a message, which must have been verified. `resource` returns the resource of a name.
    ///
    /// # Errors
    /// If it is of another type or of an unknown resource, or a state is not one that ripple wrote.
    ///
    /// ```
    /// use ripple_core::feed::message::Message;
    ///
    /// let body = br#"{"type":"ripple.keys","data":{"keys":[{"key_hash":"ab","key_id":"key_1","revoked":true}]}}"#;
    /// let Ok(Message::Keys(keys)) = Message::read(body, |_| None) else { panic!("keys") };
    /// assert_eq!(keys[0].key_id.as_deref(), Some("key_1"));
    /// ```
    pub fn read<'a>(body: &[u8], resource: impl Fn(&str) -> Option<&'a Arc<Resource>>) -> Result<Message, Malformed> {
        let not_json = |error: serde_json::Error| Malformed(format!("message: {error}"));
        let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(not_json)?;
        match envelope.r#type {
            STATES => {
                let States { resource: name, states } = serde_json::from_str(envelope.data.get()).map_err(not_json)?;
                let resource = resource(name).ok_or_else(|| Malformed("resource".to_owned()))?;
                let states = states.into_iter().map(|state| state.read(resource)).collect::<Result<_, _>>()?;
                Ok(Message::States { resource: name.to_owned(), states })
            }
            KEYS => {
                let Keys { keys } = serde_json::from_str(envelope.data.get()).map_err(not_json)?;
                let change = |ReadKey { key_hash, key_id, revoked }| {
                    let rights = if revoked { Rights::Revoked } else { Rights::Reduced };
                    KeyChange { key_hash, key_id, rights }
                };
                Ok(Message::Keys(keys.into_iter().map(change).collect()))
            }
            _ => Err(Malformed("type".to_owned())),
        }
    }
}

impl ReadState<'_> {
    fn read(self, resource: &Resource) -> Result<State, Malformed> {
        let ReadState { id, version, deleted, item } = self;
        let id = RecordId::stored(id);
        let record = item.map(|item| export::read_item(item, &resource.names)).transpose()?;
        let fits =
            |record: &Record| record.id == id && record.number() == Some(version) && record.is_deleted() == deleted;
        if record.as_ref().is_some_and(|record| !fits(record)) {
            return Err(Malformed("seal".to_owned()));
        }
        Ok(State { id, version, deleted, record })
    }
}
