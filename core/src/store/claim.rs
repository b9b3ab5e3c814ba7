//! What remembers a write that carries an `Idempotency-Key`.

use std::time::Duration;

use crate::record::RecordId;
use crate::record::outcome::Outcome;
use crate::time::Timestamp;

/// The identity of a write that carries an `Idempotency-Key`, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// A hash of the caller and the key.
    pub key: String,
    /// A hash of the request.
    pub request: String,
    /// How long the write is remembered.
    pub lives: Duration,
}

/// What became of such a write. It is put in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// [`IdempotencyKey::key`].
    pub key: String,
    /// [`IdempotencyKey::request`].
    pub request: String,
    /// The record that was written.
    pub id: RecordId,
    /// The version that the write made, or found with nothing to change.
    pub version: u64,
    /// What the write did.
    pub outcome: Outcome,
    /// From when on the key may be used anew, whether or not DynamoDB has deleted this by then.
    pub expires: Timestamp,
}
