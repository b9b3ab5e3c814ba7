//! New records in JSON without a version, and items of a DynamoDB export. Each creates a record that is missing, and
//! leaves an existing one as it is.

use anyhow::bail;
use bytes::Bytes;
use ripple_core::RecordId;
use ripple_core::record::decide::Change;
use ripple_core::record::{creation, fault};
use ripple_core::service;
use ripple_core::service::batch::Requested;
use ripple_core::store::Keys as _;
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::value::{Value, parse};
use ripple_host::{now, random};

use super::present::{Present, State};
use super::{Mode, Outcome, make, refused, told};

/// A record that is created if it is missing.
pub(super) struct Missing {
    /// The record with its id. `None` if there was none when the entry was looked up.
    pub(super) present: Option<Present>,
    /// The record, or an item in the form of an export.
    pub(super) json: Bytes,
}

/// Creates the record of an entry. `dry_run` only computes it.
pub(super) async fn import(store: &DynamoDb, missing: Missing, dry_run: bool) -> anyhow::Result<Outcome> {
    if let Some(present) = missing.present {
        return Ok(Outcome::Present(present));
    }
    let Some(requested) = requested(store, &missing.json)? else { return Ok(Outcome::Tombstone) };
    let mode = if dry_run { Mode::Preview } else { Mode::Save(None) };
    match make(store, mode, &requested).await? {
        Ok(saved) => Ok(Outcome::Done { saved: Box::new(saved), is_remembered: false }),
        // Another client, or an earlier entry of the file, created it meanwhile.
        Err(service::Error::Refused(fault::Error::Exists(_))) => {
            Ok(Outcome::Present(Present { id: requested.id.to_string(), state: State::Meanwhile }))
        }
        Err(error) => Err(told(error)),
    }
}

/// Returns the change that an entry asks for. An item of a backup is created unchanged, even with an id that another
/// program chose, or without required members. Any other entry is a new record. Returns `None` for a deletion.
fn requested(store: &DynamoDb, json: &[u8]) -> anyhow::Result<Option<Requested<()>>> {
    if export::is_line(json) {
        let record = export::record(json, &store.resource().names).map_err(anyhow::Error::from_boxed)?;
        let is_deleted = record.is_deleted();
        let import = Requested { id: record.id, change: Change::Import(record.attributes), expected: () };
        return Ok((!is_deleted).then_some(import));
    }
    let members = match parse(json) {
        Ok(Value::Map(members)) => members,
        Ok(_) => bail!("it is not a JSON object"),
        Err(malformed) => bail!("{} {}", malformed.pointer, malformed.detail),
    };
    let (id, change) = creation(members, store.resource()).map_err(refused)?;
    let id = id.unwrap_or_else(|| RecordId::generate(now(), random()));
    Ok(Some(Requested { id, change, expected: () }))
}
