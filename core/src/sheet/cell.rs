//! A cell: the text that stands for a value, and the value that a text stands for.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::record::Names;
use crate::record::key::KeyType;
use crate::record::schema::{Schema, Type, Types};
use crate::value::{Number, Value, parse};

/// Begins a cell that has its value as JSON.
const JSON: &str = "json:";

/// The significant digits of a number that programs for sheets keep: they compute with doubles.
const DIGITS: usize = 15;

/// Characters with which a program for sheets may begin a formula, and with which it may end the cell before it.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Makes a program for sheets show the text of a cell, and not compute it.
const MARK: char = '\'';

/// The types that the values of a column may have. `None` stands for all of them.
pub(super) fn types_of(name: &str, schema: &Schema, names: &Names) -> Option<Types> {
    let one = |kind: Type| Some(Types::from_iter([kind]));
    if let Some((_, kind)) = names.keys().into_iter().find(|(key, _)| *key == name) {
        return one(if kind == KeyType::Number { Type::Number } else { Type::String });
    }
    if name == names.version || name == names.updated_at {
        return one(Type::Integer);
    }
    if name == names.updated_by {
        return one(Type::String);
    }
    if name == names.deleted {
        return one(Type::Boolean);
    }
    let property = schema.property(name)?;
    let types: Types = match property.one_of.as_slice() {
        [] => property.types,
        branches => branches.iter().flat_map(|branch| branch.types.iter()).collect(),
    };
    (!types.is_any()).then_some(types)
}

/// How a cell is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading<'a> {
    /// There is no value.
    Nothing,
    Json(&'a str),
    Boolean(bool),
    Number,
    /// An array or an object.
    Container,
    Text,
}

impl<'a> Reading<'a> {
    /// Returns how a cell of a column is read, without its mark.
    fn of(cell: &'a str, types: Option<Types>) -> Reading<'a> {
        let admits = |kind: Type| types.is_none_or(|types| types.contains(kind));
        if cell.is_empty() {
            return Reading::Nothing;
        }
        if let Some(json) = cell.strip_prefix(JSON) {
            return Reading::Json(json);
        }
        let has_texts = admits(Type::String);
        // Blanks belong to a text, and not to other values.
        let bare = if has_texts { cell } else { cell.trim() };
        if admits(Type::Boolean) {
            for flag in [true, false] {
                if bare.eq_ignore_ascii_case(if flag { "true" } else { "false" }) {
                    return Reading::Boolean(flag);
                }
            }
        }
        if admits(Type::Integer) || admits(Type::Number) {
            let number = Number::parse(bare);
            // `007`, `1.10` and `1e5` are texts, where there may be texts.
            if number.is_some_and(|number| !has_texts || number.as_str() == bare) {
                return Reading::Number;
            }
        }
        let opens = |open: char, kind: Type| bare.starts_with(open) && admits(kind);
        if opens('[', Type::Array) || opens('{', Type::Object) {
            let is_json = serde_json::from_str::<&RawValue>(bare).is_ok();
            if is_json || !has_texts {
                return Reading::Container;
            }
        }
        Reading::Text
    }
}

/// Reads a cell. Returns `None` if it has no value.
///
/// # Errors
/// One sentence, if the JSON in it is not valid.
pub(super) fn read(cell: &str, types: Option<Types>) -> Result<Option<Value>, String> {
    let cell = unmarked(cell);
    let json = |text: &str| {
        parse(text.as_bytes()).map(Some).map_err(|malformed| {
            let place = if malformed.pointer.is_empty() { String::new() } else { format!("{}: ", malformed.pointer) };
            format!("{place}{}", malformed.detail)
        })
    };
    match Reading::of(cell, types) {
        Reading::Nothing => Ok(None),
        Reading::Json(text) => json(text),
        Reading::Boolean(flag) => Ok(Some(Value::Bool(flag))),
        Reading::Number => Ok(Number::parse(cell.trim()).map(Value::Number)),
        Reading::Container => json(cell.trim()),
        Reading::Text => Ok(Some(cell.into())),
    }
}

/// Writes a value as a cell that [`read`] reads as the same value.
pub(super) fn write(json: &RawValue, types: Option<Types>) -> Cow<'_, str> {
    let text = json.get();
    let plain: Cow<'_, str> = match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Cow<'_, str>>(text).unwrap_or(Cow::Borrowed(text)),
        _ => Cow::Borrowed(text),
    };
    let is_same = match (text.as_bytes().first(), Reading::of(&plain, types)) {
        (Some(b'"'), reading) => reading == Reading::Text,
        (Some(b't'), reading) => reading == Reading::Boolean(true),
        (Some(b'f'), reading) => reading == Reading::Boolean(false),
        (Some(b'[' | b'{'), reading) => reading == Reading::Container,
        (Some(b'-' | b'0'..=b'9'), reading) => reading == Reading::Number && is_short(text),
        _ => false,
    };
    match (is_same, text.as_bytes().first()) {
        (true, Some(b'"')) => marked(plain),
        (true, _) => plain,
        (false, _) => Cow::Owned(format!("{JSON}{text}")),
    }
}

/// Reports whether a program for sheets keeps all digits of a number.
fn is_short(number: &str) -> bool {
    number.bytes().filter(u8::is_ascii_digit).count() <= DIGITS
}

/// Returns the text of a cell with a mark before it, if it could be a formula.
pub(super) fn marked(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_formula(&text) { Cow::Owned(format!("{MARK}{text}")) } else { text }
}

/// Returns the text of a cell without its mark.
pub(super) fn unmarked(cell: &str) -> &str {
    match cell.strip_prefix(MARK) {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

/// Reports whether a text could be a formula, or a marked one.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(MARK).starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types(kinds: &[Type]) -> Option<Types> {
        (!kinds.is_empty()).then(|| kinds.iter().copied().collect())
    }

    #[track_caller]
    fn reads(cell: &str, kinds: &[Type], json: &str) {
        let value = read(cell, types(kinds)).expect("it is valid");
        assert_eq!(value, Some(parse(json.as_bytes()).expect("JSON")), "{cell}");
    }

    #[test]
    fn a_declared_type_decides() {
        reads("007", &[Type::String], r#""007""#);
        reads("5", &[Type::String], r#""5""#);
        reads("TRUE", &[Type::String], r#""TRUE""#);
        reads("[1]", &[Type::String], r#""[1]""#);
        reads("007", &[Type::Integer], "7");
        reads(" 1.50 ", &[Type::Number], "1.5");
        reads("1,5", &[Type::Number], r#""1,5""#);
        reads("3", &[Type::Integer, Type::String], "3");
        reads("3 ", &[Type::Integer, Type::String], r#""3 ""#);
        reads("True", &[Type::Boolean], "true");
        reads("[1, 2]", &[Type::Array], "[1,2]");
        assert!(read("[1", types(&[Type::Array])).is_err());
    }

    #[test]
    fn without_a_declared_type_only_exact_json_is_more_than_text() {
        reads("5", &[], "5");
        reads("-0.5", &[], "-0.5");
        for text in ["007", "1.10", "1e5", "+5", "5 ", "2026-03-01", "null", "\"x\"", "[draft] plan", "[1", "{}x"] {
            reads(text, &[], &format!("{text:?}"));
        }
        reads("TRUE", &[], "true");
        reads("{\"a\":[1]}", &[], "{\"a\":[1]}");
        reads("json:\"5\"", &[], r#""5""#);
        reads("json:null", &[], "null");
        reads("json:\"\"", &[Type::String], r#""""#);
        assert_eq!(read("", None), Ok(None));
        assert!(read("json:x", None).is_err());
    }

    #[test]
    fn what_could_be_a_formula_is_marked() {
        for text in ["=1+1", "+1", "-1", "@x", "\t=1", "'=1", "''=1", "＝1"] {
            let json = serde_json::value::to_raw_value(text).expect("JSON");
            let cell = write(&json, types(&[Type::String])).into_owned();
            assert_eq!(cell, format!("'{text}"));
            reads(&cell, &[Type::String], json.get());
        }
        for text in ["'quoted'", "'", "a=1", "don't"] {
            let json = serde_json::value::to_raw_value(text).expect("JSON");
            assert_eq!(write(&json, None), text);
        }
        let negative = RawValue::from_string("-5".to_owned()).expect("JSON");
        assert_eq!(write(&negative, types(&[Type::Integer])), "-5", "a number computes nothing");
    }

    #[test]
    fn a_number_that_a_program_for_sheets_would_round_is_json() {
        let long = RawValue::from_string("1234567890123456".to_owned()).expect("JSON");
        assert_eq!(write(&long, types(&[Type::Number])), "json:1234567890123456");
    }

    fn json() -> impl Strategy<Value = String> {
        let text = prop_oneof![
            any::<String>(),
            "['=+@-]{0,3}[0-9a-z]{0,2}",
            "-?[0-9]{0,3}(\\.[0-9]{0,2})?",
            "(json:)?(true|FALSE|null|\\[1\\]|\\{\\}|\"\")"
        ];
        let scalar = prop_oneof![
            4 => text.prop_map(|text| serde_json::to_string(&text).expect("JSON")),
            2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{0,3}[1-9])?",
            1 => prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned),
        ];
        scalar.prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|list| format!("[{}]", list.join(","))),
                prop::collection::vec(inner, 0..3).prop_map(|list| {
                    let members = list.iter().enumerate().map(|(place, json)| format!("\"m{place}\":{json}"));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_its_cell(json in json(), kinds in prop::collection::vec(0..7_usize, 0..4)) {
            let kinds: Vec<Type> = kinds.into_iter().map(|place| Type::ALL[place]).collect();
            let types = types(&kinds);
            let raw = RawValue::from_string(json.clone()).expect("JSON");
            let cell = write(&raw, types);
            prop_assert_eq!(read(&cell, types), Ok(Some(parse(json.as_bytes()).expect("JSON"))), "{}", cell);
        }

        #[test]
        fn any_cell_is_read(cell in any::<String>(), kinds in prop::collection::vec(0..7_usize, 0..4)) {
            let kinds: Vec<Type> = kinds.into_iter().map(|place| Type::ALL[place]).collect();
            let _ = read(&cell, types(&kinds));
        }
    }
}
