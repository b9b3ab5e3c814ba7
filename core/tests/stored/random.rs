//! Random lists of random records that change: each answer of the copy, by HTTP, is that of the core over the plain list.
//!
//! `RIPPLE_QUERIES=…` sets the number of lists, and `RIPPLE_SEED=…` the first seed.
#![expect(clippy::disallowed_methods, reason = "a test has an environment; what it tests has none")]

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use ripple_core::record::schema::Resources;
use ripple_core::replica::Clock as _;
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source as _, item};
use ripple_core::value::Members;
use ripple_core::{Api, Record, RecordId, Timestamp};
use ripple_test_kit::{Answer, TestClock, get, moment, with};

use crate::parameters::{Grammar, Parameters};
use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{Copy, filled};

/// The number of lists in a run of all tests. They take 45 s of one CPU.
const QUERIES: u64 = 100_000;
/// The number of lists of one table.
const OF_A_TABLE: u64 = 120;
/// One table in so many has records that are too large for the columns, and pages that end by their size.
const WIDE: u64 = 100;
/// The pause after which a copy reads its whole table again.
const PAUSE: Duration = Duration::from_secs(26 * 60 * 60);
/// The headers that an answer of the copy shares with the origin's.
const SHARED: [&str; 5] = ["etag", "link", "ripple-count", "content-type", "ripple-version"];

/// Resources: members of several types; another order, search and names; keys of two parts, of a number, and nested schemas.
const FILES: [(&str, &str); 4] = [
    (
        "prj.json",
        r#"{"title": "Project", "x-ripple": {"resource": "prj", "key": "prj_id"}, "type": "object", "properties":
        {"name": {"type": "string"}, "goal": {"type": "string"}, "term": {"type": "number"},
         "tags": {"type": "array", "items": {"type": "string"}}}}"#,
    ),
    (
        "task.json",
        r#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref", "order": "-changed,name", "search": ["name", "x"],
        "members": {"version": "rev", "updated_at": "changed", "updated_by": "by", "updated_author": "for",
         "deleted": "gone"}}, "type": "object", "properties": {"name": {"type": "string"}, "version": {"type": "string"},
         "term": {"type": "integer"}}}"#,
    ),
    (
        "meter.json",
        r#"{"title": "Meter", "x-ripple": {"resource": "meter", "key": "no", "key_type": "number", "sort_key": "place",
        "order": "-place"}, "type": "object", "properties": {"place": {"type": "string"}, "name": {"type": "string"},
         "position": {"type": "object", "properties": {"x": {"type": "number"}, "name": {"type": "string"}}}}}"#,
    ),
    (
        "order.json",
        r#"{"title": "Order", "x-ripple": {"resource": "order", "key": "number", "key_type": "number"}, "type": "object",
        "properties": {"goal": {"type": "string"}, "tags": {"type": "array", "items": {"type": "object", "properties":
         {"name": {"type": "string"}, "deep": {"type": "object", "properties": {"x": {"type": "number"}}}}}}}}"#,
    ),
];

/// A table at its origin, and a copy of it.
struct World {
    luck: Luck,
    clock: TestClock,
    origin: Api<Memory>,
    copy: Api<Copy<Memory>>,
    /// The table that the copy reads: the origin's.
    source: Memory,
    ids: Vec<RecordId>,
    last: u64,
    is_wide: bool,
    requests: u64,
}

/// What is counted over all tables.
#[derive(Debug, Default)]
struct Counts {
    answered: u64,
    shown: u64,
    refused: u64,
    backward: u64,
    unchanged: u64,
    edits: u64,
}

impl World {
    async fn new(seed: u64) -> World {
        let mut luck = Luck(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let is_wide = seed % WIDE == WIDE - 1;
        let file = FILES[(seed % FILES.len() as u64) as usize];
        let resources = Resources::read(&[file]).expect("a resource");
        // As the edge has it: without the rules.
        let summaries = Resources::of_summaries(resources.summaries()).expect("a summary");
        let clock = TestClock::default();
        clock.pass(Duration::from_secs(60 * 60));
        let (memory, source) = (Memory::of(resources.first().clone()), Memory::of(summaries.first().clone()));
        let count = if is_wide { 12 } else { 1 + luck.below(30) };
        let ids = (0..count).map(|place| id(file.1, place)).collect();
        let sql = Sqlite::new();
        let empty = filled(&sql, source.clone(), &clock).await;
        let (origin, copy) = (Api::new(memory), Api::new(empty));
        let mut world = World { luck, clock, origin, copy, source, ids, last: 0, is_wide, requests: 0 };
        for _ in 0..count + count / 2 {
            world.write();
        }
        world.read_whole_table().await;
        world
    }

    fn table(&self) -> &Copy<Memory> {
        self.copy.store()
    }

    fn put(&self, record: &Record) {
        self.origin.store().put(record);
        self.source.put(record);
    }

    fn put_item(&self, id: &RecordId, item: Members) {
        self.origin.store().put_item(id, item.clone());
        self.source.put_item(id, item);
    }

    fn pick(&mut self) -> RecordId {
        self.ids[self.luck.below(self.ids.len())].clone()
    }

    /// Writes a record as ripple: it changes, is deleted, or is restored. Several have the same time.
    fn save(&mut self) -> Record {
        self.last += 1;
        let (id, number) = (self.pick(), self.last);
        let now = Timestamp(self.clock.now().0 / 1000 * 1000);
        let record = if self.luck.is(8) {
            // Some tombstones can be restored only a little longer, or no more.
            let days = [0, 6, 7, 7, 8, 90][self.luck.below(6)];
            let expires = now.after(Duration::from_secs(days * 86_400 + 1));
            Record::new(id, Members::new()).deleted(expires).written(None, number, now, "Bo")
        } else {
            let mut members = records::members(&mut self.luck);
            if self.is_wide && self.luck.is(2) {
                records::widen(&mut members, &mut self.luck);
            }
            records::written(&mut self.luck, Record::new(id, members), number, now)
        };
        self.put(&record);
        record
    }

    /// Writes a record as another program, or as ripple.
    fn write(&mut self) {
        if !self.luck.is(3) {
            self.save();
            return;
        }
        let id = self.pick();
        if self.luck.is(5) {
            self.origin.store().delete_item(&id);
            self.source.delete_item(&id);
            return;
        }
        self.source.put(&Record::new(id.clone(), records::members(&mut self.luck)));
        let mut external = self.source.item(&id).expect("it was just put");
        external.remove(item::RPL_SEAL);
        self.put_item(&id, external);
    }

    /// Changes records, and lets the copy know in one of the ways in which it learns of changes.
    async fn change(&mut self) {
        let cost = &mut Capacity::default();
        self.clock.pass(Duration::from_millis(self.luck.below(4) as u64 * 700));
        match self.luck.below(4) {
            0 => {
                (0..=self.luck.below(3)).for_each(|_| self.write());
                self.read_whole_table().await;
            }
            1 => {
                let states = (0..=self.luck.below(3)).map(|_| self.save()).collect();
                self.table().hear(states, Vec::new(), cost).await.expect("heard");
            }
            2 => {
                (0..=self.luck.below(3)).for_each(|_| drop(self.save()));
                self.table().refresh(cost).await.expect("read");
            }
            _ => {
                let record = self.save();
                let mut session = Session::new(&self.source.resource().name);
                session.wrote(&record.id, self.last, self.clock.now());
                self.table().read_what_was_written(&session, cost).await.expect("read");
            }
        }
        assert!(self.table().is_consistent().expect("a sum"));
    }

    async fn read_whole_table(&mut self) {
        self.clock.pass(PAUSE);
        while self.table().standing().expect("a state").wish.is_some() {
            self.table().tend(&mut Capacity::default()).await.expect("read");
        }
    }

    async fn records(&self) -> Vec<Record> {
        let (mut records, mut next) = (Vec::new(), None);
        loop {
            let page = self.source.scan(next, Consistency::Strong, &mut Capacity::default()).await.expect("memory");
            records.extend(page.records);
            next = page.next;
            if next.is_none() {
                return records;
            }
        }
    }

    /// Asks both hosts, and compares their answers.
    async fn compare(&mut self, pairs: &Parameters, known: Option<&str>, counts: &mut Counts) -> Answer {
        self.requests += 1;
        let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let path = format!("/{}?{query}", self.source.resource().name);
        let request = with(get(&path), known.map(|etag| ("if-none-match", etag)).as_slice());
        let context = moment(self.clock.now(), self.requests, "test");
        let expected = self.origin.answer(request.clone(), context.clone()).await;
        let found = match self.copy.authorize(&request, context).await {
            Ok(authorized) => self.copy.read_prepared(&request, authorized, None, Duration::from_secs(5)).await,
            Err(answered) => answered,
        };
        let (expected, found) = (Answer::new("origin".to_owned(), expected), Answer::new("copy".to_owned(), found));
        assert!(shared(&found) == shared(&expected), "{pairs:?}, {known:?}\n{found:?}\n{expected:?}");
        counts.answered += 1;
        counts.shown += u64::from(expected.status() == StatusCode::OK && expected.body().len() > 2);
        counts.refused += u64::from(expected.status() == StatusCode::BAD_REQUEST);
        counts.unchanged += u64::from(expected.status() == StatusCode::NOT_MODIFIED);
        expected
    }

    /// Asks for lists, follows their links, and changes records in between.
    async fn run(&mut self, counts: &mut Counts) {
        let end = counts.answered + if self.is_wide { OF_A_TABLE / 4 } else { OF_A_TABLE };
        let mut left: Vec<(Parameters, String)> = Vec::new();
        while counts.answered < end {
            if self.luck.is(6) {
                self.change().await;
                counts.edits += 1;
            }
            let mut pairs = if self.luck.is(6) && !left.is_empty() {
                // A link of an earlier state of the table.
                let (mut pairs, cursor) = left.swap_remove(self.luck.below(left.len()));
                set_cursor(&mut pairs, &cursor);
                pairs
            } else {
                let records = self.records().await;
                let resource = self.origin.store().resource();
                let declared: Vec<String> =
                    resource.schema.root.properties.iter().map(|(name, _)| name.clone()).collect();
                Grammar { names: &resource.names, declared: &declared, records: &records }.parameters(&mut self.luck)
            };
            loop {
                let page = self.compare(&pairs, None, counts).await;
                if self.luck.is(8) && page.status() == StatusCode::OK {
                    // Twice, so that a kept answer is compared too.
                    self.compare(&pairs, None, counts).await;
                    self.compare(&pairs, Some(page.header("etag")), counts).await;
                }
                let relation = if self.luck.is(3) { "prev" } else { "next" };
                let (other, turn) = (cursor(&page, "prev").or(cursor(&page, "next")), cursor(&page, relation));
                if let Some(other) = other.filter(|_| self.luck.is(5)) {
                    left.push((pairs.clone(), other));
                }
                let Some(turned) = turn.filter(|_| !self.luck.is(6)) else { break };
                counts.backward += u64::from(relation == "prev");
                set_cursor(&mut pairs, &turned);
                if self.luck.is(12) {
                    self.change().await;
                    counts.edits += 1;
                }
            }
        }
    }
}

fn set_cursor(pairs: &mut Parameters, cursor: &str) {
    pairs.retain(|(name, _)| name != "cursor");
    pairs.push(("cursor".to_owned(), cursor.to_owned()));
}

/// Returns the id of a place in a table of the resource in a file.
fn id(file: &str, place: usize) -> RecordId {
    const STRINGS: [&str; 5] = ["a", "_~YSBi", "B-2", "_~w6k", "10"];
    const NUMBERS: [&str; 5] = ["7", "-0.5", "10", "12345678901234567890123456789012345678", "0"];
    if file.contains("sort_key") {
        return RecordId::stored(format!("{},{}", NUMBERS[place % 3], STRINGS[place / 3 % 5]));
    }
    if file.contains("key_type") {
        return RecordId::stored(NUMBERS.get(place).map_or_else(|| place.to_string(), |number| (*number).to_owned()));
    }
    records::id_of(place)
}

/// Returns what both hosts must answer alike.
fn shared(answer: &Answer) -> (StatusCode, [&str; SHARED.len()], &Bytes) {
    (answer.status(), SHARED.map(|name| answer.header(name)), answer.body())
}

/// Returns the cursor of a link.
fn cursor(page: &Answer, relation: &str) -> Option<String> {
    let link = page.header("link").split(", ").find(|link| link.ends_with(&format!("rel=\"{relation}\"")))?;
    let query = link.split_once('?')?.1.split_once('>')?.0;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn every_list_has_the_status_the_headers_and_the_bytes_of_the_core() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let queries = number("RIPPLE_QUERIES").unwrap_or(QUERIES);
    let first = number("RIPPLE_SEED").unwrap_or(0);
    let mut counts = Counts::default();
    for seed in first.. {
        if counts.answered >= queries {
            break;
        }
        let mut world = World::new(seed).await;
        // The seed of a difference is the last that was printed.
        println!("seed {seed}");
        world.run(&mut counts).await;
    }
    println!("{counts:?}");
    let Counts { answered, shown, refused, backward, unchanged, edits } = counts;
    assert!(shown * 3 > answered && refused * 4 < answered, "{counts:?}");
    assert!(backward * 30 > answered && unchanged * 30 > answered && edits * 10 > answered, "{counts:?}");
}
