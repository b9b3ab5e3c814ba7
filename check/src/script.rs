//! What writers do: scripts of saves, each with edits of what its writer has on the screen.

use ripple_core::value::{Members, Value};

use crate::world::World;

/// Somebody's part in a run.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Saves through ripple.
    Writer(Vec<Step>),
    /// Puts the item whole so many times, as the article's Python function does: without versions or conditions.
    Foreign(usize, Foreign),
}

/// What somebody puts there who is not ripple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Whatever was there, a record of their own.
    Anew,
    /// What they read just before, edited, without what is ripple's own.
    Edited,
}

/// One save.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Whether the record is read anew before; else the edit is made on what was read or answered last.
    pub(crate) reads: bool,
    pub(crate) ask: Ask,
    pub(crate) edits: Vec<Edit>,
    /// Whether it says on what it was made.
    pub(crate) based: bool,
    /// Whether it carries an `Idempotency-Key`.
    pub(crate) keyed: bool,
    /// How many times it is sent again when it is not known what became of it.
    pub(crate) again: usize,
    /// Whether the request arrives twice.
    pub(crate) twice: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The whole record, sent back as it was read but for the edits.
    Put,
    /// What is edited.
    Patch,
    Delete,
    /// The version so many before the one on the screen.
    Restore(u64),
    Create,
    /// The record that was deleted, whole.
    Revive,
}

/// One edit of a record. Places are counted round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Another text in this field.
    Set(&'static str),
    /// The field `note` goes.
    Drop,
    /// A new entry at this place of the timeline, with an id of the writer's own making or without.
    Add(usize, Id),
    /// Another text in the entry at this place.
    Change(usize, &'static str),
    /// The entry at this place goes.
    Remove(usize),
    /// One more in this list or set of texts.
    Tag(&'static str),
    /// The text at this place of it goes.
    Untag(&'static str, usize),
    /// Another text in a member of the object `links`.
    Link(&'static str),
}

/// Who names an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Ripple,
    Writer,
}

impl Edit {
    /// Makes the edit; `text` occurs nowhere else.
    pub(crate) fn make(self, record: &mut Members, text: &str) {
        match self {
            Edit::Set(name) => {
                record.insert(name.to_owned(), text.into());
            }
            Edit::Drop => {
                record.remove("note");
            }
            Edit::Add(place, id) => {
                let list = list(record, "timeline");
                let place = place % (list.len() + 1);
                let mut entry = Members::from([("mark".to_owned(), text.into()), ("text".to_owned(), text.into())]);
                if id == Id::Writer {
                    entry.insert("id".to_owned(), format!("own {text}").into());
                }
                list.insert(place, Value::Map(entry));
            }
            Edit::Change(place, member) => {
                let list = list(record, "timeline");
                let length = list.len().max(1);
                if let Some(Value::Map(entry)) = list.get_mut(place % length) {
                    entry.insert(member.to_owned(), text.into());
                }
            }
            Edit::Remove(place) => remove(list(record, "timeline"), place),
            Edit::Tag(name) => list(record, name).push(text.into()),
            Edit::Untag(name, place) => remove(list(record, name), place),
            Edit::Link(member) => {
                let links = record.entry("links".to_owned()).or_insert_with(|| Value::Map(Members::new()));
                if let Value::Map(links) = links {
                    links.insert(member.to_owned(), text.into());
                }
            }
        }
    }
}

fn remove(list: &mut Vec<Value>, place: usize) {
    if !list.is_empty() {
        list.remove(place % list.len());
    }
}

fn list<'a>(record: &'a mut Members, name: &str) -> &'a mut Vec<Value> {
    let value = record.entry(name.to_owned()).or_insert_with(|| Value::List(Vec::new()));
    if !matches!(value, Value::List(_)) {
        *value = Value::List(Vec::new());
    }
    match value {
        Value::List(list) => list,
        _ => unreachable!("it is a list now"),
    }
}

impl Step {
    /// A save of the whole record as it was read last, sent again once if need be.
    pub(crate) fn put(edits: &[Edit]) -> Step {
        Step { reads: false, ask: Ask::Put, edits: edits.to_vec(), based: true, keyed: false, again: 1, twice: false }
    }

    pub(crate) fn asking(ask: Ask, edits: &[Edit]) -> Step {
        Step { ask, ..Step::put(edits) }
    }

    /// After reading the record anew.
    pub(crate) fn anew(self) -> Step {
        Step { reads: true, ..self }
    }

    pub(crate) fn keyed(self) -> Step {
        Step { keyed: true, ..self }
    }

    /// Sent a second time, which may come at any moment and which nobody waits for.
    pub(crate) fn twice(self) -> Step {
        Step { twice: true, ..self }
    }

    pub(crate) fn without_base(self) -> Step {
        Step { based: false, ..self }
    }

    /// Any save.
    pub(crate) fn some(world: &World) -> Step {
        let edits = 1 + world.below(3);
        Step {
            reads: world.below(3) < 2,
            ask: match world.below(20) {
                0..11 => Ask::Put,
                11..15 => Ask::Patch,
                15..17 => Ask::Restore(world.below(3) as u64),
                17 => Ask::Delete,
                18 => Ask::Create,
                _ => Ask::Revive,
            },
            edits: (0..edits).map(|_| Edit::some(world)).collect(),
            based: world.below(6) < 5,
            keyed: world.below(2) == 1,
            again: world.below(3),
            twice: world.below(12) == 11,
        }
    }
}

impl Edit {
    fn some(world: &World) -> Edit {
        let place = || world.below(4);
        match world.below(14) {
            0..4 => Edit::Add(place(), if world.below(4) == 3 { Id::Writer } else { Id::Ripple }),
            4 => Edit::Set("goal"),
            5 => Edit::Set("note"),
            6 => Edit::Drop,
            7 => Edit::Change(place(), "text"),
            8 => Edit::Change(place(), "state"),
            9..11 => Edit::Remove(place()),
            11 => Edit::Tag(if world.below(2) == 0 { "tags" } else { "labels" }),
            12 => Edit::Untag(if world.below(2) == 0 { "tags" } else { "labels" }, place()),
            _ => Edit::Link(if world.below(2) == 0 { "home" } else { "docs" }),
        }
    }
}

/// What a record is at first. `who` is in all its texts.
pub(crate) fn new_record(who: &str) -> Members {
    let mut record = Members::new();
    for name in ["name", "goal", "issue", "description", "term_unit", "create_date", "note"] {
        record.insert(name.to_owned(), format!("{name} by {who}").into());
    }
    record.insert("term".to_owned(), 3_u64.into());
    for (name, text) in [("timeline", "first"), ("timeline", "second"), ("tags", "red"), ("tags", "blue")] {
        let text = format!("{text} by {who}");
        match name {
            "tags" => Edit::Tag("tags").make(&mut record, &text),
            _ => Edit::Add(9, Id::Ripple).make(&mut record, &text),
        }
    }
    Edit::Link("home").make(&mut record, &format!("home by {who}"));
    record
}

/// What those are called who write beside ripple.
pub(crate) const FOREIGN: [&str; 2] = ["another", "the function"];

/// What somebody puts there anew who is not ripple: the article's fields, and values of which JSON shows only half.
pub(crate) fn foreign_record(who: &str) -> Members {
    let mut record = new_record(who);
    let entry = |id: &str| {
        let members =
            [("id", format!("{id} by {who}")), ("mark", format!("{id} by {who}")), ("text", "text".to_owned())];
        Value::Map(members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
    };
    record.insert("timeline".to_owned(), Value::List(vec![entry("first"), entry("second")]));
    record.insert("labels".to_owned(), Value::Strings([format!("wet by {who}"), format!("dry by {who}")].into()));
    // An entry that is known by nothing but what it is.
    let unnamed = Members::from([("said".to_owned(), "hello".into())]);
    record.insert("log".to_owned(), Value::List(vec![Value::Map(unnamed)]));
    record.insert(UNKNOWN.to_owned(), unknown());
    record
}

/// An attribute that no writer of ripple's ever touches.
pub(crate) const UNKNOWN: &str = "legacy";

fn unknown() -> Value {
    let number = ripple_core::value::Number::parse("12345678901234567890123456789012345678").expect("a number");
    Value::Map(Members::from([
        ("digits".to_owned(), Value::Number(number)),
        ("bytes".to_owned(), Value::Binary(vec![0, 255])),
        ("set".to_owned(), Value::Binaries([vec![1], vec![2, 3]].into())),
        ("nothing".to_owned(), Value::Null),
    ]))
}
