//! Reading and expiring rows of the history, and the records of writes that carry an `Idempotency-Key`.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use super::rows::{self, seconds};
use super::{DynamoDb, Item, failed, item, units};
use crate::limits;
use crate::record::history::{Entry, Row};
use crate::record::{Record, RecordId};
use crate::store::item::{Malformed, RPL_EXPIRES_AT};
use crate::store::row;
use crate::store::{Capacity, IdempotencyRecord, StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// The number of newest rows that are searched for one that was shown under a number below zero.
const LOOKED_THROUGH: usize = 1_000;

impl DynamoDb {
    /// Makes one conditional put. If the SDK repeats the request because the answer was lost, it finds its own row and
    /// returns `false`.
    pub(super) async fn keep_row(&self, row: &Row, cost: &mut Capacity) -> Result<bool, StoreError> {
        const OPERATION: &str = "PutItem";
        let [item] = &*row::items(row, &self.names.key)? else {
            let kind = StoreErrorKind::TooLarge(row::size(row, &self.names.key)?);
            return Err(StoreError { operation: OPERATION, kind, source: None });
        };
        let sent = self
            .client
            .put_item()
            .table_name(&self.versions)
            .set_item(Some(item::to_item(item)))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", &*self.names.key)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                cost.write += units(answer.consumed_capacity());
                Ok(true)
            }
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(failed(OPERATION, error)),
        }
    }

    /// Makes one conditional update: a deleted row stays deleted, and a time that was set before stays.
    pub(super) async fn expire_row(
        &self,
        id: &RecordId,
        number: u64,
        at: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "UpdateItem";
        let sent = self
            .client
            .update_item()
            .table_name(&self.versions)
            .set_key(Some(rows::key(&self.names.key, id.as_str(), number.cast_signed())))
            .update_expression("SET #expires = :at")
            .condition_expression("attribute_exists(#id) AND attribute_not_exists(#expires)")
            .expression_attribute_names("#id", &*self.names.key)
            .expression_attribute_names("#expires", RPL_EXPIRES_AT)
            .expression_attribute_values(":at", seconds(at))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(answer) => cost.write += units(answer.consumed_capacity()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {}
            Err(error) => return Err(failed(OPERATION, error)),
        }
        Ok(())
    }

    pub(super) async fn row_state(
        &self,
        id: &RecordId,
        number: u64,
        cost: &mut Capacity,
    ) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "GetItem";
        let number = number.cast_signed();
        let Some(found) = self.row(rows::key(&self.names.key, id.as_str(), number), cost).await? else {
            return Ok(None);
        };
        let mut found = item::members(found).map_err(|error| error.during(OPERATION))?;
        if row::has_rest(&found) {
            // Both items were written in one transaction. If one has expired, the other has too.
            let Some(rest) = self.row(rows::key(&self.names.key, id.as_str(), -number), cost).await? else {
                return Ok(None);
            };
            let rest = item::members(rest).map_err(|error| error.during(OPERATION))?;
            found = row::with_rest(found, &rest);
        }
        let row = row::row(id, found).ok_or_else(|| Malformed::attribute("row").during(OPERATION))?;
        Ok(Some(row.record))
    }

    pub(super) async fn row_shown(
        &self,
        id: &RecordId,
        shown: i64,
        cost: &mut Capacity,
    ) -> Result<Option<Record>, StoreError> {
        let found = self.row_entries(id, None, LOOKED_THROUGH, cost).await?.into_iter();
        let number = found.filter(|entry| entry.shown == Some(shown)).map(|entry| entry.number).next();
        match number {
            Some(number) => self.row_state(id, number, cost).await,
            None => Ok(None),
        }
    }

    pub(super) async fn row_entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError> {
        const OPERATION: &str = "Query";
        let mut query = self
            .client
            .query()
            .table_name(&self.versions)
            .consistent_read(true)
            .scan_index_forward(false)
            .expression_attribute_names("#id", &*self.names.key)
            .expression_attribute_values(":id", AttributeValue::S(id.to_string()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        // The first of the attributes is the version. Versions below 1 are second items of rows.
        let last = before.map_or(limits::VERSION, |before| before.saturating_sub(1));
        if last == 0 {
            return Ok(Vec::new());
        }
        let condition = "#id = :id AND #0 BETWEEN :first AND :last";
        query = query
            .expression_attribute_values(":first", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":last", AttributeValue::N(last.to_string()));
        for (index, name) in row::ENTRY.into_iter().enumerate() {
            query = query.expression_attribute_names(format!("#{index}"), name);
        }
        let told: Vec<String> = (0..row::ENTRY.len()).map(|index| format!("#{index}")).collect();
        let query = query.key_condition_expression(condition).projection_expression(told.join(", "));

        let mut entries = Vec::new();
        let mut from = None;
        loop {
            let left = i32::try_from(limit - entries.len()).unwrap_or(i32::MAX);
            let answer = query.clone().limit(left).set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(|error| failed(OPERATION, error))?;
            cost.read += units(answer.consumed_capacity());
            for found in answer.items.unwrap_or_default() {
                let entry = item::members(found).map_err(|error| error.during(OPERATION))?;
                let entry = row::entry(entry).ok_or_else(|| Malformed::attribute("row").during(OPERATION))?;
                entries.push(entry);
            }
            match answer.last_evaluated_key {
                Some(key) if entries.len() < limit => from = Some(key),
                _ => return Ok(entries),
            }
        }
    }

    pub(super) async fn claimed(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let found = self.row(rows::claim_key(&self.names.key, key), cost).await?;
        let claim = found.map(|found| rows::to_claim(key, found)).transpose();
        // DynamoDB deletes an expired item some time later.
        Ok(claim.map_err(|error| error.during("GetItem"))?.filter(|claim| claim.expires > now))
    }

    /// Stores an idempotency record. If the SDK repeats the request because the answer was lost, it finds its own
    /// record, which has the same content.
    pub(super) async fn leave_claim(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        const OPERATION: &str = "PutItem";
        let sent = self
            .client
            .put_item()
            .table_name(&self.versions)
            .set_item(Some(rows::claim(&self.names.key, claim)))
            .condition_expression("attribute_not_exists(#id) OR #expires <= :now")
            .expression_attribute_names("#id", &*self.names.key)
            .expression_attribute_names("#expires", RPL_EXPIRES_AT)
            .expression_attribute_values(":now", seconds(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                cost.write += units(answer.consumed_capacity());
                Ok(None)
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let there = rows::to_claim(&claim.key, failed.item().cloned().unwrap_or_default());
                    there.map(Some).map_err(|error| error.during(OPERATION))
                }
                _ => Err(failed(OPERATION, error)),
            },
        }
    }

    /// Returns an item of the table of versions, read with strong consistency.
    async fn row(&self, key: Item, cost: &mut Capacity) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.versions)
            .set_key(Some(key))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| failed("GetItem", error))?;
        cost.read += units(answer.consumed_capacity());
        Ok(answer.item)
    }
}
