//! The changes that were told, in order, under sequence numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{LOG, LOG_LIFE, frame};
use crate::record::{Person, RecordId};
use crate::time::Timestamp;

/// A change of a record, as sockets are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record's id.
    pub id: RecordId,
    /// The number of the new state.
    pub version: u64,
    /// When it was written.
    pub updated_at: Timestamp,
    /// The name of the key that wrote it.
    pub updated_by: Option<String>,
    /// The person on whose behalf it was written.
    pub person: Option<Person>,
    /// The changed fields, as JSON Pointers. An empty one means any field.
    pub fields: Vec<String>,
    /// Whether the record was deleted.
    pub deleted: bool,
}

/// The changes that were told lately, in bounded memory.
#[derive(Debug)]
pub(super) struct Log {
    /// The sequence number of the last entry. It stays when the entry is removed.
    last: u64,
    entries: VecDeque<Entry>,
    /// From this time on, every change is in the log.
    complete_since: Timestamp,
    /// The newest version of each record in the log.
    newest: HashMap<RecordId, u64>,
}

#[derive(Debug)]
struct Entry {
    id: RecordId,
    version: u64,
    told: Timestamp,
    frame: Arc<str>,
}

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// It is in the log.
    Told,
    /// The log has this version of the record already, or a newer one.
    Known,
    /// No frame has room for it. The log begins again after it.
    Unwritable,
}

impl Log {
    /// Returns an empty log that has every change from a time on.
    pub(super) fn new(now: Timestamp) -> Log {
        Log { last: 0, entries: VecDeque::new(), complete_since: now, newest: HashMap::new() }
    }

    /// Appends a change.
    pub(super) fn append(&mut self, change: Change, now: Timestamp) -> Appended {
        if self.newest.get(&change.id).is_some_and(|newest| change.version <= *newest) {
            return Appended::Known;
        }
        // The host's clock may go back. The times of the log do not.
        let told = self.entries.back().map_or(now, |last| now.max(last.told));
        self.last += 1;
        let Some(text) = frame::event(self.last, &change) else {
            self.entries.clear();
            self.newest.clear();
            self.complete_since = told.after(std::time::Duration::from_millis(1));
            return Appended::Unwritable;
        };
        let Change { id, version, .. } = change;
        self.newest.insert(id.clone(), version);
        self.entries.push_back(Entry { id, version, told, frame: text.into() });
        if self.entries.len() > LOG {
            self.remove_first();
        }
        Appended::Told
    }

    /// Removes what is older than [`LOG_LIFE`].
    pub(super) fn trim(&mut self, now: Timestamp) {
        while self.entries.front().is_some_and(|first| first.told.after(LOG_LIFE) <= now) {
            self.remove_first();
        }
    }

    fn remove_first(&mut self) {
        let Some(Entry { id, version, told, .. }) = self.entries.pop_front() else { return };
        self.complete_since = told.after(std::time::Duration::from_millis(1));
        if self.newest.get(&id) == Some(&version) {
            self.newest.remove(&id);
        }
    }

    /// Returns the last sequence number.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Returns the smallest sequence number after which nothing is missing.
    pub(super) fn oldest(&self) -> u64 {
        self.last - self.entries.len() as u64
    }

    /// Returns the frame of a sequence number. Returns `None` if it is not in the log.
    pub(super) fn frame(&self, seq: u64) -> Option<&Arc<str>> {
        let place = seq.checked_sub(self.oldest() + 1)?;
        self.entries.get(usize::try_from(place).ok()?).map(|entry| &entry.frame)
    }

    /// Returns the sequence number after which everything follows that was told from `time` on. Returns `None` if the
    /// log does not have all of that.
    pub(super) fn before(&self, time: Timestamp) -> Option<u64> {
        let earlier = self.entries.partition_point(|entry| entry.told < time);
        (time >= self.complete_since).then(|| self.oldest() + earlier as u64)
    }

    /// Reports whether nothing was told from `time` on, as far as the log shows.
    pub(super) fn is_quiet_since(&self, time: Timestamp) -> bool {
        time >= self.complete_since && self.entries.back().is_none_or(|last| last.told < time)
    }
}
