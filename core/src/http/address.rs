//! The segment of a path that addresses a record: its grammar.
//!
//! ```text
//! segment = part | part "," part             (two parts if the table has a sort key)
//! part    = plain | "_~" base64url | percent-encoded text
//! ```
//!
//! A segment is read as it arrived, before decoding. So `_~X2RyYWZ0` and `%5Fdraft` address the record `_draft`, and a
//! segment that begins with `_` is free for ripple's own paths. Only `_~` arrives unchanged through every gateway.

use percent_encoding::percent_decode_str;

use crate::record::key::{ENCODED, KeyType, LONGEST, SEPARATOR, decoded, encoded};
use crate::record::{Names, RecordId, SortKey};
use crate::value::{Number, Value};

/// Why a segment addresses no record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRecord {
    /// It begins with `_`, so it is ripple's own. This segment would address the record.
    Reserved(String),
    /// It is not valid. One sentence says why.
    Invalid(String),
}

/// Returns the id of the record that a segment addresses.
pub(crate) fn read(segment: &str, names: &Names) -> Result<RecordId, NoRecord> {
    let [most, most_of_sort_key] = LONGEST;
    let mut values = Vec::new();
    match &names.sort_key {
        None => values.push(value(segment, &names.key, names.key_type, most)?),
        Some(SortKey { name, kind }) => {
            let parts = segment.split_once(SEPARATOR).filter(|(_, second)| !second.contains(SEPARATOR));
            let Some((first, second)) = parts else {
                return Err(NoRecord::Invalid(format!("must be {} and {name} with a comma between them", names.key)));
            };
            values.push(value(first, &names.key, names.key_type, most)?);
            values.push(value(second, name, *kind, most_of_sort_key)?);
        }
    }
    names.id_of(&values).ok_or_else(|| NoRecord::Invalid("is too long".to_owned()))
}

fn value(part: &str, name: &str, kind: KeyType, most: usize) -> Result<Value, NoRecord> {
    let invalid = |detail: String| Err(NoRecord::Invalid(detail));
    let text = match part.strip_prefix(ENCODED) {
        Some(rest) => match decoded(rest) {
            Some(text) => text,
            None => return invalid("must have canonical base64url of UTF-8 after _~".to_owned()),
        },
        None if part.starts_with('_') => return Err(NoRecord::Reserved(encoded(part))),
        // No key has bytes that are not UTF-8, so a replacement finds no record.
        None => percent_decode_str(part).decode_utf8_lossy().into_owned(),
    };
    match kind {
        KeyType::String if (1..=most).contains(&text.len()) => Ok(Value::String(text)),
        KeyType::String => invalid(format!("must have 1 to {most} bytes")),
        KeyType::Number => match Number::parse(&text) {
            Some(number) if number.as_str() == text => Ok(Value::Number(number)),
            Some(number) => invalid(format!("must have the number {name} as {number}")),
            None => invalid(format!("must have a number as {name}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(key_type: KeyType, sort: Option<KeyType>) -> Names {
        let sort_key = sort.map(|kind| SortKey { name: "at".into(), kind });
        Names { key: "no".into(), key_type, sort_key, ..Names::default() }
    }

    #[track_caller]
    fn addresses(names: &Names, segment: &str, id: &str) {
        assert_eq!(read(segment, names).map(|id| id.as_str().to_owned()), Ok(id.to_owned()), "{segment}");
    }

    #[track_caller]
    fn is_invalid(names: &Names, segment: &str, detail: &str) {
        assert_eq!(read(segment, names), Err(NoRecord::Invalid(detail.to_owned())), "{segment}");
    }

    #[test]
    fn a_string_is_plain_encoded_or_in_base64url() {
        let names = Names::default();
        for (segment, id) in [
            ("a", "a"),
            ("P%20001", "P 001"),
            ("_~UCAwMDE", "P 001"),
            ("2024%2F07", "2024/07"),
            ("a,b", "a,b"),
            ("a%2541", "a%41"),
            ("%5Fdraft", "_draft"),
            ("_~X2RyYWZ0", "_draft"),
            ("%5F~x", "_~x"),
            ("_~X354", "_~x"),
        ] {
            addresses(&names, segment, id);
        }
        assert_eq!(read("_draft", &names), Err(NoRecord::Reserved("_~X2RyYWZ0".to_owned())));
        for segment in ["_~", "_~a", "_~YQ==", "_~YR", "_~_w", "_~%59Q", "_~YQ "] {
            assert!(matches!(read(segment, &names), Err(NoRecord::Invalid(_))), "{segment}");
        }
        is_invalid(&names, &"a".repeat(2049), "must have 1 to 2048 bytes");
    }

    #[test]
    fn a_number_has_one_form() {
        let names = names(KeyType::Number, None);
        for (segment, id) in [("1001", "1001"), ("-0.5", "-0.5"), ("0", "0"), ("%31", "1"), ("_~MQ", "1")] {
            addresses(&names, segment, id);
        }
        is_invalid(&names, "1e3", "must have the number no as 1000");
        is_invalid(&names, "007", "must have the number no as 7");
        is_invalid(&names, "1.0", "must have the number no as 1");
        is_invalid(&names, "-0", "must have the number no as 0");
        is_invalid(&names, "a", "must have a number as no");
        is_invalid(&names, "1e400", "must have a number as no");
    }

    #[test]
    fn two_parts_have_a_comma_between_them() {
        let names = names(KeyType::Number, Some(KeyType::String));
        addresses(&names, "7,2026-01-01", "7,2026-01-01");
        addresses(&names, "7,a%20b", "7,_~YSBi");
        addresses(&names, "7,_~YSBi", "7,_~YSBi");
        addresses(&names, "7,a%2Cb", "7,_~YSxi");
        for segment in ["7", "7,a,b", "7%2Ca"] {
            is_invalid(&names, segment, "must be no and at with a comma between them");
        }
        is_invalid(&names, "7,", "must have 1 to 1024 bytes");
        assert_eq!(read("7,_a", &names), Err(NoRecord::Reserved("_~X2E".to_owned())));
    }

    proptest! {
        /// What another program chose as a key can be addressed by `_~`, and by percent-encoding.
        #[test]
        fn any_key_can_be_addressed(text in "\\PC{1,40}") {
            let names = Names::default();
            let id = Ok(RecordId::stored(text.clone()));
            prop_assert_eq!(read(&encoded(&text), &names), id);
            let percent = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(read(&percent, &names), Ok(RecordId::stored(text)));
        }

        /// An id is an address of its own record.
        #[test]
        fn an_id_of_two_parts_addresses_itself(number in any::<i64>(), text in "\\PC{1,40}") {
            let names = names(KeyType::Number, Some(KeyType::String));
            let id = names.id_of(&[Value::Number(Number::whole(number)), Value::String(text)]).expect("a short key");
            prop_assert_eq!(read(id.as_str(), &names), Ok(id));
        }

        /// No segment is read in a way that panics.
        #[test]
        fn any_segment_is_read(text in "\\PC{0,20}", first in any::<bool>(), sort in prop::option::of(any::<bool>())) {
            let kind = |number| if number { KeyType::Number } else { KeyType::String };
            let _ = read(&text, &names(kind(first), sort.map(kind)));
        }
    }
}
