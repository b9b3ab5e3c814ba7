//! The transaction of a write, which a save and an adoption share: the record, its rows, and then the expiry of the rows
//! that the write replaces.

use super::{Context, Error};
use crate::limits;
use crate::record::fault::Error as Fault;
use crate::record::{Record, RecordId};
use crate::store::{Commit, Store, Write};

/// The largest number of rows that get their expiry after one write. Usually there is one. There are more if the feed
/// has added rows of states that were replaced before it read them.
const EXPIRIES: u64 = 100;

/// Commits a write. If it is done, the rows from the number `from` to the number `to` get their expiry.
pub(super) async fn send<S: Store>(
    cx: &mut Context<'_, S>,
    write: &Write<'_>,
    from: Option<u64>,
    to: Option<u64>,
) -> Result<Commit, Error> {
    let commit = cx.store.commit(write, &mut cx.metrics.capacity).await?;
    if commit == Commit::Done {
        expire(cx, &write.after.id, from, to).await;
    }
    Ok(commit)
}

/// Sets the expiry of a record's rows from the number `from` to the number `to`, which a write has replaced.
pub(super) async fn expire<S: Store>(cx: &mut Context<'_, S>, id: &RecordId, from: Option<u64>, to: Option<u64>) {
    let Some(to) = from.max(to) else { return };
    let from = from.unwrap_or(to).max(to.saturating_sub(EXPIRIES));
    let expires = cx.now.after(cx.store.resource().retention());
    for number in from..=to {
        // A failure here costs storage only.
        let _ = cx.store.expire(id, number, expires, &mut cx.metrics.capacity).await;
    }
}

/// Returns the number of a record's newest row.
pub(super) async fn newest<S: Store>(cx: &mut Context<'_, S>, id: &RecordId) -> Result<Option<u64>, Error> {
    let entries = cx.store.entries(id, None, 1, &mut cx.metrics.capacity).await?;
    Ok(entries.first().map(|entry| entry.number))
}

/// Checks that the item of a record fits into the table.
pub(super) fn check_size(record: &Record, by: &str) -> Result<(), Error> {
    match record.stored_size() + by.len() {
        size if size > limits::RECORD && !record.is_deleted() => Err(Fault::TooLarge(size).into()),
        _ => Ok(()),
    }
}
