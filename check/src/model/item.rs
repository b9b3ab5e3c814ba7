//! The layout of a stored item. This is the only file that knows which attributes are ripple's own.
//!
//! Programs beside ripple read and write whole items, so the checks handle an item as DynamoDB has it: a map of
//! attributes, ripple's own included.

use ripple_core::record::{DELETED, EXPIRES_AT, LIST_SHARD, PRJ_ID, UPDATED_AT, UPDATED_BY, VERSION};
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId, Timestamp};

use super::heard::members;

/// An item's attributes.
pub(crate) type Item = Members;

/// Attributes that ripple writes beside the version.
const SYSTEM: [&str; 3] = [UPDATED_AT, UPDATED_BY, LIST_SHARD];

/// Names that a program may choose for its own data and that ripple uses too, with data of such a program.
pub(crate) fn namesakes() -> [(&'static str, Value); 5] {
    [
        (VERSION, "2.3".into()),
        (UPDATED_AT, "2026-03-01T10:00:00Z".into()),
        (DELETED, Value::Bool(true)),
        (EXPIRES_AT, 1_735_689_600_u64.into()),
        (LIST_SHARD, 7_u64.into()),
    ]
}

/// The name of the attribute in which a program counts its own versions.
pub(crate) const COUNT: &str = VERSION;

/// Returns the item that the table holds for a record.
pub(crate) fn of(record: &Record) -> Item {
    let mut item = record.attributes.clone();
    item.insert(PRJ_ID.to_owned(), record.id.as_str().into());
    if record.version > 0 {
        item.insert(VERSION.to_owned(), record.version.into());
        item.insert(LIST_SHARD.to_owned(), record.list_shard(1).into());
        item.extend(record.updated_at.map(|at| (UPDATED_AT.to_owned(), at.0.into())));
        item.extend(record.updated_by.as_deref().map(|by| (UPDATED_BY.to_owned(), by.into())));
    } else {
        item.extend(record.stray.clone().map(|stray| (VERSION.to_owned(), stray)));
    }
    if let Some(expires) = record.tombstone {
        item.insert(DELETED.to_owned(), Value::Bool(true));
        item.insert(EXPIRES_AT.to_owned(), (expires.0 / 1000).into());
    }
    item
}

/// Returns the record that ripple makes of an item.
pub(crate) fn record(id: &RecordId, mut item: Item) -> Record {
    let tombstone = is_tombstone(&item).then(|| Timestamp(natural(item.get(EXPIRES_AT)).unwrap_or(0) * 1000));
    item.remove(PRJ_ID);
    let stated = item.remove(VERSION);
    let (updated_at, updated_by, attributes) = (None, None, Members::new());
    let mut record = Record { id: id.clone(), version: 0, stray: None, updated_at, updated_by, tombstone, attributes };
    match natural(stated.as_ref()).filter(|version| (1..1 << 53).contains(version)) {
        Some(version) => {
            record.version = version;
            record.updated_at = natural(item.get(UPDATED_AT)).map(Timestamp);
            record.updated_by = match item.get(UPDATED_BY) {
                Some(Value::String(by)) => Some(by.clone()),
                _ => None,
            };
            item.retain(|name, _| !SYSTEM.contains(&name.as_str()));
        }
        None => record.stray = stated,
    }
    if record.tombstone.is_none() {
        record.attributes = item;
    }
    record
}

/// Reports whether only a tombstone is left of the record.
pub(crate) fn is_tombstone(item: &Item) -> bool {
    let bare = |name: &String| {
        matches!(name.as_str(), PRJ_ID | VERSION | DELETED | EXPIRES_AT) || SYSTEM.contains(&name.as_str())
    };
    item.get(DELETED) == Some(&Value::Bool(true)) && natural(item.get(VERSION)).is_some() && item.keys().all(bare)
}

/// Returns the number that readers are shown. It is 0 where there is no item.
pub(crate) fn number(id: &RecordId, item: &Item) -> i64 {
    i64::try_from(record(id, item.clone()).version).unwrap_or(i64::MAX)
}

/// Returns what readers are shown of the item. Returns `None` for a tombstone.
pub(crate) fn shown(id: &RecordId, item: &Item) -> Option<Members> {
    let record = record(id, item.clone());
    if record.is_deleted() { None } else { members(&record.to_json()) }
}

/// Returns the attributes that are not ripple's own, with their types. Returns `None` for a tombstone.
pub(crate) fn data(id: &RecordId, item: &Item) -> Option<Members> {
    let record = record(id, item.clone());
    if record.is_deleted() { None } else { Some(record.attributes) }
}

/// Removes ripple's own attributes, as a program does that knows only its own.
pub(crate) fn without_own(mut item: Item) -> Item {
    item.retain(|name, _| !matches!(name.as_str(), VERSION | DELETED | EXPIRES_AT) && !SYSTEM.contains(&name.as_str()));
    item
}

/// Returns the item under another id, every other attribute as it is.
pub(crate) fn under(id: &RecordId, mut item: Item) -> Item {
    item.insert(PRJ_ID.to_owned(), id.as_str().into());
    item
}

fn natural(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Number(number)) => number.as_u64(),
        _ => None,
    }
}
