//! DynamoDB as the store: section by section what the tables are, and each operation of [`Store`].
//!
//! * `<site>_prj`: partition key `prj_id`. The index `by_update` (partition `list_shard`, sort `updated_at`,
//!   everything projected) answers what was written since.
//! * `<site>_prj_version`: partition key `prj_id`, sort key `version`: the history. Its rows expire.
//! * `<site>_key`: partition key `key_hash`.
//!
//! The store is given a ready client and chooses no HTTP stack; [`configure`] sets what ripple needs of it.

mod access;
pub(crate) mod copy;
mod decode;
pub mod export;
mod item;
mod keys;
mod layout;
mod line;
mod retry;
mod rows;
mod table;
mod write;

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::AsyncSleep as _;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
};
use aws_smithy_runtime_api::client::interceptors::context::Output;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use uuid::Uuid;

use super::{Capacity, Commit, Consistency, Page, Position, Source, Store, StoreError, StoreErrorKind, Write};
use crate::idempotency::Claim;
use crate::key::{KeyHash, KeyRecord};
use crate::list::{ListPage, Listing, Query};
use crate::read;
use crate::record::history::Version;
use crate::record::{LIST_SHARD, PRJ_ID, Record, RecordId, Timestamp, UPDATED_AT};
use crate::session::Session;

use decode::{Make, PageDecoder};
use item::Garbled;

pub use access::{Access, NotSet};
pub use layout::{Layout, LayoutError};
pub use retry::configure;
pub use table::{TableState, TableStatus};

/// The index that tells what changed.
const BY_UPDATE: &str = "by_update";

/// An item, as the SDK has it.
type Item = HashMap<String, AttributeValue>;

/// Projects and keys in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    client: Client,
    layout: Layout,
    projects: String,
    versions: String,
    keys: String,
}

impl DynamoDb {
    /// Over a client made from a configuration that [`configure`] was applied to.
    #[must_use]
    pub fn new(client: Client, layout: Layout) -> DynamoDb {
        let (projects, versions, keys) = (layout.projects(), layout.versions(), layout.keys());
        DynamoDb { client, layout, projects, versions, keys }
    }

    /// Which tables.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Asks DynamoDB something small, so that the connection is there when the first request comes.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.key_record("warm-up", &mut Capacity::default()).await.map(drop)
    }
}

impl Source for DynamoDb {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "GetItem";
        let answer = self
            .client
            .get_item()
            .table_name(&self.projects)
            .key(PRJ_ID, AttributeValue::S(id.to_string()))
            .consistent_read(read == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        cost.read += units(answer.consumed_capacity());
        let project = answer.item.map(|item| item::members(item).and_then(item::project)).transpose();
        project.map_err(|garbled| garbled.during(OPERATION))
    }

    async fn scan(&self, from: Option<Position>, cost: &mut Capacity) -> Result<Page, StoreError> {
        let page = self.scan_for(decode::project, from, cost).await?;
        Ok(Page { projects: page.records, next: page.next })
    }

    /// Where a list asks no more of a record than its id and all of its JSON, items become just that.
    async fn list(&self, query: &Query, session: &Session, cost: &mut Capacity) -> Result<ListPage, StoreError> {
        if !query.takes_lines() || session.ids().next().is_some() {
            return read::list(self, query, session, cost).await;
        }
        let mut listing = Listing::new(query);
        let mut from = None;
        loop {
            let page = self.scan_for(line::line, from, cost).await?;
            page.records.into_iter().flatten().for_each(|line| listing.add_line(line));
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(listing.finish()),
            }
        }
    }

    async fn changes(
        &self,
        shard: u16,
        since: Timestamp,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<Page, StoreError> {
        const OPERATION: &str = "Query";
        let decoder = PageDecoder::new(|| Output::erase(QueryOutput::builder().build()), decode::project);
        let shard = AttributeValue::S(shard.to_string());
        let start = from.map(|from| item::index_key(&from, shard.clone()));
        self.client
            .query()
            .table_name(&self.projects)
            .index_name(BY_UPDATE)
            .key_condition_expression("#shard = :shard AND #at >= :since")
            .expression_attribute_names("#shard", LIST_SHARD)
            .expression_attribute_names("#at", UPDATED_AT)
            .expression_attribute_values(":shard", shard)
            .expression_attribute_values(":since", AttributeValue::N(since.to_string()))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (page, units) = decoder.take().map_err(|garbled| garbled.during(OPERATION))?;
        cost.read += units;
        Ok(Page { projects: page.records, next: page.next })
    }

    fn shards(&self) -> u16 {
        self.layout.shards
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.key_record(&hash.to_hex(), cost).await
    }
}

impl Store for DynamoDb {
    async fn commit(&self, write: &Write<'_>, cost: &mut Capacity) -> Result<Commit, StoreError> {
        const OPERATION: &str = "TransactWriteItems";
        let unheard = retry::Unheard::default();
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(write::items(write, &self.projects, &self.versions, self.layout.shards)))
            .client_request_token(Uuid::from_bytes(write.token).to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(unheard.clone())
            .send()
            .await;
        match sent {
            Ok(answer) => {
                cost.write += answer.consumed_capacity().iter().map(|one| units(Some(one))).sum::<f64>();
                Ok(Commit::Done)
            }
            Err(error) => match failed_condition(&error, write) {
                Some(commit) => commit.map_err(|garbled| garbled.during(OPERATION)),
                None if unheard.any() => Err(StoreError {
                    operation: OPERATION,
                    kind: StoreErrorKind::Unheard,
                    source: Some(Box::new(error)),
                }),
                None => Err(cancelled(OPERATION, error)),
            },
        }
    }

    async fn version(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        let row = self.row(rows::key(id.as_str(), number), cost).await?;
        row.map(|row| rows::to_project(id, row)).transpose().map_err(|garbled| garbled.during("GetItem"))
    }

    async fn versions(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Version>, StoreError> {
        const OPERATION: &str = "Query";
        let mut query = self
            .client
            .query()
            .table_name(&self.versions)
            .consistent_read(true)
            .scan_index_forward(false)
            .expression_attribute_names("#id", PRJ_ID)
            .expression_attribute_values(":id", AttributeValue::S(id.to_string()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut condition = "#id = :id".to_owned();
        if let Some(before) = before {
            condition.push_str(" AND #0 < :before"); // the first of those told is the version
            query = query.expression_attribute_values(":before", AttributeValue::N(before.to_string()));
        }
        for (index, name) in rows::TOLD.into_iter().enumerate() {
            query = query.expression_attribute_names(format!("#{index}"), name);
        }
        let told: Vec<String> = (0..rows::TOLD.len()).map(|index| format!("#{index}")).collect();
        let query = query.key_condition_expression(condition).projection_expression(told.join(", "));

        let mut versions = Vec::new();
        let mut from = None;
        loop {
            let left = i32::try_from(limit - versions.len()).unwrap_or(i32::MAX);
            let answer = query.clone().limit(left).set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(|error| failed(OPERATION, error))?;
            cost.read += units(answer.consumed_capacity());
            for row in answer.items.unwrap_or_default() {
                versions.push(rows::to_version(row).map_err(|garbled| garbled.during(OPERATION))?);
            }
            match answer.last_evaluated_key {
                Some(key) if versions.len() < limit => from = Some(key),
                _ => return Ok(versions),
            }
        }
    }

    async fn claim(&self, key: &str, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        let row = self.row(rows::claim_key(key), cost).await?;
        row.map(|row| rows::to_claim(key, row)).transpose().map_err(|garbled| garbled.during("GetItem"))
    }

    /// Sent again by the SDK when its answer was lost, it gives the claim that it left itself: that says the same.
    async fn remember(&self, claim: &Claim, now: Timestamp, cost: &mut Capacity) -> Result<Option<Claim>, StoreError> {
        const OPERATION: &str = "PutItem";
        let sent = self
            .client
            .put_item()
            .table_name(&self.versions)
            .set_item(Some(rows::claim(claim, now)))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", PRJ_ID)
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
                    let there = rows::to_claim(&claim.attempt.key, failed.item().cloned().unwrap_or_default());
                    there.map(Some).map_err(|garbled| garbled.during(OPERATION))
                }
                _ => Err(failed(OPERATION, error)),
            },
        }
    }

    async fn key_used(&self, hash: &KeyHash, now: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        self.note_key_use(&hash.to_hex(), now, cost).await
    }

    async fn pause(&self, duration: Duration) {
        // The host gave the client its way to sleep; without one, there is no waiting.
        if let Some(sleep) = self.client.config().sleep_impl() {
            sleep.sleep(duration).await;
        }
    }
}

impl DynamoDb {
    /// A page of the table, of each item what `make` makes of it.
    async fn scan_for<T: Debug + Send + 'static>(
        &self,
        make: Make<T>,
        from: Option<Position>,
        cost: &mut Capacity,
    ) -> Result<decode::Page<T>, StoreError> {
        const OPERATION: &str = "Scan";
        let decoder = PageDecoder::new(|| Output::erase(ScanOutput::builder().build()), make);
        let start = from.map(|from| HashMap::from([(PRJ_ID.to_owned(), AttributeValue::S(from.id.to_string()))]));
        self.client
            .scan()
            .table_name(&self.projects)
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (page, units) = decoder.take().map_err(|garbled| garbled.during(OPERATION))?;
        cost.read += units;
        Ok(page)
    }

    /// A row of the history, as it is now.
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

/// What a transaction met, when a condition is what failed: a claim first, for then the record is its own doing.
fn failed_condition(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
    write: &Write<'_>,
) -> Option<Result<Commit, Garbled>> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    // Each item's reason, and the item that is there.
    let failed = |place: usize| {
        let reason = cancelled.cancellation_reasons().get(place)?;
        let item = reason.item().filter(|item| !item.is_empty()).cloned();
        (reason.code() == Some("ConditionalCheckFailed")).then_some(item)
    };
    if let (Some(claim), Some(Some(row))) = (write.claim, failed(write::CLAIM)) {
        return Some(rows::to_claim(&claim.attempt.key, row).map(Commit::Claimed));
    }
    if let Some(item) = failed(write::RECORD) {
        let current = item.map(|item| item::members(item).and_then(item::project)).transpose();
        return Some(current.map(Commit::Conflict));
    }
    let rows = 0..cancelled.cancellation_reasons().len();
    rows.into_iter().find_map(failed).map(|_| Ok(Commit::VersionTaken))
}

fn units(consumed: Option<&ConsumedCapacity>) -> f64 {
    consumed.and_then(ConsumedCapacity::capacity_units).unwrap_or(0.0)
}

fn failed<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let refused = error.raw_response().is_some_and(|response| response.status().is_client_error());
    let passing = error.code().is_some_and(retry::is_passing);
    let kind = if refused && !passing { StoreErrorKind::Refused } else { StoreErrorKind::Unavailable };
    StoreError { operation, kind, source: Some(Box::new(error)) }
}

/// A cancelled transaction fails for the reason of one of its items.
fn cancelled(operation: &'static str, error: SdkError<TransactWriteItemsError, HttpResponse>) -> StoreError {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        _ => return failed(operation, error),
    };
    let mut codes = reasons.iter().filter_map(|reason| reason.code());
    let passing = codes.any(retry::is_passing);
    let kind = if passing { StoreErrorKind::Unavailable } else { StoreErrorKind::Refused };
    StoreError { operation, kind, source: Some(Box::new(error)) }
}
