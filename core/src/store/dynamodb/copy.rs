//! The result of a full read as text, which one host shares with the others of a data centre. The text has the time
//! when the read began, and then an answer in DynamoDB's format with every item.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>

use super::decode;
use crate::record::{Names, Record};
use crate::store::item::as_read;
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// The text of a full read, to which records are added page by page.
pub(crate) struct Writer {
    text: Vec<u8>,
    is_empty: bool,
}

impl Writer {
    /// Returns the text of a full read that began at `began`, without records.
    pub(crate) fn new(began: Timestamp) -> Writer {
        Writer { text: format!("{began}\n{{\"Items\":[").into_bytes(), is_empty: true }
    }

    /// Adds a record. Items are converted one after another, since an item with the types of its values takes many times
    /// the memory of its text.
    pub(crate) fn add(&mut self, record: &Record, names: &Names) {
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(b',');
        }
        let item = Value::Map(typed_members(&as_read(record, names)));
        serde_json::to_writer(&mut self.text, &item).expect("names are strings, and memory takes it");
    }

    /// Returns the whole text.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.text.extend(b"]}");
        self.text
    }
}

/// A text of a [`Writer`], of which only the beginning has been read.
pub(crate) struct Copy<'a> {
    /// When the full read began.
    pub(crate) began: Timestamp,
    answer: &'a str,
}

impl<'a> Copy<'a> {
    /// Reads the beginning of a text. Returns `None` if it is not a text of a [`Writer`].
    pub(crate) fn open(text: &'a [u8]) -> Option<Copy<'a>> {
        let (began, answer) = str::from_utf8(text).ok()?.split_once('\n')?;
        Some(Copy { began: Timestamp(began.parse().ok()?), answer })
    }

    /// Returns the records of the read. Returns `None` if the text is damaged.
    pub(crate) fn records(&self, names: &Names) -> Option<Vec<Record>> {
        decode::records(self.answer, names)
    }
}

/// Returns a value under the name of its type, built from plain JSON types.
fn typed(value: &Value) -> Value {
    let texts = |texts: Vec<String>| Value::List(texts.into_iter().map(Value::from).collect());
    let (kind, value) = match value {
        Value::Null => ("NULL", Value::Bool(true)),
        Value::Bool(_) => ("BOOL", value.clone()),
        Value::Number(number) => ("N", Value::from(number.to_string())),
        Value::String(_) => ("S", value.clone()),
        Value::Binary(_) => ("B", value.clone()),
        Value::List(list) => ("L", Value::List(list.iter().map(typed).collect())),
        Value::Map(members) => ("M", Value::Map(typed_members(members))),
        Value::Strings(_) => ("SS", value.clone()),
        Value::Numbers(set) => ("NS", texts(set.iter().map(ToString::to_string).collect())),
        Value::Binaries(_) => ("BS", value.clone()),
    };
    Value::Map(one(kind, value))
}

pub(super) fn typed_members(members: &Members) -> Members {
    members.iter().map(|(name, value)| (name.clone(), typed(value))).collect()
}

fn one(name: &str, value: Value) -> Members {
    Members::from([(name.to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Names, RecordId};
    use crate::store::item;
    use crate::value::Number;

    /// Returns attributes with every type of DynamoDB, and text that JSON must escape.
    fn attributes() -> Members {
        let mut members = Members::new();
        let number = |text: &str| Number::parse(text).expect("a number");
        let map = Members::from([("n".to_owned(), Value::Number(number("0.001"))), (String::new(), Value::Null)]);
        let list = vec![Value::Bool(true), Value::Map(map), Value::List(vec![])];
        members.insert("a \"\u{7}".to_owned(), Value::List(list));
        members.insert("version".to_owned(), Value::from("theirs"));
        members.insert("B".to_owned(), Value::Binary(vec![0, 255, 1]));
        members.insert("SS".to_owned(), Value::Strings(["ä".to_owned(), "\n".to_owned()].into()));
        members.insert(
            "NS".to_owned(),
            Value::Numbers([number("-1"), number("12345678901234567890123456789012345678")].into()),
        );
        members.insert("BS".to_owned(), Value::Binaries([vec![], vec![7]].into()));
        members
    }

    fn new(id: &str) -> Record {
        Record::new(RecordId::stored(id.to_owned()), attributes())
    }

    fn external() -> Record {
        let mut read = attributes();
        read.insert("prj_id".to_owned(), "another program's".into());
        item::record(read, &Names::default()).expect("a record")
    }

    fn write(began: Timestamp, records: &[Record]) -> Vec<u8> {
        let mut writer = Writer::new(began);
        records.iter().for_each(|record| writer.add(record, &Names::default()));
        writer.finish()
    }

    fn read(text: &[u8]) -> Option<(Timestamp, Vec<Record>)> {
        let copy = Copy::open(text)?;
        Some((copy.began, copy.records(&Names::default())?))
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let written = new("ripple's").written(None, 3, Timestamp(1_700_000_000_123), "admin");
        let deleted = new("deleted").deleted(Timestamp(1_800_000_000_000)).written(None, 4, Timestamp(5), "admin");
        let records = vec![written, external(), deleted];
        let text = write(Timestamp(17), &records);
        assert_eq!(read(&text), Some((Timestamp(17), records)));
    }

    #[test]
    fn what_is_damaged_is_no_copy() {
        let text = write(Timestamp(17), &[external()]);
        for end in 0..text.len() {
            assert_eq!(read(&text[..end]), None, "{end}");
        }
        for other in
            ["", "1\n{}", "-1\n{\"Items\":[]}", "1\n{\"Items\":[{}]}", "1\n{\"Items\":[{\"prj_id\":{\"N\":\"1\"}}]}"]
        {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
