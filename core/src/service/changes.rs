//! What has changed since a cursor, from `by_update`; without one, every record.
//!
//! A cursor is a time for each partition of the index: when it was last read to its end. Reading begins a while before
//! it, since the index lags and clocks differ: a change is told at least once. From the beginning the table itself is read, for
//! records that ripple has never written are in no index; a page's cursor then holds the list's own.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::query::{Query, weight};
use crate::record::{Names, Record, RecordId};
use crate::session::Session;
use crate::store::{Capacity, Changes, Position, Source, StoreError};
use crate::time::Timestamp;
use crate::token;

/// Changes that are read at once.
const READ: usize = 1_000;
/// The format of a cursor of changes.
const FORMAT: u8 = 2;

/// What a reading of changes is given beside its arguments.
#[derive(Debug)]
pub struct Reading<'a, S> {
    /// Where records are.
    pub store: &'a S,
    /// What the client has written lately.
    pub session: &'a Session,
    /// The time of the request.
    pub now: Timestamp,
    /// What is consumed.
    pub cost: &'a mut Capacity,
}

/// A page of changes.
#[derive(Debug)]
pub struct ChangesPage {
    /// The records as they are now: a JSON array.
    pub changed: Bytes,
    /// The ids of records that were deleted.
    pub deleted: Vec<String>,
    /// From where to read on.
    pub cursor: Cursor,
    /// Whether there is more already.
    pub more: bool,
}

/// Why changes cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cursor is older than tombstones live: deletions would be missing.
    #[error("the cursor has expired")]
    Expired,
    /// The cursor is none of this list.
    #[error("the cursor is none of changes")]
    NoCursor,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a client's knowledge of the table ends. Not authenticated: a forged one shows what its bearer may read anyway.
#[derive(Debug)]
pub struct Cursor(Place);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// On the way through the whole table, begun at this time; the list's cursor.
    All(u64, String),
    /// By partition.
    Since(Vec<Mark>),
}

/// How far one partition has been read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mark {
    /// When it was last read to its end, in milliseconds: what was written some time before is known.
    at: u64,
    /// On the way to its end.
    within: Option<Within>,
}

/// A page's end within one partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Within {
    /// When this reading began.
    began: u64,
    /// The record that the page ended with, and its time.
    id: String,
    at: u64,
}

/// Returns what has changed since a cursor; without one, every record.
///
/// # Errors
/// If the cursor has expired or belongs to another list, or storage fails.
pub async fn changes<S: Source>(
    reading: &mut Reading<'_, S>,
    since: Option<Cursor>,
    limit: Option<usize>,
) -> Result<ChangesPage, Error> {
    let now = reading.now;
    // A deletion that no tombstone tells of any more would be missing.
    let is_past = |at: u64| now > Timestamp(at).after(limits::TOMBSTONE);
    match since.map(|cursor| cursor.0) {
        None => everything(reading, now, None, limit).await,
        Some(Place::All(started, _)) if is_past(started) => Err(Error::Expired),
        Some(Place::All(started, inner)) => everything(reading, Timestamp(started), Some(inner), limit).await,
        Some(Place::Since(marks)) if marks.iter().any(|mark| is_past(mark.at)) => Err(Error::Expired),
        Some(Place::Since(marks)) => changed(reading, marks, limit).await,
    }
}

async fn everything<S: Source>(
    reading: &mut Reading<'_, S>,
    started: Timestamp,
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<ChangesPage, Error> {
    let cursor = cursor.map(|cursor| ("cursor".to_owned(), cursor));
    let limit = limit.map(|limit| ("limit".to_owned(), limit.to_string()));
    let query = Query::parse(&cursor.into_iter().chain(limit).collect::<Vec<_>>(), reading.store.names())
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
        // The index was partitioned anew: from the earliest time on, in all of it.
        let at = marks.iter().map(|mark| mark.at).min().unwrap_or(0);
        marks = vec![Mark { at, within: None }; shards];
    }
    let mut page = Filling::new(limit, reading.store.names().clone());
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
    let began = mark.within.as_ref().map_or(reading.now.0, |within| within.began);
    let position =
        |within: &Within| Position { id: RecordId::stored(within.id.clone()), at: Some(Timestamp(within.at)) };
    let mut from = mark.within.as_ref().map(position);
    loop {
        // One more than the page takes tells that there is more.
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
            mark.within = Some(Within { began, id: entry.id.to_string(), at: entry.at.0 });
        }
        match next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    *mark = Mark { at: began, within: None };
    Ok(())
}

/// What fits into one answer.
struct Filling {
    names: Names,
    limit: usize,
    count: usize,
    weight: usize,
    /// A JSON array without its end.
    changed: Vec<u8>,
    deleted: Vec<String>,
    full: bool,
}

impl Filling {
    fn new(limit: Option<usize>, names: Names) -> Filling {
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

    /// How many more records the page takes at the most.
    fn left(&self) -> usize {
        self.limit - self.count
    }

    /// Takes the record in, unless the page is full.
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
    /// Reads a cursor. Returns `None` if it is none of ripple's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Cursor> {
        token::decode(FORMAT, text).filter(Place::can_be).map(Cursor)
    }

    /// Returns the cursor to hand out, in visible ASCII.
    #[must_use]
    pub fn to_token(&self) -> String {
        token::encode(FORMAT, &self.0)
    }
}

impl Place {
    /// Reports whether ripple can have given it. DynamoDB refuses ids that are none, and a page that begins outside its
    /// query.
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
        let mut page = Filling::new(None, Names::default());
        let tombstone = |n: u32| Record::tombstone(RecordId::stored(format!("{n:0128}")), 2);
        // Far more than there is room for.
        let taken = (0..100_000).take_while(|n| page.add(&tombstone(*n))).count();
        let deleted = serde_json::to_vec(&page.deleted).expect("strings serialise");
        assert_eq!(taken, page.deleted.len());
        assert!((limits::PAGE / 2..limits::PAGE + 1024).contains(&deleted.len()), "{} bytes", deleted.len());
    }
}
