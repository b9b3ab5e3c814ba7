//! Strict parsing of JSON: UTF-8, no member twice, bounded nesting, and numbers within DynamoDB's range.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Number, Value, push_token};
use crate::limits;

/// Why and where a text is not valid for [`parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// A JSON Pointer (RFC 6901). Empty for the whole text.
    pub pointer: String,
    /// One sentence for the client.
    pub detail: String,
}

/// Parses one JSON text.
///
/// # Errors
/// If RFC 8259 does not allow the text, or a record cannot hold it.
pub fn parse(text: &[u8]) -> Result<Value, Malformed> {
    parse_within(text, 0)
}

/// Returns the members of an object in JSON.
#[cfg(test)]
pub(crate) fn members(text: &str) -> super::Members {
    match parse(text.as_bytes()) {
        Ok(Value::Map(members)) => members,
        other => panic!("{other:?}"),
    }
}

/// Parses one JSON text that contains a record this many levels deep.
///
/// # Errors
/// If RFC 8259 does not allow the text, or a record cannot hold it.
pub(crate) fn parse_within(text: &[u8], levels: usize) -> Result<Value, Malformed> {
    let nesting = limits::NESTING + levels;
    let mut pointer = Vec::new();
    let located = |pointer: &[String], detail| Malformed { pointer: pointer.concat(), detail };
    let text = std::str::from_utf8(text)
        .map_err(|error| located(&[], format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| located(&[], format!("not JSON: {error}")))?;
    value(raw, nesting, &mut pointer).map_err(|detail| located(&pointer, detail))
}

/// Parses a value with at most `left` more levels. Each container is first split into raw parts, and then parsed part
/// by part. This keeps every digit, which `serde_json::Value` would not, and costs at most [`limits::NESTING`] passes
/// over the text. After an error `pointer` shows the position.
fn value(raw: &RawValue, left: usize, pointer: &mut Vec<String>) -> Result<Value, String> {
    let text = raw.get();
    let not_json = |error: serde_json::Error| format!("not JSON: {error}");
    match text.as_bytes().first() {
        Some(b'{') => {
            let Parts(parts) = serde_json::from_str(text).map_err(not_json)?;
            let mut members = Vec::with_capacity(parts.len());
            for (name, part) in parts {
                pointer.push(token(&name));
                if name.is_empty() {
                    return Err("a member's name is empty".to_owned());
                }
                if name.len() > limits::NAME {
                    return Err(format!("a member's name has at most {} bytes", limits::NAME));
                }
                members.push((name, value(part, deeper(left)?, pointer)?));
                pointer.pop();
            }
            members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            if let Some([(name, _), _]) = members.array_windows().find(|[(one, _), (other, _)]| one == other) {
                pointer.push(token(name));
                return Err("the member occurs twice".to_owned());
            }
            Ok(Value::Map(members.into_iter().collect()))
        }
        Some(b'[') => {
            let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            let mut list = Vec::with_capacity(parts.len());
            for (index, part) in parts.into_iter().enumerate() {
                pointer.push(format!("/{index}"));
                list.push(value(part, deeper(left)?, pointer)?);
                pointer.pop();
            }
            Ok(Value::List(list))
        }
        Some(b'"') => serde_json::from_str(text).map(Value::String).map_err(not_json),
        Some(b't' | b'f') => serde_json::from_str(text).map(Value::Bool).map_err(not_json),
        Some(b'n') => Ok(Value::Null),
        _ => Number::parse(text).map(Value::Number).ok_or_else(|| {
            "a number takes up to 38 significant digits and a magnitude of 1e-130 to 9.99e125".to_owned()
        }),
    }
}

/// Returns how many levels are left inside. DynamoDB counts an attribute's scalars as a level, but not the record.
fn deeper(left: usize) -> Result<usize, String> {
    left.checked_sub(1).ok_or_else(|| format!("nested deeper than {} levels", limits::NESTING))
}

/// Returns a name as a token of a JSON Pointer, with its slash.
fn token(name: &str) -> String {
    let mut token = String::new();
    push_token(&mut token, name);
    token
}

/// An object's members in the order of the text, including duplicates.
pub(crate) struct Parts<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = map.next_entry()? {
                    parts.push(part);
                }
                Ok(Parts(parts))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, pointer: &str, detail: &str) {
        let malformed = parse(text.as_ref()).expect_err("refused");
        assert_eq!(malformed.pointer, pointer);
        assert!(malformed.detail.contains(detail), "{}", malformed.detail);
    }

    #[test]
    fn refusals_say_where() {
        refused(b"\xff", "", "not UTF-8");
        refused("", "", "not JSON");
        refused("{} x", "", "not JSON");
        refused("\u{feff}{}", "", "not JSON");
        refused(r#"{"a":1,"\u0061":2}"#, "/a", "twice");
        refused(r#"{"a":{"b/c":[0,{"x":1,"x":1}]}}"#, "/a/b~1c/1/x", "twice");
        refused(r#"{"a":"\ud800"}"#, "/a", "not JSON");
        refused(r#"{"a":[1e200]}"#, "/a/0", "38 significant digits");
        refused(r#"{"":1}"#, "/", "empty");
    }

    #[test]
    fn nesting_is_bounded_and_never_overflows_the_stack() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(limits::NESTING).as_bytes()).is_ok());
        let malformed = parse(nested(limits::NESTING + 1).as_bytes()).expect_err("refused");
        assert!(malformed.detail.contains("32 levels"));
        assert!(parse(nested(200_000).as_bytes()).is_err());
        assert!(parse("[".repeat(400_000).as_bytes()).is_err());
    }

    #[test]
    fn a_name_that_serde_json_uses_itself_is_a_name() {
        let text = r#"{"$serde_json::private::Number":"1"}"#;
        let shown = serde_json::to_string(&parse(text.as_bytes()).expect("parses")).expect("serialises");
        assert_eq!(shown, text);
    }
}
