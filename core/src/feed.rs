//! The feed: what a record of a table's stream tells.
//!
//! DynamoDB Streams delivers every change of an item, with the item before and after it. [`decide`] distinguishes
//! ripple's own writes from those of other programs. It is pure, and decides on each record alone. So records may come
//! late, more than once, or after a gap. `service::adopt` carries a decision out.
//!
//! ```text
//!  old image ─┐              ┌─▶ own          ripple wrote it, or nothing was changed
//!             ├─▶ decide() ──┼─▶ expired      TTL deleted a tombstone
//!  new image ─┘              └─▶ external     another program put, updated or deleted the item
//! ```
//!
//! The seal and the number identify ripple's writes. A state without a matching seal is external. A state with a
//! matching seal whose number does not go up was put back by another program, byte for byte. The images of a creation,
//! and those of a save over an external state, do not tell whether the item is an old one. There the decision is
//! `external`, and the history tells when it is carried out.
//!
//! Receivers are told in signed messages: [`message`] writes and reads them, and [`signature`] signs and verifies them.

pub mod key;
pub mod message;
pub mod signature;

use crate::record::{Names, Record, RecordId};
use crate::store::item::{self, Malformed};
use crate::time::Timestamp;
use crate::value::Members;

pub use crate::store::StreamRecord;

/// What a change of a record's item was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// ripple's own write, or a change of nothing that ripple stores. There is nothing to do.
    Own,
    /// TTL deleted a tombstone, or a program did. There is nothing to do.
    Expired,
    /// Another program changed the record, unless its history shows that ripple did.
    External(Box<External>),
}

/// A change that another program made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The record's id.
    pub id: RecordId,
    /// The state that the change replaced.
    pub before: Option<Record>,
    /// The state that the change left. `None` if it deleted the record.
    pub after: Option<Record>,
    /// When the change was made, to the second.
    pub at: Timestamp,
}

impl External {
    /// Returns the replaced state if it was external. It may have no row in the history.
    #[must_use]
    pub fn replaced(&self) -> Option<&Record> {
        // If only ripple's attributes were changed, the state stays.
        let stays = |before: &Record| {
            let after = self.after.as_ref().filter(|after| after.is_external());
            after.is_some_and(|after| after.attributes == before.attributes)
        };
        self.before.as_ref().filter(|before| before.is_external() && !stays(before))
    }
}

/// Decides what a change of a record's item was. `names` has the table's key.
///
/// ```
/// use ripple_core::Timestamp;
/// use ripple_core::feed::{Decision, StreamRecord, decide};
/// use ripple_core::record::Names;
/// use ripple_core::value::Members;
///
/// let item = Members::from([("prj_id".to_owned(), "p".into()), ("name".to_owned(), "Garden".into())]);
/// let put = StreamRecord { old: None, new: Some(item), at: Timestamp(0), expired: false };
/// let Ok(Decision::External(put)) = decide(&put, &Names::default()) else { panic!("the item has no seal") };
/// assert!(put.after.is_some_and(|record| record.is_external()));
/// ```
///
/// # Errors
/// If an image is not a record.
pub fn decide(change: &StreamRecord, names: &Names) -> Result<Decision, Malformed> {
    let read = |image: &Option<Members>| image.clone().map(|item| item::record(item, names)).transpose();
    let (before, after) = (read(&change.old)?, read(&change.new)?);
    let Some(Record { id, .. }) = after.as_ref().or(before.as_ref()) else { return Ok(Decision::Own) };
    Ok(match (&before, &after) {
        (Some(before), None) if before.is_deleted() => Decision::Expired,
        (Some(before), Some(after)) if is_own(before, after) => Decision::Own,
        _ => Decision::External(Box::new(External { id: id.clone(), before, after, at: change.at })),
    })
}

/// Reports whether the images alone show that ripple left the state `after`.
fn is_own(before: &Record, after: &Record) -> bool {
    match (before.number(), after.number()) {
        (_, None) => false,
        // The numbers of writes by ripple only increase. A change that keeps the number changes no content.
        (Some(before), Some(after)) => before <= after,
        // An adoption keeps the content, and its transaction writes the row.
        (None, Some(_)) => !after.is_deleted() && before.attributes == after.attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::value::Value;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn members(goal: &str) -> Members {
        Members::from([("goal".to_owned(), goal.into())])
    }

    fn id() -> RecordId {
        RecordId::stored("p".to_owned())
    }

    /// Returns the item of a version that ripple wrote.
    fn own(number: u64, goal: &str) -> Option<Members> {
        let record = Record::new(id(), members(goal)).written(None, number, NOW, "Ann");
        Some(item::item(&record, 1, &Names::default()))
    }

    fn tombstone(number: u64) -> Option<Members> {
        let record = Record::new(id(), Members::new()).deleted(NOW).written(None, number, NOW, "Ann");
        Some(item::item(&record, 1, &Names::default()))
    }

    /// Returns the item that another program puts.
    fn theirs(goal: &str) -> Option<Members> {
        let mut item = members(goal);
        item.insert("prj_id".to_owned(), "p".into());
        Some(item)
    }

    /// Returns an item with one attribute set by another program.
    fn set(item: Option<Members>, name: &str, value: impl Into<Value>) -> Option<Members> {
        let mut item = item?;
        item.insert(name.to_owned(), value.into());
        Some(item)
    }

    fn told(old: Option<Members>, new: Option<Members>) -> Decision {
        decide(&StreamRecord { old, new, at: NOW, expired: false }, &Names::default()).expect("records")
    }

    #[track_caller]
    fn external(old: Option<Members>, new: Option<Members>) -> External {
        match told(old, new) {
            Decision::External(external) => *external,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ripples_own_writes_are_told_by_seal_and_number() {
        for (old, new) in [
            (own(1, "one"), own(2, "two")),
            (own(2, "two"), tombstone(3)),
            (tombstone(3), own(4, "back")),
            // The adoption of a state.
            (theirs("theirs"), own(5, "theirs")),
            // The time and the author are not content.
            (own(5, "five"), set(own(5, "five"), item::RPL_BY, "Bo")),
        ] {
            assert_eq!(told(old.clone(), new.clone()), Decision::Own, "{old:?} {new:?}");
        }
    }

    #[test]
    fn what_other_programs_leave_is_external() {
        for (old, new) in [
            (None, theirs("new")),
            (own(1, "one"), theirs("whole")),
            (own(1, "one"), set(own(1, "one"), "goal", "set")),
            (theirs("one"), theirs("two")),
            (tombstone(2), set(tombstone(2), "goal", "set")),
        ] {
            let told = external(old.clone(), new);
            assert!(told.after.as_ref().is_some_and(Record::is_external), "{told:?}");
            assert_eq!(told.replaced().is_some(), old == theirs("one"));
        }
    }

    #[test]
    fn an_item_that_is_put_back_is_external_although_its_seal_fits() {
        assert_eq!(external(own(3, "three"), own(1, "one")).after.map(|after| after.version), Some(1));
        assert_eq!(external(tombstone(3), own(1, "one")).after.map(|after| after.version), Some(1));
        // The images do not tell an old item from a save over the external state. The history does.
        assert!(external(theirs("theirs"), own(3, "three")).replaced().is_some());
        assert_eq!(external(None, own(1, "one")).after.map(|after| after.version), Some(1));
    }

    #[test]
    fn a_deletion_by_another_program_is_told_and_that_of_a_tombstone_is_not() {
        for old in [own(1, "one"), theirs("one")] {
            assert_eq!(external(old, None).after, None);
        }
        assert_eq!(told(tombstone(2), None), Decision::Expired);
        let expiry = StreamRecord { old: tombstone(2), new: None, at: NOW, expired: true };
        assert_eq!(decide(&expiry, &Names::default()), Ok(Decision::Expired));
        // TTL deletes a live state that another program wrote onto a tombstone.
        let expiry = StreamRecord { old: set(tombstone(2), "goal", "set"), new: None, at: NOW, expired: true };
        assert!(matches!(decide(&expiry, &Names::default()), Ok(Decision::External(_))));
    }

    #[test]
    fn a_record_without_images_tells_nothing() {
        assert_eq!(told(None, None), Decision::Own);
    }

    #[test]
    fn an_item_that_is_no_record_is_an_error() {
        for item in [Members::new(), Members::from([("prj_id".to_owned(), 7.into())])] {
            let change = StreamRecord { old: None, new: Some(item), at: NOW, expired: false };
            assert!(decide(&change, &Names::default()).is_err());
        }
    }
}
