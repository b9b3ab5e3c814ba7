//! A record's history: what each write changed, and the record as it was after it.
//!
//! > Every version has a row, numbers have no gap, and no row is ever written over.
//!
//! Another writer beside ripple, who puts whole items and knows no versions, leaves states that are shown as version 0.
//! When ripple writes over one, the state gets the number that comes next, and ripple's write the one after: 0 and 1
//! where ripple had never written, 5 and 6 where the history ends with 4.
//!
//! To the author of an edit any of them was version 0. So that is a base only while it can be but one state: the one
//! that is there, before ripple has written; then the one that the history begins with, until the other writer comes
//! again. After that it counts as a base that nobody has any longer. Whichever it was, nothing that was added through
//! ripple goes by an edit whose author had not seen it. (What the other writer puts and puts again before ripple writes
//! has no row: nobody can tell which of the two an author saw, and the last one counts.)

use serde::Serialize;

use crate::limits;
use crate::record::merge::{Entries, elements, push_token};
use crate::record::{Record, Timestamp};
use crate::value::{Members, Value};

/// The member that names a changed field.
const FIELD: &str = "field";
/// The entry of a list that was changed: its `id`, or itself.
const ENTRY: &str = "entry";
/// What was there before.
const REPLACED: &str = "replaced";
/// That nothing is there any more.
const REMOVED: &str = "removed";

/// What the history tells of one write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The version that it made.
    pub number: u64,
    /// When.
    pub updated_at: Option<Timestamp>,
    /// By whose key.
    pub updated_by: Option<String>,
    /// The version that its author had in front of them, where they said so.
    pub base: Option<u64>,
    /// Whether it deleted the record.
    pub deleted: bool,
    /// Which fields it changed, and what they were before.
    pub changes: Vec<Value>,
}

impl Version {
    /// The write that made `after` of `before`.
    #[must_use]
    pub fn between(before: Option<&Record>, after: &Record, base: Option<u64>) -> Version {
        let mut changes = Changes::default();
        let none = Members::new();
        changes.of_members(before.map_or(&none, |before| &before.attributes), &after.attributes);
        Version { base, changes: changes.bounded(), ..Version::found(after) }
    }

    /// A state that no write of ripple's has made.
    pub(crate) fn found(project: &Record) -> Version {
        Version {
            number: project.version,
            updated_at: project.updated_at,
            updated_by: project.updated_by.clone(),
            base: None,
            deleted: project.is_deleted(),
            changes: Vec::new(),
        }
    }

    /// Whether no write of ripple's has made it.
    pub(crate) fn is_foreign(&self) -> bool {
        self.updated_at.is_none()
    }

    /// As an element of the history.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let shown = Shown {
            base: self.base,
            changes: &self.changes,
            deleted: self.deleted,
            updated_at: self.updated_at.map(|at| at.0),
            updated_by: self.updated_by.as_deref(),
            version: self.number,
        };
        serde_json::to_vec(&shown).expect("names are strings and numbers valid JSON")
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<u64>,
    changes: &'a [Value],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<&'a str>,
    version: u64,
}

/// What differs, field by field.
#[derive(Default)]
struct Changes {
    /// Where the walk is, as a JSON Pointer.
    pointer: String,
    found: Vec<Value>,
}

impl Changes {
    fn of_members(&mut self, before: &Members, after: &Members) {
        let new = after.keys().filter(|name| !before.contains_key(*name));
        for name in before.keys().chain(new) {
            let length = self.pointer.len();
            push_token(&mut self.pointer, name);
            self.of_value(before.get(name), after.get(name));
            self.pointer.truncate(length);
        }
    }

    fn of_value(&mut self, before: Option<&Value>, after: Option<&Value>) {
        match (before, after) {
            _ if before == after => {}
            (Some(Value::Map(before)), Some(Value::Map(after))) => self.of_members(before, after),
            (Some(list), Some(other)) => match (elements(before), elements(after)) {
                (Some(before), Some(after)) => self.of_entries(list, &before, &after),
                _ => self.add(None, Some(list), Some(other)),
            },
            _ => self.add(None, before, after),
        }
    }

    fn of_entries(&mut self, list: &Value, before: &[Value], after: &[Value]) {
        let (before, after) = (Entries::of(before.iter()), Entries::of(after.iter()));
        let found = self.found.len();
        for (key, entry) in before.iter().filter(|(key, entry)| after.get(key) != Some(*entry)) {
            self.add(Some(key.name()), Some(entry), after.get(&key));
        }
        for (key, entry) in after.iter().filter(|(key, _)| !before.contains(key)) {
            self.add(Some(key.name()), None, Some(entry));
        }
        if self.found.len() == found {
            self.add(None, Some(list), Some(list)); // the order alone
        }
    }

    fn add(&mut self, entry: Option<&Value>, before: Option<&Value>, after: Option<&Value>) {
        let mut change = Members::from([(FIELD.to_owned(), self.pointer.as_str().into())]);
        let mut add = |name: &str, value: Value| change.insert(name.to_owned(), value);
        if let Some(entry) = entry {
            add(ENTRY, entry.clone());
        }
        if let Some(before) = before {
            add(REPLACED, before.clone());
        }
        if after.is_none() {
            add(REMOVED, Value::Bool(true));
        }
        self.found.push(Value::Map(change));
    }

    /// A history row holds the whole record too. What does not fit beside it, or nests too deeply inside a list of
    /// changes, is told by its fields' names alone: the values are in the version before. Where not even those fit, as of
    /// a thousand long ones that were created together, it is the whole record that was changed.
    fn bounded(self) -> Vec<Value> {
        // A list takes a byte for each of its entries.
        let fit =
            |changes: &[Value]| changes.iter().map(|change| 1 + change.stored_size()).sum::<usize>() <= limits::CHANGES;
        let depth = 1 + self.found.iter().map(Value::depth).max().unwrap_or(0);
        if fit(&self.found) && depth <= limits::NESTING {
            return self.found;
        }
        let field = |change: &Value| match change {
            Value::Map(members) => match members.get(FIELD) {
                Some(Value::String(pointer)) => pointer.split('/').nth(1).map(|name| format!("/{name}")),
                _ => None,
            },
            _ => None,
        };
        let mut fields: Vec<String> = self.found.iter().filter_map(field).collect();
        fields.dedup();
        let named_field = |field: String| Value::Map([(FIELD.to_owned(), field.into())].into());
        let named: Vec<Value> = fields.into_iter().map(named_field).collect();
        if fit(&named) { named } else { vec![named_field(String::new())] }
    }
}
