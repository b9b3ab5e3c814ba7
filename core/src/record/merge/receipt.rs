//! What a merge did, field by field.

/// What became of the fields of an edit. Each is a JSON Pointer (RFC 6901) into the merged record, or, where it was
/// removed, into the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// Changed by this edit alone.
    pub taken: Vec<Touched>,
    /// Lists and sets that both sides changed: both changes are in.
    pub merged: Vec<Touched>,
    /// Single values that both sides changed: this edit's stands, and theirs gave way.
    pub won: Vec<String>,
    /// Changed by others since the base, and left as they have it.
    pub kept: Vec<String>,
}

/// A field that the edit changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Touched {
    /// Which.
    pub pointer: String,
    /// For a list or a set, what the edit did to its entries.
    pub entries: Option<Counts>,
}

/// Entries that an edit added, removed and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// New ones.
    pub added: usize,
    /// Those that are gone.
    pub removed: usize,
    /// Those that are otherwise.
    pub changed: usize,
}

/// A receipt being written, at some place of the record.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The place, as a JSON Pointer.
    pointer: String,
    pub(super) receipt: Report,
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

    pub(super) fn taken(&mut self, entries: Option<Counts>) {
        self.receipt.taken.push(Touched { pointer: self.pointer.clone(), entries });
    }

    pub(super) fn merged(&mut self, entries: Counts) {
        self.receipt.merged.push(Touched { pointer: self.pointer.clone(), entries: Some(entries) });
    }

    pub(super) fn won(&mut self) {
        self.receipt.won.push(self.pointer.clone());
    }

    pub(super) fn kept(&mut self) {
        self.receipt.kept.push(self.pointer.clone());
    }

    /// Of an entry's own notes, those of values that gave way: the rest is counted with its list.
    pub(super) fn won_in(&mut self, entry: &Notes) {
        self.receipt.won.extend(entry.receipt.won.iter().map(|pointer| format!("{}{pointer}", self.pointer)));
    }

    /// What was noted of a list's entries, by their places in it.
    pub(super) fn entries_of(&mut self, list: Notes) {
        self.won_in(&list);
        self.receipt.kept.extend(list.receipt.kept.iter().map(|pointer| format!("{}{pointer}", self.pointer)));
    }
}

/// One more token of a JSON Pointer (RFC 6901 §3).
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
