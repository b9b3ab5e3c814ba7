//! The store in DynamoDB: its tables, and each operation of [`Store`].
//!
//! A resource has two tables. For `prj` they are:
//!
//! * `<site>_prj`: partition key `prj_id`. Another resource may have a number as its key, and a sort key. The index
//!   `by_update` (partition `rpl_shard`, sort `rpl_at`) lists the writes since a time. It projects keys and versions; the
//!   records are read from the table. The index `by_id` (partition `rpl_shard`, sort `prj_id`) lists the ids. It is written
//!   when a record is created or deleted, and only tables with one key of text have it.
//! * `<site>_prj_version`: partition key `prj_id`, sort key `version`: the history.
//!
//! The API keys of all resources are in `<site>_key`: partition key `key_hash`.
//!
//! The host gives the store a ready client, and so chooses the HTTP stack. [`configure`] sets what ripple requires of
//! the client.

mod access;
mod changes;
pub(crate) mod copy;
mod decode;
pub mod export;
mod fed;
mod history;
mod index;
mod item;
mod keys;
mod line;
mod lookup;
mod retry;
mod rows;
pub mod stream;
mod table;
mod table_names;
mod write;

use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::AsyncSleep as _;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use uuid::Uuid;

use super::item::Malformed;
use super::page::{self, Indexed};
use super::scan;
use super::{
    Batch, BatchCommit, Capacity, Changes, Commit, Consistency, IdempotencyRecord, IndexEntry, Keys, Page, Position,
    Source, Store, StoreError, StoreErrorKind, Write,
};
use crate::auth::{KeyHash, KeyRecord, Usage};
use crate::query::{ListPage, Listing, Place, Query};
use crate::record::history::{Entry, Row};
use crate::record::schema::Resource;
use crate::record::{Names, Record, RecordId};
use crate::session::Session;
use crate::time::Timestamp;

use decode::{Make, PageDecoder};

pub use access::{Access, NotSet};
pub use fed::Fed;
pub use retry::configure;
pub use table::{TableState, TableStatus};
pub use table_names::{SharedTable, TableNames, TableNamesError};

/// The index that lists changes.
const BY_UPDATE: &str = "by_update";
/// The index that lists ids.
const BY_ID: &str = "by_id";
/// The name of the operation `Scan` in a request.
const SCAN: &str = "DynamoDB_20120810.Scan";

/// The code of DynamoDB's error for a table that does not exist.
const TABLE_MISSING: &str = "ResourceNotFoundException";

/// An item, as the SDK represents it.
type Item = HashMap<String, AttributeValue>;

/// Records and keys in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    client: Client,
    table_names: TableNames,
    resource: Arc<Resource>,
    names: Arc<Names>,
    records: String,
    versions: String,
    keys: String,
    is_fed: bool,
}

impl DynamoDb {
    /// Returns the store of a resource's records that uses this client. [`configure`] must have been applied to the
    /// client's configuration.
    #[must_use]
    pub fn new(client: Client, table_names: TableNames, resource: Arc<Resource>) -> DynamoDb {
        let (records, versions) =
            (resource.table_name(&table_names.site), resource.history_table_name(&table_names.site));
        let (keys, names) = (table_names.keys(), Arc::clone(&resource.names));
        DynamoDb { client, table_names, resource, names, records, versions, keys, is_fed: false }
    }

    /// Reads pages by id and by time from the indexes, if they have every record of the resource.
    #[must_use]
    pub fn fed(self, fed: &Fed) -> DynamoDb {
        DynamoDb { is_fed: fed.has(&self.resource), ..self }
    }

    /// Returns the site and the number of partitions.
    #[must_use]
    pub fn table_names(&self) -> &TableNames {
        &self.table_names
    }

    /// Returns the name of the table of records.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.records
    }

    /// Returns the name of the table of their history.
    #[must_use]
    pub fn history_table(&self) -> &str {
        &self.versions
    }

    /// Makes a small request to DynamoDB, so that the connection is open before the first request arrives.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.key_record("warm-up", &mut Capacity::default()).await.map(drop)
    }
}

impl Keys for DynamoDb {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        self.key_record(&hash.to_hex(), cost).await
    }
}

impl Source for DynamoDb {
    async fn get(&self, id: &RecordId, read: Consistency, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "GetItem";
        let key = item::key(id, &self.names);
        if key.is_empty() {
            return Ok(None);
        }
        let decoder = PageDecoder::of_item(decode::record, Arc::clone(&self.names));
        self.client
            .get_item()
            .table_name(&self.records)
            .set_key(Some(key))
            .consistent_read(read == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (mut page, units) = decoder.take().map_err(|malformed| malformed.during(OPERATION))?;
        cost.read += units;
        Ok(page.records.pop())
    }

    async fn scan(&self, from: Option<Position>, read: Consistency, cost: &mut Capacity) -> Result<Page, StoreError> {
        let page = self.scan_for(decode::record, from, read, cost).await?;
        Ok(Page { records: page.records, next: page.next })
    }

    /// Reads an index if it has every record and the page's order. Otherwise it scans. If a list needs only the id and the
    /// whole JSON of a record, items are decoded directly into those.
    async fn list(
        &self,
        query: &Query,
        session: &Session,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<ListPage, StoreError> {
        if self.is_fed {
            match page::list(self, self, query, session, now, cost).await {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => {}
                // The table of another program may lack the index, or the policy may not name it.
                Err(error) if error.kind == StoreErrorKind::Refused => {}
                Err(error) => return Err(error),
            }
        }
        if !query.takes_lines() || session.ids().next().is_some() {
            return scan::list(self, query, session, now, cost).await;
        }
        let mut listing = Listing::new(query);
        let mut from = None;
        loop {
            let page = self.scan_for(line::line, from, Consistency::Eventual, cost).await?;
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
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.changes_since(shard, since, from, limit, cost).await
    }

    async fn fetch(&self, entries: &[IndexEntry], cost: &mut Capacity) -> Result<Vec<Record>, StoreError> {
        self.fetched(entries, cost).await
    }

    fn shards(&self) -> u16 {
        self.resource.shards.unwrap_or(self.table_names.shards)
    }
}

impl Indexed for DynamoDb {
    async fn walk(
        &self,
        place: &Place,
        shard: u16,
        from: Option<Position>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Changes, StoreError> {
        self.walk_index(place, shard, from, limit, cost).await
    }
}

impl Store for DynamoDb {
    async fn commit_all(&self, batch: &Batch<'_>, cost: &mut Capacity) -> Result<BatchCommit, StoreError> {
        const OPERATION: &str = "TransactWriteItems";
        let unconfirmed = retry::Unconfirmed::default();
        let (mut items, mut places) = (Vec::new(), Vec::new());
        for write in batch.writes {
            let begin = items.len();
            items.extend(write::items(write, &self.records, &self.versions, self.shards(), &self.names)?);
            places.push((write, begin..items.len()));
        }
        let claims = items.len()..items.len() + batch.claims.len();
        items.extend(batch.claims.iter().map(|claim| write::claim(claim, batch.now, &self.versions, &self.names.key)));
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(Uuid::from_bytes(batch.token).to_string())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(unconfirmed.clone())
            .send()
            .await;
        match sent {
            Ok(answer) => {
                cost.write += answer.consumed_capacity().iter().map(|one| units(Some(one))).sum::<f64>();
                Ok(BatchCommit::Done)
            }
            Err(error) => match failed_conditions(&error, &places, claims, &self.names) {
                Some(commit) => commit.map_err(|malformed| malformed.during(OPERATION)),
                None if unconfirmed.any() => Err(StoreError {
                    operation: OPERATION,
                    kind: StoreErrorKind::OutcomeUnknown,
                    source: Some(Box::new(error)),
                }),
                None => Err(cancelled(OPERATION, error)),
            },
        }
    }

    async fn keep(&self, row: &Row, cost: &mut Capacity) -> Result<bool, StoreError> {
        self.keep_row(row, cost).await
    }

    async fn expire(&self, id: &RecordId, number: u64, at: Timestamp, cost: &mut Capacity) -> Result<(), StoreError> {
        self.expire_row(id, number, at, cost).await
    }

    async fn state(&self, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.row_state(id, number, cost).await
    }

    async fn shown(&self, id: &RecordId, shown: i64, cost: &mut Capacity) -> Result<Option<Record>, StoreError> {
        self.row_shown(id, shown, cost).await
    }

    async fn entries(
        &self,
        id: &RecordId,
        before: Option<u64>,
        limit: usize,
        cost: &mut Capacity,
    ) -> Result<Vec<Entry>, StoreError> {
        self.row_entries(id, before, limit, cost).await
    }

    async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.claimed(key, now, cost).await
    }

    async fn remember(
        &self,
        claim: &IdempotencyRecord,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.leave_claim(claim, now, cost).await
    }

    async fn key_used(
        &self,
        hash: &KeyHash,
        usage: Usage,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(), StoreError> {
        self.note_key_use(&hash.to_hex(), usage, now, cost).await
    }

    async fn pause(&self, duration: Duration) {
        self.wait(duration).await;
    }

    fn time(&self) -> Timestamp {
        let now = self.client.config().time_source().map_or(UNIX_EPOCH, |source| source.now());
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl DynamoDb {
    /// Waits with the sleep that the host gave the client. Without one, it does not wait.
    async fn wait(&self, duration: Duration) {
        if let Some(sleep) = self.client.config().sleep_impl() {
            sleep.sleep(duration).await;
        }
    }

    /// Returns a page of the table, with each item converted by `make`.
    ///
    /// A `Query` without conditions has the form of a `Scan`, and so has its answer. The edge needs `Query` anyway, and
    /// the SDK's `Scan` would make its bundle 9 KB larger.
    async fn scan_for<T: Debug + Send + 'static>(
        &self,
        make: Make<T>,
        from: Option<Position>,
        read: Consistency,
        cost: &mut Capacity,
    ) -> Result<decode::Page<T>, StoreError> {
        const OPERATION: &str = "Scan";
        let decoder = PageDecoder::new(make, Arc::clone(&self.names));
        let start = from.map(|from| item::key(&from.id, &self.names));
        self.client
            .query()
            .table_name(&self.records)
            .consistent_read(read == Consistency::Strong)
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .mutate_request(|request| {
                request.headers_mut().insert("x-amz-target", SCAN);
            })
            .interceptor(decoder.clone())
            .send()
            .await
            .map_err(|error| failed(OPERATION, error))?;
        let (page, units) = decoder.take().map_err(|malformed| malformed.during(OPERATION))?;
        cost.read += units;
        Ok(page)
    }
}

/// Returns the result of a transaction in which a condition failed. Idempotency records are checked first: if one exists,
/// the same write has changed the record. `places` are the writes with the places of their items, and `claims` those of
/// the batch's own idempotency records.
fn failed_conditions(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
    places: &[(&Write<'_>, Range<usize>)],
    claims: Range<usize>,
    names: &Names,
) -> Option<Result<BatchCommit, Malformed>> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    // Returns the item that is there, if the condition of the item at this place failed.
    let failed = |place: usize| {
        let reason = cancelled.cancellation_reasons().get(place)?;
        let item = reason.item().filter(|item| !item.is_empty()).cloned();
        (reason.code() == Some("ConditionalCheckFailed")).then_some(item)
    };
    if claims.into_iter().any(|place| failed(place).is_some()) {
        return Some(Ok(BatchCommit::Claimed));
    }
    let refused = |place: usize, commit: Result<Commit, Malformed>| {
        Some(commit.map(|commit| BatchCommit::Refused(place, commit)))
    };
    for (place, (write, items)) in places.iter().enumerate() {
        if let (Some(claim), Some(Some(row))) = (write.claim, failed(items.start + write::CLAIM)) {
            return refused(place, rows::to_claim(&claim.key, row).map(Commit::Claimed));
        }
    }
    for (place, (_, items)) in places.iter().enumerate() {
        if let Some(item) = failed(items.start + write::RECORD) {
            let current =
                item.map(|item| item::members(item).and_then(|item| super::item::record(item, names))).transpose();
            return refused(place, current.map(Commit::Conflict));
        }
        if items.clone().any(|item| failed(item).is_some()) {
            return refused(place, Ok(Commit::NumberTaken));
        }
    }
    None
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
    let kind = match error.code() {
        Some(TABLE_MISSING) => StoreErrorKind::TableMissing,
        _ if refused && !passing => StoreErrorKind::Refused,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError { operation, kind, source: Some(Box::new(error)) }
}

/// Returns the error of a cancelled transaction, which depends on the reasons of its items.
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
