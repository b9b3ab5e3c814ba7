//! `GET /prj/_changes?since=`: what has changed since a cursor, from `by_update`; without one, every record.
//!
//! A cursor is a time for each partition of the index: when it was last read to its end. Reading begins a while before
//! it, since the index lags and clocks differ: a change is told at least once. From the beginning the table itself is read, for
//! records that ripple has never written are in no index; a page's cursor then holds the list's own.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::LINK;
use serde::{Deserialize, Serialize};

use super::{Answer, Call};
use crate::contract::{CURSOR_EXPIRED, Contract, Field, LIMIT, NEXT, Object, PROJECT, Shape, Success, TEXT};
use crate::error::{Error, Fault};
use crate::limits;
use crate::list::{Query, parse_limit, weight};
use crate::record::{Record, RecordId};
use crate::store::{Changes, Position, Store};
use crate::time::Timestamp;

const SINCE: &str = "since";
/// Changes that are read at once.
const READ: usize = 1_000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cursor {
    /// On the way through the whole table, begun at this time; the list's cursor.
    All(u64, String),
    /// By partition.
    Since(Vec<Mark>),
}

/// How far one partition has been read.
#[derive(Clone, Serialize, Deserialize)]
struct Mark {
    /// When it was last read to its end, in milliseconds: what was written some time before is known.
    at: u64,
    /// On the way to its end.
    within: Option<Within>,
}

/// A page's end within one partition.
#[derive(Clone, Serialize, Deserialize)]
struct Within {
    /// When this reading began.
    began: u64,
    /// The record that the page ended with, and its time.
    id: String,
    at: u64,
}

const CHANGES: Object = Object {
    name: "Changes",
    about: "What has changed. A change is told at least once: records are applied by `prj_id` and `version`.",
    members: &[
        Field::new("changed", Shape::List(&Shape::Object(&PROJECT)), "Records as they are now.").required(),
        Field::new("deleted", Shape::List(&TEXT), "Ids of projects that were deleted.").required(),
        Field::new("cursor", TEXT, "From where to ask on, as `since`.").required(),
    ],
    open: false,
};

pub(super) const CONTRACT: Contract = Contract {
    query: &[Field::new(SINCE, TEXT, "A `cursor`. Without it: everything, from the beginning."), LIMIT],
    refusals: &[CURSOR_EXPIRED],
    ..Contract::of(Success {
        headers: &[NEXT],
        ..Success::json("What has changed since then.", Shape::Object(&CHANGES))
    })
};

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let (since, limit) = parse(&call.parameters())?;
    // A deletion that no tombstone tells of any more would be missing.
    let is_past = |at: u64| call.now > Timestamp(at).after(limits::TOMBSTONE);
    match since {
        None => everything(call, call.now, None, limit).await,
        Some(Cursor::All(started, _)) if is_past(started) => Err(Error::CursorExpired),
        Some(Cursor::All(started, inner)) => everything(call, Timestamp(started), Some(inner), limit).await,
        Some(Cursor::Since(marks)) if marks.iter().any(|mark| is_past(mark.at)) => Err(Error::CursorExpired),
        Some(Cursor::Since(marks)) => changed(call, marks, limit).await,
    }
}

fn parse(parameters: &[(String, String)]) -> Result<(Option<Cursor>, Option<usize>), Error> {
    let (mut since, mut limit, mut faults) = (None, None, Vec::new());
    for (index, (name, value)) in parameters.iter().enumerate() {
        if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
            faults.push(Fault::parameter(name, "occurs more than once"));
            continue;
        }
        match name.as_str() {
            SINCE => match Cursor::parse(value) {
                Some(cursor) => since = Some(cursor),
                None => faults.push(Fault::parameter(name, "is no cursor of changes")),
            },
            "limit" => match parse_limit(value) {
                Ok(parsed) => limit = Some(parsed),
                Err(detail) => faults.push(Fault::parameter(name, detail)),
            },
            _ => faults.push(Fault::parameter(name, "is not a parameter here")),
        }
    }
    if faults.is_empty() { Ok((since, limit)) } else { Err(Error::InvalidRequest(faults)) }
}

async fn everything<S: Store>(
    call: &mut Call<'_, S>,
    started: Timestamp,
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<Answer, Error> {
    let cursor = cursor.map(|cursor| ("cursor".to_owned(), cursor));
    let limit = limit.map(|limit| ("limit".to_owned(), limit.to_string()));
    let query = Query::parse(&cursor.into_iter().chain(limit).collect::<Vec<_>>())
        .map_err(|_| Error::InvalidRequest(vec![Fault::parameter(SINCE, "is no cursor of changes")]))?;
    let page = call.store.list(&query, &call.session, call.now, &mut call.metrics.capacity).await?;
    let (cursor, more) = match page.next {
        Some(next) => (Cursor::All(started.0, next), true),
        None => {
            let mark = Mark { at: started.0, within: None };
            (Cursor::Since(vec![mark; usize::from(call.store.shards())]), false)
        }
    };
    Ok(answer(call, &page.body, &[], &cursor, more))
}

async fn changed<S: Store>(
    call: &mut Call<'_, S>,
    mut marks: Vec<Mark>,
    limit: Option<usize>,
) -> Result<Answer, Error> {
    let shards = usize::from(call.store.shards());
    if marks.len() != shards {
        // The index was partitioned anew: from the earliest time on, in all of it.
        let at = marks.iter().map(|mark| mark.at).min().unwrap_or(0);
        marks = vec![Mark { at, within: None }; shards];
    }
    let mut page = ChangePage::new(limit);
    for (shard, mark) in (0..).zip(&mut marks) {
        read_shard(call, shard, mark, &mut page).await?;
    }
    let more = page.full;
    page.changed.push(b']');
    Ok(answer(call, &page.changed, &page.deleted, &Cursor::Since(marks), more))
}

async fn read_shard<S: Store>(
    call: &mut Call<'_, S>,
    shard: u16,
    mark: &mut Mark,
    page: &mut ChangePage,
) -> Result<(), Error> {
    let since = Timestamp(mark.at).before(limits::OVERLAP);
    let began = mark.within.as_ref().map_or(call.now.0, |within| within.began);
    let position =
        |within: &Within| Position { id: RecordId::stored(within.id.clone()), at: Some(Timestamp(within.at)) };
    let mut from = mark.within.as_ref().map(position);
    loop {
        // One more than the page takes tells that there is more.
        let limit = READ.min(page.left().saturating_add(1));
        let cost = &mut call.metrics.capacity;
        let Changes { entries, next } = call.store.changes(shard, since, from, limit, cost).await?;
        let records = call.store.fetch(&entries, cost).await?;
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
struct ChangePage {
    limit: usize,
    count: usize,
    weight: usize,
    /// A JSON array without its end.
    changed: Vec<u8>,
    deleted: Vec<String>,
    full: bool,
}

impl ChangePage {
    fn new(limit: Option<usize>) -> ChangePage {
        ChangePage {
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
        let json = record.to_json();
        self.weight += weight(&json);
        self.changed.extend_from_slice(&json);
        true
    }
}

fn answer<S: Store>(call: &Call<'_, S>, changed: &[u8], deleted: &[String], cursor: &Cursor, more: bool) -> Answer {
    let cursor = cursor.format();
    let deleted = serde_json::to_vec(deleted).expect("strings serialise");
    let parts: [&[u8]; 7] =
        [br#"{"changed":"#, changed, br#","deleted":"#, &deleted, br#","cursor":""#, cursor.as_bytes(), br#""}"#];
    let answer = Answer::json(parts.concat());
    if more { answer.with_header(LINK, &call.next_link(SINCE, &cursor)) } else { answer }
}

/// Told apart from cursors that later versions of ripple may give.
const FORMAT: u8 = 1;

impl Cursor {
    fn parse(text: &str) -> Option<Cursor> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (format, cursor): (u8, Cursor) = serde_json::from_slice(&json).ok()?;
        (format == FORMAT && cursor.can_be()).then_some(cursor)
    }

    /// Whether ripple can have given it. DynamoDB refuses ids that are none, and a page that begins outside its query.
    fn can_be(&self) -> bool {
        let Cursor::Since(marks) = self else { return true };
        let within = |mark: &Mark| {
            mark.within.as_ref().is_none_or(|Within { id, at, .. }| {
                (1..=limits::STORED_ID).contains(&id.len())
                    && Timestamp(*at) >= Timestamp(mark.at).before(limits::OVERLAP)
            })
        };
        marks.iter().all(within)
    }

    fn format(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(FORMAT, self)).expect("strings and numbers serialise"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_ids_fill_a_page_too() {
        let mut page = ChangePage::new(None);
        let tombstone = |n: u32| Record::tombstone(RecordId::stored(format!("{n:0128}")), 2);
        // Far more than there is room for.
        let taken = (0..100_000).take_while(|n| page.add(&tombstone(*n))).count();
        let deleted = serde_json::to_vec(&page.deleted).expect("strings serialise");
        assert_eq!(taken, page.deleted.len());
        assert!((limits::PAGE / 2..limits::PAGE + 1024).contains(&deleted.len()), "{} bytes", deleted.len());
    }
}
