//! The only writer of records.
//!
//! > Of two sealed states, the greater version stays. An external state has no order: it only replaces what was seen
//! > before its own read began. A state that is not taken writes no row.
//!
//! A row that cannot be read is replaced by the same state, too.

use super::super::sql::{Nearby, Value};
use super::schema::{ABSENT, BEFORE_KEYS, DELETED, LIVE, Meta, hash, parts};
use super::{log, read};
use crate::live::Change;
use crate::query::columns::{Columns, Prepared};
use crate::record::{ContentHash, Record, RecordId};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The greatest length of JSON that is stored as it is. A row has at most 2 MB; control characters take six bytes each.
const JSON: usize = 1024 * 1024;

/// When and where states were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// When the read began.
    pub(super) at: Timestamp,
    /// Whether the read was of the table itself. An index and the feed may show what has been overwritten.
    pub(super) in_table: bool,
    /// The time now.
    pub(super) now: Timestamp,
}

/// What is known of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) version: u64,
    pub(super) is_sealed: bool,
    pub(super) seen: Timestamp,
    pub(super) state: i64,
    is_timed: bool,
}

impl Known {
    /// Reports whether it is a live record that shows no time.
    fn is_untimed(&self) -> bool {
        self.state == LIVE && !self.is_timed
    }
}

/// Returns what is known of a record.
pub(super) fn known(sql: &impl Nearby, id: &RecordId) -> Result<Option<Known>, StoreError> {
    let row = sql.first("SELECT version, sealed, seen, state, timed FROM r WHERE id = ?", &[id.as_str().into()])?;
    Ok(row.map(|mut row| Known {
        version: row.integer(0).cast_unsigned(),
        is_sealed: row.integer(1) != 0,
        seen: Timestamp(row.integer(2).cast_unsigned()),
        state: row.integer(3),
        is_timed: row.integer(4) != 0,
    }))
}

/// Applies a state within the caller's transaction. Returns whether it was taken.
pub(super) fn apply(
    sql: &impl Nearby,
    columns: &Columns,
    meta: &mut Meta,
    record: Record,
    seen: Seen,
) -> Result<bool, StoreError> {
    let known = known(sql, &record.id)?;
    let is_taken = match (&known, record.number()) {
        (None, _) => true,
        (Some(known), Some(number)) => {
            let again = number == known.version && !known.is_sealed && seen.at > known.seen && seen.in_table;
            let is_same = number == known.version && known.is_sealed;
            number > known.version || again || is_same && is_damaged(sql, columns, &record.id)
        }
        (Some(known), None) => seen.at > known.seen,
    };
    if !is_taken {
        return Ok(false);
    }
    let number = record.number().or(known.as_ref().map(|known| known.version)).unwrap_or(0);
    let is_sealed = record.number().is_some();
    let at = record.updated_at.map(|at| at.0);
    // A state that ripple has only adopted shows no time.
    let is_timed = at.is_some() && record.updated_by.is_some();
    let is_timed = |state| state == LIVE && is_timed;
    let row = |state: i64, json: Value, typed: Value, id: &RecordId| {
        [
            id.as_str().into(),
            number.into(),
            is_sealed.into(),
            seen.at.0.into(),
            at.into(),
            Value::Integer(state),
            is_timed(state).into(),
            json,
            typed,
        ]
    };
    const PUT: &str = "INSERT OR REPLACE INTO r VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    // What a full read met before the copy answered anything is no change. An external state is told with its adoption,
    // which has a number.
    let is_told = meta.confirmed.is_some() && is_sealed && known.as_ref().is_none_or(|known| known.version < number);
    if is_told {
        let is_known = known.as_ref().is_some_and(|known| known.is_sealed && known.state == LIVE);
        // What is damaged is not known.
        let old = if is_known { read::record(sql, columns, &record.id).ok().flatten() } else { None };
        let change = Change::between(old.as_ref(), &record, number);
        log::append(sql, meta, &change, seen.now)?;
    }
    let before = known.as_ref().filter(|known| known.state == LIVE).map(|_| record.id.clone());
    let before = before.map(|id| shown(sql, &id)).transpose()?.flatten();
    let untimed = meta.untimed.saturating_sub(known.as_ref().is_some_and(Known::is_untimed).into());
    if record.is_deleted() {
        meta.untimed = untimed;
        forget(sql, meta, &record.id, before)?;
        sql.run(PUT, &row(DELETED, Value::Null, Value::Blob(read::encode(&record)), &record.id))?;
        return Ok(true);
    }
    let (record, prepared) = columns.prepare(record);
    // The same external state was seen again.
    let unchanged = known.as_ref().is_some_and(|known| !known.is_sealed) && !is_sealed;
    let unchanged = unchanged && before.is_some_and(|(hash, _)| hash == prepared.hash);
    if unchanged && !is_damaged(sql, columns, &record.id) {
        return Ok(false);
    }
    let mut sum = meta.sum();
    match before {
        Some((hash, size)) => {
            sum.remove(hash);
            meta.bytes = meta.bytes.saturating_sub(size);
        }
        None => meta.live += 1,
    }
    sum.add(prepared.hash);
    meta.set_sum(sum);
    meta.untimed = untimed + u64::from(!is_timed(LIVE));
    meta.bytes += prepared.json.len() as u64;
    let (json, typed) = stored(columns, &record, &prepared);
    sql.run(PUT, &row(LIVE, json, typed, &record.id))?;
    put_searched(sql, columns, &record.id, prepared)?;
    Ok(true)
}

/// Reports whether a record's row cannot be read.
fn is_damaged(sql: &impl Nearby, columns: &Columns, id: &RecordId) -> bool {
    read::record(sql, columns, id).is_err()
}

/// Marks a record that a strongly consistent read did not find. The read began at `seen`.
pub(super) fn absent(sql: &impl Nearby, meta: &mut Meta, id: &RecordId, seen: Timestamp) -> Result<(), StoreError> {
    let Some(known) = known(sql, id)?.filter(|known| known.seen < seen && known.state != ABSENT) else { return Ok(()) };
    let before = if known.state == LIVE { shown(sql, id)? } else { None };
    forget(sql, meta, id, before)?;
    meta.untimed = meta.untimed.saturating_sub(known.is_untimed().into());
    let statement = "UPDATE r SET sealed = 0, seen = ?, state = ?, timed = 0, json = NULL, typed = NULL WHERE id = ?";
    sql.run(statement, &[seen.0.into(), Value::Integer(ABSENT), id.as_str().into()])
}

/// Returns the hash and the size that a live record has in the list.
fn shown(sql: &impl Nearby, id: &RecordId) -> Result<Option<(ContentHash, u64)>, StoreError> {
    let row = sql.first("SELECT size, h0, h1, h2, h3 FROM s WHERE id = ?", &[id.as_str().into()])?;
    Ok(row.map(|mut row| (hash(&mut row, 1), row.integer(0).cast_unsigned())))
}

/// Removes a record from the list.
fn forget(
    sql: &impl Nearby,
    meta: &mut Meta,
    id: &RecordId,
    before: Option<(ContentHash, u64)>,
) -> Result<(), StoreError> {
    let Some((hash, size)) = before else { return Ok(()) };
    let mut sum = meta.sum();
    sum.remove(hash);
    meta.set_sum(sum);
    meta.bytes = meta.bytes.saturating_sub(size);
    meta.live = meta.live.saturating_sub(1);
    sql.run("DELETE FROM s WHERE id = ?", &[id.as_str().into()])
}

/// Returns the JSON of a live record, and its types if the JSON does not show them.
fn stored(columns: &Columns, record: &Record, prepared: &Prepared) -> (Value, Value) {
    let json = (prepared.json.len() <= JSON).then(|| String::from_utf8(prepared.json.to_vec()).ok()).flatten();
    let is_plain =
        json.is_some() && read::of_json(&prepared.json, columns).as_ref().is_some_and(|plain| same(plain, record));
    let typed = (!is_plain).then(|| Value::Blob(read::encode(record)));
    (json.map_or(Value::Null, Value::Text), typed.unwrap_or(Value::Null))
}

fn same(one: &Record, other: &Record) -> bool {
    let own = |record: &Record| (record.version, record.updated_at, record.updated_by.clone());
    one.id == other.id
        && own(one) == own(other)
        && one.updated_author == other.updated_author
        && one.attributes == other.attributes
}

fn put_searched(sql: &impl Nearby, columns: &Columns, id: &RecordId, prepared: Prepared) -> Result<(), StoreError> {
    let Prepared { json, hash, searched, keys } = prepared;
    let marks = vec!["?"; BEFORE_KEYS + columns.keys().len()].join(", ");
    let (text, atoms) =
        searched.map_or((Value::Null, Value::Null), |(text, atoms)| (Value::Text(text), Value::Text(atoms)));
    let mut values = vec![id.as_str().into(), Value::from(json.len() as u64)];
    values.extend(parts(hash));
    values.extend([text, atoms]);
    values.extend(keys.into_iter().map(|key| key.map_or(Value::Null, Value::Blob)));
    sql.run(&format!("INSERT OR REPLACE INTO s VALUES ({marks})"), &values)
}
