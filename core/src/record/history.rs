//! A record's history: the changes of each write, and the record after it.
//!
//! > Every version has a row. Rows allocate the numbers, so no number ever identifies two contents. The newest row of a
//! > record never expires. A row that was replaced stays for 90 days.
//!
//! An external state gets its row, and with it its number, when ripple overwrites or adopts it.

use serde::Serialize;

pub(crate) use super::difference::{named, whole_record};
use super::merge::Rules;
use super::{Record, difference};
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// The history's account of one write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The version that the write made.
    pub number: u64,
    /// When the write was made. `None` for an external state.
    pub updated_at: Option<Timestamp>,
    /// The name of the API key that made the write. `None` for an external state.
    pub updated_by: Option<String>,
    /// The version that the author had seen, if the request named one.
    pub base: Option<i64>,
    /// Whether the write deleted the record.
    pub deleted: bool,
    /// For an external state, the number below zero under which it was shown.
    pub shown: Option<i64>,
    /// The changed fields, each with its previous value.
    pub changes: Vec<Value>,
}

/// A row of the history: its entry, and the record as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The account of the write.
    pub entry: Entry,
    /// The state after the write.
    pub record: Record,
    /// When the row may be deleted. `None` while it is the newest.
    pub expires: Option<Timestamp>,
}

impl Row {
    /// Returns the row of the write that changed `before` into `after`. `rules` are those of the record's merge.
    #[must_use]
    pub fn of_write(before: Option<&Record>, after: &Record, base: Option<i64>, rules: Rules<'_>) -> Row {
        let none = Members::new();
        let changes = difference::changes(before.map_or(&none, |before| &before.attributes), &after.attributes, rules);
        let entry = Entry {
            number: after.number().unwrap_or_default(),
            updated_at: after.updated_at,
            updated_by: after.updated_by.clone(),
            base,
            deleted: after.is_deleted(),
            shown: None,
            changes,
        };
        Row { entry, record: after.clone(), expires: None }
    }

    /// Returns the row that gives an external state its number.
    #[must_use]
    pub fn of_external(external: &Record, number: u64, expires: Option<Timestamp>) -> Row {
        let entry = Entry { number, shown: Some(external.version), ..Entry::default() };
        let record = Record { version: number.cast_signed(), external: None, ..external.clone() };
        Row { entry, record, expires }
    }
}

impl Entry {
    /// Returns the entry as an element of the history in JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let shown = Shown {
            base: self.base,
            changes: &self.changes,
            deleted: self.deleted,
            external: self.shown.is_some(),
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
    base: Option<i64>,
    changes: &'a [Value],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    external: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<&'a str>,
    version: u64,
}
