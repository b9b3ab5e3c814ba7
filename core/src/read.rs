//! Reading as a caller should see it: with their own writes, and without tombstones.

use crate::error::Error;
use crate::list::{ListPage, Listing, Query};
use crate::record::{Record, RecordId};
use crate::session::Session;
use crate::store::{Capacity, Consistency, Source, StoreError};

/// One record. It is read at half price first; only when it is older than what the session wrote, strongly.
pub(crate) async fn project<S: Source>(
    store: &S,
    id: &RecordId,
    session: &Session,
    cost: &mut Capacity,
) -> Result<Option<Record>, Error> {
    let found = store.get(id, Consistency::Eventual, cost).await?;
    if session.outdates(id, found.as_ref()) {
        return Ok(store.get(id, Consistency::Strong, cost).await?);
    }
    Ok(found)
}

/// A page of the list.
pub(crate) async fn list<S: Source + ?Sized>(
    store: &S,
    query: &Query,
    session: &Session,
    cost: &mut Capacity,
) -> Result<ListPage, StoreError> {
    let mut listing = Listing::new(query);
    every_project(store, session, cost, |project| listing.add(&project)).await?;
    Ok(listing.finish())
}

/// Every record to the true end of the table, in no order, each once; those that the session wrote as it wrote them.
async fn every_project<S: Source + ?Sized>(
    store: &S,
    session: &Session,
    cost: &mut Capacity,
    mut each: impl FnMut(Record),
) -> Result<(), StoreError> {
    let mut written = Vec::new();
    let mut from = None;
    loop {
        let page = store.scan(from, cost).await?;
        for project in page.projects {
            if session.ids().any(|id| *id == project.id) { written.push(project) } else { each(project) }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    for id in session.ids() {
        let scanned = written.iter().find(|project| project.id == *id);
        let current = match scanned {
            Some(_) if !session.outdates(id, scanned) => scanned.cloned(),
            None if !session.outdates(id, None) => None,
            _ => store.get(id, Consistency::Strong, cost).await?,
        };
        current.into_iter().for_each(&mut each);
    }
    Ok(())
}

/// The record, if there is one to show.
pub(crate) fn live(found: Option<Record>, id: &RecordId) -> Result<Record, Error> {
    match found {
        None => Err(Error::NotFound(id.clone())),
        Some(project) if project.is_deleted() => Err(Error::Gone { id: project.id, version: project.version }),
        Some(project) => Ok(project),
    }
}
