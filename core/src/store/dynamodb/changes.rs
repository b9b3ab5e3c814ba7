//! Reads the changes since a time: the index names the records, and the table has them.
//!
//! The index projects only keys and versions, so a write pays for a few bytes in it and not for the record. The index
//! lags behind the table, and an eventually consistent read of the table may lag behind the index. So a record that is
//! older than its entry is read again with strong consistency. A record that no longer exists is skipped.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};

use super::decode::{self, PageDecoder};
use super::{BY_UPDATE, DynamoDb, failed, item, units};
use crate::limits;
use crate::record::{Names, Record, RecordId};
use crate::store::item::{self as stored, Malformed, RPL_AT, RPL_SHARD};
use crate::store::{Capacity, Changes, Consistency, IndexEntry, Position, StoreError, StoreErrorKind};
use crate::time::Timestamp;
use crate::value::Members;

/// The number of keys that one `BatchGetItem` takes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const KEYS: usize = 100;

impl DynamoDb {
    pub(super) async fn changes_since(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        const OPERATION: &str = "Query";
        let decoder = PageDecoder::new(decode::index_entry, Arc::clone(&self.names));
        let shard = AttributeValue::S(shard.to_string());
        let start = from.map(|from| item::index_key(&from, shard.clone(), &self.names));
        self.client
            .query()
            .table_name(&self.records)
            .index_name(BY_UPDATE)
            .key_condition_expression("#shard = :shard AND #at >= :since")
            .expression_attribute_names("#shard", RPL_SHARD)
            .expression_attribute_names("#at", RPL_AT)
            .expression_attribute_values(":shard", shard)
            .expression_attribute_values(":since", AttributeValue::N(since.to_string()))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (page, consumed) = decoder.take().map_err(|error| error.during(OPERATION))?;
        cost.read += consumed;

        Ok(Changes { entries: page.records, next: page.next })
    }

    pub(super) async fn fetched(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        let mut found = self.records(entries, Consistency::Eventual, cost).await?;
        let behind = |entry: &&IndexEntry| found.get(&entry.id).is_none_or(|(at, _)| *at < Some(entry.at));
        let behind: Vec<IndexEntry> = entries.iter().filter(behind).cloned().collect();
        found.extend(self.records(&behind, Consistency::Strong, cost).await?);
        Ok(found.into_values().map(|(_, record)| record).collect())
    }

    /// Returns those records of these entries that exist, each with the time that its item states.
    async fn records(
        &self,
        entries: &[IndexEntry],
        read: Consistency,
        cost: &mut Capacity,
    ) -> Result<HashMap<RecordId, (Option<Timestamp>, Record)>, StoreError> {
        const OPERATION: &str = "BatchGetItem";
        let mut found = HashMap::new();
        let mut keys: Vec<_> =
            entries.iter().map(|entry| item::key(&entry.id, &self.names)).filter(|key| !key.is_empty()).collect();
        let mut unanswered = 0;
        while !keys.is_empty() {
            let asked: Vec<_> = keys.split_off(keys.len().saturating_sub(KEYS));
            let request = KeysAndAttributes::builder()
                .set_keys(Some(asked))
                .consistent_read(read == Consistency::Strong)
                .build()
                .expect("the keys are set");
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.records, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| failed(OPERATION, error))?;
            cost.read += answer.consumed_capacity().iter().map(|one| units(Some(one))).sum::<f64>();
            let mut items = answer.responses.unwrap_or_default();
            let items = items.remove(&self.records).unwrap_or_default();
            // DynamoDB leaves keys unprocessed if it throttles, or if the answer would be larger than 16 MB.
            unanswered = if items.is_empty() { unanswered + 1 } else { 0 };
            for found_item in items {
                let members = item::members(found_item).map_err(|error| error.during(OPERATION))?;
                let (at, record) = read_record(members, &self.names).map_err(|error| error.during(OPERATION))?;
                found.insert(record.id.clone(), (at, record));
            }
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            let left = left.remove(&self.records).map(|left| left.keys).unwrap_or_default();
            if !left.is_empty() && unanswered > 0 {
                self.wait(limits::SAVE_BACKOFF * 2_u32.pow(unanswered.min(5))).await;
            }
            if unanswered > UNANSWERED {
                return Err(StoreError { operation: OPERATION, kind: StoreErrorKind::Unavailable, source: None });
            }
            keys.extend(left);
        }
        Ok(found)
    }
}

/// The number of answers without an item after which DynamoDB counts as unavailable. It is six seconds of waiting.
const UNANSWERED: u32 = 8;

fn read_record(members: Members, names: &Names) -> Result<(Option<Timestamp>, Record), Malformed> {
    let at = stored::natural(members.get(RPL_AT)).map(Timestamp);
    Ok((at, stored::record(members, names)?))
}
