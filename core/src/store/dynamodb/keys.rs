//! API keys in `<site>_key`: hosts look them up, and `ripple key` manages them.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::item::{members, to_item};
use super::{DynamoDb, failed, units};
use crate::auth::{KeyRecord, Scopes, Usage};
use crate::store::item::{Malformed, natural};
use crate::store::{Capacity, StoreError};
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// The milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// The name of the partition key.
pub(super) const KEY_HASH: &str = "key_hash";

/// The item of a record.
fn item(record: &KeyRecord) -> Members {
    let text = |text: &str| Some(Value::from(text));
    let scopes = record.scopes.names().map(Value::from).collect();
    let members = [
        (KEY_HASH, text(&record.key_hash)),
        ("key_id", text(&record.key_id)),
        ("name", text(&record.name)),
        ("scopes", Some(Value::List(scopes))),
        ("created", Some(record.created.into())),
        ("expires", record.expires.map(Value::from)),
        ("revoked", record.revoked.map(Value::from)),
        ("lineage", record.lineage.as_deref().map(Value::from)),
        ("author", record.author.as_deref().map(Value::from)),
        ("last_used", record.last_used.map(Value::from)),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Decodes a key's record from an item.
pub(super) fn record(mut item: Members) -> Result<KeyRecord, Malformed> {
    let mut needed = |name: &str| text(&mut item, name).ok_or_else(|| Malformed::attribute(name));
    let (key_hash, key_id, name) = (needed(KEY_HASH)?, needed("key_id")?, needed("name")?);
    let scope = |value: &Value| match value {
        Value::String(scope) => Some(scope.clone()),
        _ => None,
    };
    let scopes = match item.get("scopes") {
        Some(Value::List(scopes)) => scopes.iter().map(scope).collect::<Option<Scopes>>(),
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
        last_used: natural(item.get("last_used")),
        lineage: text(&mut item, "lineage"),
        author: text(&mut item, "author"),
    })
}

/// Takes a text out of an item. Returns `None` if the item has none of that name.
fn text(item: &mut Members, name: &str) -> Option<String> {
    match item.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Returns the usage that an item notes for a day, and for the day before.
fn usage(item: &Members, day: u64) -> [Usage; 2] {
    let number = |name: &str| natural(item.get(name)).unwrap_or(0);
    let noted =
        [("used_day", "used_reads", "used_writes"), ("used_day_before", "used_reads_before", "used_writes_before")]
            .map(|(day, reads, writes)| (number(day), Usage { reads: number(reads), writes: number(writes) }));
    let on = |day: u64| noted.iter().find(|(noted, _)| *noted == day).map_or(Usage::default(), |(_, usage)| *usage);
    [on(day), on(day.saturating_sub(1))]
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
        answer.item.map(|item| members(item).and_then(record)).transpose().map_err(|garbled| garbled.during(OPERATION))
    }

    /// Stores a new key's record.
    ///
    /// # Errors
    /// If DynamoDB fails, or a record with this hash exists.
    pub async fn add_key(&self, record: &KeyRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "PutItem";
        self.client
            .put_item()
            .table_name(&self.keys)
            .set_item(Some(to_item(&item(record))))
            .condition_expression("attribute_not_exists(key_hash)")
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        Ok(())
    }

    /// Returns every key's record, the oldest first.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.list_used_keys(0).await?.into_iter().map(|(record, _)| record).collect())
    }

    /// Returns every key's record, the oldest first, and the key's usage on a day (counted from 1970 in UTC) and on the
    /// day before.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn list_used_keys(&self, day: u64) -> Result<Vec<(KeyRecord, [Usage; 2])>, StoreError> {
        const OPERATION: &str = "Scan";
        let mut keys = Vec::new();
        let mut start = None;
        loop {
            let scan = self.client.scan().table_name(&self.keys).set_exclusive_start_key(start);
            let answer = scan.send().await.map_err(|error| failed(OPERATION, error))?;
            for item in answer.items.unwrap_or_default() {
                let item = members(item).map_err(|garbled| garbled.during(OPERATION))?;
                let usage = usage(&item, day);
                keys.push((record(item).map_err(|garbled| garbled.during(OPERATION))?, usage));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                keys.sort_by_key(|(record, _)| record.created);
                return Ok(keys);
            }
        }
    }

    /// Adds to the counts of a key's day. For a new day it begins new counts and keeps those of the previous day beside
    /// them. If two hosts begin a day at the same time, the later one adds to the counts of the first.
    pub(super) async fn note_key_use(
        &self,
        hash: &str,
        usage: Usage,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(), StoreError> {
        const ADD: (&str, &str) =
            ("SET last_used = :now ADD used_reads :reads, used_writes :writes", "used_day = :day");
        const BEGIN: (&str, &str) = (
            "SET last_used = :now, used_day_before = if_not_exists(used_day, :zero), \
             used_reads_before = if_not_exists(used_reads, :zero), used_writes_before = if_not_exists(used_writes, :zero), \
             used_day = :day, used_reads = :reads, used_writes = :writes",
            "attribute_exists(key_hash) AND (attribute_not_exists(used_day) OR used_day < :day)",
        );
        for (update, condition) in [ADD, BEGIN, ADD] {
            if self.update_key_use(hash, update, condition, usage, now, cost).await? {
                break;
            }
        }
        Ok(())
    }

    /// Returns `false` if the condition does not hold.
    async fn update_key_use(
        &self,
        hash: &str,
        update: &str,
        condition: &str,
        usage: Usage,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<bool, StoreError> {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let mut request = self
            .client
            .update_item()
            .table_name(&self.keys)
            .key(KEY_HASH, AttributeValue::S(hash.to_owned()))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":day", number(now.0 / DAY))
            .expression_attribute_values(":reads", number(usage.reads))
            .expression_attribute_values(":writes", number(usage.writes))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if update.contains(":zero") {
            request = request.expression_attribute_values(":zero", number(0));
        }
        match request.send().await {
            Ok(answer) => {
                cost.write += units(answer.consumed_capacity());
                Ok(true)
            }
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(failed("UpdateItem", error)),
        }
    }

    /// Makes a key expire at a time. If the key already expires earlier, that time stays.
    ///
    /// # Errors
    /// If DynamoDB fails or has no such record.
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

    /// Marks a key as revoked. If the key was revoked before, the time of that revocation stays.
    ///
    /// # Errors
    /// If DynamoDB fails or has no such record.
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
