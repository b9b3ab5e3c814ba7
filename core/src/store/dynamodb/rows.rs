//! The table `<site>_prj_version`: rows of the history, and what remembers writes that carry an `Idempotency-Key`.

use aws_sdk_dynamodb::types::AttributeValue;

use super::Item;
use super::item::{Garbled, members, natural, to_dynamodb};
use crate::idempotency::{Attempt, Claim};
use crate::limits;
use crate::record::history::Version;
use crate::record::{DELETED, EXPIRES_AT, PRJ_ID, Record, RecordId, Timestamp, UPDATED_AT, UPDATED_BY, VERSION};
use crate::store::Write;
use crate::value::{Members, Value};

/// Before the name of each of the record's attributes, as they were after the write. They stand side by side with the
/// row's own: inside one map, they could nest one level less than in the record.
const RECORD: &str = "record.";
const BASE: &str = "base";
pub(super) const CHANGES: &str = "changes";

/// Of a claim: which request, and what it was answered.
const REQUEST: &str = "request";
const WROTE: &str = "wrote";
const MADE: &str = "made";
const STATUS: &str = "status";
const RECEIPT: &str = "receipt";

/// What a row of a page of the history is read of.
pub(super) const TOLD: [&str; 6] = [VERSION, UPDATED_AT, UPDATED_BY, BASE, DELETED, CHANGES];

/// The row of a write.
pub(super) fn version(write: &Write<'_>) -> Item {
    let mut row = row(write.after, write.version, write.now);
    row.insert(CHANGES.to_owned(), AttributeValue::L(write.version.changes.iter().map(to_dynamodb).collect()));
    row
}

/// The row of a state that another writer made.
pub(super) fn foreign(project: &Record, now: Timestamp) -> Item {
    row(project, &Version::found(project), now)
}

fn row(project: &Record, version: &Version, now: Timestamp) -> Item {
    let mut row = key(project.id.as_str(), version.number);
    let mut add = |name: &str, value: Option<AttributeValue>| row.extend(value.map(|value| (name.to_owned(), value)));
    add(DELETED, version.deleted.then_some(AttributeValue::Bool(true)));
    add(UPDATED_AT, version.updated_at.map(|at| AttributeValue::N(at.to_string())));
    add(UPDATED_BY, version.updated_by.clone().map(AttributeValue::S));
    add(BASE, version.base.map(|base| AttributeValue::N(base.to_string())));
    add(EXPIRES_AT, Some(expiry(now.after(limits::HISTORY))));
    row.extend(project.attributes.iter().map(|(name, value)| (format!("{RECORD}{name}"), to_dynamodb(value))));
    row
}

/// The row that remembers a write.
pub(super) fn claim(claim: &Claim, now: Timestamp) -> Item {
    let mut row = claim_key(&claim.attempt.key);
    row.extend([
        (REQUEST.to_owned(), AttributeValue::S(claim.attempt.request.clone())),
        (WROTE.to_owned(), AttributeValue::S(claim.id.to_string())),
        (MADE.to_owned(), AttributeValue::N(claim.version.to_string())),
        (STATUS.to_owned(), AttributeValue::N(claim.status.to_string())),
        (RECEIPT.to_owned(), AttributeValue::S(claim.receipt.clone())),
        (EXPIRES_AT.to_owned(), expiry(now.after(limits::CLAIM))),
    ]);
    row
}

pub(super) fn key(id: &str, version: u64) -> Item {
    Item::from([
        (PRJ_ID.to_owned(), AttributeValue::S(id.to_owned())),
        (VERSION.to_owned(), AttributeValue::N(version.to_string())),
    ])
}

/// No project's id begins with `_`.
pub(super) fn claim_key(key_hash: &str) -> Item {
    key(&format!("_idempotency/{key_hash}"), 0)
}

fn expiry(at: Timestamp) -> AttributeValue {
    AttributeValue::N((at.0 / 1000).to_string())
}

/// The record that a row holds, as it was.
pub(super) fn to_project(id: &RecordId, row: Item) -> Result<Record, Garbled> {
    let row = members(row)?;
    let attribute = |(name, value): (&String, &Value)| Some((name.strip_prefix(RECORD)?.to_owned(), value.clone()));
    let attributes: Members = row.iter().filter_map(attribute).collect();
    let Version { number, updated_at, updated_by, deleted, .. } = told(row)?;
    let tombstone = deleted.then(Timestamp::default);
    Ok(Record { version: number, updated_at, updated_by, tombstone, ..Record::new(id.clone(), attributes) })
}

/// What a row tells of its write.
pub(super) fn to_version(row: Item) -> Result<Version, Garbled> {
    told(members(row)?)
}

fn told(mut row: Members) -> Result<Version, Garbled> {
    Ok(Version {
        number: natural(row.get(VERSION)).ok_or(Garbled::attribute(VERSION))?,
        updated_at: natural(row.get(UPDATED_AT)).map(Timestamp),
        updated_by: text(row.remove(UPDATED_BY)),
        base: natural(row.get(BASE)),
        deleted: row.contains_key(DELETED),
        changes: match row.remove(CHANGES) {
            Some(Value::List(changes)) => changes,
            _ => Vec::new(),
        },
    })
}

/// The claim that a row is.
pub(super) fn to_claim(key: &str, row: Item) -> Result<Claim, Garbled> {
    let mut row = members(row)?;
    let mut required = |name: &str| text(row.remove(name)).ok_or(Garbled::attribute(name));
    let (request, id, receipt) = (required(REQUEST)?, required(WROTE)?, required(RECEIPT)?);
    let number = |name: &str| natural(row.get(name)).ok_or(Garbled::attribute(name));
    Ok(Claim {
        attempt: Attempt { key: key.to_owned(), request },
        id: RecordId::stored(id),
        version: number(MADE)?,
        status: u16::try_from(number(STATUS)?).map_err(|_| Garbled::attribute(STATUS))?,
        receipt,
    })
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
