//! `Idempotency-Key`: a write that is sent again is answered as it was the first time.
//!
//! A save is harmless when sent again as it is: the merge finds its changes there. But a creation would be refused,
//! and a late repetition of a save would win again over what came after it. So a write that carries a key leaves a
//! claim on it, in the same transaction, for a day; by itself, where there is nothing to change. Keys are each caller's own.
//! <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header>

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Fault};
use crate::limits;
use crate::method::{Answer, Call};
use crate::read;
use crate::record::{Record, RecordId};
use crate::save::Saved;
use crate::store::{Consistency, Store};

const HEADER: &str = "idempotency-key";

/// A write that carries a key: what it is known by, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// A hash of caller and key.
    pub key: String,
    /// A hash of the request.
    pub request: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of which write.
    pub attempt: Attempt,
    /// The record that it wrote.
    pub id: RecordId,
    /// The version that it made, or found with nothing to change.
    pub version: u64,
    /// What it was answered: the status.
    pub status: u16,
    /// And the receipt.
    pub receipt: String,
}

impl Claim {
    pub(crate) fn of(attempt: Attempt, project: &Record, status: StatusCode, receipt: &str) -> Claim {
        let (id, version) = (project.id.clone(), project.version);
        Claim { attempt, id, version, status: status.as_u16(), receipt: receipt.to_owned() }
    }
}

/// The attempt that a request is, if it carries a key.
pub(crate) fn attempt(request: &Request<Bytes>, caller: &str) -> Result<Option<Attempt>, Error> {
    let Some(key) = key(request.headers())? else { return Ok(None) };
    let path = request.uri().path();
    let request = hash(&[request.method().as_str().as_bytes(), path.as_bytes(), request.body()]);
    Ok(Some(Attempt { key: hash(&[caller.as_bytes(), key]), request }))
}

fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, Error> {
    let mut sent = headers.get_all(HEADER).iter().filter(|key| !key.is_empty());
    let fit = |key: &[u8]| key.len() <= limits::IDEMPOTENCY_KEY && key.iter().all(u8::is_ascii_graphic);
    match (sent.next().map(|key| key.as_bytes()), sent.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if fit(key) => Ok(Some(key)),
        _ => {
            let detail = format!("must be once, 1 to {} visible ASCII characters", limits::IDEMPOTENCY_KEY);
            Err(Error::InvalidRequest(vec![Fault::header(HEADER, detail)]))
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

/// The first answer again, if the call's write has been done.
pub(crate) async fn answered<S: Store>(call: &mut Call<'_, S>) -> Result<Option<Answer>, Error> {
    let Some(attempt) = &call.attempt else { return Ok(None) };
    match call.store.claim(&attempt.key, call.cost).await? {
        None => Ok(None),
        Some(claim) => again(call, claim).await.map(Some),
    }
}

/// The first answer to the write that made this claim.
pub(crate) async fn again<S: Store>(call: &mut Call<'_, S>, claim: Claim) -> Result<Answer, Error> {
    if call.attempt.as_ref() != Some(&claim.attempt) {
        return Err(Error::IdempotencyKeyReused);
    }
    // Of another writer's states, which are all version 0, the history may have none, or an older one.
    let kept = match claim.version {
        0 => None,
        version => call.store.version(&claim.id, version, call.cost).await?,
    };
    let project = match kept {
        Some(project) => project,
        // The history forgets, and what had nothing to do may have found a version of any age. So what is there now.
        None => read::live(call.store.get(&claim.id, Consistency::Strong, call.cost).await?, &claim.id)?,
    };
    let status = StatusCode::from_u16(claim.status).unwrap_or_default();
    call.session.wrote(&project.id, project.version);
    Ok(Saved { project, receipt: claim.receipt }.answer(status))
}
