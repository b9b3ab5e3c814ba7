//! Reads one item by `Query`, which the edge needs anyway: `GetItem` would make its bundle 3 KB larger. Both cost the same.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors::context::Output;

use super::decode::{self, Item, PageDecoder};
use super::keys::{KEY_HASH, record as key_record};
use super::{DynamoDb, failed};
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
        self.item(&self.records, &self.names.key, id.as_str(), decode::record, read, cost).await
    }

    /// Reads a key's record, as [`Source::key`](crate::store::Source::key) does.
    ///
    /// # Errors
    /// If DynamoDB fails, or the item is none of a key.
    pub async fn look_up_key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        let found = self.item(&self.keys, KEY_HASH, &hash.to_hex(), attributes, Consistency::Eventual, cost).await?;
        let record = found.map(|found| key_record(found.attributes));
        record.transpose().map_err(|malformed| malformed.during(OPERATION))
    }

    async fn item(
        &self,
        table: &str,
        key: &str,
        value: &str,
        make: decode::Make<Record>,
        read: Consistency,
        cost: &mut Capacity,
    ) -> Result<Option<Record>, StoreError> {
        let empty = || Output::erase(QueryOutput::builder().build());
        let decoder = PageDecoder::new(empty, make, Arc::clone(&self.names));
        self.client
            .query()
            .table_name(table)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", key)
            .expression_attribute_values(":key", AttributeValue::S(value.to_owned()))
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
