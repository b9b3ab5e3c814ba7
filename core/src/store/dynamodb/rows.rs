//! The table `<site>_prj_version`: rows of the history, and idempotency records.

use aws_sdk_dynamodb::types::AttributeValue;

use super::Item;
use super::item::members;
use crate::record::RecordId;
use crate::store::IdempotencyRecord;
use crate::store::item::{Malformed, RPL_EXPIRES_AT, natural};
use crate::store::row::VERSION;
use crate::time::Timestamp;
use crate::value::Value;

/// The attributes of an idempotency record beside its key: the request, and the result.
const RPL_REQUEST: &str = "rpl_request";
const RPL_WROTE: &str = "rpl_wrote";
const RPL_MADE: &str = "rpl_made";
const RPL_OUTCOME: &str = "rpl_outcome";

/// Returns the key of a row. `name` is the name of its partition key.
pub(super) fn key(name: &str, id: &str, version: i64) -> Item {
    Item::from([
        (name.to_owned(), AttributeValue::S(id.to_owned())),
        (VERSION.to_owned(), AttributeValue::N(version.to_string())),
    ])
}

/// Returns the key of an idempotency record. It cannot be a row of the history, whatever id another program chose:
/// those begin with version 1.
pub(super) fn claim_key(name: &str, key_hash: &str) -> Item {
    key(name, &format!("_idempotency/{key_hash}"), 0)
}

/// Returns the item of an idempotency record.
pub(super) fn claim(name: &str, claim: &IdempotencyRecord) -> Item {
    let outcome = serde_json::to_string(&claim.outcome).expect("text and numbers serialise");
    let mut item = claim_key(name, &claim.key);
    item.extend([
        (RPL_REQUEST.to_owned(), AttributeValue::S(claim.request.clone())),
        (RPL_WROTE.to_owned(), AttributeValue::S(claim.id.to_string())),
        (RPL_MADE.to_owned(), AttributeValue::N(claim.version.to_string())),
        (RPL_OUTCOME.to_owned(), AttributeValue::S(outcome)),
        (RPL_EXPIRES_AT.to_owned(), seconds(claim.expires)),
    ]);
    item
}

/// Returns a time in the unit of TTL.
pub(super) fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N((at.0 / 1000).to_string())
}

/// Decodes an idempotency record from an item.
pub(super) fn to_claim(key: &str, item: Item) -> Result<IdempotencyRecord, Malformed> {
    let mut item = members(item)?;
    let mut text = |name: &str| match item.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Malformed::attribute(name)),
    };
    let (request, id, outcome) = (text(RPL_REQUEST)?, text(RPL_WROTE)?, text(RPL_OUTCOME)?);
    let number = |name: &str| natural(item.get(name)).ok_or_else(|| Malformed::attribute(name));
    Ok(IdempotencyRecord {
        key: key.to_owned(),
        request,
        id: RecordId::stored(id),
        version: number(RPL_MADE)?,
        outcome: serde_json::from_str(&outcome).map_err(|_| Malformed::attribute(RPL_OUTCOME))?,
        expires: Timestamp(number(RPL_EXPIRES_AT)?.saturating_mul(1000)),
    })
}
