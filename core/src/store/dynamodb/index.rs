//! Reads the indexes in the order of a list.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use super::decode::{self, Item, PageDecoder};
use super::{BY_ID, BY_UPDATE, DynamoDb, failed, item};
use crate::query::{Order, Place, Start};
use crate::record::Names;
use crate::store::item::{Malformed, RPL_AT, RPL_DELETED, RPL_SHARD};
use crate::store::{Capacity, Changes, IndexEntry, Position, StoreError};
use crate::time::Timestamp;

const OPERATION: &str = "Query";

impl DynamoDb {
    /// Returns entries of one partition of an index, as [`walk`](crate::store::page::Indexed::walk) does.
    pub(super) async fn walk_index(
        &self,
        place: &Place,
        shard: u16,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        let key = &*self.names.key;
        let (index, sort, make): (_, _, decode::Make<Option<IndexEntry>>) = match place.order {
            Order::Id => (BY_ID, key, id_entry),
            Order::Time { .. } => (BY_UPDATE, RPL_AT, |item, names| decode::index_entry(item, names).map(Some)),
        };
        let decoder = PageDecoder::new(make, Arc::clone(&self.names));
        let shard = AttributeValue::S(shard.to_string());
        let start = from.map(|from| match place.order {
            Order::Id => item::id_key(&from, shard.clone(), &self.names),
            Order::Time { .. } => item::index_key(&from, shard.clone(), &self.names),
        });
        let mut query = self
            .client
            .query()
            .table_name(&self.records)
            .index_name(index)
            .expression_attribute_names("#shard", RPL_SHARD)
            .expression_attribute_values(":shard", shard)
            .scan_index_forward(!place.descends())
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut condition = "#shard = :shard".to_owned();
        if let Some(start) = &place.start {
            let value = match start {
                Start::Id(id) => AttributeValue::S(id.clone()),
                Start::At(at) => AttributeValue::N(at.to_string()),
            };
            condition += if place.descends() { " AND #sort <= :start" } else { " AND #sort >= :start" };
            query = query.expression_attribute_names("#sort", sort).expression_attribute_values(":start", value);
        }
        query
            .key_condition_expression(condition)
            .customize()
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (page, consumed) = decoder.take().map_err(|malformed| malformed.during(OPERATION))?;
        cost.read += consumed;
        Ok(Changes { entries: page.records.into_iter().flatten().collect(), next: page.next })
    }
}

/// Converts an item into an entry of `by_id`. Returns `None` for a deleted record.
fn id_entry(item: Item<'_>, names: &Names) -> Result<Option<IndexEntry>, Malformed> {
    let mut members = item.into_members();
    if members.contains_key(RPL_DELETED) {
        return Ok(None);
    }
    let id = names.take_id(&mut members).ok_or_else(|| Malformed::attribute(&names.key))?;
    Ok(Some(IndexEntry { id, at: Timestamp::default(), version: None }))
}
