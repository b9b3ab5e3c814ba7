//! The whole list in memory: filled by a full read, updated by changes, and queried without DynamoDB.
//!
//! Changes are ordered by `(prj_id, version)`. An older one never replaces a newer one, so that answers may arrive
//! late, twice and in any order. The list's entity tag is updated record by record.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::limits;
use crate::query::{ListPage, Listing, Query, Row, array, weight};
use crate::record::schema::Resource;
use crate::record::{ContentHash, Names, Record, RecordId};
use crate::time::Timestamp;

/// Every known record.
#[derive(Debug)]
pub struct Snapshot {
    resource: Arc<Resource>,
    entries: BTreeMap<RecordId, Entry>,
    sum: ContentHash,
    /// The weight of the whole list's page.
    weight: usize,
    memory: usize,
    /// The number of live records.
    live: usize,
    /// The whole list rendered. It is dropped at each change.
    whole: Option<Bytes>,
    /// The number of full reads begun.
    reads: u64,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// When it was applied.
    learned: Timestamp,
    /// The number of the last full read that had it, or that was applied before it.
    read: u64,
}

#[derive(Debug)]
enum State {
    Live(Row),
    /// A tombstone, kept so that an older change cannot bring the record back.
    Deleted(Record),
}

/// A full read that is being applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    number: u64,
    /// States learned since then are newer than the read, or may be.
    recent: Timestamp,
}

impl Entry {
    fn record(&self) -> &Record {
        match &self.state {
            State::Live(row) => &row.record,
            State::Deleted(record) => record,
        }
    }

    /// Returns roughly how many bytes of memory it takes, with its key.
    fn memory(&self) -> usize {
        let state = match &self.state {
            State::Live(row) => row.memory(),
            State::Deleted(record) => record.memory(),
        };
        size_of::<Entry>() + size_of::<RecordId>() + self.record().id.as_str().len() + state
    }
}

impl Snapshot {
    /// Returns an empty snapshot of a resource's records.
    #[must_use]
    pub fn new(resource: Arc<Resource>) -> Snapshot {
        Snapshot {
            resource,
            entries: BTreeMap::new(),
            sum: ContentHash::default(),
            weight: 0,
            memory: 0,
            live: 0,
            whole: None,
            reads: 0,
        }
    }

    /// Returns the names of the records.
    pub(crate) fn names(&self) -> &Names {
        &self.resource.names
    }

    /// Returns the bytes of the whole list as JSON.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Removes all records.
    pub(crate) fn clear(&mut self) {
        *self = Snapshot { reads: self.reads, ..Snapshot::new(Arc::clone(&self.resource)) };
    }

    /// Applies a record, live or deleted, that was read at `now` or shortly before. Returns whether it changed the
    /// snapshot.
    pub fn apply(&mut self, record: Record, now: Timestamp) -> bool {
        let known = self.entries.get(&record.id).map(Entry::record);
        // If the number is the same and the content differs, the known state came from JSON, which hides some types.
        let news =
            known.is_none_or(|known| supersedes(&record, known) || same_number(&record, known) && record != *known);
        if news {
            self.insert(record, now);
        }
        news
    }

    /// Applies a record that an answer showed in JSON at `now`, if it is newer than the known state.
    pub fn apply_write(&mut self, record: Record, now: Timestamp) {
        if self.get(&record.id).is_none_or(|known| supersedes(&record, known)) {
            self.insert(record, now);
        }
    }

    /// Applies a full read that began at `began`. It replaces every known state, including states that other writers
    /// left without a version. The exception are states learned since `began`, or so shortly before it that the read
    /// may have missed them.
    pub fn fill(&mut self, records: Vec<Record>, began: Timestamp, now: Timestamp) {
        let fill = self.begin_fill(began);
        records.into_iter().for_each(|record| self.fill_in(fill, record, now));
        self.end_fill(fill);
    }

    /// Begins to apply a full read that began at `began`, as [`Snapshot::fill`] does, record by record.
    pub(crate) fn begin_fill(&mut self, began: Timestamp) -> Fill {
        self.reads += 1;
        Fill { number: self.reads, recent: began.before(limits::LAG) }
    }

    /// Applies a record of a full read.
    pub(crate) fn fill_in(&mut self, fill: Fill, record: Record, now: Timestamp) {
        let known = self.entries.get_mut(&record.id);
        let kept = known.filter(|known| {
            supersedes(known.record(), &record) && known.learned >= fill.recent || *known.record() == record
        });
        match kept {
            Some(kept) => kept.read = kept.read.max(fill.number),
            None => self.insert(record, now),
        }
    }

    /// Ends a full read: removes what it has not met.
    pub(crate) fn end_fill(&mut self, fill: Fill) {
        let is_gone = |entry: &Entry| entry.read < fill.number && entry.learned < fill.recent;
        let gone = self.entries.iter().filter(|(_, entry)| is_gone(entry));
        let gone: Vec<RecordId> = gone.map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.remove(id));
    }

    /// Returns the record, live or deleted. Returns `None` if it is not known.
    #[must_use]
    pub fn get(&self, id: &RecordId) -> Option<&Record> {
        self.entries.get(id).map(Entry::record)
    }

    /// Returns a page of the list.
    pub fn list(&mut self, query: &Query) -> ListPage {
        if let Some(body) = query.is_whole().then(|| self.whole_page()).flatten() {
            let (count, etag) = (self.live, self.sum.to_text());
            return ListPage { body, next: None, previous: None, count, etag, unknown: Vec::new() };
        }
        let mut listing = Listing::new(query);
        if query.is_of_deleted() {
            self.records().for_each(|record| listing.add(record));
        } else {
            self.rows().for_each(|row| listing.add_row(row));
        }
        listing.finish()
    }

    /// Returns the hash of the whole list. As text it is the list's entity tag without its quotes.
    #[must_use]
    pub fn content(&self) -> ContentHash {
        self.sum
    }

    /// Returns the number of live records.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live
    }

    /// Reports whether a deletion is known only by its version, from the answer to a write.
    pub(crate) fn has_bare_tombstone(&self) -> bool {
        self.records().any(Record::is_bare_tombstone)
    }

    /// Returns every record, live and deleted.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.values().map(Entry::record)
    }

    /// Returns roughly how many bytes of memory the snapshot takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Returns the whole list as JSON, rendered once. Returns `None` if it is more than one page.
    pub fn whole_page(&mut self) -> Option<Bytes> {
        if self.whole.is_none() && self.is_one_page() {
            self.whole = Some(array(self.rows().map(|row| &row.json)));
        }
        self.whole.clone()
    }

    /// Reports whether the whole list is one page.
    #[must_use]
    pub fn is_one_page(&self) -> bool {
        self.weight <= limits::PAGE
    }

    fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.entries.values().filter_map(|entry| match &entry.state {
            State::Live(row) => Some(row),
            State::Deleted(_) => None,
        })
    }

    fn insert(&mut self, project: Record, now: Timestamp) {
        let id = project.id.clone();
        self.remove(&id);
        let state = if project.is_deleted() {
            State::Deleted(project)
        } else {
            let row = Row::new(project, &self.resource);
            self.sum.add(row.hash);
            self.weight += weight(&row.json);
            self.live += 1;
            State::Live(row)
        };
        self.whole = None;
        let entry = Entry { state, learned: now, read: self.reads };
        self.memory += entry.memory();
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: &RecordId) {
        let Some(entry) = self.entries.remove(id) else { return };
        self.memory -= entry.memory();
        if let State::Live(row) = entry.state {
            self.sum.remove(row.hash);
            self.weight -= weight(&row.json);
            self.live -= 1;
            self.whole = None;
        }
    }
}

/// Reports whether `record` replaces `known`. A version of ripple replaces lower versions and external states. External
/// states have no order, so a different one replaces another.
fn supersedes(record: &Record, known: &Record) -> bool {
    match (record.number(), known.number()) {
        (Some(number), Some(known)) => number > known,
        (number, None) => number.is_some() || record.version != known.version,
        (None, Some(_)) => false,
    }
}

fn same_number(record: &Record, known: &Record) -> bool {
    record.version == known.version
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::schema::Resource;
    use crate::value::{Members, Value};

    fn project(id: &str, version: i64, text: &str) -> Record {
        let attributes = Members::from([("name".to_owned(), Value::from(text))]);
        let id = RecordId::parse(id).expect("valid");
        Record { version, updated_at: Some(Timestamp(version.cast_unsigned())), ..Record::new(id, attributes) }
    }

    fn tombstone(id: &str, version: i64) -> Record {
        Record { tombstone: Some(Timestamp(1)), attributes: Members::new(), ..project(id, version, "") }
    }

    fn query(text: &str) -> Query {
        Query::parse(&form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>(), &Resource::built_in())
            .expect("a query")
    }

    /// Returns the page that a read of the same records from the table would give.
    fn listed(projects: &[Record], query: &Query) -> (Bytes, String) {
        let mut listing = Listing::new(query);
        projects.iter().for_each(|project| listing.add(project));
        let page = listing.finish();
        (page.body, page.etag)
    }

    #[test]
    fn an_older_change_replaces_nothing() {
        let mut snapshot = Snapshot::new(Resource::built_in());
        assert!(snapshot.apply(project("a", 2, "new"), Timestamp(0)));
        assert!(!snapshot.apply(project("a", 1, "old"), Timestamp(1)));
        assert!(snapshot.apply(tombstone("a", 3), Timestamp(2)));
        assert!(!snapshot.apply(project("a", 2, "new"), Timestamp(3)));
        assert_eq!(&snapshot.list(&query("")).body[..], b"[]");
        assert_eq!(snapshot.sum, ContentHash::default());
        assert_eq!((snapshot.weight, snapshot.live), (0, 0));
        // The tombstone takes memory until a full read no longer has it.
        assert!(snapshot.memory() > size_of::<Record>());
        snapshot.fill(Vec::new(), Timestamp(1_000_000), Timestamp(1_000_000));
        assert_eq!(snapshot.memory(), 0);
    }

    #[test]
    fn every_query_has_the_bytes_and_the_tag_that_the_table_gives() {
        let mut records = vec![tombstone("t", 4)];
        for n in 0..50 {
            records.push(project(&format!("p{n}"), 1 + n % 3, &format!("Nº {} of ÄLL", n % 7)));
        }
        let mut snapshot = Snapshot::new(Resource::built_in());
        snapshot.fill(records.clone(), Timestamp(0), Timestamp(0));
        for text in ["", "q=äll", "q=nº+3", "version=2", "sort=-name,version&limit=7", "fields=name", "q=nothing"] {
            let query = query(text);
            let page = snapshot.list(&query);
            assert_eq!((page.body, page.etag), listed(&records, &query), "{text}");
        }
    }

    #[test]
    fn a_full_read_has_the_last_word_but_not_on_what_it_cannot_have_seen() {
        let began = Timestamp(100_000);
        let mut snapshot = Snapshot::new(Resource::built_in());
        snapshot.apply(project("gone", 1, ""), Timestamp(1_000));
        snapshot.apply(project("just-created", 1, ""), Timestamp(99_000));
        snapshot.apply(project("just-saved", 2, "new"), Timestamp(99_000));
        snapshot.apply(project("rewritten", 1, "by ripple"), Timestamp(1_000));
        snapshot.fill(
            vec![project("just-saved", 1, "old"), project("rewritten", 1, "behind its back")],
            began,
            Timestamp(101_000),
        );
        let names: Vec<&str> = snapshot.records().map(|record| record.id.as_str()).collect();
        assert_eq!(names, ["just-created", "just-saved", "rewritten"]);
        let text = |id: &str| snapshot.get(&RecordId::parse(id).expect("valid")).map(|p| p.attributes["name"].clone());
        assert_eq!(text("just-saved"), Some("new".into()));
        assert_eq!(text("rewritten"), Some("behind its back".into()));
    }
}
