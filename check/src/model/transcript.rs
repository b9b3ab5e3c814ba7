//! What happened in a run: the schedule in words, and as values everything that the judge goes by.

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
    /// The record's states in the table, where it can be looked at between any two operations.
    pub(crate) states: RefCell<Vec<State>>,
    /// Every save that was asked for.
    pub(crate) saves: RefCell<Vec<Save>>,
    /// Every answer to a reader.
    pub(crate) reads: RefCell<Vec<Read>>,
    /// The history, as it was read at the end of each phase.
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

    /// Keeps a state, if it differs from the one before.
    pub(crate) fn keep(&self, state: State) {
        let mut states = self.states.borrow_mut();
        if states.last().is_none_or(|last| last.now.item != state.now.item) {
            states.push(state);
        }
    }

    /// Returns an item's face, which may be one that is known.
    pub(crate) fn face(&self, id: &RecordId, item: Option<Item>) -> Rc<Face> {
        let states = self.states.borrow();
        // Most often it is that of one of the last states.
        let known = states.iter().rev().take(4).map(|state| &state.now).find(|face| face.item == item);
        known.cloned().unwrap_or_else(|| Rc::new(Face::of(id, item)))
    }

    /// Returns the place of the state that the table holds now.
    pub(crate) fn place(&self) -> usize {
        self.states.borrow().len().saturating_sub(1)
    }
}

/// A state of the record in the table.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// When it came.
    pub(crate) at: Timestamp,
    pub(crate) by: Actor,
    pub(crate) now: Rc<Face>,
    /// The write of ripple's that led to it: what ripple had read, and what it made of that.
    pub(crate) write: Option<(Rc<Face>, Rc<Face>)>,
}

/// Who left a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Nobody: there was nothing at first.
    Nobody,
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
    /// `None`: there is no item.
    pub(crate) item: Option<Item>,
    pub(crate) number: i64,
    /// What is shown of it. `None`: there is nothing, or a tombstone.
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
    /// Returns what ripple made, if this state is exactly that.
    pub(crate) fn made(&self) -> Option<&Rc<Face>> {
        let (_, made) = self.write.as_ref()?;
        (Rc::ptr_eq(made, &self.now) || made.data == self.now.data && made.number == self.now.number).then_some(made)
    }
}

/// A save that was asked for, once or more.
#[derive(Debug)]
pub(crate) struct Save {
    /// The name that it is written under.
    pub(crate) by: String,
    pub(crate) what: What,
    /// What its author had in front of them.
    pub(crate) view: Option<Members>,
    /// The version that it names as its base.
    pub(crate) base: Option<i64>,
    /// The API key.
    pub(crate) api_key: String,
    /// The `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// Method, path and body.
    pub(crate) request: String,
    /// Whether a request was sent that nobody waits for.
    pub(crate) unheard: bool,
    /// When it was sent first.
    pub(crate) at: Timestamp,
    /// The place of the state that the table held then.
    pub(crate) place: usize,
    /// What came back each time.
    pub(crate) heard: Vec<Reply>,
}

impl Save {
    /// Reports whether ripple cannot tell the two saves apart: a repetition, or two persons who look like one.
    pub(crate) fn looks_like(&self, other: &Save) -> bool {
        self.api_key == other.api_key && self.key == other.key && self.base == other.base
    }

    /// Reports whether they carry one `Idempotency-Key` of one API key.
    pub(crate) fn shares_key(&self, other: &Save) -> bool {
        self.key.is_some() && self.key == other.key && self.api_key == other.api_key
    }
}

/// One reply to a save.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) heard: Heard,
    /// When it came.
    pub(crate) at: Timestamp,
    /// The place of the state that the table held then.
    pub(crate) place: usize,
    /// What the request asked of the table.
    pub(crate) asked: Rc<Asked>,
}

/// What one request asked of the table.
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
    /// What the author saw of the edited members, and what they made of them. `None`: it is removed.
    Edit {
        seen: Members,
        set: Vec<(String, Option<ripple_core::value::Value>)>,
    },
    Create(Members),
    Delete,
    Restore(i64),
}

/// An answer to a reader.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) by: String,
    pub(crate) heard: Heard,
}

/// The history as it was read in quiet.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) at: Timestamp,
    /// The place of the state that the table held then.
    pub(crate) place: usize,
    /// Newest first: the number, the row, and the record at that version.
    pub(crate) rows: Vec<(i64, Members, Heard)>,
}
