//! The layout of a stored item. This is the only file that knows which attributes are ripple's own.
//!
//! Other programs read and write whole items. So the checks handle an item as DynamoDB does: a map of attributes, with
//! ripple's own.

use ripple_core::feed::{self, Decision, StreamRecord};
use ripple_core::record::Names;
use ripple_core::store::item as layout;
use ripple_core::value::{Members, Value};
use ripple_core::{Record, RecordId};

use super::heard::members;

/// The name of the partition key.
const KEY: &str = "prj_id";
/// An item's attributes.
pub(crate) type Item = Members;

/// The prefix of ripple's own attributes.
const OWN: &str = "rpl_";

/// Returns attribute names, with values, that another program may use and that ripple also uses or once used.
pub(crate) fn namesakes() -> [(&'static str, Value); 5] {
    [
        ("version", "2.3".into()),
        ("updated_at", "2026-03-01T10:00:00Z".into()),
        ("deleted", Value::Bool(true)),
        ("expires_at", 1_735_689_600_u64.into()),
        ("list_shard", 7_u64.into()),
    ]
}

/// The name of the attribute in which a program counts its own versions.
pub(crate) const COUNT: &str = "version";

/// Returns the item that the table holds for a record.
pub(crate) fn of(record: &Record) -> Item {
    if record.is_external() {
        layout::as_read(record, &Names::default())
    } else {
        layout::item(record, 1, &Names::default())
    }
}

/// Returns the record that ripple reads from an item.
pub(crate) fn record(_: &RecordId, item: Item) -> Record {
    layout::record(item, &Names::default()).expect("an item has its key")
}

/// Decides what a change of the item was.
pub(crate) fn decide(change: &StreamRecord) -> Decision {
    feed::decide(change, &Names::default()).expect("an item has its key")
}

/// Reports whether only a tombstone is left of the record.
pub(crate) fn is_tombstone(item: &Item) -> bool {
    layout::record(item.clone(), &Names::default()).is_ok_and(|record| record.is_deleted())
}

/// Returns the number that readers are shown. Returns 0 if there is no item.
pub(crate) fn number(id: &RecordId, item: &Item) -> i64 {
    record(id, item.clone()).version
}

/// Returns the record that readers are shown. Returns `None` for a tombstone.
pub(crate) fn shown(id: &RecordId, item: &Item) -> Option<Members> {
    let record = record(id, item.clone());
    if record.is_deleted() { None } else { members(&record.to_json(&Names::default())) }
}

/// Returns the attributes that are not ripple's own, with their types. Returns `None` for a tombstone.
pub(crate) fn data(id: &RecordId, item: &Item) -> Option<Members> {
    let record = record(id, item.clone());
    if record.is_deleted() { None } else { Some(record.attributes) }
}

/// Removes ripple's own attributes, as a program does that knows only its own.
pub(crate) fn without_own(mut item: Item) -> Item {
    item.retain(|name, _| !name.starts_with(OWN));
    item
}

/// Returns the item under another id, with every other attribute as it is.
pub(crate) fn under(id: &RecordId, mut item: Item) -> Item {
    item.insert(KEY.to_owned(), id.as_str().into());
    item
}
