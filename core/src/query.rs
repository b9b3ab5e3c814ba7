//! Lists: the records, their order, their fields, and the size of a page.
//!
//! A [`Query`] is a client's request. A [`Listing`] receives every record of the table, in any order, and keeps only
//! the requested page. So its memory is bounded by the page and not by the table.

pub(crate) mod columns;
mod cursor;
mod parameters;
mod row;

use std::collections::BTreeMap;

use bytes::Bytes;

pub(crate) use parameters::parse_limit;
pub use parameters::{Fault, Query};
pub(crate) use row::Line;
pub use row::Row;

use crate::limits;
use crate::record::{ContentHash, Record};
use cursor::Rank;

/// A page under construction.
#[derive(Debug)]
pub struct Listing<'q> {
    query: &'q Query,
    /// The page so far, in order, each record as JSON.
    records: BTreeMap<Rank, Bytes>,
    /// The size of the page so far, in bytes as part of a JSON string.
    weight: usize,
    /// The first record known to be beyond the page. Every later record is beyond the page too, even if it is small
    /// enough to fit.
    end: Option<Rank>,
    sum: ContentHash,
    /// Names used as filters that no record has had so far.
    unknown: Vec<&'q str>,
    /// Whether there have been no records so far.
    is_empty: bool,
    /// Whether `sum` is known before the records are, which then come in their order.
    is_summed: bool,
}

/// A finished page.
#[derive(Debug)]
pub struct ListPage {
    /// A JSON array.
    pub body: Bytes,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// The entity tag, without its quotes: a sum over the query and all records that match it, on any page.
    pub etag: String,
    /// Names used as filters that no record of the table has. Most likely they are mistyped.
    pub unknown: Vec<String>,
}

impl<'q> Listing<'q> {
    /// Returns an empty page for `query`.
    #[must_use]
    pub fn new(query: &'q Query) -> Listing<'q> {
        let unknown = query.unknown().collect();
        Listing {
            query,
            records: BTreeMap::new(),
            weight: 0,
            end: None,
            sum: ContentHash::default(),
            unknown,
            is_empty: true,
            is_summed: false,
        }
    }

    /// Returns an empty page for `query` over records of which `sum` and `unknown` are known. Only matches are added, in
    /// their order, until the page [is full](Self::is_full). `unknown` are the names used as filters that no record has.
    pub(crate) fn summed(query: &'q Query, sum: ContentHash, unknown: Vec<&'q str>) -> Listing<'q> {
        Listing { sum, unknown, is_empty: false, is_summed: true, ..Listing::new(query) }
    }

    /// Returns the page without the names that turned out to be known.
    pub(crate) fn with_unknown(self, unknown: Vec<&'q str>) -> Listing<'q> {
        Listing { unknown, is_empty: false, ..self }
    }

    /// Reports whether every record after the last one is beyond the page.
    pub(crate) fn is_full(&self) -> bool {
        self.end.is_some()
    }

    /// Adds a record. Each record of the table must be added once, deleted or not.
    pub fn add(&mut self, project: &Record) {
        if project.is_deleted() {
            return;
        }
        self.meet(project);
        if !self.query.matches(project) {
            return;
        }
        let json = Bytes::from(project.to_json(self.query.names()));
        self.place(self.query.rank(project), ContentHash::of(&json), || self.query.show(project, json));
    }

    /// Adds a live record with its JSON and the hash of it.
    pub(crate) fn add_stored(&mut self, record: &Record, json: Bytes, hash: ContentHash) {
        self.meet(record);
        if self.query.matches(record) {
            self.place(self.query.rank(record), hash, || self.query.show(record, json));
        }
    }

    /// Adds a live record as a line, if the query takes lines.
    pub(crate) fn add_line(&mut self, line: Line) {
        let hash = if self.is_summed { ContentHash::default() } else { ContentHash::of(&line.json) };
        self.place(Rank::of_id(line.id), hash, || line.json);
    }

    /// Adds a record that was prepared before.
    pub fn add_row(&mut self, row: &Row) {
        self.meet(&row.record);
        if self.query.matches_row(row) {
            self.place(self.query.rank(&row.record), row.hash, || self.query.show(&row.record, row.json.clone()));
        }
    }

    fn meet(&mut self, project: &Record) {
        self.is_empty = false;
        self.unknown.retain(|name| !project.attributes.contains_key(*name));
    }

    fn place(&mut self, rank: Rank, hash: ContentHash, json: impl FnOnce() -> Bytes) {
        if !self.is_summed {
            self.sum.add(hash);
        }
        let before_page = self.query.after().is_some_and(|after| rank <= *after);
        if before_page || self.end.as_ref().is_some_and(|end| rank >= *end) {
            return;
        }
        let json = json();
        self.weight += weight(&json);
        self.records.insert(rank, json);
        // One record always fits: it is far smaller than a page.
        while self.records.len() > self.query.limit() || (self.weight > limits::PAGE && self.records.len() > 1) {
            if let Some((rank, json)) = self.records.pop_last() {
                self.weight -= weight(&json);
                self.end = Some(rank);
            }
        }
    }

    /// Returns the page.
    #[must_use]
    pub fn finish(self) -> ListPage {
        let next = match (&self.end, self.records.last_key_value()) {
            (Some(_), Some((last, _))) => Some(self.query.cursor_after(last)),
            _ => None,
        };
        let etag = format!("{}{}", self.sum.to_text(), self.query.tag());
        let unknown = if self.is_empty { Vec::new() } else { self.unknown.into_iter().map(str::to_owned).collect() };
        ListPage { body: array(self.records.values()), next, etag, unknown }
    }
}

/// Returns a JSON array of records.
pub(crate) fn array<'a>(records: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let length: usize = records.clone().map(|json| json.len() + 1).sum();
    let mut body = Vec::with_capacity(length + 2);
    body.push(b'[');
    for (index, json) in records.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(json);
    }
    body.push(b']');
    body.into()
}

/// Returns the size of a record in a page, including its comma. A Lambda answer is a string inside JSON, where quotes
/// and backslashes count twice.
pub(crate) fn weight(json: &[u8]) -> usize {
    json.len() + json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 1
}
