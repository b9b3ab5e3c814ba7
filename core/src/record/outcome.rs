//! The outcome of a write. The HTTP host shows it as the receipt, and an idempotency record keeps it.

use serde::{Deserialize, Serialize};

use super::lost::Lost;
use super::merge::{Report, Touched};

/// The space for names of fields in a header, in bytes. API Gateway takes 10,240 bytes of headers.
const NAMES: usize = 4 * 1024;

/// The outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The kind of outcome.
    pub kind: OutcomeKind,
    /// The version that the author had seen, if the request named one.
    pub base: Option<Base>,
    /// The version that the write replaced.
    pub replaced: i64,
    /// The result for each field.
    pub fields: Report,
    /// Whose values the write replaced, by fields that the report names as won.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
    /// The number of fields that are not named because there are too many.
    pub omitted: u64,
}

/// The kind of a write's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// The record is new.
    Created,
    /// The record was changed.
    Saved,
    /// The record already shows everything that was requested.
    Unchanged,
    /// A state of the history is the newest one again.
    Restored,
    /// The record was deleted.
    Deleted,
}

/// The version on which an edit was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The version's number.
    pub version: i64,
    /// Whether the history no longer has it. The edit is then merged without a base.
    pub missing: bool,
}

impl Outcome {
    /// Returns an outcome without fields.
    #[must_use]
    pub fn of(kind: OutcomeKind) -> Outcome {
        Outcome { kind, base: None, replaced: 0, fields: Report::default(), lost: Vec::new(), omitted: 0 }
    }

    /// Returns the outcome with as many fields as fit into a receipt, the replaced ones first.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Outcome {
        let mut room = Room { left: NAMES, omitted: self.omitted };
        // An unchanged record took no value, since the sent values were already there.
        if self.kind == OutcomeKind::Unchanged {
            self.fields = Report { kept: self.fields.kept, ..Report::default() };
            self.lost.clear();
        }
        let lost = &self.lost;
        let author =
            |field: &str| lost.iter().find(|lost| lost.field == field).map_or(0, |lost| lost.author.len() + 10);
        room.fit(&mut self.fields.won, |pointer| length(pointer) + 24 + author(pointer));
        let touched = |field: &Touched| length(&field.pointer) + field.entries.map_or(0, |_| 72);
        room.fit(&mut self.fields.taken, touched);
        room.fit(&mut self.fields.merged, touched);
        room.fit(&mut self.fields.kept, |pointer| length(pointer));
        self.omitted = room.omitted;
        self
    }
}

/// Returns an upper limit of a name's length in a header. A byte that is not ASCII is written as three characters.
fn length(pointer: &str) -> usize {
    pointer.len() * if pointer.is_ascii() { 2 } else { 3 } + 8
}

/// The remaining space for names.
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
