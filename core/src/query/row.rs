//! A record made ready for lists: rendered, hashed, and its text folded, once for many queries.

use bytes::Bytes;

use super::parameters::folded;
use crate::record::{ContentHash, Names, Record, RecordId};
use crate::value::Value;

/// A live record of which no more is known than a list shows.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: RecordId,
    /// All of it as JSON.
    pub(crate) json: Bytes,
}

/// A record made ready.
#[derive(Clone, Debug)]
pub struct Row {
    /// The record.
    pub record: Record,
    /// As JSON.
    pub json: Bytes,
    /// Of the JSON.
    pub hash: ContentHash,
    /// Every string in it, folded, a line each: a word that is searched has no line end in it.
    pub(super) text: String,
}

impl Row {
    /// Makes a live record ready.
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

    /// About how much memory it takes: the record, its JSON and its text.
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
