//! The whole list in memory: filled by a full read, kept up by what changed, queried without DynamoDB.
//!
//! A change is taken in by `(prj_id, version)`: an older one never replaces a newer one, so that answers may come
//! late, twice and in any order. The list's entity tag is kept up record by record.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::limits;
use crate::query::{ListPage, Listing, Query, Row, array, weight};
use crate::record::{ContentHash, Names, Record, RecordId};
use crate::time::Timestamp;

/// Every project, as far as is known.
#[derive(Debug, Default)]
pub struct Snapshot {
    names: Names,
    entries: BTreeMap<RecordId, Entry>,
    sum: ContentHash,
    /// The weight of the whole list's page.
    weight: usize,
    memory: usize,
    /// The whole list rendered, until something changes.
    whole: Option<Bytes>,
    /// How many full reads were taken in.
    reads: u64,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// When it was taken in.
    learned: Timestamp,
    /// The last full read that had it, or that was there before it.
    read: u64,
}

#[derive(Debug)]
enum State {
    Live(Row),
    /// A tombstone, kept so that an older change cannot bring the record back.
    Deleted(Record),
}

impl Entry {
    fn record(&self) -> &Record {
        match &self.state {
            State::Live(row) => &row.record,
            State::Deleted(record) => record,
        }
    }
}

impl Snapshot {
    /// Returns a snapshot of records with these names, with nothing in it.
    #[must_use]
    pub fn new(names: Names) -> Snapshot {
        Snapshot { names, ..Snapshot::default() }
    }

    /// Returns the names of the records.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Lets go of everything.
    pub(crate) fn clear(&mut self) {
        *self = Snapshot::new(self.names.clone());
    }

    /// Takes in a record, live or deleted, that was read at `now` or a while before. Returns whether it was news.
    pub fn apply(&mut self, record: Record, now: Timestamp) -> bool {
        let known = self.entries.get(&record.id).map(Entry::record);
        // Of the same number but different, it was shown in JSON before, which does not tell all types.
        let news =
            known.is_none_or(|known| supersedes(&record, known) || same_number(&record, known) && record != *known);
        if news {
            self.insert(record, now);
        }
        news
    }

    /// Takes in a record that an answer showed in JSON at `now`, if it is newer than what is known.
    pub fn apply_write(&mut self, record: Record, now: Timestamp) {
        if self.get(&record.id).is_none_or(|known| supersedes(&record, known)) {
            self.insert(record, now);
        }
    }

    /// Takes in a full read that began at `began`. It has the last word, also on what others wrote without a version,
    /// but for what was learned since, or so shortly before that the read need not have seen it.
    pub fn fill(&mut self, projects: Vec<Record>, began: Timestamp, now: Timestamp) {
        let recent = began.before(limits::LAG);
        self.reads += 1;
        for record in projects {
            let known = self.entries.get_mut(&record.id);
            let kept = known.filter(|known| {
                supersedes(known.record(), &record) && known.learned >= recent || *known.record() == record
            });
            match kept {
                Some(kept) => kept.read = self.reads,
                None => self.insert(record, now),
            }
        }
        let is_gone = |entry: &Entry| entry.read < self.reads && entry.learned < recent;
        let gone = self.entries.iter().filter(|(_, entry)| is_gone(entry));
        let gone: Vec<RecordId> = gone.map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.remove(id));
    }

    /// The record, live or deleted, if it is known.
    #[must_use]
    pub fn get(&self, id: &RecordId) -> Option<&Record> {
        self.entries.get(id).map(Entry::record)
    }

    /// A page of the list.
    pub fn list(&mut self, query: &Query) -> ListPage {
        if let Some(body) = query.is_whole().then(|| self.whole_page()).flatten() {
            return ListPage { body, next: None, etag: self.sum.to_text(), unknown: Vec::new() };
        }
        let mut listing = Listing::new(query);
        self.rows().for_each(|row| listing.add_row(row));
        listing.finish()
    }

    /// What the whole list is known by: its entity tag, without its quotes, once it is text.
    #[must_use]
    pub fn content(&self) -> ContentHash {
        self.sum
    }

    /// Every record, live and deleted.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.values().map(Entry::record)
    }

    /// Roughly how many bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The whole list as JSON, rendered once, if it is one page.
    pub fn whole_page(&mut self) -> Option<Bytes> {
        if self.whole.is_none() && self.is_one_page() {
            self.whole = Some(array(self.rows().map(|row| &row.json)));
        }
        self.whole.clone()
    }

    /// Whether the whole list is one page.
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
            let row = Row::new(project, &self.names);
            self.sum.add(row.hash);
            self.weight += weight(&row.json);
            self.memory += row.memory();
            State::Live(row)
        };
        self.whole = None;
        self.entries.insert(id, Entry { state, learned: now, read: self.reads });
    }

    fn remove(&mut self, id: &RecordId) {
        if let Some(Entry { state: State::Live(row), .. }) = self.entries.remove(id) {
            self.sum.remove(row.hash);
            self.weight -= weight(&row.json);
            self.memory -= row.memory();
            self.whole = None;
        }
    }
}

/// Reports whether `record` is a later state than `known`. A state of ripple's is later than one with a lower number and
/// than an external one; an external state, which has no order, may take the place of another external one.
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
        Query::parse(&form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>(), &Names::default())
            .expect("a query")
    }

    /// The page that reading the same records from the table would give.
    fn listed(projects: &[Record], query: &Query) -> (Bytes, String) {
        let mut listing = Listing::new(query);
        projects.iter().for_each(|project| listing.add(project));
        let page = listing.finish();
        (page.body, page.etag)
    }

    #[test]
    fn an_older_change_replaces_nothing() {
        let mut snapshot = Snapshot::default();
        assert!(snapshot.apply(project("a", 2, "new"), Timestamp(0)));
        assert!(!snapshot.apply(project("a", 1, "old"), Timestamp(1)));
        assert!(snapshot.apply(tombstone("a", 3), Timestamp(2)));
        assert!(!snapshot.apply(project("a", 2, "new"), Timestamp(3)));
        assert_eq!(&snapshot.list(&query("")).body[..], b"[]");
        assert_eq!(snapshot.sum, ContentHash::default());
        assert_eq!((snapshot.weight, snapshot.memory), (0, 0));
    }

    #[test]
    fn every_query_has_the_bytes_and_the_tag_that_the_table_gives() {
        let mut records = vec![tombstone("t", 4)];
        for n in 0..50 {
            records.push(project(&format!("p{n}"), 1 + n % 3, &format!("Nº {} of ÄLL", n % 7)));
        }
        let mut snapshot = Snapshot::default();
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
        let mut snapshot = Snapshot::default();
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
