//! Records with the types of their values, one a line: as DynamoDB's own export to S3 writes them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use std::error::Error;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::copy::typed_members;
use super::decode::{self, Item};
use crate::record::Record;
use crate::store::item::as_read;
use crate::value::{Members, Value};

/// `{"Item":{"prj_id":{"S":"a"},…}}`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line<T> {
    item: T,
}

/// A record's line, without the line's end.
#[must_use]
pub fn line(project: &Record) -> Vec<u8> {
    let item = Value::Map(typed_members(&as_read(project)));
    let line = Value::Map(Members::from([("Item".to_owned(), item)]));
    serde_json::to_vec(&line).expect("names are strings, and memory takes it")
}

/// Whether a line of JSON is such a one, and no record as the API shows it.
#[must_use]
pub fn is_line(line: &[u8]) -> bool {
    serde_json::from_slice::<Line<IgnoredAny>>(line).is_ok()
}

/// A line's record, live or deleted.
///
/// # Errors
/// Where it is no item of a project.
pub fn project(line: &[u8]) -> Result<Record, Box<dyn Error + Send + Sync>> {
    let line: Line<Item<'_>> = serde_json::from_str(str::from_utf8(line)?)?;
    Ok(decode::record(line.item)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dynamodbs_export_are_read() {
        let text = br#"{"Item":{"prj_id":{"S":"a/b"},"tags":{"SS":["x","y"]},"n":{"N":"0.10"},"raw":{"B":"AP8="}}}"#;
        assert!(is_line(text));
        let read = project(text).expect("a project");
        assert_eq!((read.id.as_str(), read.is_external()), ("a/b", true));
        assert_eq!(read.attributes["tags"], Value::Strings(["x".to_owned(), "y".to_owned()].into()));
        assert_eq!(read.attributes["raw"], Value::Binary(vec![0, 255]));
        assert_eq!(project(&line(&read)).expect("a project"), read);
    }

    #[test]
    fn other_lines_are_none() {
        for text in [r#"{"prj_id":"a","Item":{}}"#, r#"{"prj_id":"a"}"#, "[]", "", r#"{"Item":{}"#] {
            assert!(!is_line(text.as_bytes()), "{text}");
        }
        for text in
            [r#"{"Item":{}}"#, r#"{"Item":{"prj_id":{"N":"1"}}}"#, r#"{"Item":{"prj_id":"a"}}"#, r#"{"Item":1}"#]
        {
            assert!(is_line(text.as_bytes()) && project(text.as_bytes()).is_err(), "{text}");
        }
    }
}
