//! Records with the types of their values, one on each line, in the format of DynamoDB's own export to S3.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use std::error::Error;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::copy::typed_members;
use super::decode::{self, Item};
use crate::record::{Names, Record};
use crate::store::item::{Malformed, as_read};
use crate::value::{Members, Value};

/// A line: `{"Item":{"prj_id":{"S":"a"},…}}`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line<T> {
    item: T,
}

/// Returns a record's line, without the line's end.
///
/// ```
/// use ripple_core::record::Names;
/// use ripple_core::store::dynamodb::export;
///
/// let text = br#"{"Item":{"prj_id":{"S":"a"},"tags":{"SS":["x"]}}}"#;
/// assert!(export::is_line(text) && !export::is_line(br#"{"prj_id":"a"}"#));
/// let record = export::record(text, &Names::default()).unwrap();
/// assert_eq!(export::line(&record, &Names::default()), text);
/// ```
#[must_use]
pub fn line(record: &Record, names: &Names) -> Vec<u8> {
    let item = Value::Map(typed_members(&as_read(record, names)));
    let line = Value::Map(Members::from([("Item".to_owned(), item)]));
    serde_json::to_vec(&line).expect("names are strings, and memory takes it")
}

/// Returns a record's item with the types of its values.
pub(crate) fn item(record: &Record, names: &Names) -> Box<RawValue> {
    let item = Value::Map(typed_members(&as_read(record, names)));
    to_raw_value(&item).expect("names are strings, and memory takes it")
}

/// Returns the record of an item with the types of its values.
pub(crate) fn read_item(item: &RawValue, names: &Names) -> Result<Record, Malformed> {
    let item: Item<'_> = serde_json::from_str(item.get()).map_err(|error| Malformed(format!("item: {error}")))?;
    decode::record(item, names)
}

/// Reports whether a line of JSON is in this format, and not a record as the API shows it.
#[must_use]
pub fn is_line(line: &[u8]) -> bool {
    serde_json::from_slice::<Line<IgnoredAny>>(line).is_ok()
}

/// Returns a line's record, live or deleted.
///
/// # Errors
/// If the line is not an item of a record.
pub fn record(line: &[u8], names: &Names) -> Result<Record, Box<dyn Error + Send + Sync>> {
    let line: Line<Item<'_>> = serde_json::from_str(str::from_utf8(line)?)?;
    Ok(decode::record(line.item, names)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dynamodbs_export_are_read() {
        let text = br#"{"Item":{"prj_id":{"S":"a/b"},"tags":{"SS":["x","y"]},"n":{"N":"0.10"},"raw":{"B":"AP8="}}}"#;
        assert!(is_line(text));
        let read = record(text, &Names::default()).expect("a record");
        assert_eq!((read.id.as_str(), read.is_external()), ("a/b", true));
        assert_eq!(read.attributes["tags"], Value::Strings(["x".to_owned(), "y".to_owned()].into()));
        assert_eq!(read.attributes["raw"], Value::Binary(vec![0, 255]));
        assert_eq!(record(&line(&read, &Names::default()), &Names::default()).expect("a record"), read);
    }

    #[test]
    fn other_lines_are_none() {
        for text in [r#"{"prj_id":"a","Item":{}}"#, r#"{"prj_id":"a"}"#, "[]", "", r#"{"Item":{}"#] {
            assert!(!is_line(text.as_bytes()), "{text}");
        }
        for text in
            [r#"{"Item":{}}"#, r#"{"Item":{"prj_id":{"N":"1"}}}"#, r#"{"Item":{"prj_id":"a"}}"#, r#"{"Item":1}"#]
        {
            assert!(is_line(text.as_bytes()) && record(text.as_bytes(), &Names::default()).is_err(), "{text}");
        }
    }
}
