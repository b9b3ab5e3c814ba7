//! Reads one item by `Query`, which the edge needs anyway: `GetItem` would make its bundle 10 KB larger. Both cost the same.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::keys::{KEY_HASH, record as key_record};
use super::{DynamoDb, Item, failed, item, units};
use crate::auth::{KeyHash, KeyRecord};
use crate::record::{Record, RecordId};
use crate::store::{Capacity, Consistency, StoreError};

const OPERATION: &str = "Query";

impl DynamoDb {
    /// Reads a record, as [`Source::get`](crate::store::Source::get) does.
    ///
    /// # Errors
    /// If DynamoDB fails, or the item is none of a record.
    pub async fn look_up(
        &self,
        id: &RecordId,
        read: Consistency,
        cost: &mut Capacity,
    ) -> Result<Option<Record>, StoreError> {
        let key = &self.names.key;
        let found = self.item(&self.records, key, id.as_str(), read, cost).await?;
        let record = found.map(|found| item::members(found).and_then(|found| crate::store::item::record(found, key)));
        record.transpose().map_err(|malformed| malformed.during(OPERATION))
    }

    /// Reads a key's record, as [`Source::key`](crate::store::Source::key) does.
    ///
    /// # Errors
    /// If DynamoDB fails, or the item is none of a key.
    pub async fn look_up_key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        let found = self.item(&self.keys, KEY_HASH, &hash.to_hex(), Consistency::Eventual, cost).await?;
        let record = found.map(|found| item::members(found).and_then(key_record));
        record.transpose().map_err(|malformed| malformed.during(OPERATION))
    }

    async fn item(
        &self,
        table: &str,
        key: &str,
        value: &str,
        read: Consistency,
        cost: &mut Capacity,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", key)
            .expression_attribute_values(":key", AttributeValue::S(value.to_owned()))
            .consistent_read(read == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        cost.read += units(answer.consumed_capacity());
        Ok(answer.items.unwrap_or_default().pop())
    }
}
