//! Pages of items, decoded from DynamoDB's JSON straight into projects.
//!
//! The SDK decodes an item into a `HashMap` of its own values, from which projects are made in a second step: for a
//! list of some thousand records that is most of what the list costs. So for `Scan` and `Query` an interceptor puts a
//! decoder of ripple's in the place of the SDK's, where the answer is a success; errors the SDK reads as ever.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>

use std::borrow::Cow;
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
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::item::{self, Garbled};
use crate::store::Page;
use crate::value::{Members, Number, Value};

/// Decodes one operation's answer.
#[derive(Clone, Debug)]
pub(super) struct PageDecoder {
    /// An answer without items, of the operation's type, for the SDK.
    empty: fn() -> Output,
    decoded: Arc<Mutex<Option<Decoded>>>,
}

/// A page and the units it cost.
pub(super) type Decoded = Result<(Page, f64), Garbled>;

impl PageDecoder {
    pub(super) fn new(empty: fn() -> Output) -> PageDecoder {
        PageDecoder { empty, decoded: Arc::default() }
    }

    /// What was decoded: of an answer that was a success, always something.
    pub(super) fn take(&self) -> Decoded {
        self.slot().take().unwrap_or_else(|| Err(Garbled::answer()))
    }

    fn slot(&self) -> MutexGuard<'_, Option<Decoded>> {
        self.decoded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for PageDecoder {
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

impl DeserializeResponse for PageDecoder {
    fn deserialize_nonstreaming_with_config(&self, response: &HttpResponse, _: &ConfigBag) -> OutputOrError {
        let body = response.body().bytes().unwrap_or_default();
        let answer: Answer = serde_json::from_slice(body).map_err(|error| OrchestratorError::response(error.into()))?;
        *self.slot() = Some(answer.page());
        Ok((self.empty)())
    }
}

/// The answer of `Scan` and `Query`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    items: Vec<Item>,
    last_evaluated_key: Option<Item>,
    consumed_capacity: Option<Consumed>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    capacity_units: f64,
}

impl Answer {
    fn page(self) -> Decoded {
        let projects = self.items.into_iter().map(|Item(members)| item::project(members)).collect::<Result<_, _>>()?;
        let next = self.last_evaluated_key.map(|Item(members)| item::position(members)).transpose()?;
        let units = self.consumed_capacity.map_or(0.0, |consumed| consumed.capacity_units);
        Ok((Page { projects, next }, units))
    }
}

/// An item: its attributes by name.
struct Item(Members);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;
        impl<'de> Visitor<'de> for Attributes {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let mut members = Members::new();
                while let Some((name, Attribute(value))) = map.next_entry()? {
                    members.insert(name, value);
                }
                Ok(Item(members))
            }
        }
        deserializer.deserialize_map(Attributes)
    }
}

/// A value under the name of its type: `{"N": "1"}`.
struct Attribute(Value);

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed;
        impl<'de> Visitor<'de> for Typed {
            type Value = Attribute;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value under the name of its type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attribute, A::Error> {
                let Some(kind) = map.next_key::<&str>()? else { return Err(A::Error::custom("no type")) };
                let value = match kind {
                    "S" => Value::String(map.next_value()?),
                    "N" => Value::Number(number(&map.next_value::<Text<'_>>()?.0)?),
                    "B" => Value::Binary(binary(&map.next_value::<Text<'_>>()?.0)?),
                    "BOOL" => Value::Bool(map.next_value()?),
                    "NULL" => map.next_value::<bool>().map(|_| Value::Null)?,
                    "L" => {
                        let list: Vec<Attribute> = map.next_value()?;
                        Value::List(list.into_iter().map(|Attribute(value)| value).collect())
                    }
                    "M" => Value::Map(map.next_value::<Item>()?.0),
                    "SS" => Value::Strings(map.next_value()?),
                    "NS" => {
                        let set: Vec<Text<'_>> = map.next_value()?;
                        Value::Numbers(set.iter().map(|text| number(&text.0)).collect::<Result<_, _>>()?)
                    }
                    "BS" => {
                        let set: Vec<Text<'_>> = map.next_value()?;
                        Value::Binaries(set.iter().map(|text| binary(&text.0)).collect::<Result<_, _>>()?)
                    }
                    _ => return Err(A::Error::custom("no type that is known")),
                };
                match map.next_key::<&str>()? {
                    None => Ok(Attribute(value)),
                    Some(_) => Err(A::Error::custom("more than one type")),
                }
            }
        }
        deserializer.deserialize_map(Typed)
    }
}

/// Text that is copied only where it has escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn number<E: serde::de::Error>(text: &str) -> Result<Number, E> {
    Number::parse(text).ok_or_else(|| E::custom("no number"))
}

fn binary<E: serde::de::Error>(text: &str) -> Result<Vec<u8>, E> {
    STANDARD.decode(text).map_err(E::custom)
}
