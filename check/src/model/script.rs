//! The scripts of a run: saves with the edits of their writers, and operations of other programs.

use std::time::Duration;

use super::record::Edit;

/// The name of the save that creates the record.
pub(crate) const SETUP: &str = "setup";

/// The state of the table when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// A record that was created through ripple.
    Created,
    /// The same, with lists of every kind.
    Lists,
    /// A record of another program.
    External,
    /// A copy of another record of ripple, with every attribute.
    Copied,
    /// No record.
    Absent,
}

/// Scripts that run concurrently, after a time without activity.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    /// The time that passes first.
    pub(crate) after: Duration,
    pub(crate) scripts: Vec<Script>,
}

/// One participant's part in a phase.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Saves through ripple.
    Writer(Part),
    /// Writes to the table without ripple.
    External(Vec<External>),
    /// Reads the table's stream this many times, and adopts what other programs did. At the end of each phase it reads
    /// the rest.
    Feed(usize),
}

/// The name under which the feed adopts what other programs did.
pub(crate) const FEED: &str = "external";

/// A writer's part. Parts with one name belong to one person, whose screen still shows the result of the last part.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The person.
    pub(crate) name: String,
    /// The API key. A team may share one.
    pub(crate) api_key: String,
    pub(crate) steps: Vec<Step>,
}

/// One operation of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum External {
    /// Puts a record of its own, whatever the item was.
    PutNew,
    /// Reads the item, drops ripple's attributes, makes two edits and puts it.
    PutEdited,
    /// Sets one attribute to a new text and leaves everything else, ripple's attributes included.
    Set(&'static str),
    /// Sets `goal` to [`AGREED`](super::record::AGREED).
    SetAgreed,
    /// Reads and keeps the item, with ripple's attributes.
    Keep,
    /// Puts the kept item, byte for byte.
    PutKept,
    /// Puts the kept item with another `goal`.
    PutKeptEdited,
    /// Puts the item with another `goal` and the program's own version count.
    PutCounted(u64),
    /// Puts a record of its own with attributes named like ripple's.
    PutNamesakes,
    /// Deletes the item.
    Delete,
    /// Copies the item of another record of ripple, with every attribute.
    Copy,
    /// Adds a text to the set `labels`, as DynamoDB's `ADD` does.
    AddLabel,
    /// Lets TTL delete expired items.
    Expire,
}

/// One save.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Whether the writer reads the record first. Otherwise the edit is based on the last read or response.
    pub(crate) reads: bool,
    pub(crate) ask: Ask,
    pub(crate) edits: Vec<Edit>,
    /// Whether the request names its base.
    pub(crate) based: bool,
    pub(crate) key: Key,
    /// The number of times that the request is sent again while its outcome is unknown.
    pub(crate) again: usize,
    /// Whether the request arrives twice.
    pub(crate) twice: bool,
    /// Whether the writer continues from their own edit instead of the response, as a client with a queue does.
    pub(crate) ahead: bool,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The whole record, as read except for the edits.
    Put,
    /// The edited members.
    Patch,
    /// The edited members as `application/merge-patch+json`.
    MergePatch,
    /// The edited members with what the author saw of them, as `application/vnd.ripple.edit+json`.
    Edit,
    Delete,
    /// A restore of the version this many before the one on the screen.
    Restore(i64),
    Create,
    /// The deleted record as a whole.
    Revive,
    /// A repetition of the last request.
    Repeat,
}

/// The `Idempotency-Key` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    None,
    /// A key that no other save has.
    Own,
    /// A key that other saves may have too.
    Shared(&'static str),
}

impl Step {
    /// Returns a save of the whole record as last read. It is sent again once if necessary.
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

    /// Lets the writer read the record first.
    pub(crate) fn after_reading(self) -> Step {
        Step { reads: true, ..self }
    }

    pub(crate) fn keyed(self) -> Step {
        Step { key: Key::Own, ..self }
    }

    pub(crate) fn with_key(self, key: &'static str) -> Step {
        Step { key: Key::Shared(key), ..self }
    }

    /// Lets the request arrive a second time, at any moment. No client waits for the second response.
    pub(crate) fn twice(self) -> Step {
        Step { twice: true, ..self }
    }

    pub(crate) fn without_base(self) -> Step {
        Step { based: false, ..self }
    }

    pub(crate) fn ahead(self) -> Step {
        Step { ahead: true, ..self }
    }
}
