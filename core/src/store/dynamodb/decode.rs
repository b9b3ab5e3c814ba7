//! Pages of items, decoded from DynamoDB's JSON straight into what is wanted of them.
//!
//! The SDK decodes an item into a `HashMap` of its own values, from which projects are made in a second step: for a
//! list of some thousand records that is most of what the list costs. So for `Scan` and `Query` an interceptor puts a
//! decoder of ripple's in the place of the SDK's, where the answer is a success; errors the SDK reads as ever.

mod attribute;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
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

/// Decodes one operation's answer.
#[derive(Debug)]
pub(super) struct PageDecoder<T> {
    /// An answer without items, of the operation's type, for the SDK.
    empty: fn() -> Output,
    make: Make<T>,
    names: Arc<Names>,
    decoded: Arc<Mutex<Option<Decoded<T>>>>,
}

/// What becomes of an item.
pub(super) type Make<T> = fn(Item<'_>, &Names) -> Result<T, Malformed>;

/// A page and the units it cost.
pub(super) type Decoded<T> = Result<(Page<T>, f64), Malformed>;

/// A page of what was made of items.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) records: Vec<T>,
    /// Where the next page begins; `None` at the true end.
    pub(super) next: Option<Position>,
}

/// An item as a record.
pub(super) fn record(item: Item<'_>, names: &Names) -> Result<Record, Malformed> {
    crate::store::item::record(item.into_members(), &names.key)
}

/// An entry of `by_update`.
pub(super) fn index_entry(item: Item<'_>, names: &Names) -> Result<IndexEntry, Malformed> {
    item::index_entry(item.into_members(), &names.key)
}

impl<T> Clone for PageDecoder<T> {
    fn clone(&self) -> Self {
        PageDecoder {
            empty: self.empty,
            make: self.make,
            names: Arc::clone(&self.names),
            decoded: Arc::clone(&self.decoded),
        }
    }
}

impl<T> PageDecoder<T> {
    pub(super) fn new(empty: fn() -> Output, make: Make<T>, names: Arc<Names>) -> PageDecoder<T> {
        PageDecoder { empty, make, names, decoded: Arc::default() }
    }

    /// What was decoded: of an answer that was a success, always something.
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
        // All of it at once: string by string, as from bytes, takes a multiple of the time.
        let text = str::from_utf8(body).map_err(|error| OrchestratorError::response(error.into()))?;
        let answer = Answer::read(text).map_err(|error| OrchestratorError::response(error.into()))?;
        *self.slot() = Some(answer.page(self.make, &self.names));
        Ok((self.empty)())
    }
}

/// The records of an answer's text.
pub(super) fn records(text: &str, names: &Names) -> Option<Vec<Record>> {
    let (page, _) = Answer::read(text).ok()?.page(record, names).ok()?;
    Some(page.records)
}

/// The answer of `Scan` and `Query`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
    last_evaluated_key: Option<Item<'a>>,
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

    fn page<T>(self, make: Make<T>, names: &Names) -> Decoded<T> {
        let records = self.items.into_iter().map(|item| make(item, names)).collect::<Result<_, _>>()?;
        let next = self.last_evaluated_key.map(|key| item::position(key.into_members(), &names.key)).transpose()?;
        let units = self.consumed_capacity.map_or(0.0, |consumed| consumed.capacity_units);
        Ok((Page { records, next }, units))
    }
}
