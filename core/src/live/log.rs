//! The changes that were told, in order, under sequence numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{FIELDS, LOG, LOG_LIFE, frame};
use crate::record::difference::fields;
use crate::record::lost::Lost;
use crate::record::{Person, Record, RecordId};
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
    /// Whose values the write replaced, although its author had not seen them.
    pub lost: Vec<Lost>,
    /// The changed fields, as JSON Pointers. An empty one means any field.
    pub fields: Vec<String>,
    /// Whether the record was deleted.
    pub deleted: bool,
}

impl Change {
    /// Returns the change from one state of a record to the next, which has a number. `before` is `None` if it is not
    /// known, or is not a state with a number.
    pub(crate) fn between(before: Option<&Record>, after: &Record, version: u64) -> Change {
        let any = || vec![String::new()];
        let fields = match before.filter(|before| !before.is_deleted() && !after.is_deleted()) {
            None => any(),
            Some(before) => fields(&before.attributes, &after.attributes),
        };
        Change {
            id: after.id.clone(),
            version,
            updated_at: after.updated_at.unwrap_or_default(),
            updated_by: after.updated_by.clone(),
            person: after.updated_author.clone(),
            lost: after.lost.clone(),
            fields: if fields.is_empty() || fields.len() > FIELDS { any() } else { fields },
            deleted: after.is_deleted(),
        }
    }
}

/// What a channel reads of its log. [`Log`] has it in memory, and [`replica::stored`](crate::replica::stored) in SQL.
pub trait History {
    /// Returns the last sequence number.
    fn last(&self) -> u64;

    /// Returns the smallest sequence number after which nothing is missing.
    fn oldest(&self) -> u64;

    /// Returns the frame of a sequence number. Returns `None` if it is not in the log.
    fn frame(&self, seq: u64) -> Option<Arc<str>>;

    /// Returns the sequence number after which everything follows that was told from `time` on. Returns `None` if the
    /// log does not have all of that.
    fn before(&self, time: Timestamp) -> Option<u64>;

    /// Reports whether nothing was told from `time` on, as far as the log shows.
    fn is_quiet_since(&self, time: Timestamp) -> bool {
        self.before(time) == Some(self.last())
    }
}

/// The changes that were told lately, in bounded memory.
#[derive(Debug)]
pub struct Log {
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
}

impl History for Log {
    fn last(&self) -> u64 {
        self.last
    }

    fn oldest(&self) -> u64 {
        self.last - self.entries.len() as u64
    }

    fn frame(&self, seq: u64) -> Option<Arc<str>> {
        let place = seq.checked_sub(self.oldest() + 1)?;
        self.entries.get(usize::try_from(place).ok()?).map(|entry| Arc::clone(&entry.frame))
    }

    fn before(&self, time: Timestamp) -> Option<u64> {
        let earlier = self.entries.partition_point(|entry| entry.told < time);
        (time >= self.complete_since).then(|| self.oldest() + earlier as u64)
    }
}
