//! Lists by a scan of the whole table.

use super::{Capacity, Consistency, Source, StoreError};
use crate::query::{ListPage, Listing, Query};
use crate::record::Record;
use crate::session::Session;
use crate::time::Timestamp;

/// Returns a page of the list.
pub(crate) async fn list<S: Source + ?Sized>(
    store: &S,
    query: &Query,
    session: &Session,
    now: Timestamp,
    cost: &mut Capacity,
) -> Result<ListPage, StoreError> {
    let read = if session.outruns(store.known(now)) { Consistency::Strong } else { Consistency::Eventual };
    let mut listing = Listing::new(query);
    every_record(store, read, session, cost, |record| listing.add(&record)).await?;
    Ok(listing.finish())
}

/// Returns every record up to the end of the table, unordered and each once. Records that the session wrote are at
/// least as new as its writes.
async fn every_record<S: Source + ?Sized>(
    store: &S,
    read: Consistency,
    session: &Session,
    cost: &mut Capacity,
    mut each: impl FnMut(Record),
) -> Result<(), StoreError> {
    let mut written = Vec::new();
    let mut from = None;
    loop {
        let page = store.scan(from, read, cost).await?;
        for record in page.records {
            if session.ids().any(|id| *id == record.id) { written.push(record) } else { each(record) }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    for id in session.ids() {
        let scanned = written.iter().find(|record| record.id == *id);
        let current = match scanned {
            Some(_) if !session.outdates(id, scanned) => scanned.cloned(),
            None if !session.outdates(id, None) => None,
            _ => store.get(id, Consistency::Strong, cost).await?,
        };
        current.into_iter().for_each(&mut each);
    }
    Ok(())
}
