//! Lists the changes since a cursor, from the index `by_update`. Without a cursor it lists every record.
//!
//! A cursor has, for each partition of the index, the time of the last read to its end. Reading begins some time
//! earlier, since the index lags and clocks differ. So a change is listed at least once. Without a cursor the table
//! itself is read, since records that ripple has never written are in no index. A page's cursor then contains the
//! list's cursor.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::query::{Query, weight};
use crate::record::{Names, Record, RecordId};
use crate::session::Session;
use crate::store::{Capacity, Changes, Position, Source, StoreError};
use crate::time::Timestamp;
use crate::token;

/// The number of changes that one query reads.
const READ: usize = 1_000;
/// The format of a cursor of changes.
const FORMAT: u8 = 3;

/// The context of a reading of changes.
#[derive(Debug)]
pub struct Reading<'a, S> {
    /// The store of the records.
    pub store: &'a S,
    /// The client's recent writes.
    pub session: &'a Session,
    /// The time of the request.
    pub now: Timestamp,
    /// The capacity consumed.
    pub cost: &'a mut Capacity,
}

/// A page of changes.
#[derive(Debug)]
pub struct ChangesPage {
    /// The records as they are now, as a JSON array.
    pub changed: Bytes,
    /// The ids of records that were deleted.
    pub deleted: Vec<String>,
    /// The cursor to continue from.
    pub cursor: Cursor,
    /// Whether there are already more changes.
    pub more: bool,
}

/// Why changes cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cursor is older than the lifetime of tombstones, so deletions would be missing.
    #[error("the cursor has expired")]
    Expired {
        /// The days for which a cursor is valid.
        days: u64,
    },
    /// The text is not a cursor of this list.
    #[error("the cursor is none of changes")]
    NoCursor,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The end of what a client knows of the table. It is not authenticated: a forged cursor shows only records that the
/// client may read anyway.
///
/// ```
/// use ripple_core::Timestamp;
/// use ripple_core::service::changes::Cursor;
///
/// let token = Cursor::at_end(Timestamp(5), 1).to_token("prj");
/// assert_eq!(Cursor::parse(&token, "prj").unwrap().known_until(), Some(Timestamp(5)));
/// assert!(Cursor::parse(&token, "task").is_none(), "it belongs to one resource");
/// ```
#[derive(Debug)]
pub struct Cursor(Place);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// In the middle of a read of the whole table: the time when it began, and the list's cursor.
    All(u64, String),
    /// One mark for each partition.
    Since(Vec<Mark>),
}

/// How far one partition has been read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mark {
    /// When it was last read to its end, in milliseconds. Changes written some time before that are known.
    at: u64,
    /// The position, while a read has not reached the end.
    within: Option<Within>,
}

/// A page's end within one partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Within {
    /// When this read began.
    began: u64,
    /// The id and time of the last record of the page.
    id: String,
    at: u64,
    /// Whether a copy of the table gave the page.
    #[serde(default, rename = "c", skip_serializing_if = "std::ops::Not::not")]
    of_copy: bool,
}

/// Returns the changes since a cursor. Without a cursor it returns every record.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ripple_core::service::changes::{Reading, changes};
/// use ripple_core::session::Session;
/// use ripple_core::store::{Capacity, memory::Memory};
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let (store, session) = (&Memory::new(), &Session::new("prj"));
/// store.put(&Record::new(RecordId::parse("a").unwrap(), Members::new()).written(None, 1, Timestamp(5), "Ann"));
/// let mut reading = Reading { store, session, now: Timestamp(9), cost: &mut Capacity::default() };
/// let page = changes(&mut reading, None, None).await.unwrap();
/// assert!(page.changed.starts_with(br#"[{"prj_id":"a","#) && !page.more);
/// # });
/// ```
///
/// # Errors
/// If the cursor has expired or belongs to another list, or the store fails.
pub async fn changes<S: Source>(
    reading: &mut Reading<'_, S>,
    since: Option<Cursor>,
    limit: Option<usize>,
) -> Result<ChangesPage, Error> {
    let now = reading.now;
    // A deletion whose tombstone has expired would be missing.
    let lifetime = reading.store.resource().tombstone();
    let expired = || Error::Expired { days: lifetime.as_secs() / limits::DAY.as_secs() };
    let is_past = |at: u64| now > Timestamp(at).after(lifetime);
    match since.map(|cursor| cursor.0) {
        None => everything(reading, now, None, limit).await,
        Some(Place::All(started, _)) if is_past(started) => Err(expired()),
        Some(Place::All(started, inner)) => everything(reading, Timestamp(started), Some(inner), limit).await,
        Some(Place::Since(marks)) if marks.iter().any(|mark| is_past(mark.at)) => Err(expired()),
        Some(Place::Since(marks)) => changed(reading, marks, limit).await,
    }
}

async fn everything<S: Source>(
    reading: &mut Reading<'_, S>,
    started: Timestamp,
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<ChangesPage, Error> {
    // The list may be of a copy that is older, and its pages of several hosts. The client knows what the one knew that
    // knew least.
    let started = started.min(reading.store.known(reading.now));
    let cursor = cursor.map(|cursor| ("cursor".to_owned(), cursor));
    let limit = limit.map(|limit| ("limit".to_owned(), limit.to_string()));
    let query = Query::parse(&cursor.into_iter().chain(limit).collect::<Vec<_>>(), reading.store.resource())
        .map_err(|_| Error::NoCursor)?;
    let page = reading.store.list(&query, reading.session, reading.now, reading.cost).await?;
    let (place, more) = match page.next {
        Some(next) => (Place::All(started.0, next), true),
        None => {
            let mark = Mark { at: started.0, within: None };
            (Place::Since(vec![mark; usize::from(reading.store.shards())]), false)
        }
    };
    Ok(ChangesPage { changed: page.body, deleted: Vec::new(), cursor: Cursor(place), more })
}

async fn changed<S: Source>(
    reading: &mut Reading<'_, S>,
    mut marks: Vec<Mark>,
    limit: Option<usize>,
) -> Result<ChangesPage, Error> {
    let shards = usize::from(reading.store.shards());
    if marks.len() != shards {
        // The number of partitions has changed: all of them are read from the earliest time on.
        let at = marks.iter().map(|mark| mark.at).min().unwrap_or(0);
        marks = vec![Mark { at, within: None }; shards];
    }
    let mut page = Filling::new(limit, Arc::clone(reading.store.names()));
    for (shard, mark) in (0..).zip(&mut marks) {
        read_shard(reading, shard, mark, &mut page).await?;
    }
    let more = page.full;
    page.changed.push(b']');
    let Filling { changed, deleted, .. } = page;
    Ok(ChangesPage { changed: changed.into(), deleted, cursor: Cursor(Place::Since(marks)), more })
}

async fn read_shard<S: Source>(
    reading: &mut Reading<'_, S>,
    shard: u16,
    mark: &mut Mark,
    page: &mut Filling,
) -> Result<(), StoreError> {
    let since = Timestamp(mark.at).before(limits::OVERLAP);
    // A copy may know less than the client was told elsewhere.
    let known = reading.store.known(reading.now).max(Timestamp(mark.at).min(reading.now));
    let began = mark.within.as_ref().map_or(known.0, |within| within.began.min(known.0));
    let of_copy = reading.store.is_copy();
    let (since, mut from) = match &mark.within {
        // The last page was of another host, which has entries of one time in another order. They are listed again.
        Some(within) if within.of_copy != of_copy => (since.max(Timestamp(within.at)), None),
        Some(Within { id, at, .. }) => {
            (since, Some(Position { id: RecordId::stored(id.clone()), at: Some(Timestamp(*at)) }))
        }
        None => (since, None),
    };
    loop {
        // One record beyond the page shows whether there are more.
        let limit = READ.min(page.left().saturating_add(1));
        let cost = &mut *reading.cost;
        let Changes { entries, next } = reading.store.changes(shard, since, from, limit, cost).await?;
        let records = reading.store.fetch(&entries, cost).await?;
        let records: HashMap<RecordId, Record> =
            records.into_iter().map(|record| (record.id.clone(), record)).collect();
        for entry in entries {
            if records.get(&entry.id).is_some_and(|record| !page.add(record)) {
                page.full = true;
                return Ok(());
            }
            mark.within = Some(Within { began, id: entry.id.to_string(), at: entry.at.0, of_copy });
        }
        match next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    *mark = Mark { at: began, within: None };
    Ok(())
}

/// A page that grows up to the limits of one answer.
struct Filling {
    names: Arc<Names>,
    limit: usize,
    count: usize,
    weight: usize,
    /// A JSON array without its end.
    changed: Vec<u8>,
    deleted: Vec<String>,
    full: bool,
}

impl Filling {
    fn new(limit: Option<usize>, names: Arc<Names>) -> Filling {
        Filling {
            names,
            limit: limit.unwrap_or(usize::MAX),
            count: 0,
            weight: 0,
            changed: vec![b'['],
            deleted: Vec::new(),
            full: false,
        }
    }

    /// Returns the largest number of records that the page can still take.
    fn left(&self) -> usize {
        self.limit - self.count
    }

    /// Adds a record. Returns `false` if the page is full.
    fn add(&mut self, record: &Record) -> bool {
        if self.full || self.count == self.limit || self.weight > limits::PAGE {
            return false;
        }
        self.count += 1;
        if record.is_deleted() {
            let id = record.id.to_string();
            self.weight += weight(&serde_json::to_vec(&id).expect("strings serialise"));
            self.deleted.push(id);
            return true;
        }
        if self.changed.len() > 1 {
            self.changed.push(b',');
        }
        let json = record.to_json(&self.names);
        self.weight += weight(&json);
        self.changed.extend_from_slice(&json);
        true
    }
}

impl Cursor {
    /// Returns the cursor of a reader that knows every change up to a time, in each partition of the index.
    #[must_use]
    pub fn at_end(known_until: Timestamp, shards: u16) -> Cursor {
        let mark = Mark { at: known_until.0, within: None };
        Cursor(Place::Since(vec![mark; usize::from(shards.max(1))]))
    }

    /// Returns the time of the last complete read. Returns `None` in the middle of a read.
    #[must_use]
    pub fn known_until(&self) -> Option<Timestamp> {
        let Place::Since(marks) = &self.0 else { return None };
        let is_complete = marks.iter().all(|mark| mark.within.is_none());
        marks.iter().map(|mark| Timestamp(mark.at)).min().filter(|_| is_complete)
    }

    /// Reads a cursor. Returns `None` if the text is not a cursor of this resource's changes.
    #[must_use]
    pub fn parse(text: &str, resource: &str) -> Option<Cursor> {
        let (of, place): (String, Place) = token::decode(FORMAT, text)?;
        (of == resource && place.can_be()).then_some(Cursor(place))
    }

    /// Returns the cursor of a resource's changes as text for clients, in visible ASCII.
    #[must_use]
    pub fn to_token(&self, resource: &str) -> String {
        token::encode(FORMAT, &(resource, &self.0))
    }
}

impl Place {
    /// Reports whether ripple can have issued this cursor. DynamoDB refuses invalid ids, and a page that begins outside
    /// its query.
    fn can_be(&self) -> bool {
        let Place::Since(marks) = self else { return true };
        let within = |mark: &Mark| {
            mark.within.as_ref().is_none_or(|Within { id, at, .. }| {
                (1..=limits::STORED_ID).contains(&id.len())
                    && Timestamp(*at) >= Timestamp(mark.at).before(limits::OVERLAP)
            })
        };
        marks.iter().all(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_ids_fill_a_page_too() {
        let mut page = Filling::new(None, Arc::default());
        let tombstone = |n: u32| Record::tombstone(RecordId::stored(format!("{n:0128}")), 2);
        // Far more records than fit.
        let taken = (0..100_000).take_while(|n| page.add(&tombstone(*n))).count();
        let deleted = serde_json::to_vec(&page.deleted).expect("strings serialise");
        assert_eq!(taken, page.deleted.len());
        assert!((limits::PAGE / 2..limits::PAGE + 1024).contains(&deleted.len()), "{} bytes", deleted.len());
    }
}
