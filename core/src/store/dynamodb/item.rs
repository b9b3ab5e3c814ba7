//! Projects from items and back. `serde_dynamo` would lose sets, binaries and digits past an `f64`'s.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Item;
use crate::record::{
    DELETED, EXPIRES_AT, LIST_SHARD, PRJ_ID, Record, RecordId, SYSTEM, Timestamp, UPDATED_AT, UPDATED_BY, VERSION,
    version,
};
use crate::store::{Position, StoreError, StoreErrorKind};
use crate::value::{Members, Number, Value};

/// An item that is no project, or an answer that is none.
#[derive(Debug, thiserror::Error)]
#[error("DynamoDB's {0} is not what it must be")]
pub(super) struct Garbled(String);

impl Garbled {
    /// An answer that has no page.
    pub(super) fn answer() -> Garbled {
        Garbled("page".to_owned())
    }

    /// One that is missing or of another type.
    pub(super) fn attribute(name: &str) -> Garbled {
        Garbled(name.to_owned())
    }

    pub(super) fn during(self, operation: &'static str) -> StoreError {
        StoreError { operation, kind: StoreErrorKind::Garbled, source: Some(Box::new(self)) }
    }
}

/// The project an item is. Names that ripple uses hold for its own items only: one without a `version` of ripple's is
/// somebody else's, and whatever it has is kept.
pub(super) fn project(mut item: Members) -> Result<Record, Garbled> {
    let tombstone = is_tombstone(&item);
    let Some(Value::String(id)) = item.remove(PRJ_ID) else { return Err(Garbled(PRJ_ID.to_owned())) };
    let mut project = Record::new(RecordId::stored(id), Members::new());
    let stated = item.remove(VERSION);
    if let Some(Value::Number(number)) = &stated
        && let Some(version) = version(number)
    {
        project.version = version;
        project.updated_at = natural(item.get(UPDATED_AT)).map(Timestamp);
        project.updated_by = match item.get(UPDATED_BY) {
            Some(Value::String(by)) => Some(by.clone()),
            _ => None,
        };
        for name in SYSTEM {
            item.remove(name);
        }
    } else {
        project.stray = stated;
    }
    if tombstone {
        let expires = natural(item.get(EXPIRES_AT)).unwrap_or(0);
        project.tombstone = Some(Timestamp(expires.saturating_mul(1000)));
        return Ok(project);
    }
    project.attributes = item;
    Ok(project)
}

/// A tombstone is `deleted` and has nothing of a record left. A record of another writer may have an attribute of
/// that name, and others beside it.
fn is_tombstone(item: &Members) -> bool {
    let bare = |name: &String| {
        matches!(name.as_str(), PRJ_ID | VERSION | DELETED | EXPIRES_AT) || SYSTEM.contains(&name.as_str())
    };
    matches!(item.get(DELETED), Some(Value::Bool(true)))
        && matches!(item.get(VERSION), Some(Value::Number(number)) if version(number).is_some())
        && item.keys().all(bare)
}

/// Every attribute of a project.
pub(super) fn item(project: &Record, shards: u16) -> Item {
    let mut item: Item = project.attributes.iter().map(|(name, value)| (name.clone(), to_dynamodb(value))).collect();
    item.insert(PRJ_ID.to_owned(), AttributeValue::S(project.id.to_string()));
    item.extend(system(project, shards).map(|(name, value)| (name.to_owned(), value)));
    if let Some(Timestamp(at)) = project.tombstone {
        item.insert(DELETED.to_owned(), AttributeValue::Bool(true));
        item.insert(EXPIRES_AT.to_owned(), AttributeValue::N((at / 1000).to_string()));
    }
    item
}

/// What ripple writes into every record that it writes.
pub(super) fn system(project: &Record, shards: u16) -> [(&'static str, AttributeValue); 4] {
    let updated_at = project.updated_at.unwrap_or_default();
    let updated_by = project.updated_by.clone().unwrap_or_default();
    [
        (VERSION, AttributeValue::N(project.version.to_string())),
        (UPDATED_AT, AttributeValue::N(updated_at.to_string())),
        (UPDATED_BY, AttributeValue::S(updated_by)),
        (LIST_SHARD, AttributeValue::S(project.list_shard(shards))),
    ]
}

/// Where a page ends, from its `LastEvaluatedKey`.
pub(super) fn position(mut key: Members) -> Result<Position, Garbled> {
    let updated_at = natural(key.get(UPDATED_AT)).map(Timestamp);
    match key.remove(PRJ_ID) {
        Some(Value::String(id)) => Ok(Position { id: RecordId::stored(id), updated_at }),
        _ => Err(Garbled("LastEvaluatedKey".to_owned())),
    }
}

/// Where a page of `by_update` begins.
pub(super) fn index_key(position: &Position, shard: AttributeValue) -> Item {
    let updated_at = position.updated_at.unwrap_or_default();
    HashMap::from([
        (PRJ_ID.to_owned(), AttributeValue::S(position.id.to_string())),
        (LIST_SHARD.to_owned(), shard),
        (UPDATED_AT.to_owned(), AttributeValue::N(updated_at.to_string())),
    ])
}

pub(super) fn natural(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Number(number)) => number.as_u64(),
        _ => None,
    }
}

/// An item as the SDK has it.
pub(super) fn members(item: Item) -> Result<Members, Garbled> {
    item.into_iter().map(|(name, value)| Ok((name, from_dynamodb(value)?))).collect()
}

fn from_dynamodb(value: AttributeValue) -> Result<Value, Garbled> {
    let number = |text: String| Number::parse(&text).ok_or(Garbled(format!("number {text:?}")));
    Ok(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(text) => Value::Number(number(text)?),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::B(bytes) => Value::Binary(bytes.into_inner()),
        AttributeValue::L(list) => Value::List(list.into_iter().map(from_dynamodb).collect::<Result<_, _>>()?),
        AttributeValue::M(item) => Value::Map(members(item)?),
        AttributeValue::Ss(set) => Value::Strings(set.into_iter().collect()),
        AttributeValue::Ns(set) => Value::Numbers(set.into_iter().map(number).collect::<Result<_, _>>()?),
        AttributeValue::Bs(set) => Value::Binaries(set.into_iter().map(Blob::into_inner).collect()),
        // The SDK's enum may grow; DynamoDB's types have not since 2014.
        _ => return Err(Garbled("attribute's type".to_owned())),
    })
}

pub(super) fn to_dynamodb(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Binary(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::List(list) => AttributeValue::L(list.iter().map(to_dynamodb).collect()),
        Value::Map(members) => {
            AttributeValue::M(members.iter().map(|(name, value)| (name.clone(), to_dynamodb(value))).collect())
        }
        Value::Strings(set) => AttributeValue::Ss(set.iter().cloned().collect()),
        Value::Numbers(set) => AttributeValue::Ns(set.iter().map(ToString::to_string).collect()),
        Value::Binaries(set) => AttributeValue::Bs(set.iter().cloned().map(Blob::new).collect()),
    }
}
