//! Conversion between the SDK's items and attributes. `serde_dynamo` would lose sets, binaries, and digits beyond those
//! of an `f64`.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Item;
use crate::record::{Names, RecordId};
use crate::store::item::{Malformed, RPL_AT, RPL_SHARD, RPL_VERSION, natural, stated};
use crate::store::{IndexEntry, Position, StoreError};
use crate::time::Timestamp;
use crate::value::{Members, Number, Value, ordered};

impl Malformed {
    pub(super) fn during(self, operation: &'static str) -> StoreError {
        StoreError::malformed(operation, self)
    }

    /// Returns the error for an attribute that is missing or has another type.
    pub(super) fn attribute(name: &str) -> Malformed {
        Malformed(name.to_owned())
    }
}

/// Returns the end of a page from its `LastEvaluatedKey`.
pub(super) fn position(mut last: Members, names: &Names) -> Result<Position, Malformed> {
    let at = natural(last.get(RPL_AT)).map(Timestamp);
    let id = names.take_id(&mut last).ok_or_else(|| Malformed::attribute("LastEvaluatedKey"))?;
    Ok(Position { id, at })
}

/// Converts attributes into an entry of `by_update`.
pub(super) fn index_entry(mut entry: Members, names: &Names) -> Result<IndexEntry, Malformed> {
    let at = natural(entry.get(RPL_AT)).map(Timestamp).ok_or_else(|| Malformed::attribute(RPL_AT))?;
    let version = entry.get(RPL_VERSION).and_then(stated);
    let id = names.take_id(&mut entry).ok_or_else(|| Malformed::attribute(&names.key))?;
    Ok(IndexEntry { id, at, version })
}

/// Returns the start of a page of `by_update` as a key.
pub(super) fn index_key(position: &Position, shard: AttributeValue, names: &Names) -> Item {
    let at = position.at.unwrap_or_default();
    let mut start = key(&position.id, names);
    start.extend([(RPL_SHARD.to_owned(), shard), (RPL_AT.to_owned(), AttributeValue::N(at.to_string()))]);
    start
}

/// Returns the start of a page of `by_id` as a key.
pub(super) fn id_key(position: &Position, shard: AttributeValue, names: &Names) -> Item {
    let mut start = key(&position.id, names);
    start.insert(RPL_SHARD.to_owned(), shard);
    start
}

/// Returns the key of a record's item. It is empty if no item can have the id.
pub(super) fn key(id: &RecordId, names: &Names) -> Item {
    let mut key = Item::new();
    for (name, value) in names.key_of(id) {
        let value = match value {
            Value::Number(number) => AttributeValue::N(number.to_string()),
            Value::String(text) => AttributeValue::S(text),
            // A key has no other type.
            _ => continue,
        };
        key.insert(name.to_owned(), value);
    }
    key
}

/// Converts an item of the SDK into attributes.
pub(super) fn members(item: Item) -> Result<Members, Malformed> {
    item.into_iter().map(|(name, value)| Ok((name, from_dynamodb(value)?))).collect()
}

/// Converts attributes into an item of the SDK.
pub(super) fn to_item(members: &Members) -> Item {
    members.iter().map(|(name, value)| (name.clone(), to_dynamodb(value))).collect()
}

fn from_dynamodb(value: AttributeValue) -> Result<Value, Malformed> {
    let number = |text: String| Number::parse(&text).ok_or(Malformed(format!("number {text:?}")));
    Ok(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(text) => Value::Number(number(text)?),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::B(bytes) => Value::Binary(bytes.into_inner()),
        AttributeValue::L(list) => Value::List(list.into_iter().map(from_dynamodb).collect::<Result<_, _>>()?),
        AttributeValue::M(item) => Value::Map(members(item)?),
        AttributeValue::Ss(set) => Value::Strings(ordered(set.into_iter().map(Ok::<_, Malformed>))?),
        AttributeValue::Ns(set) => Value::Numbers(ordered(set.into_iter().map(number))?),
        AttributeValue::Bs(set) => {
            Value::Binaries(ordered(set.into_iter().map(|blob| Ok::<_, Malformed>(blob.into_inner())))?)
        }
        // The SDK's enum may grow. DynamoDB has had no new types since 2014.
        _ => return Err(Malformed::attribute("attribute's type")),
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
        Value::Map(members) => AttributeValue::M(to_item(members)),
        Value::Strings(set) => AttributeValue::Ss(set.iter().cloned().collect()),
        Value::Numbers(set) => AttributeValue::Ns(set.iter().map(ToString::to_string).collect()),
        Value::Binaries(set) => AttributeValue::Bs(set.iter().cloned().map(Blob::new).collect()),
    }
}
