//! The log of what changed: one row for each change that a reader can see, in the transaction of the change.

use super::super::sql::{Nearby, Value};
use super::read;
use super::schema::Meta;
use crate::query::columns::Columns;
use crate::record::Record;
use crate::store::StoreError;

/// The number of changes that are kept.
const KEPT: u64 = 100_000;
/// How often older ones are deleted, in changes.
const SWEEP: u64 = 1_000;

/// Logs the state that replaces the stored one. Until the first full read has ended, the copy answers nobody, so nothing
/// changes for a reader.
pub(super) fn log(
    sql: &impl Nearby,
    columns: &Columns,
    meta: &mut Meta,
    was_live: bool,
    record: &Record,
    state: i64,
) -> Result<(), StoreError> {
    if !meta.is_filled() {
        return Ok(());
    }
    let before = if was_live { read::record(sql, columns, &record.id)? } else { None };
    let fields: Option<Vec<&String>> = before.as_ref().map(|before| before.differing(record).collect());
    let fields = fields.map(|fields| serde_json::to_string(&fields).expect("strings serialise"));
    meta.seq += 1;
    let values = [
        meta.seq.into(),
        record.id.as_str().into(),
        Value::Integer(record.version),
        record.updated_at.map(|at| at.0).into(),
        record.updated_by.as_deref().into(),
        Value::Integer(state),
        fields.map_or(Value::Null, Value::Text),
    ];
    sql.run("INSERT INTO c VALUES (?, ?, ?, ?, ?, ?, ?)", &values)?;
    if meta.seq.is_multiple_of(SWEEP) {
        sql.run("DELETE FROM c WHERE seq <= ?", &[meta.seq.saturating_sub(KEPT).into()])?;
    }
    Ok(())
}
