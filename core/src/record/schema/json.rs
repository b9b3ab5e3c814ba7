//! The text of a resource file, as JSON that keeps what [`value::parse`](crate::value::parse) does not: the order of
//! members and the text of numbers.

use serde_json::value::RawValue;

use super::fault::{Location, push_token, quoted};
use crate::value::{Members, Number, Value};

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
    serde_json::from_str::<&RawValue>(text).map_err(|error| {
        let location = Location::Line { line: error.line().max(1), column: error.column().max(1) };
        (location, format!("is not JSON: {}", reason(&error)))
    })?;
    let mut pointer = String::new();
    Rest(text).value(DEPTH, &mut pointer).map_err(|rule| (Location::Pointer(pointer), rule))
}

/// The rest of a text that serde_json accepts. It is read once, since a host reads each file at its start.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    /// Reads a value with at most `left` levels. On an error, `pointer` shows where it is.
    fn value(&mut self, left: usize, pointer: &mut String) -> Result<Json, String> {
        let first = self.first();
        if left == 0 && matches!(first, b'{' | b'[') {
            return Err(format!("is nested deeper than {DEPTH} levels"));
        }
        let end = pointer.len();
        match first {
            b'{' => {
                self.skip();
                let mut members: Vec<(String, Json)> = Vec::new();
                while self.goes_on(b'}') {
                    let name = self.string()?;
                    if name.is_empty() || name.len() > NAME {
                        return Err(format!("a name has 1 to {NAME} bytes, {} has {}", quoted(&name), name.len()));
                    }
                    self.skip(); // the colon
                    push_token(pointer, &name);
                    let value = self.value(left - 1, pointer)?;
                    pointer.truncate(end);
                    members.push((name, value));
                }
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                match names.array_windows().find(|[one, other]| one == other) {
                    Some([name, _]) => Err(format!("has {} twice", quoted(name))),
                    None => Ok(Json::Object(members)),
                }
            }
            b'[' => {
                self.skip();
                let mut list = Vec::new();
                while self.goes_on(b']') {
                    push_token(pointer, &list.len().to_string());
                    list.push(self.value(left - 1, pointer)?);
                    pointer.truncate(end);
                }
                Ok(Json::List(list))
            }
            b'"' => self.string().map(Json::Text),
            _ => Ok(match self.word() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                "null" => Json::Null,
                number => Json::Number(number.to_owned()),
            }),
        }
    }

    /// Returns the first byte after white space.
    fn first(&mut self) -> u8 {
        self.0 = self.0.trim_ascii_start();
        self.0.as_bytes()[0] // the text does not end before its value does
    }

    /// Skips one mark of the grammar.
    fn skip(&mut self) {
        self.first();
        self.0 = &self.0[1..]; // marks are ASCII
    }

    /// Reports whether a list or an object has another part. Skips the comma before it, or the mark at the end.
    fn goes_on(&mut self, end: u8) -> bool {
        let first = self.first();
        if first == b',' || first == end {
            self.skip();
        }
        first != end
    }

    /// Reads a number, or a word such as `true`.
    fn word(&mut self) -> &'t str {
        let end = self.0.find(|c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace());
        let (word, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    /// Reads a string. An escape may stand for no character, which is an error.
    fn string(&mut self) -> Result<String, String> {
        self.first();
        let bytes = self.0.as_bytes();
        let mut end = 1;
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let (text, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        let plain = &text[1..end];
        if plain.contains('\\') {
            serde_json::from_str(text).map_err(|error| format!("is not JSON: {}", reason(&error)))
        } else {
            Ok(plain.to_owned())
        }
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
    fn a_file_is_read_as_serde_json_reads_it() {
        let texts = [
            "[]",
            "{}",
            " [ ] ",
            "[[],{}]",
            "[[[1],[2]],[3]]",
            "{\"a\":{\"b\":[{}]},\"c\":-1.5e+3}",
            "\"\\\\\"",
            "[\"a\\\"b\",\"]\",\"}\",\",\"]",
            "{\"a\" :\t1 ,\r\n\"\\u00e9\\ud83d\\ude00\": \"é\\n\" }",
            "[true,false , null,0]",
            "7",
            "\"é\"",
        ];
        for text in texts {
            let value = |json: &Json| serde_json::from_str::<serde_json::Value>(&text_of(json)).expect("JSON");
            let read = parse(text.as_bytes()).expect(text);
            assert_eq!(value(&read), serde_json::from_str::<serde_json::Value>(text).expect(text), "{text}");
        }
        refused(r#"["\ud800"]"#, Location::Pointer("/0".to_owned()), "is not JSON: unexpected end of hex escape");
    }

    fn text_of(json: &Json) -> String {
        let text = |text: &String| serde_json::to_string(text).expect("a string");
        match json {
            Json::Null => "null".to_owned(),
            Json::Bool(flag) => flag.to_string(),
            Json::Number(number) => number.clone(),
            Json::Text(value) => text(value),
            Json::List(list) => format!("[{}]", list.iter().map(text_of).collect::<Vec<_>>().join(",")),
            Json::Object(members) => {
                let member = |(name, value): &(String, Json)| format!("{}:{}", text(name), text_of(value));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
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
