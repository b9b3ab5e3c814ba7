//! Writes that a client repeats with the same `Idempotency-Key`.
//!
//! A save that is repeated soon is harmless, since the merge finds its changes already made. But a repeated creation
//! would be refused, and a save repeated late would overwrite later changes. So a write with a key stores an
//! idempotency record in the same transaction. A repetition then gets the first answer again.
//! <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header>

use super::{Context, Error, Saved};
use crate::record::fault;
use crate::store::{Consistency, IdempotencyRecord, Store};

/// Returns the first answer if this write was done before.
///
/// # Errors
/// If the key was used for another request, or the store fails.
pub async fn replay<S: Store>(cx: &mut Context<'_, S>) -> Result<Option<Saved>, Error> {
    let Some(attempt) = cx.idempotency else { return Ok(None) };
    match cx.store.claim(&attempt.key, cx.now, &mut cx.metrics.capacity).await? {
        None => Ok(None),
        Some(done) => replayed(cx, done).await.map(Some),
    }
}

/// Returns the answer to the write that stored this idempotency record.
pub(super) async fn replayed<S: Store>(cx: &mut Context<'_, S>, done: IdempotencyRecord) -> Result<Saved, Error> {
    if cx.idempotency.is_none_or(|attempt| attempt.request != done.request) {
        return Err(Error::IdempotencyKeyReused);
    }
    let IdempotencyRecord { id, version, outcome, .. } = done;
    let cost = &mut cx.metrics.capacity;
    let record = match cx.store.state(&id, version, cost).await? {
        Some(state) => state,
        // The history no longer has that version, so the answer shows the current record.
        None => match cx.store.get(&id, Consistency::Strong, cost).await? {
            None => return Err(fault::Error::NotFound(id).into()),
            Some(gone) if gone.is_deleted() => {
                return Err(fault::Error::Gone { id, version: gone.version }.into());
            }
            Some(record) => record,
        },
    };
    cx.session.wrote(&id, version, cx.now);
    cx.metrics.replayed = true;
    Ok(Saved { record, outcome })
}
