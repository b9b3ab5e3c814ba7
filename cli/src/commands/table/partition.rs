//! The partitions of the index `by_update`.
//!
//! If `Shards` or `x-ripple.shards` is lowered, records stay in partitions that no host reads any more, until they are
//! saved. They are then missing from pages by id and by time. `ripple table backfill` moves them. A move changes only the
//! partition, which is no part of a record's state, so it needs no version.

use anyhow::Context as _;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt as _, TryStreamExt as _};
use ripple_core::Timestamp;
use ripple_core::record::{Record, RecordId};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::item::RPL_SHARD;
use ripple_core::store::{Capacity, IndexEntry, Source as _, StoreError};
use ripple_core::value::{Members, Value};

use crate::target::Target;

/// The largest number of partitions, of `RIPPLE_SHARDS` and of `x-ripple.shards`. An empty one costs half a read unit.
pub(crate) const MOST: u16 = 100;
/// Entries read at once.
const PAGE: usize = 1000;
/// Records moved at once.
const CONCURRENCY: usize = 16;

/// Returns the number of entries in partitions that are no longer read.
pub(super) async fn count_unread(store: &DynamoDb, cost: &mut Capacity) -> Result<u64, StoreError> {
    let mut count = 0;
    for partition in store.shards()..MOST {
        let mut from = None;
        loop {
            let page = store.changes(partition, Timestamp::default(), from, PAGE, cost).await?;
            count += page.entries.len() as u64;
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    Ok(count)
}

/// Moves the entries of partitions that are no longer read, and returns how many were moved. One that another writer
/// moves meanwhile is left to it.
pub(super) async fn move_unread(target: &Target, store: &DynamoDb) -> anyhow::Result<u64> {
    let mut moved = 0;
    for partition in store.shards()..MOST {
        let mut from = None;
        loop {
            let cost = &mut Capacity::default();
            let page = store.changes(partition, Timestamp::default(), from, PAGE, cost).await;
            let page = page.context("cannot read the index by_update")?;
            let moves = page.entries.into_iter().map(|IndexEntry { id, .. }| move_one(target, store, partition, id));
            let moves = futures_util::stream::iter(moves).buffer_unordered(CONCURRENCY);
            moved += moves.try_fold(0, |moved, done| async move { Ok(moved + u64::from(done)) }).await?;
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    Ok(moved)
}

/// Moves a record's entry. Returns whether it was still in the partition.
async fn move_one(target: &Target, store: &DynamoDb, partition: u16, id: RecordId) -> anyhow::Result<bool> {
    let mut update = target
        .client
        .update_item()
        .table_name(store.table())
        .update_expression("SET #shard = :to")
        .condition_expression("#shard = :from")
        .expression_attribute_names("#shard", RPL_SHARD)
        .expression_attribute_values(":from", AttributeValue::S(partition.to_string()));
    for (name, value) in store.names().key_of(&id) {
        update = update.key(
            name,
            match value {
                Value::Number(number) => AttributeValue::N(number.to_string()),
                Value::String(text) => AttributeValue::S(text),
                _ => return Ok(false), // a key has no other type
            },
        );
    }
    let to = Record::new(id.clone(), Members::new()).list_shard(store.shards());
    match update.expression_attribute_values(":to", AttributeValue::S(to)).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot move {id}; run it again to continue")),
    }
}

#[cfg(test)]
mod tests {
    use ripple_core::store::dynamodb::TableNames;

    use super::*;

    #[test]
    fn a_site_has_no_more_partitions_than_are_looked_at() {
        let read = |shards: u16| TableNames::read(|name| (name == "RIPPLE_SHARDS").then(|| shards.to_string()));
        assert!(read(MOST).is_ok() && read(MOST + 1).is_err());
    }
}
