//! The result of a merge, field by field.

use serde::{Deserialize, Serialize};

use crate::value::push_token;

/// The result for each field of an edit. A field is a JSON Pointer (RFC 6901) into the merged record, or into the
/// previous one if the field was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Fields that only this edit changed.
    pub taken: Vec<Touched>,
    /// Lists, sets and texts that both sides changed. Both changes are included.
    pub merged: Vec<Touched>,
    /// Values that both sides changed. This edit's value replaced the other one.
    pub won: Vec<String>,
    /// Fields that others changed since the base, and that stay as they left them.
    pub kept: Vec<String>,
}

/// A field that the edit changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The field.
    pub pointer: String,
    /// For a list or a set, the edit's effect on its entries.
    pub entries: Option<Counts>,
}

/// The numbers of entries that an edit added, removed and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The number of added entries.
    pub added: usize,
    /// The number of removed entries.
    pub removed: usize,
    /// The number of changed entries.
    pub changed: usize,
}

/// A report under construction, at some position in the record.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The position, as a JSON Pointer.
    pointer: String,
    pub(super) report: Report,
    /// Whether lists are single values.
    pub(super) whole_lists: bool,
}

impl Notes {
    /// Runs `note` one level deeper.
    pub(super) fn within<T>(&mut self, name: &str, note: impl FnOnce(&mut Notes) -> T) -> T {
        let length = self.pointer.len();
        push_token(&mut self.pointer, name);
        let result = note(self);
        self.pointer.truncate(length);
        result
    }

    /// Runs `note` for an entry at a place of the list. Its notes are kept apart: inside an entry, only replaced values
    /// are reported one by one.
    pub(super) fn at<T>(&mut self, place: usize, note: impl FnOnce(&mut Notes) -> T) -> T {
        let length = self.pointer.len();
        let before = std::mem::take(&mut self.report);
        self.pointer.push('/');
        self.pointer.push_str(&place.to_string());
        let result = note(self);
        self.pointer.truncate(length);
        let inside = std::mem::replace(&mut self.report, before);
        self.report.won.extend(inside.won);
        result
    }

    pub(super) fn taken(&mut self, entries: Option<Counts>) {
        self.report.taken.push(Touched { pointer: self.pointer.clone(), entries });
    }

    pub(super) fn merged(&mut self, entries: Option<Counts>) {
        self.report.merged.push(Touched { pointer: self.pointer.clone(), entries });
    }

    pub(super) fn won(&mut self) {
        self.report.won.push(self.pointer.clone());
    }

    pub(super) fn kept(&mut self) {
        self.report.kept.push(self.pointer.clone());
    }

    /// Notes that the entry at this place of the list was kept, although the edit removed it.
    pub(super) fn kept_at(&mut self, place: usize) {
        self.report.kept.push(format!("{}/{place}", self.pointer));
    }
}
