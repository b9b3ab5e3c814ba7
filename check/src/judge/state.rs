//! States of the record, and what edits make of them.

use ripple_core::Record;
use ripple_core::value::{Members, Value};

use crate::heard::members;
use crate::law::{alike, shown};
use crate::script::UNKNOWN;

/// What a caller does not send, or sends in vain.
pub(super) const SYSTEM: [&str; 4] = ["prj_id", "version", "updated_at", "updated_by"];

/// A state of the record, as a caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(super) version: u64,
    pub(super) by: Option<String>,
    /// What is shown of it; `None`: there was nothing, or a tombstone.
    pub(super) shown: Option<Members>,
    /// The same without what is ripple's own.
    pub(super) attributes: Option<Members>,
    /// Of what only the table shows.
    pub(super) unknown: Option<Value>,
}

impl State {
    pub(crate) fn of(project: Option<&Record>) -> State {
        let live = project.filter(|project| !project.is_deleted());
        let shown = live.and_then(|project| members(&project.to_json()));
        State {
            version: project.map_or(0, |project| project.version),
            by: project.and_then(|project| project.updated_by.clone()),
            attributes: shown.as_ref().map(attributes),
            shown,
            unknown: live.and_then(|project| project.attributes.get(UNKNOWN).cloned()),
        }
    }

    pub(crate) fn shown(&self) -> Option<&Members> {
        self.shown.as_ref()
    }

    /// Somebody's who knows no versions.
    pub(super) fn is_foreign(&self) -> bool {
        self.version == 0 && self.shown.is_some()
    }

    pub(super) fn is_tombstone(&self) -> bool {
        self.version > 0 && self.shown.is_none()
    }
}

pub(super) fn attributes(shown: &Members) -> Members {
    let mut attributes = shown.clone();
    attributes.retain(|name, _| !SYSTEM.contains(&name.as_str()) && name != "deleted");
    // Of a set JSON shows some order.
    if let Some(Value::List(labels)) = attributes.get_mut("labels") {
        labels.sort_by_key(shown_text);
    }
    attributes
}

fn shown_text(value: &Value) -> String {
    shown(Some(value))
}

/// A new record is as it was sent.
pub(super) fn same(sent: &Members, made: &Members) -> Result<(), String> {
    let mut expected = sent.clone();
    expected.retain(|_, value| *value != Value::Null);
    for name in expected.keys().chain(made.keys()) {
        if !alike(expected.get(name), made.get(name)) {
            return Err(format!("/{name} is {}, and not {}", shown(made.get(name)), shown(expected.get(name))));
        }
    }
    Ok(())
}

pub(super) fn with(mut record: Members, sent: &Members) -> Members {
    for (name, value) in sent {
        if *value == Value::Null {
            record.remove(name);
        } else {
            record.insert(name.clone(), value.clone());
        }
    }
    record
}

pub(super) fn patched(mut record: Members, patch: &Members) -> Members {
    for (name, value) in patch {
        match (value, record.get(name)) {
            (Value::Null, _) => drop(record.remove(name)),
            (Value::Map(patch), Some(Value::Map(members))) => {
                let members = patched(members.clone(), patch);
                record.insert(name.clone(), Value::Map(members));
            }
            _ => drop(record.insert(name.clone(), value.clone())),
        }
    }
    attributes(&record)
}

/// A record without what a patch sets.
pub(super) fn unpatched(mut record: Members, patch: &Members) -> Members {
    for (name, value) in patch {
        match (value, record.get(name)) {
            (Value::Null, _) => {}
            (Value::Map(patch), Some(Value::Map(members))) => {
                let members = unpatched(members.clone(), patch);
                record.insert(name.clone(), Value::Map(members));
            }
            _ => drop(record.remove(name)),
        }
    }
    record
}
