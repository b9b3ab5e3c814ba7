//! Changes of a stream, as sockets are told of them.
//!
//! Only a state with a number is told. What another program did to a record is told under the number of its adoption,
//! which is a later record of the stream and shows no change of the content. So the fields are kept until then.

use std::collections::BTreeMap;

use super::FIELDS;
use super::log::Change;
use crate::record::difference::fields;
use crate::record::{Names, Record, RecordId};
use crate::store::StreamRecord;
use crate::store::item::{self, Malformed};

/// The number of records whose fields are kept. Beyond it, their changes name no field.
const KEPT: usize = 1000;

/// What is known of changes that have no number yet.
#[derive(Debug, Default)]
pub struct Observer {
    /// The changed fields of records that another program changed.
    external: BTreeMap<RecordId, Vec<String>>,
}

impl Observer {
    /// Returns what a record of the stream tells. Returns `None` if it leaves no state with a number.
    ///
    /// # Errors
    /// If an image is not a record.
    pub fn observe(&mut self, change: StreamRecord, names: &Names) -> Result<Option<Change>, Malformed> {
        let read = |image: Option<_>| image.map(|image| item::record(image, names)).transpose();
        let (before, after) = (read(change.old)?, read(change.new)?);
        let Some(after) = after else { return Ok(None) };
        let fields = self.fields(before.as_ref(), &after);
        let Some(version) = after.number() else {
            if self.external.len() < KEPT || self.external.contains_key(&after.id) {
                self.external.insert(after.id, fields);
            }
            return Ok(None);
        };
        self.external.remove(&after.id);
        let deleted = after.is_deleted();
        let Record { id, updated_at, updated_by, updated_author: person, lost, .. } = after;
        let updated_at = updated_at.unwrap_or(change.at);
        Ok(Some(Change { id, version, updated_at, updated_by, person, lost, fields, deleted }))
    }

    /// Returns the fields that changed since the last state with a number.
    fn fields(&self, before: Option<&Record>, after: &Record) -> Vec<String> {
        let any = || vec![String::new()];
        let Some(before) = before.filter(|before| !before.is_deleted() && !after.is_deleted()) else { return any() };
        let mut changed = match self.external.get(&before.id) {
            Some(known) => known.clone(),
            None if before.is_external() => return any(),
            None => Vec::new(),
        };
        for field in fields(&before.attributes, &after.attributes) {
            if !changed.contains(&field) {
                changed.push(field);
            }
        }
        let is_any = changed.is_empty() || changed.len() > FIELDS || changed.contains(&String::new());
        if is_any { any() } else { changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::value::Members;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn members(goal: &str, note: Option<&str>) -> Members {
        let note = note.map(|note| ("note".to_owned(), note.into()));
        [("goal".to_owned(), goal.into())].into_iter().chain(note).collect()
    }

    fn own(number: u64, content: Members) -> Option<Members> {
        let record = Record::new(RecordId::stored("p".to_owned()), content).written(None, number, NOW, "Ann");
        Some(item::item(&record, 1, &Names::default()))
    }

    fn theirs(mut content: Members) -> Option<Members> {
        content.insert("prj_id".to_owned(), "p".into());
        Some(content)
    }

    #[track_caller]
    fn told(observer: &mut Observer, old: Option<Members>, new: Option<Members>) -> Option<Change> {
        let change = StreamRecord { old, new, at: NOW, expired: false };
        observer.observe(change, &Names::default()).expect("records")
    }

    #[test]
    fn a_save_names_its_fields() {
        let (before, after) = (own(1, members("a", None)), own(2, members("b", Some("n"))));
        let change = told(&mut Observer::default(), before, after).expect("a change");
        assert_eq!((change.version, change.fields), (2, vec!["/goal".to_owned(), "/note".to_owned()]));
        assert_eq!(change.updated_by.as_deref(), Some("Ann"));
    }

    #[test]
    fn a_creation_and_a_deletion_are_of_the_whole_record() {
        let created = told(&mut Observer::default(), None, own(1, members("a", None))).expect("a change");
        assert_eq!((created.fields, created.deleted), (vec![String::new()], false));
        let gone = Record::new(RecordId::stored("p".to_owned()), Members::new()).deleted(NOW).written(None, 2, NOW, "");
        let gone = Some(item::item(&gone, 1, &Names::default()));
        let deleted = told(&mut Observer::default(), own(1, members("a", None)), gone).expect("a change");
        assert_eq!((deleted.fields, deleted.deleted), (vec![String::new()], true));
    }

    #[test]
    fn the_fields_of_another_program_are_told_with_the_adoption() {
        let mut observer = Observer::default();
        let [first, second] = [members("b", None), members("b", Some("n"))];
        assert_eq!(told(&mut observer, own(1, members("a", None)), theirs(first.clone())), None);
        assert_eq!(told(&mut observer, theirs(first), theirs(second.clone())), None);
        let change = told(&mut observer, theirs(second.clone()), own(3, second)).expect("a change");
        assert_eq!((change.version, change.fields), (3, vec!["/goal".to_owned(), "/note".to_owned()]));
        assert!(observer.external.is_empty());
    }

    #[test]
    fn an_adoption_of_an_unknown_change_names_no_field() {
        let content = members("b", None);
        let change = told(&mut Observer::default(), theirs(content.clone()), own(3, content)).expect("a change");
        assert_eq!(change.fields, [String::new()]);
        assert_eq!(told(&mut Observer::default(), own(1, members("a", None)), None), None);
    }
}
