//! Records prepared for lists: rendered, hashed, and with folded text, once for many queries.

use bytes::Bytes;

use super::parameters::folded;
use crate::record::{ContentHash, Names, Record, RecordId};
use crate::value::Value;

/// A live record reduced to what a list shows.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: RecordId,
    /// The whole record as JSON.
    pub(crate) json: Bytes,
}

/// A prepared record.
#[derive(Clone, Debug)]
pub struct Row {
    /// The record.
    pub record: Record,
    /// The record as JSON.
    pub json: Bytes,
    /// The hash of the JSON.
    pub hash: ContentHash,
    /// Every string in the record, folded, one on each line. A search word never contains a line end.
    pub(super) text: String,
}

impl Row {
    /// Prepares a live record.
    #[must_use]
    pub fn new(record: Record, names: &Names) -> Row {
        let json = Bytes::from(record.to_json(names));
        let hash = ContentHash::of(&json);
        let mut text = folded(record.id.as_str()).into_owned();
        if let Some(by) = &record.updated_by {
            push(&mut text, by);
        }
        record.visible(names).for_each(|(_, value)| collect(value, &mut text));
        Row { record, json, hash, text }
    }

    /// Returns roughly how much memory it takes: the record, its JSON and its text.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Row>() + self.record.memory() + self.json.len() + self.text.len()
    }
}

fn push(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(&folded(line));
}

fn collect(value: &Value, text: &mut String) {
    match value {
        Value::String(line) => push(text, line),
        Value::List(list) => list.iter().for_each(|value| collect(value, text)),
        Value::Map(members) => members.values().for_each(|value| collect(value, text)),
        Value::Strings(set) => set.iter().for_each(|line| push(text, line)),
        _ => {}
    }
}
