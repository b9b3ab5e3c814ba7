//! The idempotency records of writes that carry an `Idempotency-Key`.

use std::time::Duration;

use crate::record::RecordId;
use crate::record::outcome::Outcome;
use crate::time::Timestamp;

/// The identity of a write that carries an `Idempotency-Key`, with a hash of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// A hash of the client and the key.
    pub key: String,
    /// A hash of the request.
    pub request: String,
    /// How long the idempotency record is kept.
    pub lives: Duration,
}

/// The result of such a write. It is stored in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// [`IdempotencyKey::key`].
    pub key: String,
    /// [`IdempotencyKey::request`].
    pub request: String,
    /// The id of the record that was written.
    pub id: RecordId,
    /// The version that the write made, or that it found if there was nothing to change.
    pub version: u64,
    /// What the write did.
    pub outcome: Outcome,
    /// When the key may be used again, whether or not DynamoDB has deleted this record by then.
    pub expires: Timestamp,
}
