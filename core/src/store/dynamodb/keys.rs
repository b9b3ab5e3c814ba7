//! API keys in `<site>_key`: looked up by hosts, kept by `ripple key`.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;

use super::item::members;
use super::{DynamoDb, Item, failed, units};
use crate::auth::{KeyRecord, Scope};
use crate::limits;
use crate::store::item::{Malformed, natural};
use crate::store::{Capacity, StoreError, StoreErrorKind};
use crate::time::Timestamp;
use crate::value::Value;

/// The partition key's name.
pub(super) const KEY_HASH: &str = "key_hash";

fn garbled(operation: &'static str, error: serde_dynamo::Error) -> StoreError {
    StoreError { operation, kind: StoreErrorKind::Undecodable, source: Some(Box::new(error)) }
}

/// The record that an item is. `serde_dynamo` writes it, and could read it: the edge worker, which only reads, would be
/// 7 KB larger for it.
fn record(item: Item) -> Result<KeyRecord, Malformed> {
    let mut item = members(item)?;
    let mut text = |name: &str| match item.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Malformed::attribute(name)),
    };
    let (key_hash, key_id, name) = (text(KEY_HASH)?, text("key_id")?, text("name")?);
    let scope = |value: &Value| match value {
        Value::String(scope) if scope == "read" => Some(Scope::Read),
        Value::String(scope) if scope == "write" => Some(Scope::Write),
        _ => None,
    };
    let scopes = match item.get("scopes") {
        Some(Value::List(scopes)) => scopes.iter().map(scope).collect(),
        _ => None,
    };
    Ok(KeyRecord {
        key_hash,
        key_id,
        name,
        scopes: scopes.ok_or_else(|| Malformed::attribute("scopes"))?,
        created: natural(item.get("created")).ok_or_else(|| Malformed::attribute("created"))?,
        expires: natural(item.get("expires")),
        revoked: natural(item.get("revoked")),
        lineage: match item.remove("lineage") {
            Some(Value::String(lineage)) => Some(lineage),
            _ => None,
        },
        last_used: natural(item.get("last_used")),
    })
}

impl DynamoDb {
    pub(super) async fn key_record(&self, hash: &str, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        const OPERATION: &str = "GetItem";
        let answer = self
            .client
            .get_item()
            .table_name(&self.keys)
            .key(KEY_HASH, AttributeValue::S(hash.to_owned()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        cost.read += units(answer.consumed_capacity());
        answer.item.map(record).transpose().map_err(|garbled| garbled.during(OPERATION))
    }

    /// Stores a new key's record.
    ///
    /// # Errors
    /// When DynamoDB fails, or there is a record with this hash.
    pub async fn add_key(&self, record: &KeyRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "PutItem";
        let item: Item = to_item(record).map_err(|error| garbled(OPERATION, error))?;
        self.client
            .put_item()
            .table_name(&self.keys)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(key_hash)")
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        Ok(())
    }

    /// Every key's record, the oldest first.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        const OPERATION: &str = "Scan";
        let mut records: Vec<KeyRecord> = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .scan()
                .table_name(&self.keys)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed(OPERATION, error))?;
            for item in answer.items.unwrap_or_default() {
                records.push(record(item).map_err(|garbled| garbled.during(OPERATION))?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                records.sort_by_key(|record| record.created);
                return Ok(records);
            }
        }
    }

    /// Several processes may look a key up at the same time: the first writes, the others find it written.
    pub(super) async fn note_key_use(&self, hash: &str, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        const OPERATION: &str = "UpdateItem";
        let news = AttributeValue::N(now.before(limits::KEY_USE).to_string());
        let noted = self
            .client
            .update_item()
            .table_name(&self.keys)
            .key(KEY_HASH, AttributeValue::S(hash.to_owned()))
            .update_expression("SET last_used = :now")
            .condition_expression(
                "attribute_exists(key_hash) AND (attribute_not_exists(last_used) OR last_used <= :news)",
            )
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .expression_attribute_values(":news", news)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match noted {
            Ok(answer) => {
                cost.write += units(answer.consumed_capacity());
                Ok(())
            }
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(failed(OPERATION, error)),
        }
    }

    /// Has a key expire at a time, or earlier where it would have anyway.
    ///
    /// # Errors
    /// When DynamoDB fails or has no such record.
    pub async fn expire_key(&self, record: &KeyRecord, at: Timestamp) -> Result<(), StoreError> {
        const OPERATION: &str = "UpdateItem";
        let at = AttributeValue::N(record.expires.map_or(at, |expires| at.min(Timestamp(expires))).to_string());
        self.client
            .update_item()
            .table_name(&self.keys)
            .key(KEY_HASH, AttributeValue::S(record.key_hash.clone()))
            .update_expression("SET expires = :at")
            .condition_expression("attribute_exists(key_hash)")
            .expression_attribute_values(":at", at)
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        Ok(())
    }

    /// Marks a key as revoked. Revoked before, it stays revoked since then.
    ///
    /// # Errors
    /// When DynamoDB fails or has no such record.
    pub async fn revoke_key(&self, record: &KeyRecord, now: Timestamp) -> Result<(), StoreError> {
        const OPERATION: &str = "UpdateItem";
        self.client
            .update_item()
            .table_name(&self.keys)
            .key(KEY_HASH, AttributeValue::S(record.key_hash.clone()))
            .update_expression("SET revoked = if_not_exists(revoked, :now)")
            .condition_expression("attribute_exists(key_hash)")
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        Ok(())
    }
}
