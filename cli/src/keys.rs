//! Creates and stores keys.

use std::time::Duration;

use anyhow::{Context as _, bail};
use ripple_core::auth::{ApiKey, KeyRecord, Scopes};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_host::{now, random};

/// Creates a key and stores its record.
pub(crate) async fn create(
    store: &DynamoDb,
    name: &str,
    scopes: Scopes,
    expires_in: Option<Duration>,
    author: Option<String>,
) -> anyhow::Result<(ApiKey, KeyRecord)> {
    let name_fits = (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !name_fits {
        bail!("a key's name must have 1 to 128 characters and no control characters");
    }
    store_new(store, |key| KeyRecord { author, ..record(key, name, scopes, expires_in) }).await
}

/// Creates a key and stores the record that `record` returns for it.
pub(crate) async fn store_new(
    store: &DynamoDb,
    record: impl FnOnce(&ApiKey) -> KeyRecord,
) -> anyhow::Result<(ApiKey, KeyRecord)> {
    let key = std::iter::repeat_with(|| ApiKey::generate(&random()))
        .flatten()
        .next()
        .context("the system returned no random bytes")?;
    let record = record(&key);
    store.add_key(&record).await.context("cannot store the key")?;
    Ok((key, record))
}

/// Returns the record of a new key.
pub(crate) fn record(key: &ApiKey, name: &str, scopes: Scopes, expires_in: Option<Duration>) -> KeyRecord {
    let created = now();
    let id: [u8; 6] = random();
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    KeyRecord {
        key_hash: key.hash().to_hex(),
        key_id: format!("key_{id}"),
        name: name.to_owned(),
        scopes,
        created: created.0,
        expires: expires_in.map(|duration| created.after(duration).0),
        revoked: None,
        lineage: None,
        author: None,
        last_used: None,
    }
}
