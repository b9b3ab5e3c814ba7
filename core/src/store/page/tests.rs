//! Pages from an index compared with pages from a scan, with an index that is current and with one that lags.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::record::schema::Resource;
use crate::store::memory::Memory;
use crate::store::scan;
use crate::value::Members;

/// A state of a record: its number, its time, and whether it is deleted or only adopted.
#[derive(Clone, Debug)]
struct State {
    id: usize,
    at: u64,
    kind: u8,
}

fn states(times: u64) -> impl Strategy<Value = Vec<State>> {
    prop::collection::vec((0..40_usize, 1..times, 0..12_u8).prop_map(|(id, at, kind)| State { id, at, kind }), 0..60)
}

/// Writes the states one after another, and returns the versions of the records that exist.
fn write(memories: &[&Memory], states: &[State], versions: &mut BTreeMap<usize, u64>) {
    for State { id, at, kind } in states {
        let version = versions.entry(*id).or_insert(0);
        *version += 1;
        let name = format!("n{}", at % 3);
        let record = Record::new(id_of(*id), Members::from([("name".to_owned(), name.into())]));
        let record = if *kind == 0 { record.deleted(Timestamp(*at)) } else { record };
        let by = if *kind == 1 { "" } else { "Bo" };
        let record = record.written(None, *version, Timestamp(*at), by);
        assert!(!record.is_deleted() || record.attributes.is_empty(), "a tombstone has no content");
        memories.iter().for_each(|memory| memory.put(&record));
    }
}

fn id_of(number: usize) -> RecordId {
    RecordId::stored(format!("p{number}"))
}

fn query(text: &str) -> Query {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    Query::parse(&pairs, &Resource::built_in()).expect("a query")
}

fn with_cursor(text: &str, cursor: &str) -> Query {
    query(&format!("{text}&cursor={cursor}"))
}

fn ids(page: &ListPage) -> Vec<String> {
    let records: Vec<Json> = serde_json::from_slice(&page.body).expect("a list");
    records.iter().map(|record| record["prj_id"].as_str().expect("an id").to_owned()).collect()
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn show(page: &ListPage) -> (String, &Option<String>, &Option<String>, &str) {
    (String::from_utf8_lossy(&page.body).into_owned(), &page.next, &page.previous, &page.etag)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_page_from_an_index_is_the_page_from_a_scan(
        states in states(20),
        limit in 1..12_usize,
        order in 0..3_usize,
        turns in prop::collection::vec(any::<bool>(), 0..12),
    ) {
        let memory = Memory::new();
        write(&[&memory], &states, &mut BTreeMap::new());
        let text = ["", "sort=updated_at&", "sort=-updated_at&"][order].to_owned() + &format!("limit={limit}");
        let (session, now) = (Session::default(), Timestamp(1_000));
        let mut at = query(&text);
        for turn in turns {
            let scanned = block(scan::list(&memory, &at, &session, now, &mut Capacity::default())).expect("a page");
            let mut cost = Capacity::default();
            if let Some(page) = block(list(&memory, &memory, &at, &session, now, &mut cost)).expect("a page") {
                prop_assert_eq!(show(&page), show(&scanned), "{}", text);
                prop_assert_eq!(page.count, if at.has_cursor() || page.next.is_some() { page.count } else { scanned.count });
            } else {
                prop_assert!(order > 0, "a page by id is always in the index");
            }
            let cursor = if turn { scanned.next } else { scanned.previous };
            let Some(cursor) = cursor else { break };
            at = with_cursor(&text, &cursor);
        }
    }

    #[test]
    fn an_index_that_lags_omits_no_record_that_rests(
        before in states(20),
        after in states(30),
        limit in 1..12_usize,
        order in 0..3_usize,
    ) {
        let (table, index) = (Memory::new(), Memory::new());
        let mut versions = BTreeMap::new();
        write(&[&table, &index], &before, &mut versions);
        let recent: Vec<State> = after.into_iter().map(|state| State { at: state.at + 20, ..state }).collect();
        write(&[&table], &recent, &mut versions);
        let mut session = Session::new("prj");
        for state in &recent {
            session.wrote(&id_of(state.id), versions[&state.id], Timestamp(0));
        }
        // The index shows the state before those writes. A write that the session no longer names need not be seen.
        let named: Vec<RecordId> = session.ids().cloned().collect();
        let session = Session::parse(&session.to_token(), "prj").expect("a token");
        let session = if session.outruns(Timestamp(1)) { Session::new("prj") } else { session };
        let own = |id: &RecordId| session.ids().any(|own| own == id);
        let text = ["", "sort=updated_at&", "sort=-updated_at&"][order].to_owned() + &format!("limit={limit}");
        let now = Timestamp(1_000_000);
        let (mut shown, mut at) = (Vec::new(), query(&text));
        loop {
            let page = block(list(&table, &index, &at, &session, now, &mut Capacity::default())).expect("a page");
            let Some(page) = page else { return Ok(()) };
            prop_assert!(page.next.is_none() || !ids(&page).is_empty(), "a page with a successor has records");
            shown.extend(ids(&page));
            let Some(next) = page.next else { break };
            at = with_cursor(&text, &next);
        }
        for id in versions.keys().map(|id| id_of(*id)) {
            let record = block(table.get(&id, Consistency::Strong, &mut Capacity::default())).expect("read");
            let is_live = record.is_some_and(|record| !record.is_deleted());
            let has_moved = recent.iter().any(|state| id_of(state.id) == id);
            let times = shown.iter().filter(|shown| **shown == *id.as_str()).count();
            if !has_moved || own(&id) {
                prop_assert_eq!(times, usize::from(is_live), "{} of {:?}, {:?}", id, shown, named);
            }
        }
    }
}

#[test]
fn a_page_reads_what_it_shows() {
    let memory = Memory::new();
    let states: Vec<State> = (0..1_000).map(|id| State { id, at: id as u64 + 1, kind: 2 }).collect();
    write(&[&memory], &states, &mut BTreeMap::new());
    for text in ["limit=50", "limit=50&sort=-updated_at", "limit=50&sort=updated_at"] {
        let (mut at, session) = (query(text), Session::default());
        for _ in 0..3 {
            let mut cost = Capacity::default();
            let page = block(list(&memory, &memory, &at, &session, Timestamp(1), &mut cost))
                .expect("a page")
                .expect("indexed");
            // Half a unit for each record, one more on each side, and the index.
            assert!(cost.read <= 27.0, "{text}: {cost}");
            assert_eq!(ids(&page).len(), 50);
            at = with_cursor(text, &page.next.expect("another page"));
        }
    }
}

#[test]
fn records_without_a_time_are_left_to_a_scan() {
    let memory = Memory::new();
    for at in [|_| 7, |id| id as u64 + 1] {
        let states: Vec<State> = (0..2_000).map(|id| State { id, at: at(id), kind: 1 }).collect();
        write(&[&memory], &states, &mut BTreeMap::new());
        let mut cost = Capacity::default();
        let query = query("limit=5&sort=-updated_at");
        let page = block(list(&memory, &memory, &query, &Session::default(), Timestamp(1), &mut cost));
        assert!(page.expect("read").is_none());
        assert!(cost.read <= 300.0, "{cost}");
    }
}

#[test]
fn many_deleted_records_cost_no_more_than_a_scan_and_a_little() {
    let memory = Memory::new();
    let states: Vec<State> = (0..3_000).map(|id| State { id, at: id as u64 + 1, kind: u8::from(id < 5) * 2 }).collect();
    write(&[&memory], &states, &mut BTreeMap::new());
    for (text, is_indexed) in [("limit=5", true), ("limit=5&sort=-updated_at", false)] {
        let mut cost = Capacity::default();
        let page = block(list(&memory, &memory, &query(text), &Session::default(), Timestamp(1), &mut cost));
        assert_eq!(page.expect("read").is_some(), is_indexed, "{text}");
        assert!(cost.read <= 260.0, "{text}: {cost}");
    }
}
