//! What a write did, as a value. The HTTP host shows it as the receipt, and an idempotency record keeps it.

use serde::{Deserialize, Serialize};

use super::merge::{Report, Touched};

/// Bytes that the names of fields may take, written as a header field: API Gateway takes 10,240 bytes of headers.
const NAMES: usize = 4 * 1024;

/// What a write did to its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub kind: OutcomeKind,
    /// The version that the author had seen, if the request named one.
    pub base: Option<Base>,
    /// The version that the write replaced.
    pub replaced: i64,
    /// What became of the fields.
    pub fields: Report,
    /// How many fields are not named, because there are too many of them.
    pub omitted: u64,
}

/// What a write did, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// The record is new.
    Created,
    /// The record was changed.
    Saved,
    /// The record shows everything that was asked for.
    Unchanged,
    /// A state of the history is the newest one again.
    Restored,
    /// The record is gone.
    Deleted,
}

/// The version on which an edit was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its number.
    pub version: i64,
    /// Whether the history no longer has it. The edit is then merged as one without a base.
    pub missing: bool,
}

impl Outcome {
    /// Returns an outcome that has no fields to name.
    #[must_use]
    pub fn of(kind: OutcomeKind) -> Outcome {
        Outcome { kind, base: None, replaced: 0, fields: Report::default(), omitted: 0 }
    }

    /// Returns the outcome with as many fields as a receipt has room for, the replaced ones first.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Outcome {
        let mut room = Room { left: NAMES, omitted: self.omitted };
        // An unchanged record took nothing: what was sent is there.
        if self.kind == OutcomeKind::Unchanged {
            self.fields = Report { kept: self.fields.kept, ..Report::default() };
        }
        room.fit(&mut self.fields.won, |pointer| length(pointer) + 24);
        let touched = |field: &Touched| length(&field.pointer) + field.entries.map_or(0, |_| 72);
        room.fit(&mut self.fields.taken, touched);
        room.fit(&mut self.fields.merged, touched);
        room.fit(&mut self.fields.kept, |pointer| length(pointer));
        self.omitted = room.omitted;
        self
    }
}

/// At most so many bytes in a header field: a byte that is not ASCII is written as three characters.
fn length(pointer: &str) -> usize {
    pointer.len() * if pointer.is_ascii() { 2 } else { 3 } + 8
}

/// What is left of the room for names.
struct Room {
    left: usize,
    omitted: u64,
}

impl Room {
    fn fit<T>(&mut self, fields: &mut Vec<T>, length: impl Fn(&T) -> usize) {
        fields.retain(|field| {
            let length = length(field);
            let fits = length <= self.left;
            if fits {
                self.left -= length
            } else {
                self.omitted += 1
            }
            fits
        });
    }
}
