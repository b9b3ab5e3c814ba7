//! A write that is sent again with its `Idempotency-Key`.
//!
//! A save is harmless when it is sent again soon: the merge finds its changes there. But a creation would be refused, and
//! a late repetition of a save would win again over what came after it. So a write that carries a key leaves a record of
//! itself in the same transaction, and its repetition gets the first answer again.
//! <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header>

use super::{Context, Error, Saved};
use crate::record::fault;
use crate::store::{Consistency, IdempotencyRecord, Store};

/// Returns the first answer, if this write was done before.
///
/// # Errors
/// If the key came with another request, or storage fails.
pub async fn replay<S: Store>(cx: &mut Context<'_, S>) -> Result<Option<Saved>, Error> {
    let Some(attempt) = cx.idempotency else { return Ok(None) };
    match cx.store.claim(&attempt.key, cx.now, &mut cx.metrics.capacity).await? {
        None => Ok(None),
        Some(done) => again(cx, done).await.map(Some),
    }
}

/// Returns the answer to the write that left this record.
pub(super) async fn again<S: Store>(cx: &mut Context<'_, S>, done: IdempotencyRecord) -> Result<Saved, Error> {
    if cx.idempotency.is_none_or(|attempt| attempt.request != done.request) {
        return Err(Error::IdempotencyKeyReused);
    }
    let IdempotencyRecord { id, version, outcome, .. } = done;
    let cost = &mut cx.metrics.capacity;
    let record = match cx.store.state(&id, version, cost).await? {
        Some(state) => state,
        // The history no longer has it, so the answer shows what is there now.
        None => match cx.store.get(&id, Consistency::Strong, cost).await? {
            None => return Err(fault::Error::NotFound(id).into()),
            Some(gone) if gone.is_deleted() => {
                return Err(fault::Error::Gone { id, version: gone.version }.into());
            }
            Some(record) => record,
        },
    };
    cx.session.wrote(&id, version, cx.now);
    Ok(Saved { record, outcome })
}
