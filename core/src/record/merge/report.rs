//! What a merge did, field by field.

use serde::{Deserialize, Serialize};

/// What became of the fields of an edit. Each is a JSON Pointer (RFC 6901) into the merged record, or, where it was
/// removed, into the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Changed by this edit alone.
    pub taken: Vec<Touched>,
    /// Lists, sets and texts that both sides changed: both changes are in.
    pub merged: Vec<Touched>,
    /// Values that both sides changed: this edit's value stands and replaced the other one.
    pub won: Vec<String>,
    /// Changed by others since the base, and left as they have it.
    pub kept: Vec<String>,
}

/// A field that the edit changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The field.
    pub pointer: String,
    /// For a list or a set, what the edit did to its entries.
    pub entries: Option<Counts>,
}

/// Entries that an edit added, removed and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Entries that the edit added.
    pub added: usize,
    /// Entries that the edit removed.
    pub removed: usize,
    /// Entries that the edit changed.
    pub changed: usize,
}

/// A report being written, at some place of the record.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The place, as a JSON Pointer.
    pointer: String,
    pub(super) report: Report,
    /// Whether lists are values that are not merged.
    pub(super) whole_lists: bool,
}

impl Notes {
    /// Takes notes one level deeper.
    pub(super) fn within<T>(&mut self, name: &str, note: impl FnOnce(&mut Notes) -> T) -> T {
        let length = self.pointer.len();
        push_token(&mut self.pointer, name);
        let result = note(self);
        self.pointer.truncate(length);
        result
    }

    /// Takes notes of an entry at a place of the list. They are kept apart: of what happened inside an entry, only the
    /// values that were replaced are reported one by one.
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

/// Appends one more token to a JSON Pointer (RFC 6901 §3).
pub(crate) fn push_token(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
