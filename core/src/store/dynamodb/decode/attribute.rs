//! An item in DynamoDB's JSON. Text without escapes is borrowed from the JSON.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minicbor::encode::{Encoder, Write};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::value::cbor::{ToCbor, Written};
use crate::value::{Members, Number, Value, ordered};

/// An item, or the members of an `M`: attributes, ordered by name, each name once.
#[derive(Debug)]
pub(in crate::store::dynamodb) struct Item<'a>(pub(in crate::store::dynamodb) Vec<(Cow<'a, str>, Attribute<'a>)>);

/// The value of an attribute. Its JSON is the same as that of its [`Value`].
#[derive(Debug)]
pub(in crate::store::dynamodb) enum Attribute<'a> {
    Text(Cow<'a, str>),
    Number(Number),
    List(Vec<Attribute<'a>>),
    Map(Item<'a>),
    /// A value of another type, which has little or no text to borrow.
    Other(Value),
}

impl<'a> Item<'a> {
    pub(in crate::store::dynamodb) fn get(&self, name: &str) -> Option<&Attribute<'a>> {
        let place = self.0.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        Some(&self.0[place].1)
    }

    pub(in crate::store::dynamodb) fn into_members(self) -> Members {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_value())).collect()
    }
}

impl<'a> Attribute<'a> {
    /// Takes the text out. Returns `None` if the value is not text.
    pub(in crate::store::dynamodb) fn take_text(&mut self) -> Option<Cow<'a, str>> {
        match self {
            Attribute::Text(text) => Some(std::mem::take(text)),
            _ => None,
        }
    }

    /// Returns the number. Returns `None` if the value is not a natural number of 64 bits.
    pub(in crate::store::dynamodb) fn natural(&self) -> Option<u64> {
        match self {
            Attribute::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// Takes the value out.
    pub(in crate::store::dynamodb) fn take(&mut self) -> Value {
        std::mem::replace(self, Attribute::Other(Value::Null)).into_value()
    }

    fn into_value(self) -> Value {
        match self {
            Attribute::Text(text) => Value::String(text.into_owned()),
            Attribute::Number(number) => Value::Number(number),
            Attribute::List(list) => Value::List(list.into_iter().map(Attribute::into_value).collect()),
            Attribute::Map(item) => Value::Map(item.into_members()),
            Attribute::Other(value) => value,
        }
    }
}

impl ToCbor for Item<'_> {
    fn write<W: Write<Error = Infallible>>(&self, to: &mut Encoder<W>) -> Written {
        to.map(self.0.len() as u64)?;
        for (name, value) in &self.0 {
            to.str(name)?;
            value.write(to)?;
        }
        Ok(())
    }
}

/// Writes the same bytes as the attribute's [`Value`].
impl ToCbor for Attribute<'_> {
    fn write<W: Write<Error = Infallible>>(&self, to: &mut Encoder<W>) -> Written {
        match self {
            Attribute::Text(text) => to.str(text)?.ok(),
            Attribute::Number(number) => number.write(to),
            Attribute::List(list) => {
                to.array(list.len() as u64)?;
                list.iter().try_for_each(|value| value.write(to))
            }
            Attribute::Map(item) => item.write(to),
            Attribute::Other(value) => value.write(to),
        }
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for Attribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Attribute::Text(text) => serializer.serialize_str(text),
            Attribute::Number(number) => number.serialize(serializer),
            Attribute::List(list) => serializer.collect_seq(list),
            Attribute::Map(item) => item.serialize(serializer),
            Attribute::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;
        impl<'de> Visitor<'de> for Attributes {
            type Value = Item<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item<'de>, A::Error> {
                let mut attributes = Vec::with_capacity(8);
                while let Some((Text(name), value)) = map.next_entry()? {
                    attributes.push((name, value));
                }
                attributes.sort_unstable_by(|(one, _), (other, _): &(Cow<'_, str>, _)| one.cmp(other));
                let twice = attributes.windows(2).any(|pair| pair[0].0 == pair[1].0);
                if twice { Err(A::Error::custom("a name occurs twice")) } else { Ok(Item(attributes)) }
            }
        }
        deserializer.deserialize_map(Attributes)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attribute<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed;
        impl<'de> Visitor<'de> for Typed {
            type Value = Attribute<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value under the name of its type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attribute<'de>, A::Error> {
                let Some(kind) = map.next_key::<&str>()? else { return Err(A::Error::custom("no type")) };
                let value = match kind {
                    "S" => Attribute::Text(map.next_value::<Text<'_>>()?.0),
                    "N" => Attribute::Number(number(map.next_value()?)?),
                    "L" => Attribute::List(map.next_value()?),
                    "M" => Attribute::Map(map.next_value()?),
                    "B" => Attribute::Other(Value::Binary(binary(map.next_value()?)?)),
                    "BOOL" => Attribute::Other(Value::Bool(map.next_value()?)),
                    "NULL" => map.next_value::<bool>().map(|_| Attribute::Other(Value::Null))?,
                    "SS" => Attribute::Other(Value::Strings(map.next_value()?)),
                    "NS" => Attribute::Other(Value::Numbers(set(map.next_value()?, number)?)),
                    "BS" => Attribute::Other(Value::Binaries(set(map.next_value()?, binary)?)),
                    _ => return Err(A::Error::custom("no type that is known")),
                };
                match map.next_key::<&str>()? {
                    None => Ok(value),
                    Some(_) => Err(A::Error::custom("more than one type")),
                }
            }
        }
        deserializer.deserialize_map(Typed)
    }
}

/// A text that is copied only if it has escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn number<E: serde::de::Error>(Text(text): Text<'_>) -> Result<Number, E> {
    Number::parse(&text).ok_or_else(|| E::custom("no number"))
}

fn binary<E: serde::de::Error>(Text(text): Text<'_>) -> Result<Vec<u8>, E> {
    STANDARD.decode(&*text).map_err(E::custom)
}

fn set<'a, T: Ord, E>(elements: Vec<Text<'a>>, read: fn(Text<'a>) -> Result<T, E>) -> Result<BTreeSet<T>, E> {
    ordered(elements.into_iter().map(read))
}
