//! Decodes pages of items from DynamoDB's JSON directly into the types that the caller needs.
//!
//! The SDK decodes an item into a `HashMap` of its own values, which must then be converted into records. For a list of
//! some thousand records that is most of the list's cost. So for `GetItem`, `Scan` and `Query` an interceptor replaces the
//! SDK's decoder by one of ripple's if the answer is a success. Errors are still decoded by the SDK.

mod attribute;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, Output, OutputOrError,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};

use super::item;
use crate::record::{Names, Record};
use crate::store::item::Malformed;
use crate::store::{IndexEntry, Position};

pub(super) use attribute::{Attribute, Item};

/// The decoder of one answer.
#[derive(Debug)]
pub(super) struct PageDecoder<T> {
    make: Make<T>,
    names: Arc<Names>,
    decoded: Arc<Mutex<Option<Decoded<T>>>>,
    /// Reads the answer of the operation.
    read: for<'a> fn(&'a str) -> serde_json::Result<Answer<'a>>,
    /// Returns an empty answer of the SDK's type for the operation.
    output: fn() -> Output,
}

/// The conversion of an item.
pub(super) type Make<T> = fn(Item<'_>, &Names) -> Result<T, Malformed>;

/// A page, and the units that it cost.
pub(super) type Decoded<T> = Result<(Page<T>, f64), Malformed>;

/// A page of converted items.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) records: Vec<T>,
    /// The start of the next page. `None` at the end.
    pub(super) next: Option<Position>,
}

/// Converts an item into a record.
pub(super) fn record(item: Item<'_>, names: &Names) -> Result<Record, Malformed> {
    crate::store::item::record(item.into_members(), names)
}

/// Converts an item into an entry of `by_update`.
pub(super) fn index_entry(item: Item<'_>, names: &Names) -> Result<IndexEntry, Malformed> {
    item::index_entry(item.into_members(), names)
}

impl<T> Clone for PageDecoder<T> {
    fn clone(&self) -> Self {
        let (names, decoded) = (Arc::clone(&self.names), Arc::clone(&self.decoded));
        PageDecoder { make: self.make, names, decoded, read: self.read, output: self.output }
    }
}

impl<T> PageDecoder<T> {
    /// Returns a decoder of answers to `Query`.
    pub(super) fn new(make: Make<T>, names: Arc<Names>) -> PageDecoder<T> {
        let output = || Output::erase(QueryOutput::builder().build());
        PageDecoder { make, names, decoded: Arc::default(), read: |text| Answer::read(text), output }
    }

    /// Returns a decoder of answers to `GetItem`: pages of one record at most.
    pub(super) fn of_item(make: Make<T>, names: Arc<Names>) -> PageDecoder<T> {
        let output = || Output::erase(GetItemOutput::builder().build());
        PageDecoder { read: |text| Answer::of_item(text), output, ..PageDecoder::new(make, names) }
    }

    /// Takes the decoded page. After a successful answer there is always one.
    pub(super) fn take(&self) -> Decoded<T> {
        self.slot().take().unwrap_or_else(|| Err(Malformed::attribute("page")))
    }

    fn slot(&self) -> MutexGuard<'_, Option<Decoded<T>>> {
        self.decoded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug + Send + 'static> Intercept for PageDecoder<T> {
    fn name(&self) -> &'static str {
        "page decoder"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().status().is_success() {
            config.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        }
        Ok(())
    }
}

impl<T: fmt::Debug + Send + 'static> DeserializeResponse for PageDecoder<T> {
    fn deserialize_nonstreaming_with_config(&self, response: &HttpResponse, _: &ConfigBag) -> OutputOrError {
        let body = response.body().bytes().unwrap_or_default();
        // The body is checked as UTF-8 in one pass. Checking string by string, as decoding from bytes does, takes
        // several times as long.
        let text = str::from_utf8(body).map_err(|error| OrchestratorError::response(error.into()))?;
        let answer = (self.read)(text).map_err(|error| OrchestratorError::response(error.into()))?;
        *self.slot() = Some(answer.page(self.make, &self.names));
        // The SDK requires an answer of its own type.
        Ok((self.output)())
    }
}

/// Returns the records in the text of an answer.
pub(super) fn records(text: &str, names: &Names) -> Option<Vec<Record>> {
    let (page, _) = Answer::read(text).ok()?.page(record, names).ok()?;
    Some(page.records)
}

/// The answer to `Scan` and `Query`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
    last_evaluated_key: Option<Item<'a>>,
    consumed_capacity: Option<Consumed>,
}

/// The answer to `GetItem`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ItemAnswer<'a> {
    #[serde(borrow)]
    item: Option<Item<'a>>,
    consumed_capacity: Option<Consumed>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    capacity_units: f64,
}

impl<'a> Answer<'a> {
    fn read(text: &'a str) -> serde_json::Result<Answer<'a>> {
        serde_json::from_str(text)
    }

    fn of_item(text: &'a str) -> serde_json::Result<Answer<'a>> {
        let ItemAnswer { item, consumed_capacity } = serde_json::from_str(text)?;
        Ok(Answer { items: item.into_iter().collect(), last_evaluated_key: None, consumed_capacity })
    }

    fn page<T>(self, make: Make<T>, names: &Names) -> Decoded<T> {
        let records = self.items.into_iter().map(|item| make(item, names)).collect::<Result<_, _>>()?;
        let next = self.last_evaluated_key.map(|key| item::position(key.into_members(), names)).transpose()?;
        let units = self.consumed_capacity.map_or(0.0, |consumed| consumed.capacity_units);
        Ok((Page { records, next }, units))
    }
}
