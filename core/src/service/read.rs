//! Reads as a client must see them: with the client's own writes, and without tombstones.

use super::Error;
use crate::record::{Record, RecordId, fault};
use crate::session::Session;
use crate::store::{Capacity, Consistency, Source, Store};
use crate::time::Timestamp;

/// Returns a record. The first read is eventually consistent, at half the price. A strongly consistent read follows
/// only if the result may be older than the session's writes.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ripple_core::service::{Error, read};
/// use ripple_core::session::Session;
/// use ripple_core::store::{Capacity, memory::Memory};
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let (store, now) = (Memory::new(), Timestamp(9));
/// let id = RecordId::parse("a").unwrap();
/// let found = async || read(&store, &id, &Session::new("prj"), now, &mut Capacity::default()).await;
/// assert!(matches!(found().await, Err(Error::Refused(_))));
/// store.put(&Record::new(id.clone(), Members::new()).written(None, 1, Timestamp(5), "Ann"));
/// assert_eq!(found().await.unwrap().number(), Some(1));
/// # });
/// ```
///
/// # Errors
/// If the record does not exist or is deleted, or the store fails.
pub async fn read<S: Source>(
    store: &S,
    id: &RecordId,
    session: &Session,
    now: Timestamp,
    cost: &mut Capacity,
) -> Result<Record, Error> {
    let mut found = store.get(id, Consistency::Eventual, cost).await?;
    if session.outdates(id, found.as_ref()) || session.outruns(store.known(now)) {
        found = store.get(id, Consistency::Strong, cost).await?;
    }
    match found {
        None => Err(fault::Error::NotFound(id.clone()).into()),
        Some(gone) if gone.is_deleted() => Err(fault::Error::Gone { id: gone.id, version: gone.version }.into()),
        Some(record) => Ok(record),
    }
}

/// Returns a record as it was at a version.
///
/// # Errors
/// If the history does not have that version, the record was deleted at that version, or the store fails.
pub async fn state<S: Store>(store: &S, id: &RecordId, number: u64, cost: &mut Capacity) -> Result<Record, Error> {
    let version = number.cast_signed();
    match store.state(id, number, cost).await? {
        None => Err(fault::Error::NoSuchVersion { id: id.clone(), version }.into()),
        Some(state) if state.is_deleted() => Err(fault::Error::Gone { id: id.clone(), version }.into()),
        Some(state) => Ok(state),
    }
}
