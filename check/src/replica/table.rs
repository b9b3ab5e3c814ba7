//! The table with its whole past: each item, when it changed, and the records of the stream.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ripple_core::feed::StreamRecord;
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::store::item;
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp};

/// The attribute whose text no other state has.
pub(super) const TAG: &str = "goal";
/// What is in the place of that text in a tombstone.
const TOMBSTONE: &str = "a tombstone";

/// What distinguishes a state of a record from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// A state with a number.
    Sealed(u64, String),
    /// A state of another program.
    External(String),
}

impl Face {
    pub(super) fn of(record: &Record) -> Face {
        let tag = match record.attributes.get(TAG) {
            Some(Value::String(tag)) if !record.is_deleted() => tag.clone(),
            _ => TOMBSTONE.to_owned(),
        };
        record.number().map_or(Face::External(tag.clone()), |number| Face::Sealed(number, tag))
    }

    pub(super) fn tombstone(number: u64) -> Face {
        Face::Sealed(number, TOMBSTONE.to_owned())
    }
}

/// A state of an item, and since when it was in the table.
#[derive(Debug)]
struct State {
    since: Timestamp,
    item: Option<Members>,
    face: Option<Face>,
}

pub(super) struct Table {
    pub(super) memory: Memory,
    past: RefCell<BTreeMap<RecordId, Vec<State>>>,
    pub(super) stream: RefCell<Vec<StreamRecord>>,
    tags: Cell<u64>,
}

/// Returns a resource with a column, a member that has none, and no rules, as the edge has it.
pub(super) fn resource() -> Arc<Resource> {
    static RESOURCE: OnceLock<Arc<Resource>> = OnceLock::new();
    let read = || {
        let file = br#"{"title": "Project", "x-ripple": {"resource": "prj", "key": "prj_id"}, "type": "object",
            "properties": {"goal": {"type": "string"}}}"#;
        let resources = Resources::read(&[("prj.json", file)]).expect("a resource");
        let resources = Resources::of_summaries(resources.summaries()).expect("a summary");
        Arc::clone(resources.first())
    };
    Arc::clone(RESOURCE.get_or_init(read))
}

impl Table {
    pub(super) fn new() -> Table {
        let memory = Memory::of(resource());
        Table { memory, past: RefCell::default(), stream: RefCell::default(), tags: Cell::default() }
    }

    /// Returns a text that no other state has.
    pub(super) fn tag(&self) -> String {
        self.tags.set(self.tags.get() + 1);
        format!("g{}", self.tags.get())
    }

    /// Returns the record of an item.
    pub(super) fn record(&self, item: Members) -> Record {
        item::record(item, &resource().names).expect("an item has its key")
    }

    /// Notes what a write made of an item. Returns whether it changed.
    pub(super) fn note(&self, id: &RecordId, now: Timestamp) -> bool {
        let item = self.memory.item(id);
        let mut past = self.past.borrow_mut();
        let states = past.entry(id.clone()).or_default();
        let old = states.last().and_then(|state| state.item.clone());
        if old == item {
            return false;
        }
        let face = item.clone().map(|item| Face::of(&self.record(item)));
        states.push(State { since: now, item: item.clone(), face });
        let at = Timestamp(now.0 / 1000 * 1000);
        self.stream.borrow_mut().push(StreamRecord { old, new: item, at, expired: false });
        true
    }

    /// Returns the table as it was.
    pub(super) fn as_of(&self, time: Timestamp) -> Memory {
        let memory = Memory::of(resource());
        for (id, states) in &*self.past.borrow() {
            let state = states.iter().rev().find(|state| state.since <= time);
            if let Some(item) = state.and_then(|state| state.item.clone()) {
                memory.put_item(id, item);
            }
        }
        memory
    }

    /// Reports whether a record was in a state at some time from `since` on. Before its first state there was no item.
    pub(super) fn had(&self, id: &RecordId, face: Option<&Face>, since: Timestamp) -> bool {
        let past = self.past.borrow();
        let states = past.get(id).map_or(&[][..], |states| states);
        let first = states.first().map_or(Timestamp(u64::MAX), |state| state.since);
        if face.is_none() && since <= first {
            return true;
        }
        states.iter().enumerate().any(|(place, state)| {
            let end = states.get(place + 1).map_or(Timestamp(u64::MAX), |next| next.since);
            state.face.as_ref() == face && end >= since
        })
    }

    /// Returns what each item is now, and since when. An item that was deleted is not among them.
    pub(super) fn now(&self) -> Vec<(RecordId, Face, Timestamp)> {
        let past = self.past.borrow();
        let state = |(id, states): (&RecordId, &Vec<State>)| {
            let last = states.last()?;
            Some((id.clone(), last.face.clone()?, last.since))
        };
        past.iter().filter_map(state).collect()
    }

    /// Returns the record as it is now.
    pub(super) fn get(&self, id: &RecordId) -> Option<Record> {
        self.memory.item(id).map(|item| self.record(item))
    }
}
