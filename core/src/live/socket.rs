//! One reader: how far it was told, its credit, and the rate of its frames.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::frame::{self, Place};
use super::log::History;
use super::{CREDIT, CREDIT_BYTES, Close, MARK, RATE, SLOW};
use crate::record::Person;
use crate::time::Timestamp;

/// The cost of a frame and the refill of a second, in thousandths.
const ONE: u64 = 1000;
/// An acknowledgement of this many events is no load, since the events were more.
const LARGE_ACK: usize = 16;

/// One reader. A host that is suspended keeps it as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// The id of the key that opened it.
    pub(crate) key_id: String,
    /// The name and id of the person.
    pub(super) person: Option<(String, String)>,
    /// What it has open.
    pub(super) place: Option<Place>,
    /// The sequence number of the last event that it was told.
    sent: u64,
    /// The sequence numbers and sizes of the events that it has not acknowledged.
    unacknowledged: VecDeque<(u64, usize)>,
    /// Since when events have waited for an acknowledgement, in milliseconds.
    waiting: Option<u64>,
    /// When it was told a mark, in milliseconds.
    marked: u64,
    /// What is left of the burst of frames, in thousandths, and when that was counted.
    frames: (u64, u64),
}

impl Socket {
    /// Returns a reader that is told what comes after `seq`.
    pub(super) fn new(key_id: &str, person: Option<&Person>, seq: u64, now: Timestamp) -> Socket {
        Socket {
            key_id: key_id.to_owned(),
            person: person.map(frame::names),
            place: None,
            sent: seq,
            unacknowledged: VecDeque::new(),
            waiting: None,
            marked: now.0,
            frames: (u64::from(RATE) * ONE, now.0),
        }
    }

    /// Returns the frames of the events that follow, as far as the credit goes.
    ///
    /// # Errors
    /// If the log no longer has the next event.
    pub(super) fn due(&mut self, log: &impl History, now: Timestamp) -> Result<Vec<std::sync::Arc<str>>, Close> {
        let mut due = Vec::new();
        while self.sent < log.last() {
            let frame = log.frame(self.sent + 1).ok_or(Close::Restart)?;
            let held: usize = self.unacknowledged.iter().map(|(_, size)| size).sum();
            if self.unacknowledged.len() == CREDIT || held + frame.len() > CREDIT_BYTES {
                self.waiting.get_or_insert(now.0);
                return Ok(due);
            }
            self.sent += 1;
            self.unacknowledged.push_back((self.sent, frame.len()));
            due.push(frame);
        }
        self.waiting = None;
        Ok(due)
    }

    /// Notes that the client has stored the events up to `seq`. Returns the number of events that are new to that.
    ///
    /// # Errors
    /// If the client was never told of that event.
    pub(super) fn acknowledge(&mut self, seq: u64) -> Result<usize, Close> {
        if seq > self.sent {
            return Err(Close::BadFrame);
        }
        let new = self.unacknowledged.partition_point(|(sent, _)| *sent <= seq);
        self.unacknowledged.drain(..new);
        if new > 0 {
            self.waiting = None;
        }
        Ok(new)
    }

    /// Counts a frame of the client that acknowledged some events.
    ///
    /// # Errors
    /// If the client sends too many.
    pub(super) fn count(&mut self, acknowledged: usize, now: Timestamp) -> Result<(), Close> {
        if acknowledged >= LARGE_ACK {
            return Ok(());
        }
        let (left, at) = self.frames;
        let left = (left + now.0.saturating_sub(at)).min(u64::from(RATE) * ONE);
        let taken = left.checked_sub(ONE).ok_or(Close::Rate)?;
        self.frames = (taken, now.0);
        Ok(())
    }

    /// Returns the sequence number for a mark, if the client has been told everything and a mark is due.
    pub(super) fn mark(&mut self, log: &impl History, now: Timestamp) -> Option<u64> {
        let is_due = self.sent == log.last() && now >= Timestamp(self.marked).after(MARK);
        is_due.then(|| {
            self.marked = now.0;
            self.sent
        })
    }

    /// Reports whether events wait for an acknowledgement.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Returns when they will have waited too long.
    pub(super) fn slow_at(&self) -> Option<Timestamp> {
        self.waiting.map(|since| Timestamp(since).after(SLOW))
    }
}
