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

use crate::record::difference::changes;
use crate::record::{Record, Timestamp};
use crate::value::{Members, Value};

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
        let none = Members::new();
        let changes = changes(before.map_or(&none, |before| &before.attributes), &after.attributes);
        Version { base, changes, ..Version::found(after) }
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
