//! The headers `Idempotency-Key` and `Ripple-Claim-Days`: the identity of a write.
//! <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header>

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use sha2::{Digest as _, Sha256};

use super::{Error, Fault};
use crate::limits;
use crate::store::IdempotencyKey;

const KEY: &str = "idempotency-key";
const DAYS: &str = "ripple-claim-days";

/// Returns the identity of a write to a resource, if its request carries a key. `caller` is the same for all API keys that
/// replaced one another.
pub(crate) fn identity(
    request: &Request<Bytes>,
    resource: &str,
    caller: &str,
) -> Result<Option<IdempotencyKey>, Error> {
    let lives = lives(request.headers())?;
    let Some(key) = key(request.headers())? else { return Ok(None) };
    let path = request.uri().path();
    let request = hash(&[request.method().as_str().as_bytes(), path.as_bytes(), request.body()]);
    Ok(Some(IdempotencyKey { key: hash(&[resource.as_bytes(), caller.as_bytes(), key]), request, lives }))
}

fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, Error> {
    let mut sent = headers.get_all(KEY).iter().filter(|key| !key.is_empty());
    let fit = |key: &[u8]| key.len() <= limits::IDEMPOTENCY_KEY && key.iter().all(u8::is_ascii_graphic);
    match (sent.next().map(|key| key.as_bytes()), sent.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if fit(key) => Ok(Some(key)),
        _ => {
            let detail = format!("must be once, 1 to {} visible ASCII characters", limits::IDEMPOTENCY_KEY);
            Err(Error::InvalidRequest(vec![Fault::header(KEY, detail)]))
        }
    }
}

/// Returns how long the write is to be remembered.
fn lives(headers: &HeaderMap) -> Result<Duration, Error> {
    let mut sent = headers.get_all(DAYS).iter().filter(|days| !days.is_empty());
    let days = |days: &http::HeaderValue| {
        let text = days.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        text.parse().ok()
    };
    match (sent.next().map(days), sent.next()) {
        (None, _) => Ok(limits::CLAIM),
        (Some(Some(days @ 1..=limits::CLAIM_DAYS)), None) => Ok(limits::CLAIM * u32::try_from(days).unwrap_or(1)),
        _ => {
            let detail = format!("must be once, a whole number from 1 to {}", limits::CLAIM_DAYS);
            Err(Error::InvalidRequest(vec![Fault::header(DAYS, detail)]))
        }
    }
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
