//! Who may open a socket: the tickets that were used, and the keys that lost rights, in SQL.
//!
//! > A ticket opens one socket. A key that was once seen revoked or expired never counts again.

use super::super::sql::{Nearby, Value};
use crate::auth::{KeyHash, KeyRecord, Scope};
use crate::feed::key::{KeyChange, Rights};
use crate::live::{Close, Reader, TICKET_LIFE};
use crate::record::schema::Resource;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The sockets of a key that are to be closed: the id of the key, the code and the reason.
pub type Closing = (String, u16, &'static str);

/// Notes the hash of a key, so that the key can be looked up again while its sockets are open.
pub(super) fn meet(sql: &impl Nearby, key_id: &str, hash: &KeyHash) -> Result<(), StoreError> {
    let hash = Value::Text(hash.to_hex());
    let known = sql.first("SELECT 1 FROM key WHERE id = ? AND hash = ?", &[key_id.into(), hash.clone()])?;
    if known.is_some() {
        return Ok(());
    }
    let statement = "INSERT INTO key VALUES (?, ?, 0, 0) ON CONFLICT (id) DO UPDATE SET hash = excluded.hash";
    sql.run(statement, &[key_id.into(), hash])
}

/// Uses the ticket of a reader, if there is one, within the caller's transaction. It cannot be used again.
pub(super) fn admit(sql: &impl Nearby, reader: &Reader) -> Result<Result<(), Close>, StoreError> {
    let row = sql.first("SELECT revoked, reduced FROM key WHERE id = ?", &[reader.key_id.as_str().into()])?;
    let (revoked, reduced) = row.map_or((0, 0), |mut row| (row.integer(0), row.integer(1).cast_unsigned()));
    if revoked != 0 {
        return Ok(Err(Close::Key));
    }
    let Some(ticket) = &reader.ticket else { return Ok(Ok(())) };
    let issued = Timestamp(ticket.expires.saturating_mul(1000)).before(TICKET_LIFE);
    if reduced != 0 && issued.0 <= reduced {
        return Ok(Err(Close::Ticket));
    }
    let nonce = Value::Text(ticket.nonce.clone());
    if sql.first("SELECT 1 FROM nonce WHERE nonce = ?", std::slice::from_ref(&nonce))?.is_some() {
        return Ok(Err(Close::Ticket));
    }
    sql.run("INSERT INTO nonce VALUES (?, ?)", &[nonce, ticket.expires.into()])?;
    Ok(Ok(()))
}

/// Reports whether a key was once seen revoked or expired.
pub(super) fn is_revoked(sql: &impl Nearby, id: &str) -> Result<bool, StoreError> {
    Ok(sql.first("SELECT 1 FROM key WHERE id = ? AND revoked != 0", &[id.into()])?.is_some())
}

/// Forgets the tickets that have expired.
pub(super) fn sweep(sql: &impl Nearby, now: Timestamp) -> Result<(), StoreError> {
    sql.run("DELETE FROM nonce WHERE expires * 1000 <= ?", &[now.0.into()])
}

/// Applies what the feed tells of a key. Returns the sockets to close.
pub(super) fn hear(sql: &impl Nearby, change: &KeyChange, now: Timestamp) -> Result<Option<Closing>, StoreError> {
    let known = sql.first("SELECT id FROM key WHERE hash = ?", &[change.key_hash.as_str().into()])?;
    let Some(id) = change.key_id.clone().or_else(|| known.and_then(|mut row| row.text(0))) else { return Ok(None) };
    match change.rights {
        Rights::Kept => Ok(None),
        // It may still read: the client comes back with the rights that it has left.
        Rights::Reduced => reduce(sql, id, Close::Restart, now).map(Some),
        Rights::Revoked => revoke(sql, id).map(Some),
    }
}

/// Compares a key of open sockets with its record. Returns the sockets to close.
pub(super) fn compare(
    sql: &impl Nearby,
    id: &str,
    record: Option<&KeyRecord>,
    resource: &Resource,
    now: Timestamp,
) -> Result<Option<Closing>, StoreError> {
    match record {
        Some(record) if !record.is_valid(now) => revoke(sql, id.to_owned()).map(Some),
        Some(record) if record.scopes.allow(Scope::Read, &resource.name) => Ok(None),
        Some(_) => reduce(sql, id.to_owned(), Close::Scope, now).map(Some),
        // The read may lag behind the creation of the key. If the key is gone, no host gives a ticket for it.
        None => reduce(sql, id.to_owned(), Close::Restart, now).map(Some),
    }
}

/// Returns the hash of a key.
pub(super) fn hash_of(sql: &impl Nearby, id: &str) -> Result<Option<KeyHash>, StoreError> {
    let row = sql.first("SELECT hash FROM key WHERE id = ?", &[id.into()])?;
    Ok(row.and_then(|mut row| row.text(0)).and_then(|hash| KeyHash::from_hex(&hash)))
}

fn revoke(sql: &impl Nearby, id: String) -> Result<Closing, StoreError> {
    let statement = "INSERT INTO key VALUES (?, NULL, 1, 0) ON CONFLICT (id) DO UPDATE SET revoked = 1";
    sql.run(statement, &[id.as_str().into()])?;
    Ok((id, Close::Key.code(), Close::Key.reason()))
}

fn reduce(sql: &impl Nearby, id: String, close: Close, now: Timestamp) -> Result<Closing, StoreError> {
    let statement = "INSERT INTO key VALUES (?, NULL, 0, ?) ON CONFLICT (id) DO UPDATE SET reduced = excluded.reduced";
    sql.run(statement, &[id.as_str().into(), now.0.into()])?;
    Ok((id, close.code(), close.reason()))
}
