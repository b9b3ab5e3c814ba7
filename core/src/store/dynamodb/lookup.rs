//! Reads one item by `Query`, which the edge needs anyway: `GetItem` would make its bundle 3 KB larger. Both cost the same.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::decode::{self, Item, PageDecoder};
use super::keys::{KEY_HASH, record as key_record};
use super::{DynamoDb, failed, item};
use crate::auth::{KeyHash, KeyRecord};
use crate::record::{Names, Record, RecordId};
use crate::store::item::Malformed;
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
        let key = item::key(id, &self.names);
        if key.is_empty() {
            return Ok(None);
        }
        self.item(&self.records, key, decode::record, read, cost).await
    }

    /// Reads a key's record, as [`Keys::key`](crate::store::Keys::key) does.
    ///
    /// # Errors
    /// If DynamoDB fails, or the item is none of a key.
    pub async fn look_up_key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        let key = HashMap::from([(KEY_HASH.to_owned(), AttributeValue::S(hash.to_hex()))]);
        let found = self.item(&self.keys, key, attributes, Consistency::Eventual, cost).await?;
        let record = found.map(|found| key_record(found.attributes));
        record.transpose().map_err(|malformed| malformed.during(OPERATION))
    }

    async fn item(
        &self,
        table: &str,
        key: super::Item,
        make: decode::Make<Record>,
        read: Consistency,
        cost: &mut Capacity,
    ) -> Result<Option<Record>, StoreError> {
        let decoder = PageDecoder::new(make, Arc::clone(&self.names));
        let mut query = self.client.query().table_name(table);
        let mut conditions = Vec::new();
        for (place, (name, value)) in key.into_iter().enumerate() {
            conditions.push(format!("#{place} = :{place}"));
            query = query.expression_attribute_names(format!("#{place}"), name);
            query = query.expression_attribute_values(format!(":{place}"), value);
        }
        query
            .key_condition_expression(conditions.join(" AND "))
            .consistent_read(read == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (mut page, consumed) = decoder.take().map_err(|malformed| malformed.during(OPERATION))?;
        cost.read += consumed;
        Ok(page.records.pop())
    }
}

/// Returns an item of another table as the attributes of a record, so that one decoder reads all items.
fn attributes(item: Item<'_>, _: &Names) -> Result<Record, Malformed> {
    Ok(Record::new(RecordId::stored(String::new()), item.into_members()))
}
