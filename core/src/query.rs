//! Lists: the records, their order, their fields, and the size of a page.
//!
//! A [`Query`] is a client's request. A [`Listing`] receives every record of the table, in any order, and keeps only
//! the requested page. So its memory is bounded by the page and not by the table.

pub(crate) mod columns;
mod condition;
mod cursor;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod oracle;
mod parameters;
mod place;
mod row;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use condition::{Condition, MemberPath, Operand, Side, Test};
pub(crate) use parameters::Undeclared;
pub(crate) use parameters::parse_limit;
pub use parameters::{Fault, Query};
pub(crate) use place::{Order, Place, Start};
pub(crate) use row::Line;
pub use row::Row;

use crate::limits;
use crate::record::{ContentHash, Record};
use cursor::{Bound, Rank};

/// A page under construction.
#[derive(Debug)]
pub struct Listing<'q> {
    query: &'q Query,
    /// The page so far, in order, each record as JSON.
    records: BTreeMap<Rank, Bytes>,
    /// The size of the page so far, in bytes as part of a JSON string.
    weight: usize,
    /// The nearest record that the page had no space for. Every farther record has none either, even if it is small
    /// enough to fit.
    end: Option<Rank>,
    /// Whether there are records on the other side of the query's bound.
    is_passed: bool,
    sum: ContentHash,
    /// The number of matching records that were added, on any page.
    count: usize,
    /// The number of matching records, if it is known before the records are.
    total: Option<usize>,
    /// Members that no record has had so far.
    unknown: Vec<&'q Undeclared>,
    /// Whether there have been no records so far.
    is_empty: bool,
    /// Whether `sum` is known before the records are, which then come in their order.
    is_summed: bool,
}

/// What is known of all records that match a query, on any page.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// The sum of their hashes.
    pub(crate) sum: ContentHash,
    /// Their number, if the query asks for it.
    pub(crate) count: Option<usize>,
    /// Whether there are some before the page.
    pub(crate) is_passed: bool,
}

/// A finished page.
#[derive(Debug)]
pub struct ListPage {
    /// A JSON array.
    pub body: Bytes,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// The cursor of the page before this one, if there is one.
    pub previous: Option<String>,
    /// The number of all records that match the query, on any page.
    pub count: usize,
    /// The entity tag, without its quotes. It is a sum over the query and all records that match it, on any page. A page
    /// of all records in the order of an index has a hash of its own content instead, since no other record is read for
    /// it.
    pub etag: String,
    /// Names of members that the resource does not declare and no record has. Most likely they are mistyped.
    pub unknown: Vec<Fault>,
}

impl<'q> Listing<'q> {
    /// Returns an empty page for `query`.
    #[must_use]
    pub fn new(query: &'q Query) -> Listing<'q> {
        let unknown = query.undeclared().iter().collect();
        Listing {
            query,
            records: BTreeMap::new(),
            weight: 0,
            end: None,
            is_passed: false,
            sum: ContentHash::default(),
            count: 0,
            total: None,
            unknown,
            is_empty: true,
            is_summed: false,
        }
    }

    /// Returns an empty page for `query` over records of which the `totals` are known. Only matches are added, in their
    /// order, until the page [is full](Self::is_full). `unknown` are the members that no record has.
    pub(crate) fn summed(query: &'q Query, totals: Totals, unknown: Vec<&'q Undeclared>) -> Listing<'q> {
        let Totals { sum, count, is_passed } = totals;
        Listing { sum, total: count, is_passed, unknown, is_empty: false, is_summed: true, ..Listing::new(query) }
    }

    /// Returns the page with the members that no record has.
    pub(crate) fn with_unknown(self, unknown: Vec<&'q Undeclared>) -> Listing<'q> {
        Listing { unknown, is_empty: false, ..self }
    }

    /// Reports whether a match can be added as a line.
    pub(crate) fn shows_lines(&self) -> bool {
        self.query.shows_lines()
    }

    /// Reports whether every record after the last one is beyond the page.
    pub(crate) fn is_full(&self) -> bool {
        self.end.is_some()
    }

    /// Adds a record. Each record of the table must be added once, deleted or not. A page in the order of an index needs
    /// only those up to its end.
    pub fn add(&mut self, project: &Record) {
        if !self.query.covers(project) {
            return;
        }
        self.meet(project);
        if !self.query.matches(project) {
            return;
        }
        let json = Bytes::from(project.to_json(self.query.names()));
        self.place(self.query.rank(project), ContentHash::of(&json), || self.query.show(project, json));
    }

    /// Reports whether there are records on the other side of the page's start.
    pub(crate) fn is_passed(&self) -> bool {
        self.is_passed
    }

    /// Reports whether the query names an undeclared member that none of the records so far has. There are some.
    pub(crate) fn lacks_members(&self) -> bool {
        !self.is_empty && !self.unknown.is_empty()
    }

    /// Notes that there are records on the other side of the page's start.
    pub(crate) fn note_passed(&mut self) {
        self.is_passed = true;
    }

    /// Returns the greatest number of records of the page.
    pub(crate) fn limit(&self) -> usize {
        self.query.limit()
    }

    /// Takes note of a record on the other side of the page's start.
    pub(crate) fn pass(&mut self, record: &Record) {
        self.is_passed |= self.query.covers(record) && self.query.passes(record);
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
        self.unknown.retain(|undeclared| !undeclared.member.is_in(project, self.query.names()));
    }

    fn place(&mut self, rank: Rank, hash: ContentHash, json: impl FnOnce() -> Bytes) {
        if !self.is_summed {
            self.sum.add(hash);
        }
        self.count += 1;
        if self.query.bound().is_some_and(|bound| !bound.admits(&rank)) {
            self.is_passed = true;
            return;
        }
        let backward = self.query.bound().is_some_and(|bound| bound.backward);
        if self.end.as_ref().is_some_and(|end| if backward { rank <= *end } else { rank >= *end }) {
            return;
        }
        let json = json();
        self.weight += weight(&json);
        self.records.insert(rank, json);
        // One record always fits: it is far smaller than a page.
        while self.records.len() > self.query.limit() || (self.weight > limits::PAGE && self.records.len() > 1) {
            let farthest = if backward { self.records.pop_first() } else { self.records.pop_last() };
            if let Some((rank, json)) = farthest {
                self.weight -= weight(&json);
                self.end = Some(rank);
            }
        }
    }

    /// Returns the page.
    #[must_use]
    pub fn finish(self) -> ListPage {
        let query = self.query;
        // A page between whose neighbours all records have been deleted has none: the bound itself is its place.
        let bound = |is_there: bool, record: Option<Bound>| {
            let bound = record.or_else(|| query.bound().map(Bound::reversed)).filter(|_| is_there)?;
            Some(query.cursor(&bound))
        };
        let backward = query.bound().is_some_and(|bound| bound.backward);
        let (after, before) =
            if backward { (self.is_passed, self.end.is_some()) } else { (self.end.is_some(), self.is_passed) };
        let next = bound(after, self.records.last_key_value().map(|(last, _)| Bound::after(last.clone())));
        let previous = bound(before, self.records.first_key_value().map(|(first, _)| Bound::before(first.clone())));
        let body = array(self.records.values());
        let sum = if query.order().is_some() { content(&body, &[&next, &previous]) } else { self.sum };
        let etag = format!("{}{}", sum.to_text(), query.tag());
        let unknown = self.unknown.into_iter().filter(|_| !self.is_empty);
        ListPage {
            body,
            next,
            previous,
            count: self.total.unwrap_or(self.count),
            etag,
            unknown: unknown.map(|undeclared| undeclared.fault.clone()).collect(),
        }
    }
}

/// Returns the hash of a page and the cursors of its neighbours.
fn content(body: &[u8], cursors: &[&Option<String>]) -> ContentHash {
    let mut sum = ContentHash::of(body);
    for (place, cursor) in cursors.iter().enumerate() {
        if let Some(cursor) = cursor {
            sum.add(ContentHash::of(&[&[place as u8], cursor.as_bytes()].concat()));
        }
    }
    sum
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
