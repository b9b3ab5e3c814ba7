//! Rows: of CSV, and records in JSON with a version. A row with a version is an edit on that version, and merges with what
//! others saved since. A row without one is a new record.
//!
//! Each row has an identity of its own, which follows from its content and from the number of equal rows before it. So
//! an import that was interrupted goes on when the same file is imported again, corrected or not. A row that was made
//! is not made twice, and does not win again over later saves.
//!
//! The rows of one record are sent in the order of the file, each after the answer to the one before it.

use std::io::BufRead;
use std::time::Duration;

use anyhow::bail;
use ripple_core::RecordId;
use ripple_core::record::change::Edit;
use ripple_core::record::decide::KnownBase;
use ripple_core::record::schema::Resource;
use ripple_core::record::{Names, creation, edit, fault};
use ripple_core::service;
use ripple_core::service::batch::Requested;
use ripple_core::sheet::{self, RowKind};
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::store::{IdempotencyKey, Keys as _, Store as _};
use ripple_core::value::{Members, Value, parse};
use sha2::{Digest as _, Sha256};

use super::identity::{Identities, id_of};
use super::{Mode, Outcome, in_context, make, refused, told};

/// The number of days that a row that was imported is remembered.
pub(super) const DAYS: u64 = 7;

/// A row as it was read.
pub(super) struct Row(RowKind);

/// A row as it is sent.
pub(super) struct Prepared {
    pub(super) requested: Requested<KnownBase>,
    key: IdempotencyKey,
    /// Whether the row has no id. Its id is derived from the row, so this row made a record that has it.
    is_unnamed: bool,
    /// The members of a row with a version, for a record that does not exist.
    otherwise: Option<Members>,
}

/// Returns the rows of a sheet, each with its position.
///
/// # Errors
/// If the header is not one.
pub(super) fn of_sheet<'a>(
    text: impl BufRead + 'a,
    resource: &'a Resource,
) -> anyhow::Result<impl Iterator<Item = (String, anyhow::Result<Row>)> + 'a> {
    let rows = sheet::read_from(text, resource).map_err(anyhow::Error::msg)?;
    Ok(rows.map(|sheet::Row { line, kind }| (format!("line {line}"), read(kind))))
}

/// Returns the row of a record in JSON with a version. Returns `None` for any other entry.
pub(super) fn of_json(json: &[u8], names: &Names) -> Option<anyhow::Result<Row>> {
    if export::is_line(json) {
        return None;
    }
    let Ok(Value::Map(members)) = parse(json) else { return None };
    match RowKind::of(members, names) {
        Ok(RowKind::New(_)) => None,
        kind => Some(read(kind)),
    }
}

fn read(kind: Result<RowKind, Vec<fault::Fault>>) -> anyhow::Result<Row> {
    kind.map(Row).map_err(|faults| refused(fault::Error::Invalid(faults)))
}

/// Gives each row its identity.
#[derive(Default)]
pub(super) struct Preparation {
    identities: Identities,
}

impl Preparation {
    /// Returns a row as it is sent.
    pub(super) fn prepare(&mut self, Row(kind): Row, resource: &Resource) -> anyhow::Result<Prepared> {
        let (RowKind::New(members) | RowKind::Edit(_, members)) = &kind;
        let identity = self.identities.next(&serde_json::to_vec(&Value::Map(members.clone()))?);
        let (id, change, is_unnamed, otherwise) = match kind {
            RowKind::New(members) => {
                let (id, change) = creation(members, resource).map_err(refused)?;
                let is_unnamed = id.is_none();
                (id.unwrap_or_else(|| RecordId::stored(id_of(&identity).to_string())), change, is_unnamed, None)
            }
            RowKind::Edit(id, members) => {
                let change = edit(members.clone(), Edit::Replace, resource).map_err(refused)?;
                (id, change, false, Some(members))
            }
        };
        let key = IdempotencyKey {
            key: hexadecimal(&identity),
            request: hexadecimal(&Sha256::digest(id.as_str()).into()),
            lives: Duration::from_secs(DAYS * 24 * 60 * 60),
        };
        Ok(Prepared { requested: Requested { id, change, expected: KnownBase }, key, is_unnamed, otherwise })
    }
}

/// Imports a row. `dry_run` only computes it.
pub(super) async fn import(store: &DynamoDb, row: Prepared, dry_run: bool) -> anyhow::Result<Outcome> {
    let Prepared { requested, key, is_unnamed, otherwise } = row;
    let is_remembered = is_imported(store, &key).await?;
    if is_remembered && !dry_run {
        return Ok(Outcome::Imported);
    }
    let done = |saved| Outcome::Done { saved: Box::new(saved), is_remembered };
    // A dry run is computed anew, so it does not carry the identity of the import.
    let mode = if dry_run { Mode::Preview } else { Mode::Save(Some(&key)) };
    match make(store, mode, &requested).await? {
        Ok(saved) => Ok(done(saved)),
        Err(service::Error::Refused(fault::Error::Exists(_))) if is_unnamed || is_remembered => Ok(Outcome::Imported),
        Err(service::Error::Refused(error @ fault::Error::Exists(_))) => {
            bail!("{error}. An edit of it needs its version")
        }
        Err(service::Error::Refused(error @ fault::Error::NoSuchVersion { .. })) => {
            bail!(
                "{error} any longer, so others' later values would be replaced. Export the record again and edit that"
            )
        }
        // The sheet is of another table, or the record was deleted so long ago that nothing of it is left.
        Err(service::Error::Refused(fault::Error::NotFound(_))) if otherwise.is_some() => {
            let requested = created_anew(requested.id, otherwise.unwrap_or_default(), store.resource())?;
            make(store, mode, &requested).await?.map(done).map_err(told)
        }
        Err(error) => Err(told(error)),
    }
}

/// Reports whether a row was imported, whatever became of its record since.
async fn is_imported(store: &DynamoDb, key: &IdempotencyKey) -> anyhow::Result<bool> {
    let claim = in_context(store, None, async |cx| store.claim(&key.key, cx.now, &mut cx.metrics.capacity).await);
    let claim = claim.await?.map_err(service::Error::from)?;
    Ok(claim.is_some_and(|claim| claim.request == key.request))
}

/// Returns the creation of the record of a row that has a version, and whose record does not exist.
fn created_anew(id: RecordId, members: Members, resource: &Resource) -> anyhow::Result<Requested<KnownBase>> {
    let (_, change) = creation(members, resource).map_err(refused)?;
    Ok(Requested { id, change, expected: KnownBase })
}

fn hexadecimal(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
