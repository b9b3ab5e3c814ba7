//! The transcript of a run: the schedule in words, and the values that the judge uses.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;

use ripple_core::value::Members;
use ripple_core::{RecordId, Timestamp};

use super::heard::Heard;
use super::item::{self, Item};
use super::record::attributes;

/// Everything that happened.
#[derive(Default)]
pub(crate) struct Transcript {
    schedule: RefCell<Vec<String>>,
    /// The record's states, if the table can be read between two operations.
    pub(crate) states: RefCell<Vec<State>>,
    /// Every requested save.
    pub(crate) saves: RefCell<Vec<Save>>,
    /// Every response to a reader.
    pub(crate) reads: RefCell<Vec<Read>>,
    /// The history, as read at the end of each phase.
    pub(crate) probes: RefCell<Vec<Probe>>,
}

impl Transcript {
    /// Adds a line to the schedule.
    pub(crate) fn tell(&self, line: impl Display) {
        self.schedule.borrow_mut().push(line.to_string());
    }

    pub(crate) fn schedule(&self) -> Vec<String> {
        self.schedule.borrow().clone()
    }

    /// Keeps a state if it differs from the previous one.
    pub(crate) fn keep(&self, state: State) {
        let mut states = self.states.borrow_mut();
        if states.last().is_none_or(|last| last.now.item != state.now.item) {
            states.push(state);
        }
    }

    /// Returns an item's face. Reuses a known face if the item is the same.
    pub(crate) fn face(&self, id: &RecordId, item: Option<Item>) -> Rc<Face> {
        let states = self.states.borrow();
        // Usually the item equals one of the last states.
        let known = states.iter().rev().take(4).map(|state| &state.now).find(|face| face.item == item);
        known.cloned().unwrap_or_else(|| Rc::new(Face::of(id, item)))
    }

    /// Returns the place of the table's current state.
    pub(crate) fn place(&self) -> usize {
        self.states.borrow().len().saturating_sub(1)
    }
}

/// A state of the record in the table.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The time at which the state was made.
    pub(crate) at: Timestamp,
    pub(crate) by: Actor,
    pub(crate) now: Rc<Face>,
    /// ripple's write that led to the state: the state that ripple had read, and the state that it wrote.
    pub(crate) write: Option<(Rc<Face>, Rc<Face>)>,
}

/// The author of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// No author: the table was empty at first.
    Initial,
    /// The save of this name.
    Ripple(String),
    /// Another program.
    External,
    /// TTL.
    Expiry,
}

/// An item, and how readers are shown it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Face {
    /// `None` if there is no item.
    pub(crate) item: Option<Item>,
    pub(crate) number: i64,
    /// The shown record. `None` if there is no item, or a tombstone.
    pub(crate) shown: Option<Members>,
    /// The same without ripple's own members.
    pub(crate) content: Option<Members>,
    /// The attributes that are not ripple's own, with their types.
    pub(crate) data: Option<Members>,
}

impl Face {
    pub(crate) fn of(id: &RecordId, item: Option<Item>) -> Face {
        let Some(item) = item else { return Face::default() };
        let shown = item::shown(id, &item);
        Face {
            number: item::number(id, &item),
            content: shown.as_ref().map(attributes),
            shown,
            data: item::data(id, &item),
            item: Some(item),
        }
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.item.is_some() && self.shown.is_none()
    }
}

impl State {
    /// Returns the state that ripple wrote, if this state is exactly that.
    pub(crate) fn made(&self) -> Option<&Rc<Face>> {
        let (_, made) = self.write.as_ref()?;
        (Rc::ptr_eq(made, &self.now) || made.data == self.now.data && made.number == self.now.number).then_some(made)
    }
}

/// A requested save, sent once or more.
#[derive(Debug)]
pub(crate) struct Save {
    /// The name under which the save is written.
    pub(crate) by: String,
    pub(crate) what: What,
    /// The record that the author saw.
    pub(crate) view: Option<Members>,
    /// The base that the request names.
    pub(crate) base: Option<i64>,
    /// The API key.
    pub(crate) api_key: String,
    /// The `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// Method, path and body.
    pub(crate) request: String,
    /// Whether a request was sent whose response no client waits for.
    pub(crate) unheard: bool,
    /// The time of the first request.
    pub(crate) at: Timestamp,
    /// The place of the table's state at that time.
    pub(crate) place: usize,
    /// The reply to each attempt.
    pub(crate) heard: Vec<Reply>,
}

impl Save {
    /// Reports whether ripple cannot distinguish the two saves: a repetition, or two persons with the same key and
    /// base.
    pub(crate) fn looks_like(&self, other: &Save) -> bool {
        self.api_key == other.api_key && self.key == other.key && self.base == other.base
    }

    /// Reports whether both saves have the same `Idempotency-Key` and API key.
    pub(crate) fn shares_key(&self, other: &Save) -> bool {
        self.key.is_some() && self.key == other.key && self.api_key == other.api_key
    }
}

/// One reply to a save.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) heard: Heard,
    /// The time of the reply.
    pub(crate) at: Timestamp,
    /// The place of the table's state at that time.
    pub(crate) place: usize,
    /// The operations of the request on the table.
    pub(crate) asked: Rc<Asked>,
}

/// The operations of one request on the table.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) reads: Cell<u32>,
    pub(crate) commits: Cell<u32>,
    /// Whether an operation failed.
    pub(crate) failed: Cell<bool>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Put(Members),
    Patch(Members),
    MergePatch(Members),
    /// The edited members as the author saw them, and as the author left them. `None` removes a member.
    Edit {
        seen: Members,
        set: Vec<(String, Option<ripple_core::value::Value>)>,
    },
    Create(Members),
    Delete,
    Restore(i64),
}

/// A response to a reader.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) by: String,
    pub(crate) heard: Heard,
}

/// The history, as read while no participant is active.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) at: Timestamp,
    /// The place of the table's state at that time.
    pub(crate) place: usize,
    /// Newest first: the number, the row, and the record at that version.
    pub(crate) rows: Vec<(i64, Members, Heard)>,
}
