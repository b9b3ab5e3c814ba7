//! Values as CBOR (RFC 8949), with all of DynamoDB's types. The seal hashes this form, and a row of the history holds
//! it.
//!
//! The encoding is deterministic: members are ordered by name, and equal values give equal bytes.
//!
//! | type | CBOR |
//! |---|---|
//! | `NULL`, `BOOL`, `S`, `B`, `L`, `M` | null, boolean, text, bytes, array, map |
//! | `N` | an integer of 64 bits, otherwise tag 60000: a text of digits |
//! | `SS`, `NS`, `BS` | tag 258: an array that is a set |

use std::collections::BTreeSet;
use std::convert::Infallible;

use minicbor::Decoder;
use minicbor::data::{Tag, Type};
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Encoder, Error, Write};

use super::{Members, Number, Value};
use crate::limits;

/// The tag of a set. <https://www.iana.org/assignments/cbor-tags>
const SET: Tag = Tag::new(258);
/// The tag of a decimal, which is not assigned to anything else. A decimal fraction (tag 4) of 38 digits would need
/// arithmetic of 128 bits.
const DECIMAL: Tag = Tag::new(60_000);

/// The result of one step. A writer into memory or into a hash never fails.
pub(crate) type Written = Result<(), Error<Infallible>>;

/// A value that can be written as CBOR.
pub(crate) trait ToCbor {
    /// Writes the value.
    fn write<W: Write<Error = Infallible>>(&self, to: &mut Encoder<W>) -> Written;
}

/// Returns the CBOR of a value.
pub(crate) fn encode(value: &impl ToCbor) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    value.write(&mut encoder).expect("memory takes every byte");
    encoder.into_writer()
}

impl ToCbor for Value {
    fn write<W: Write<Error = Infallible>>(&self, to: &mut Encoder<W>) -> Written {
        match self {
            Value::Null => to.null()?.ok(),
            Value::Bool(flag) => to.bool(*flag)?.ok(),
            Value::Number(number) => number.write(to),
            Value::String(text) => to.str(text)?.ok(),
            Value::Binary(bytes) => to.bytes(bytes)?.ok(),
            Value::List(list) => {
                to.array(list.len() as u64)?;
                list.iter().try_for_each(|value| value.write(to))
            }
            Value::Map(members) => members.write(to),
            Value::Strings(set) => {
                to.tag(SET)?.array(set.len() as u64)?;
                set.iter().try_for_each(|text| to.str(text)?.ok())
            }
            Value::Numbers(set) => {
                to.tag(SET)?.array(set.len() as u64)?;
                set.iter().try_for_each(|number| number.write(to))
            }
            Value::Binaries(set) => {
                to.tag(SET)?.array(set.len() as u64)?;
                set.iter().try_for_each(|bytes| to.bytes(bytes)?.ok())
            }
        }
    }
}

impl ToCbor for Members {
    fn write<W: Write<Error = Infallible>>(&self, to: &mut Encoder<W>) -> Written {
        to.map(self.len() as u64)?;
        for (name, value) in self {
            to.str(name)?;
            value.write(to)?;
        }
        Ok(())
    }
}

impl ToCbor for Number {
    fn write<W: Write<Error = Infallible>>(&self, to: &mut Encoder<W>) -> Written {
        if let Ok(whole) = self.as_str().parse() {
            return to.i64(whole)?.ok();
        }
        to.tag(DECIMAL)?.str(self.as_str())?.ok()
    }
}

/// Decodes a value from the output of [`encode`]. Returns `None` for any other bytes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Value> {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder, 0).ok()?;
    (decoder.position() == bytes.len()).then_some(value)
}

fn read(from: &mut Decoder<'_>, depth: usize) -> Result<Value, DecodeError> {
    // The members of a record are one level.
    if depth > limits::NESTING + 1 {
        return Err(DecodeError::message("nested too deeply"));
    }
    Ok(match from.datatype()? {
        Type::Null => {
            from.null()?;
            Value::Null
        }
        Type::Bool => Value::Bool(from.bool()?),
        Type::String => Value::String(from.str()?.to_owned()),
        Type::Bytes => Value::Binary(from.bytes()?.to_owned()),
        Type::Array => {
            let length = definite(from.array()?)?;
            Value::List((0..length).map(|_| read(from, depth + 1)).collect::<Result<_, _>>()?)
        }
        Type::Map => {
            let length = definite(from.map()?)?;
            let member = |_| Ok((from.str()?.to_owned(), read(from, depth + 1)?));
            Value::Map((0..length).map(member).collect::<Result<_, DecodeError>>()?)
        }
        Type::Tag if Decoder::clone(from).tag()? == SET => {
            from.tag()?;
            let length = definite(from.array()?)?;
            set((0..length).map(|_| read(from, depth + 1)).collect::<Result<Vec<Value>, _>>()?)?
        }
        _ => Value::Number(number(from)?),
    })
}

fn definite(length: Option<u64>) -> Result<u64, DecodeError> {
    length.ok_or_else(|| DecodeError::message("a length is missing"))
}

fn number(from: &mut Decoder<'_>) -> Result<Number, DecodeError> {
    let text = if from.datatype()? == Type::Tag {
        if from.tag()? != DECIMAL {
            return Err(DecodeError::message("no number"));
        }
        from.str()?.to_owned()
    } else {
        from.i64()?.to_string()
    };
    Number::parse(&text).ok_or_else(|| DecodeError::message("a number out of range"))
}

fn set(elements: Vec<Value>) -> Result<Value, DecodeError> {
    let mixed = || DecodeError::message("a set of several types");
    let (mut texts, mut numbers, mut binaries) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let count = elements.len();
    for element in elements {
        match element {
            Value::String(text) => texts.insert(text),
            Value::Number(number) => numbers.insert(number),
            Value::Binary(bytes) => binaries.insert(bytes),
            _ => return Err(mixed()),
        };
    }
    match count {
        0 => Err(DecodeError::message("an empty set")),
        count if texts.len() == count => Ok(Value::Strings(texts)),
        count if numbers.len() == count => Ok(Value::Numbers(numbers)),
        count if binaries.len() == count => Ok(Value::Binaries(binaries)),
        _ => Err(mixed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn every_type_comes_back() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::String("é\u{0}".to_owned()),
            Value::Binary(vec![0, 255]),
            Value::Strings(["b".to_owned(), "a".to_owned()].into()),
            Value::Numbers([number("-1"), number("0.5")].into()),
            Value::Binaries([vec![], vec![7]].into()),
            Value::List(vec![Value::List(vec![]), Value::Map(Members::new())]),
        ];
        let numbers =
            ["0", "-1", "9223372036854775808", "1e125", "-1e-130", "12345678901234567890123456789012345678", "0.1"];
        for value in values.into_iter().chain(numbers.map(|text| Value::Number(number(text)))) {
            let nested = Value::Map([("name".to_owned(), value.clone())].into());
            assert_eq!(decode(&encode(&nested)), Some(nested), "{value:?}");
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let value = Value::List(vec![Value::from("text"), Value::from(7), Value::Numbers([number("0.5")].into())]);
        let bytes = encode(&value);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{end}");
        }
        assert_eq!(decode(&[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(decode(&vec![0x81; 100_000]), None);
        assert_eq!(decode(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]), None);
    }
}
