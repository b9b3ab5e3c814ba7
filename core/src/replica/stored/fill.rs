//! A full read of the table, in steps that each commit with the position that they reach. A host that ends during a
//! step repeats it.

use std::ops::ControlFlow;

use sha2::{Digest as _, Sha256};

use super::super::sql::{Nearby, Value};
use super::apply::{self, Known, Seen};
use super::log;
use super::schema::{ABSENT, Fill, Meta};
use crate::limits::LAG;
use crate::live::LOG_LIFE;
use crate::query::columns::Columns;
use crate::record::{Record, RecordId};
use crate::store::{Page, StoreError};
use crate::time::Timestamp;

/// The number of records that one call of [`gone`] returns. Each is read by itself.
const CANDIDATES: usize = 100;

/// Begins a full read, unless one is under way.
pub(super) fn begin(meta: &mut Meta, now: Timestamp) {
    if meta.fill.is_none() {
        meta.fill = Some(Fill { began: now.0, at: None, scanned: false });
        meta.wish = Some(now.0);
    }
}

/// Takes in the page that follows `from`, whose read began at `began`. Another run may have taken it in before: then
/// nothing is done.
pub(super) fn take(
    sql: &impl Nearby,
    columns: &Columns,
    from: &Fill,
    page: Page,
    began: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.transaction(|| {
        let mut meta = Meta::of(sql)?;
        if meta.fill.as_ref() != Some(from) {
            return Ok(());
        }
        let mut records = Vec::with_capacity(page.records.len());
        for record in page.records {
            // A record in doubt counts as not met. So it is read with strong consistency before the full read ends.
            if !is_in_doubt(sql, &record, began)? {
                records.push(record);
            }
        }
        note(sql, records.iter().map(|record| &record.id))?;
        for record in records {
            apply::apply(sql, columns, &mut meta, record, Seen { at: began, in_table: true, now })?;
        }
        let at = page.next.map(|next| next.id.into_string());
        meta.fill = Some(Fill { began: from.began, scanned: at.is_none(), at });
        meta.write(sql)
    })
}

/// Reports whether a state that an eventually consistent read showed may be older than what is known. Versions order the
/// states of ripple. Another program's states have only the times at which they were seen, and such a read lags.
fn is_in_doubt(sql: &impl Nearby, record: &Record, began: Timestamp) -> Result<bool, StoreError> {
    let known = apply::known(sql, &record.id)?.filter(|known| known.seen >= began.before(LAG));
    let has_order = |known: &Known| record.number().is_some_and(|number| known.is_sealed || number != known.version);
    Ok(known.is_some_and(|known| !has_order(&known)))
}

/// Returns records that the full read should have met and did not.
pub(super) fn gone(sql: &impl Nearby, fill: &Fill) -> Result<Vec<RecordId>, StoreError> {
    let mut met: Vec<u64> = Vec::new();
    sql.query("SELECT ids FROM seen_page", &[], &mut |mut row| {
        let ids = row.blob(0).unwrap_or_default();
        met.extend(ids.as_chunks().0.iter().map(|chunk| u64::from_be_bytes(*chunk)));
        ControlFlow::Continue(())
    })?;
    met.sort_unstable();
    let mut gone = Vec::new();
    let statement = "SELECT id FROM r WHERE seen < ? AND state != ?";
    sql.query(statement, &[fill.began.into(), Value::Integer(ABSENT)], &mut |mut row| {
        let id = RecordId::stored(row.text(0).unwrap_or_default());
        if met.binary_search(&short(&id)).is_err() {
            gone.push(id);
        }
        if gone.len() < CANDIDATES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(gone)
}

/// Takes in what a strongly consistent read of a record returned that the full read had not met.
pub(super) fn confirm(
    sql: &impl Nearby,
    columns: &Columns,
    id: &RecordId,
    found: Option<Record>,
    began: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql.transaction(|| {
        let mut meta = Meta::of(sql)?;
        match found {
            Some(record) => {
                note(sql, [id].into_iter())?;
                apply::apply(sql, columns, &mut meta, record, Seen { at: began, in_table: true, now })?;
            }
            None => apply::absent(sql, &mut meta, id, began)?,
        }
        meta.write(sql)
    })
}

/// Ends a full read. What was written before it began is known. The log forgets what is too old.
pub(super) fn end(sql: &impl Nearby, fill: &Fill, now: Timestamp) -> Result<(), StoreError> {
    sql.transaction(|| {
        let mut meta = Meta::of(sql)?;
        if meta.fill.as_ref() != Some(fill) {
            return Ok(());
        }
        sql.run("DELETE FROM seen_page", &[])?;
        if meta.confirmed.is_none() {
            // The pages of this read may have had any change until now.
            meta.complete = now.0;
        }
        log::forget(sql, &mut meta, now.before(LOG_LIFE))?;
        meta.full = Some(fill.began);
        meta.confirmed = meta.confirmed.max(meta.full);
        meta.fill = None;
        meta.wish = None;
        meta.write(sql)
    })
}

/// Notes that the full read has met these records: one row for a page.
fn note<'a>(sql: &impl Nearby, ids: impl Iterator<Item = &'a RecordId>) -> Result<(), StoreError> {
    let ids: Vec<u8> = ids.flat_map(|id| short(id).to_be_bytes()).collect();
    if ids.is_empty() { Ok(()) } else { sql.run("INSERT INTO seen_page (ids) VALUES (?)", &[Value::Blob(ids)]) }
}

/// Returns the first 64 bits of an id's SHA-256.
fn short(id: &RecordId) -> u64 {
    let digest = Sha256::digest(id.as_str());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}
