//! What writers do: scripts of saves, each with edits of what its writer has on the screen, and what other programs do.

use std::time::Duration;

use super::record::{Edit, Id};
use crate::sim::scheduler::Scheduler;

/// What there is when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// A record that was created through ripple.
    Created,
    /// The same, with lists of every kind.
    Lists,
    /// A record of another program.
    External,
    /// A copy of another record that ripple keeps, with every attribute.
    Copied,
    /// Nothing.
    Absent,
}

/// Scripts that run side by side, after some time in which nobody does anything.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// The time that passes before.
    pub(crate) after: Duration,
    pub(crate) scripts: Vec<Script>,
}

/// One participant's part in a phase.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Saves through ripple.
    Writer(Part),
    /// Writes to the table beside ripple.
    External(Vec<External>),
}

/// A writer's part. Parts of one name are one person's, who still has on the screen what the last part left there.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The person.
    pub(crate) name: String,
    /// The API key. Persons of one team may share it.
    pub(crate) api_key: String,
    pub(crate) steps: Vec<Step>,
}

/// One operation of a program that is not ripple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum External {
    /// Puts a record of its own, whatever was there.
    PutNew,
    /// Reads the item, drops ripple's attributes, makes two edits and puts it.
    PutEdited,
    /// Sets one attribute to a new text and leaves everything else, ripple's attributes included.
    Set(&'static str),
    /// Sets `goal` to the text that everybody has agreed on.
    SetAgreed,
    /// Reads the item and keeps it, ripple's attributes included.
    Keep,
    /// Puts the item that it kept, byte for byte.
    PutKept,
    /// Puts the item that it kept with another `goal`.
    PutKeptEdited,
    /// Puts the item with another `goal` and its own count of versions.
    PutCounted(u64),
    /// Puts a record of its own with attributes that are named like ripple's.
    PutNamesakes,
    /// Deletes the item.
    Delete,
    /// Copies the item of the record that ripple keeps beside this one, every attribute included.
    Copy,
    /// Adds a text to the set `labels`, as DynamoDB's `ADD` does.
    AddLabel,
    /// TTL deletes what has expired.
    Expire,
}

/// One save.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Whether the writer reads the record before. Otherwise the edit is made on what was read or answered last.
    pub(crate) reads: bool,
    pub(crate) ask: Ask,
    pub(crate) edits: Vec<Edit>,
    /// Whether the request names its base.
    pub(crate) based: bool,
    pub(crate) key: Key,
    /// How many times the request is sent again while its outcome is unknown.
    pub(crate) again: usize,
    /// Whether the request arrives twice.
    pub(crate) twice: bool,
    /// Whether the writer goes on from their own edit instead of the answer, as a client with a queue does.
    pub(crate) ahead: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The whole record, as it was read except for the edits.
    Put,
    /// The edited members.
    Patch,
    /// The edited members as `application/merge-patch+json`.
    MergePatch,
    /// The edited members with what the author saw of them, as `application/vnd.ripple.edit+json`.
    Edit,
    Delete,
    /// The version so many before the one on the screen.
    Restore(i64),
    Create,
    /// The deleted record, whole.
    Revive,
    /// The request that was sent last, once more.
    Repeat,
}

/// Which `Idempotency-Key` a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    None,
    /// One that no other save has.
    Own,
    /// One that other saves may have too.
    Shared(&'static str),
}

impl Step {
    /// Returns a save of the whole record as it was read last, sent again once if need be.
    pub(crate) fn put(edits: &[Edit]) -> Step {
        Step {
            reads: false,
            ask: Ask::Put,
            edits: edits.to_vec(),
            based: true,
            key: Key::None,
            again: 1,
            twice: false,
            ahead: false,
        }
    }

    pub(crate) fn asking(ask: Ask, edits: &[Edit]) -> Step {
        Step { ask, ..Step::put(edits) }
    }

    /// The writer reads the record before.
    pub(crate) fn anew(self) -> Step {
        Step { reads: true, ..self }
    }

    pub(crate) fn keyed(self) -> Step {
        Step { key: Key::Own, ..self }
    }

    pub(crate) fn with_key(self, key: &'static str) -> Step {
        Step { key: Key::Shared(key), ..self }
    }

    /// The request arrives a second time, at any moment, and nobody waits for that answer.
    pub(crate) fn twice(self) -> Step {
        Step { twice: true, ..self }
    }

    pub(crate) fn without_base(self) -> Step {
        Step { based: false, ..self }
    }

    pub(crate) fn ahead(self) -> Step {
        Step { ahead: true, ..self }
    }

    /// Chooses any save. `full`: with every kind of edit.
    pub(crate) fn any(scheduler: &Scheduler, full: bool) -> Step {
        let edits = 1 + scheduler.below(3);
        Step {
            reads: scheduler.below(3) < 2,
            ask: match scheduler.below(if full { 24 } else { 20 }) {
                0..11 => Ask::Put,
                11..15 => Ask::Patch,
                15..17 => Ask::Restore(scheduler.below(3) as i64),
                17 => Ask::Delete,
                18 => Ask::Create,
                19 => Ask::Revive,
                20..23 => Ask::Edit,
                _ => Ask::MergePatch,
            },
            edits: (0..edits).map(|_| Edit::any(scheduler, full)).collect(),
            based: scheduler.below(6) < 5,
            key: if scheduler.below(2) == 1 { Key::Own } else { Key::None },
            again: scheduler.below(3),
            twice: scheduler.below(12) == 11,
            ahead: false,
        }
    }
}

impl External {
    /// Chooses any operation.
    pub(crate) fn any(scheduler: &Scheduler) -> External {
        const ALL: [External; 11] = [
            External::Set("goal"),
            External::PutEdited,
            External::PutNew,
            External::Set("remark"),
            External::SetAgreed,
            External::Keep,
            External::PutKept,
            External::PutKeptEdited,
            External::AddLabel,
            External::PutNamesakes,
            External::Delete,
        ];
        ALL[scheduler.below(ALL.len())]
    }
}

impl Edit {
    /// Chooses any edit. `full`: of every kind of field.
    fn any(scheduler: &Scheduler, full: bool) -> Edit {
        let place = || scheduler.below(4);
        match scheduler.below(if full { 24 } else { 14 }) {
            0..4 => Edit::Add(place(), if scheduler.below(4) == 3 { Id::Writer } else { Id::Ripple }),
            4 => Edit::Set("goal"),
            5 => Edit::Set("note"),
            6 => Edit::Drop,
            7 => Edit::Change(place(), "text"),
            8 => Edit::Change(place(), "state"),
            9..11 => Edit::Remove(place()),
            11 => Edit::Tag(if scheduler.below(2) == 0 { "tags" } else { "labels" }),
            12 => Edit::Untag(if scheduler.below(2) == 0 { "tags" } else { "labels" }, place()),
            13 => Edit::Link(if scheduler.below(2) == 0 { "home" } else { "docs" }),
            14 | 15 => Edit::Flip("done", place()),
            16 => Edit::Flip("boxes", place()),
            17 => Edit::Count(place()),
            18 => Edit::Place("at", place()),
            19 => Edit::Place("grid", place()),
            20 => Edit::Hours,
            21 => Edit::Copy(place()),
            22 => Edit::Line(place()),
            _ => Edit::Agree,
        }
    }
}
