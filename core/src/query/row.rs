//! Records prepared for lists: rendered, hashed, and with folded text, once for many queries.

use bytes::Bytes;

use super::parameters::folded;
use crate::record::schema::Resource;
use crate::record::{ContentHash, Person, Record, RecordId};
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
    /// The id and every string where `q` looks, folded, one on each line. A search word never contains a line end.
    pub(super) text: String,
}

impl Row {
    /// Prepares a live record.
    #[must_use]
    pub fn new(record: Record, resource: &Resource) -> Row {
        let json = Bytes::from(record.to_json(&resource.names));
        let hash = ContentHash::of(&json);
        let mut text = folded(record.id.as_str()).into_owned();
        searched(&record, resource, |value| collect(value, &mut text));
        Row { record, json, hash, text }
    }

    /// Returns roughly how much memory it takes: the record, its JSON and its text.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Row>() + self.record.memory() + self.json.len() + self.text.len()
    }
}

/// Calls `look` for the values where `q` looks, besides the id: the members that the resource names, or every member and
/// who wrote the record.
pub(super) fn searched(record: &Record, resource: &Resource, mut look: impl FnMut(&Value)) {
    let is_searched = |name: &str| resource.search.as_ref().is_none_or(|names| names.iter().any(|other| other == name));
    if resource.search.is_none() {
        let author = record.updated_author.as_ref().map(Person::name);
        [record.updated_by.as_deref(), author].into_iter().flatten().for_each(|name| look(&name.into()));
    }
    record.visible(&resource.names).filter(|(name, _)| is_searched(name)).for_each(|(_, value)| look(value));
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
