//! Keys.

use ripple_core::auth::{ApiKey, KeyRecord, Scope};

/// Returns the key of a seed. Another seed gives another key.
#[must_use]
pub fn api_key(seed: u8) -> ApiKey {
    ApiKey::generate(&[seed; 64]).expect("64 bytes are enough for 30 characters")
}

/// Returns the record of a key that has no restriction besides its scopes, and that was never used.
#[must_use]
pub fn key_record(key: &ApiKey, name: &str, scopes: &[Scope]) -> KeyRecord {
    KeyRecord {
        key_hash: key.hash().to_hex(),
        key_id: format!("key_{name}"),
        name: name.to_owned(),
        scopes: scopes.to_vec().into(),
        created: 0,
        expires: None,
        revoked: None,
        lineage: None,
        author: None,
        last_used: None,
    }
}
