//! The log of the live channel in SQL. A change is in it in the commit that shows the change.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::sql::Nearby;
use super::schema::{Entry, Meta};
use crate::live::{Change, History, event};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The number of changes that the log holds. Each takes about 250 bytes.
const ROWS: u64 = 100_000;

/// Appends a change within the caller's transaction, which then writes the state.
pub(super) fn append(sql: &impl Nearby, meta: &mut Meta, change: &Change, now: Timestamp) -> Result<(), StoreError> {
    // The host's clock may go back. The times of the log do not.
    meta.told = meta.told.max(now.0);
    meta.seq += 1;
    let (seq, told, frame) = (meta.seq, meta.told, event(meta.seq, change));
    if frame.is_none() {
        // No frame can hold it. So the log begins again after it, and every client reads `_changes`.
        meta.complete = Timestamp(told).after(Duration::from_millis(1)).0;
        meta.unwritten.clear();
        sql.run("DELETE FROM log", &[])?;
    }
    meta.unwritten.push(Entry { seq, told, frame });
    match meta.seq.checked_sub(ROWS) {
        Some(seq) if seq > 0 => remove(sql, meta, seq),
        _ => Ok(()),
    }
}

/// Removes what was told before a time.
pub(super) fn forget(sql: &impl Nearby, meta: &mut Meta, before: Timestamp) -> Result<(), StoreError> {
    let statement = "SELECT seq FROM log WHERE told < ? AND frame IS NOT NULL ORDER BY seq DESC LIMIT 1";
    let last = sql.first(statement, &[before.0.into()])?;
    last.map_or(Ok(()), |mut row| remove(sql, meta, row.integer(0).cast_unsigned()))
}

/// Removes the changes up to a sequence number. The last row stays, since it has the state.
fn remove(sql: &impl Nearby, meta: &mut Meta, seq: u64) -> Result<(), StoreError> {
    let statement = "SELECT told FROM log WHERE seq <= ? AND frame IS NOT NULL ORDER BY seq DESC LIMIT 1";
    let told = sql.first(statement, &[seq.into()])?;
    let Some(mut told) = told else { return Ok(()) };
    meta.complete = meta.complete.max(told.integer(0).cast_unsigned() + 1);
    if seq == meta.seq {
        sql.run("UPDATE log SET frame = NULL WHERE seq = ?", &[seq.into()])?;
    }
    sql.run("DELETE FROM log WHERE seq <= ? AND seq < ?", &[seq.into(), meta.seq.into()])
}

/// The log as a channel reads it. What the database refuses is found afterwards.
pub(super) struct StoredLog<'a, Q> {
    sql: &'a Q,
    last: u64,
    oldest: u64,
    complete: Timestamp,
    frames: RefCell<BTreeMap<u64, Arc<str>>>,
    refused: RefCell<Option<StoreError>>,
}

impl<'a, Q: Nearby> StoredLog<'a, Q> {
    pub(super) fn of(sql: &'a Q, meta: &Meta) -> Result<StoredLog<'a, Q>, StoreError> {
        let first = sql.first("SELECT seq FROM log WHERE frame IS NOT NULL ORDER BY seq LIMIT 1", &[])?;
        let oldest = first.map_or(meta.seq, |mut row| row.integer(0).cast_unsigned() - 1);
        let (last, complete) = (meta.seq, Timestamp(meta.complete));
        Ok(StoredLog { sql, last, oldest, complete, frames: RefCell::default(), refused: RefCell::default() })
    }

    /// Returns what the database has refused. Then nothing that the channel returned counts.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.refused.take().map_or(Ok(()), Err)
    }

    fn first<T>(
        &self,
        statement: &str,
        value: u64,
        take: impl FnOnce(super::super::sql::Row) -> Option<T>,
    ) -> Option<T> {
        match self.sql.first(statement, &[value.into()]) {
            Ok(row) => row.and_then(take),
            Err(error) => {
                self.refused.replace(Some(error));
                None
            }
        }
    }
}

impl<Q: Nearby> History for StoredLog<'_, Q> {
    fn last(&self) -> u64 {
        self.last
    }

    fn oldest(&self) -> u64 {
        self.oldest
    }

    fn frame(&self, seq: u64) -> Option<Arc<str>> {
        if let Some(frame) = self.frames.borrow().get(&seq) {
            return Some(Arc::clone(frame));
        }
        let frame: Arc<str> = self.first("SELECT frame FROM log WHERE seq = ?", seq, |mut row| row.text(0))?.into();
        self.frames.borrow_mut().insert(seq, Arc::clone(&frame));
        Some(frame)
    }

    fn before(&self, time: Timestamp) -> Option<u64> {
        if time < self.complete {
            return None;
        }
        let statement = "SELECT seq FROM log WHERE told < ? AND frame IS NOT NULL ORDER BY seq DESC LIMIT 1";
        let earlier = self.first(statement, time.0, |mut row| Some(row.integer(0).cast_unsigned()));
        Some(earlier.unwrap_or(self.oldest))
    }
}
