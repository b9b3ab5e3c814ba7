//! The text of a resource file, as JSON that keeps what [`value::parse`](crate::value::parse) does not: the order of
//! members and the text of numbers.

use serde_json::value::RawValue;

use super::fault::{Location, quoted};
use crate::value::{Members, Number, Parts, Value, push_token};

/// Levels of nesting in a file.
const DEPTH: usize = 12;
/// Bytes of a member's name.
const NAME: usize = 255;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// In the order of the file. No name occurs twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Returns the value of a record that this stands for. Returns `None` if a number in it is outside DynamoDB's range.
    pub(super) fn to_value(&self) -> Option<Value> {
        Some(match self {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(text) => Value::Number(Number::parse(text)?),
            Json::Text(text) => Value::String(text.clone()),
            Json::List(list) => Value::List(list.iter().map(Json::to_value).collect::<Option<_>>()?),
            Json::Object(members) => {
                let member = |(name, value): &(String, Json)| Some((name.clone(), value.to_value()?));
                Value::Map(members.iter().map(member).collect::<Option<Members>>()?)
            }
        })
    }
}

/// Reads the text of a file. A byte order mark is skipped.
///
/// # Errors
/// Where it is not JSON or exceeds a limit, and the rule.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, (Location, String)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
            return Err((Location::Line { line, column }, "is not UTF-8".to_owned()));
        }
    };
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
        let location = Location::Line { line: error.line().max(1), column: error.column().max(1) };
        (location, format!("is not JSON: {}", reason(&error)))
    })?;
    let mut pointer = String::new();
    read(raw, DEPTH, &mut pointer).map_err(|rule| (Location::Pointer(pointer), rule))
}

/// Reads a value with at most `left` levels. On an error, `pointer` shows where it is.
fn read(raw: &RawValue, left: usize, pointer: &mut String) -> Result<Json, String> {
    let text = raw.get();
    let not_json = |error: serde_json::Error| format!("is not JSON: {}", reason(&error));
    let first = text.as_bytes().first();
    if left == 0 && matches!(first, Some(b'{' | b'[')) {
        return Err(format!("is nested deeper than {DEPTH} levels"));
    }
    let end = pointer.len();
    match first {
        Some(b'{') => {
            let Parts(parts) = serde_json::from_str(text).map_err(not_json)?;
            let mut names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
                return Err(format!("has {} twice", quoted(name)));
            }
            if let Some(name) = names.iter().find(|name| name.is_empty() || name.len() > NAME) {
                return Err(format!("a name has 1 to {NAME} bytes, {} has {}", quoted(name), name.len()));
            }
            let mut members = Vec::with_capacity(parts.len());
            for (name, part) in parts {
                push_token(pointer, &name);
                let value = read(part, left - 1, pointer)?;
                pointer.truncate(end);
                members.push((name, value));
            }
            Ok(Json::Object(members))
        }
        Some(b'[') => {
            let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            let mut list = Vec::with_capacity(parts.len());
            for (place, part) in parts.into_iter().enumerate() {
                push_token(pointer, &place.to_string());
                list.push(read(part, left - 1, pointer)?);
                pointer.truncate(end);
            }
            Ok(Json::List(list))
        }
        Some(b'"') => serde_json::from_str(text).map(Json::Text).map_err(not_json),
        Some(b't' | b'f') => Ok(Json::Bool(text == "true")),
        Some(b'n') => Ok(Json::Null),
        _ => Ok(Json::Number(text.to_owned())),
    }
}

/// Returns serde_json's reason without the place, which stands elsewhere.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, location: Location, rule: &str) {
        assert_eq!(parse(text.as_ref()), Err((location, rule.to_owned())));
    }

    #[test]
    fn order_and_digits_are_kept_and_a_byte_order_mark_is_skipped() {
        let read = parse(b"\xef\xbb\xbf{\"b\":1.0,\"a\":[null,true,\"x\"]}").expect("it is JSON");
        let list = Json::List(vec![Json::Null, Json::Bool(true), Json::Text("x".to_owned())]);
        let members = vec![("b".to_owned(), Json::Number("1.0".to_owned())), ("a".to_owned(), list)];
        assert_eq!(read, Json::Object(members));
    }

    #[test]
    fn refusals_say_where() {
        let line = |line, column| Location::Line { line, column };
        refused("", line(1, 1), "is not JSON: EOF while parsing a value");
        refused("{\n \"a\": }", line(2, 7), "is not JSON: expected value");
        refused(b"{\n\"\xff", line(2, 2), "is not UTF-8");
        refused(r#"{"a":{"\u0062":1,"b":2}}"#, Location::Pointer("/a".to_owned()), "has \"b\" twice");
        refused(r#"{"":1}"#, Location::Pointer(String::new()), "a name has 1 to 255 bytes, \"\" has 0");
        refused("[".repeat(64 * 1024), line(1, 65536), "is not JSON: EOF while parsing a list");
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH).as_bytes()).is_ok());
        let pointer = Location::Pointer("/0".repeat(DEPTH));
        refused(nested(DEPTH + 1), pointer.clone(), "is nested deeper than 12 levels");
        refused(nested(10_000), pointer, "is nested deeper than 12 levels");
    }
}
