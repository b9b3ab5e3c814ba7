//! The text of a resource file, as JSON that keeps what [`value::parse`](crate::value::parse) does not: the order of
//! members and the text of numbers. serde_json reads numbers and escapes, and says what is wrong. The structure is read
//! here, because serde_json would scan each level of a file once more, and a function reads its files at each cold start.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::fault::{Location, quoted};
use crate::value::{Members, Number, Value, push_token};

/// Levels of nesting in a file.
const DEPTH: usize = 12;
/// Bytes of a member's name.
const NAME: usize = 255;

/// Members of most objects, at most. They fit without growth, and are compared with each other without a set.
const FEW: usize = 12;

/// A JSON value. It borrows the text of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// In the order of the file. No name occurs twice.
    Object(Vec<Member<'a>>),
}

/// A member of an object.
pub(super) type Member<'a> = (Cow<'a, str>, Json<'a>);

impl Json<'_> {
    /// Returns the value of a record that this stands for. Returns `None` if a number in it is outside DynamoDB's range.
    pub(super) fn to_value(&self) -> Option<Value> {
        Some(match self {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(text) => Value::Number(Number::parse(text)?),
            Json::Text(text) => Value::String(text.as_ref().to_owned()),
            Json::List(list) => Value::List(list.iter().map(Json::to_value).collect::<Option<_>>()?),
            Json::Object(members) => {
                let member = |(name, value): &Member<'_>| Some((name.as_ref().to_owned(), value.to_value()?));
                Value::Map(members.iter().map(member).collect::<Option<Members>>()?)
            }
        })
    }

    /// Returns the text, if this is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads the text of a file. A byte order mark is skipped.
///
/// # Errors
/// Where it is not JSON or exceeds a limit, and the rule.
pub(super) fn parse(bytes: &[u8]) -> Result<Json<'_>, (Location, String)> {
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
    let mut rest = Text { text, at: 0 };
    let read =
        rest.value(DEPTH).and_then(|json| if rest.next() == END { Ok(json) } else { Err(Refused::here(SYNTAX)) });
    read.map_err(|Refused { pointer, rule }| match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => (Location::Pointer(pointer), rule),
        // serde_json tells what is no JSON, and in which line.
        Err(error) => {
            let location = Location::Line { line: error.line().max(1), column: error.column().max(1) };
            (location, not_json(&error))
        }
    })
}

/// Why a value is refused, and where below the place that is read.
struct Refused {
    pointer: String,
    rule: String,
}

impl Refused {
    fn here(rule: impl Into<String>) -> Refused {
        Refused { pointer: String::new(), rule: rule.into() }
    }

    fn below(self, token: &str) -> Refused {
        let mut pointer = String::new();
        push_token(&mut pointer, token);
        Refused { pointer: pointer + &self.pointer, rule: self.rule }
    }
}

/// The rule of a text that serde_json refuses too, and says why.
const SYNTAX: &str = "is not JSON";

/// What stands for the end of the text. No text in UTF-8 has this byte.
const END: u8 = 0xff;

/// A text, and how far it is read.
struct Text<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Text<'a> {
    /// Returns the next byte.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(END)
    }

    /// Skips white space, and returns the next byte.
    fn next(&mut self) -> u8 {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.peek()
    }

    /// Reads white space and a mark.
    fn expect(&mut self, mark: u8) -> Result<(), Refused> {
        let has = self.next() == mark;
        self.at += 1;
        if has { Ok(()) } else { Err(Refused::here(SYNTAX)) }
    }

    /// Reads a value with at most `left` levels.
    fn value(&mut self, left: usize) -> Result<Json<'a>, Refused> {
        match self.next() {
            b'{' | b'[' if left == 0 => Err(Refused::here(format!("is nested deeper than {DEPTH} levels"))),
            b'{' => self.object(left - 1).map(Json::Object),
            b'[' => self.list(left - 1).map(Json::List),
            b'"' => self.string().map(Json::Text),
            _ => {
                let start = self.at;
                while matches!(self.peek(), b'0'..=b'9' | b'a'..=b'z' | b'E' | b'-' | b'+' | b'.') {
                    self.at += 1;
                }
                match &self.text[start..self.at] {
                    "null" => Ok(Json::Null),
                    "true" => Ok(Json::Bool(true)),
                    "false" => Ok(Json::Bool(false)),
                    number if serde_json::from_str::<&RawValue>(number).is_ok() => Ok(Json::Number(number)),
                    _ => Err(Refused::here(SYNTAX)),
                }
            }
        }
    }

    fn object(&mut self, left: usize) -> Result<Vec<Member<'a>>, Refused> {
        let mut members = Vec::new();
        self.parts(b'}', |text| {
            let name = if text.next() == b'"' { text.string()? } else { return Err(Refused::here(SYNTAX)) };
            text.expect(b':')?;
            let value = text.value(left).map_err(|refused| refused.below(&name))?;
            if members.is_empty() {
                members.reserve(FEW);
            }
            members.push((name, value));
            Ok(())
        })?;
        if let Some(name) = repeated(&members) {
            return Err(Refused::here(format!("has {} twice", quoted(name))));
        }
        if let Some(name) = members.iter().map(|(name, _)| name).find(|name| !(1..=NAME).contains(&name.len())) {
            let rule = format!("a name has 1 to {NAME} bytes, {} has {}", quoted(name), name.len());
            return Err(Refused::here(rule));
        }
        Ok(members)
    }

    fn list(&mut self, left: usize) -> Result<Vec<Json<'a>>, Refused> {
        let mut list = Vec::new();
        self.parts(b']', |text| {
            list.push(text.value(left).map_err(|refused| refused.below(&list.len().to_string()))?);
            Ok(())
        })?;
        Ok(list)
    }

    /// Reads the parts of an object or a list, and its end.
    fn parts(&mut self, end: u8, mut part: impl FnMut(&mut Self) -> Result<(), Refused>) -> Result<(), Refused> {
        self.at += 1;
        if self.next() != end {
            part(self)?;
            while self.next() != end {
                self.expect(b',')?;
                part(self)?;
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string, which borrows the text if it has no escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Refused> {
        let start = self.at;
        let mut escapes = false;
        loop {
            self.at += 1;
            match self.peek() {
                b'"' => break,
                b'\\' => {
                    escapes = true;
                    self.at += 1;
                }
                END | 0..b' ' => return Err(Refused::here(SYNTAX)),
                _ => {}
            }
        }
        self.at += 1;
        if !escapes {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        let text = serde_json::from_str(&self.text[start..self.at]);
        text.map(Cow::Owned).map_err(|error| Refused::here(not_json(&error)))
    }
}

/// Returns a name that occurs twice.
fn repeated<'m>(members: &'m [Member<'_>]) -> Option<&'m str> {
    let mut names = members.iter().map(|(name, _)| &**name);
    // Almost every object is small, and its names differ in length.
    if members.len() <= FEW {
        return names
            .enumerate()
            .find(|(place, name)| members[..*place].iter().any(|(other, _)| other == name))
            .map(|(_, name)| name);
    }
    let mut seen = HashSet::with_capacity(members.len());
    names.find(|name| !seen.insert(*name))
}

/// Returns serde_json's reason as a rule, without the place, which stands elsewhere.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("is not JSON: {reason}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, location: Location, rule: &str) {
        assert_eq!(parse(text.as_ref()), Err((location, rule.to_owned())));
    }

    #[test]
    fn order_and_digits_are_kept_and_a_byte_order_mark_is_skipped() {
        let read = parse(b"\xef\xbb\xbf{\"b\":1.0,\"a\":[null,true,\"x\"]}").expect("it is JSON");
        let list = Json::List(vec![Json::Null, Json::Bool(true), Json::Text("x".into())]);
        let members = vec![("b".into(), Json::Number("1.0")), ("a".into(), list)];
        assert_eq!(read, Json::Object(members));
    }

    #[test]
    fn serde_json_reads_the_same_texts() {
        const PARTS: &[&str] = &[
            "{", "}", "[", "]", ",", ":", " ", "\n", "\t", "\u{b}", "\0", "\"", "\"a\"", "\"b\"", "é", "\\", "\\n",
            "\\\"", "\\u00e9", "\\ud800", "\\x", "null", "true", "nul", "0", "-", "-1", "01", "1.5", ".", "1e3", "E",
            "+", "x",
        ];
        let texts = prop::collection::vec(prop::sample::select(PARTS), 0..12).prop_map(|parts| parts.concat());
        let values = prop::collection::vec(texts, 1..4).prop_map(|values| values.join(","));
        let around = prop::sample::select(&[("", ""), ("[", "]"), ("{\"a\":", "}"), ("\"", "\"")][..]);
        proptest!(ProptestConfig::with_cases(50_000), |(text in values, (before, after) in around)| {
            let text = format!("{before}{text}{after}");
            let other = serde_json::from_str::<&RawValue>(&text);
            match parse(text.as_bytes()) {
                Err((Location::Line { .. }, _)) => prop_assert!(other.is_err(), "{text:?}"),
                Err((_, rule)) => prop_assert!(other.is_ok() && rule != SYNTAX, "{text:?}"),
                Ok(_) => prop_assert!(other.is_ok(), "{text:?}"),
            }
        });
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
