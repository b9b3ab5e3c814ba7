//! The live channel of a stored copy: what is committed is told, in order, to every socket, once a ticket has opened it.

use std::collections::BTreeMap;
use std::time::Duration;

use ripple_core::auth::{KeyRecord, Scope};
use ripple_core::feed::key::{KeyChange, Rights};
use ripple_core::live::{Close, Reader, Ticket};
use ripple_core::record::Person;
use ripple_core::replica::Clock as _;
use ripple_core::replica::stored::{self, Outcome, Sockets, Table};
use ripple_core::service::changes::Cursor;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Keys as _};
use ripple_core::{Record, RecordId};
use ripple_test_kit::TestClock;
use serde_json::Value as Json;

use crate::records::{self, Luck};
use crate::sqlite::Sqlite;
use crate::{filled, memory};

fn reader(key: &str) -> Reader {
    Reader { key_id: key.to_owned(), person: None, ticket: None }
}

fn state(id: &str, version: u64, clock: &TestClock, luck: u64) -> Record {
    let record = Record::new(RecordId::stored(id.to_owned()), records::attributes(&mut Luck(luck)));
    record.written(None, version, clock.now(), "Ann")
}

fn frames(outcome: &Outcome) -> Vec<Json> {
    outcome.send.iter().map(|(_, text)| serde_json::from_str(text).expect("JSON")).collect()
}

/// A client with its socket, as the host keeps it.
#[derive(Default)]
struct Page {
    kept: Vec<String>,
    cursor: String,
    epoch: String,
    seq: u64,
    heard: BTreeMap<String, Vec<u64>>,
}

impl Page {
    fn take(&mut self, outcome: &Outcome) {
        for frame in frames(outcome) {
            if frame.get("hello").is_some() {
                assert_eq!(frame.get("resync"), None, "{frame}");
                self.cursor = frame["cursor"].as_str().expect("a cursor").to_owned();
                self.epoch = frame["epoch"].as_str().expect("an epoch").to_owned();
                self.seq = frame["seq"].as_u64().expect("a number");
            } else if let Some(id) = frame.get("id") {
                assert_eq!(frame["seq"].as_u64(), Some(self.seq + 1), "the log is told without a gap");
                self.seq += 1;
                let heard = self.heard.entry(id.as_str().expect("an id").to_owned()).or_default();
                heard.push(frame["version"].as_u64().expect("a number"));
            }
        }
        if let Some((_, kept)) = outcome.keep.first() {
            self.kept = vec![kept.clone()];
        }
        if !outcome.close.is_empty() {
            self.kept.clear();
        }
    }

    fn sockets(&self) -> Sockets<'_> {
        Sockets { kept: &self.kept, rooms: "" }
    }

    fn since(&self) -> Option<String> {
        (!self.epoch.is_empty()).then(|| format!("{}~{}.{}", self.cursor, self.epoch, self.seq))
    }
}

async fn hear<S: ripple_core::store::Source>(table: &Table<Sqlite, S, TestClock>, states: Vec<Record>) {
    table.hear(states, Vec::new(), &mut Capacity::default()).await.expect("heard");
}

fn position(sql: &Sqlite) -> String {
    stored::position(sql).expect("a state").expect("a copy")
}

#[tokio::test]
async fn a_full_read_tells_nothing_and_a_commit_tells_its_fields() {
    let (clock, memory, sql) = (TestClock::default(), memory(), Sqlite::new());
    for n in 0..5 {
        memory.put(&state(&format!("p{n}"), 1, &clock, n));
    }
    let table = filled(&sql, memory, &clock).await;
    let before = position(&sql);
    assert!(before.ends_with(".0"), "{before}");
    let mut page = Page::default();
    page.take(&table.open_socket(&reader("k"), None, 0).expect("opened"));
    assert!(table.tell(page.sockets()).expect("told").send.is_empty());
    let mut changed = state("p1", 2, &clock, 1);
    changed.attributes.insert("note".to_owned(), "new".into());
    hear(&table, vec![changed.clone()]).await;
    assert_ne!(position(&sql), before);
    let told = frames(&table.tell(page.sockets()).expect("told"));
    assert_eq!(
        (&told[0]["id"], &told[0]["version"], &told[0]["fields"]),
        (&"p1".into(), &2.into(), &serde_json::json!(["/note"]))
    );
    // What is known already is not told again.
    let before = position(&sql);
    hear(&table, vec![changed]).await;
    assert_eq!(position(&sql), before);
}

#[tokio::test]
async fn a_ticket_opens_one_socket_and_none_of_a_lost_key() {
    let clock = TestClock::default();
    let table = filled(&Sqlite::new(), memory(), &clock).await;
    let with = |key: &str, nonce: u8| {
        let ticket = Ticket::issue("prj", key, None, clock.now(), [nonce; 16]);
        Reader { ticket: Some(ticket), ..reader(key) }
    };
    let refused = |reader: &Reader, open| table.open_socket(reader, None, open).expect("answered");
    assert!(refused(&with("k", 1), 0).close.is_empty());
    assert_eq!(refused(&with("k", 1), 0), Outcome::refused(Close::Ticket));
    assert_eq!(refused(&with("k", 2), 32_768), Outcome::refused(Close::Full));
    assert!(refused(&with("k", 2), 32_767).close.is_empty(), "it was not used");
    let change = |rights| KeyChange { key_hash: "00".repeat(32), key_id: Some("k".to_owned()), rights };
    let before = with("k", 3);
    clock.pass(Duration::from_secs(1));
    let closings = table.hear_of_keys(&[change(Rights::Reduced)]).expect("heard");
    assert_eq!(closings, [("k".to_owned(), 1012, "restart")]);
    assert_eq!(refused(&before, 0), Outcome::refused(Close::Ticket));
    clock.pass(Duration::from_secs(2));
    assert!(refused(&with("k", 4), 0).close.is_empty());
    assert_eq!(table.hear_of_keys(&[change(Rights::Revoked)]).expect("heard"), [("k".to_owned(), 4001, "key")]);
    for reader in [with("k", 5), reader("k")] {
        assert_eq!(refused(&reader, 0), Outcome::refused(Close::Key));
    }
    // A late message does not bring it back.
    table.hear_of_keys(&[change(Rights::Reduced)]).expect("heard");
    assert_eq!(refused(&reader("k"), 0), Outcome::refused(Close::Key));
    assert_eq!(table.standing().expect("a state").keys, 3);
}

#[tokio::test]
async fn used_tickets_are_forgotten_when_they_have_expired() {
    let (clock, sql) = (TestClock::default(), Sqlite::new());
    let table = filled(&sql, memory(), &clock).await;
    let ticket = Ticket::issue("prj", "k", None, clock.now(), [1; 16]);
    table.open_socket(&Reader { ticket: Some(ticket), ..reader("k") }, None, 0).expect("opened");
    for (seconds, left) in [(29, 1), (2, 0)] {
        clock.pass(Duration::from_secs(seconds));
        table.look_up_keys(&[], &mut Capacity::default()).await.expect("swept");
        assert_eq!(sql.count_of("nonce"), left);
    }
}

#[tokio::test]
async fn sockets_of_a_key_that_is_gone_are_closed_when_it_is_looked_up() {
    let (clock, memory) = (TestClock::default(), memory());
    let table = filled(&Sqlite::new(), memory, &clock).await;
    let hash = ripple_core::auth::KeyHash::from_hex(&"0".repeat(64)).expect("a hash");
    table.meet_key("k", &hash).expect("noted");
    let ids = ["k".to_owned(), "unknown".to_owned()];
    let closings = table.look_up_keys(&ids, &mut Capacity::default()).await.expect("looked up");
    assert_eq!(closings, [("k".to_owned(), Close::Restart.code(), Close::Restart.reason())]);
    let early = Ticket::issue("prj", "k", None, clock.now(), [1; 16]);
    let with_ticket = |ticket| Reader { ticket: Some(ticket), ..reader("k") };
    let refused = Outcome::refused(Close::Ticket);
    assert_eq!(table.open_socket(&with_ticket(early), None, 0).expect("answered"), refused);
    // A read that lagged did not show the key yet.
    clock.pass(Duration::from_secs(31));
    let late = Ticket::issue("prj", "k", None, clock.now(), [2; 16]);
    assert_eq!(table.open_socket(&with_ticket(late), None, 0).expect("answered").close, []);
}

#[tokio::test]
async fn a_key_that_was_looked_up_as_revoked_never_counts_again() {
    let (clock, memory) = (TestClock::default(), memory());
    let table = filled(&Sqlite::new(), memory.clone(), &clock).await;
    let hash = ripple_core::auth::KeyHash::from_hex(&"0".repeat(64)).expect("a hash");
    let record = KeyRecord {
        key_hash: hash.to_hex(),
        key_id: "k".to_owned(),
        name: "Ann".to_owned(),
        scopes: vec![Scope::Read].into(),
        created: 0,
        expires: None,
        revoked: Some(1),
        lineage: None,
        author: None,
        last_used: None,
    };
    // One that may read no more is told so. It may come back if it gets the right again.
    let elsewhere = ["task:read".to_owned()].into_iter().collect();
    memory.put_key(KeyRecord { revoked: None, scopes: elsewhere, ..record.clone() });
    table.meet_key("k", &hash).expect("noted");
    let closings = table.look_up_keys(&["k".to_owned()], &mut Capacity::default()).await.expect("looked up");
    assert_eq!(closings, [("k".to_owned(), 4003, "scope")]);
    memory.put_key(record.clone());
    let closings = table.look_up_keys(&["k".to_owned()], &mut Capacity::default()).await.expect("looked up");
    assert_eq!(closings, [("k".to_owned(), 4001, "key")]);
    // A read that lags shows the key as it was.
    memory.put_key(KeyRecord { revoked: None, ..record });
    let closings = table.look_up_keys(&["k".to_owned()], &mut Capacity::default()).await.expect("looked up");
    table.meet_key("k", &hash).expect("noted");
    assert_eq!(
        (closings.len(), table.open_socket(&reader("k"), None, 0).expect("answered")),
        (0, Outcome::refused(Close::Key))
    );
    assert_eq!(table.key(&hash, &mut Capacity::default()).await.expect("looked up"), None, "no edge is told of it");
}

#[tokio::test]
async fn the_readers_of_a_record_are_found_part_by_part_and_told_of_each_other_together() {
    let clock = TestClock::default();
    let table = filled(&Sqlite::new(), memory(), &clock).await;
    let (mut kept, mut rooms): (Vec<String>, String) = Default::default();
    for (number, id) in ["p1", "p2", "p1", "p3", "p1", "p3"].into_iter().enumerate() {
        let person = Person::new(&format!("Reader {number}"), None).ok();
        let opened = table.open_socket(&Reader { person, ..reader("k") }, None, 0).expect("opened");
        let frame = format!(r#"{{"presence":{{"id":"{id}","state":"view"}}}}"#);
        let sockets = Sockets { kept: &[opened.keep[0].1.clone()], rooms: &rooms };
        let entered = table.receive(sockets, &frame).expect("taken");
        kept.push(entered.keep[0].1.clone());
        rooms = entered.rooms;
    }
    let tell = |kept: &[String], rooms: &str| table.look_after_sockets(Sockets { kept, rooms }).expect("told");
    clock.pass(Duration::from_secs(1));
    let all = tell(&kept, &rooms);
    // Those that are alone are told nothing.
    assert_eq!(all.send.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 2, 4, 3, 5]);
    rooms = all.rooms;
    // One comes to a record, and nothing happens on another.
    let frame = r#"{"presence":{"id":"p2","state":"edit"}}"#;
    let came = table.receive(Sockets { kept: &kept[5..], rooms: &rooms }, frame).expect("taken");
    kept[5] = came.keep[0].1.clone();
    rooms = came.rooms;
    clock.pass(Duration::from_secs(1));
    let parts = kept.chunks(2).map(|part| table.readers(Sockets { kept: part, rooms: &rooms }).expect("found"));
    let parts: Vec<Vec<u32>> = parts.collect();
    assert_eq!(parts, [[1], [1], [1]], "where it came, and where it left");
    let readers = [1, 3, 5].map(|number: usize| kept[number].clone());
    let told = |outcome: Outcome| (outcome.send.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>(), outcome.rooms);
    let some = told(tell(&readers, &rooms));
    assert_eq!((some.0.len(), &some), (3, &told(tell(&kept, &rooms))));
}

#[tokio::test]
async fn a_socket_of_an_earlier_copy_is_sent_away() {
    let (clock, sql) = (TestClock::default(), Sqlite::new());
    let mut page = Page::default();
    let table = filled(&sql, memory(), &clock).await;
    page.take(&table.open_socket(&reader("k"), None, 0).expect("opened"));
    sql.forget_meta();
    let table = filled(&sql, memory(), &clock).await;
    assert_eq!(
        table.tell(page.sockets()).expect("told"),
        Outcome { rooms: "{}".to_owned(), ..Outcome::refused(Close::Restart) }
    );
    assert_eq!(table.receive(page.sockets(), "{}").expect("told").close, [(0, 1012, "restart")]);
}

#[tokio::test]
async fn what_a_reader_lacks_is_news() {
    let clock = TestClock::default();
    clock.pass(Duration::from_secs(60));
    let table = filled(&Sqlite::new(), memory(), &clock).await;
    clock.pass(Duration::from_secs(5));
    let known = Cursor::at_end(clock.now(), 1);
    assert!(!table.has_news_since(&known).expect("known"));
    hear(&table, vec![state("p", 1, &clock, 1)]).await;
    assert!(table.has_news_since(&known).expect("known"));
    let earlier = Cursor::at_end(clock.now().before(Duration::from_secs(20)), 1);
    assert!(table.has_news_since(&earlier).expect("known"), "the log does not go back so far");
}

#[tokio::test]
async fn the_oldest_changes_leave_the_log_after_a_day() {
    let (clock, sql) = (TestClock::default(), Sqlite::new());
    let table = filled(&sql, memory(), &clock).await;
    let mut page = Page::default();
    page.take(&table.open_socket(&reader("k"), None, 0).expect("opened"));
    hear(&table, vec![state("p", 1, &clock, 1)]).await;
    clock.pass(Duration::from_secs(25 * 60 * 60));
    table.standing().expect("a full read begins");
    let table = filled(&sql, memory_with(&clock), &clock).await;
    assert_eq!(sql.count_of("log WHERE frame IS NOT NULL"), 0);
    let hello = frames(&table.open_socket(&reader("k"), page.since().as_deref(), 0).expect("opened"));
    assert_eq!(hello[0]["resync"], "too_old");
    // The position goes on.
    hear(&table, vec![state("p", 3, &clock, 2)]).await;
    assert!(position(&sql).ends_with(".2"));
}

fn memory_with(clock: &TestClock) -> Memory {
    let memory = memory();
    memory.put(&state("p", 1, clock, 1));
    memory
}

#[tokio::test]
async fn every_page_hears_of_every_commit_in_order_whatever_fails() {
    for seed in 0..150 {
        let (clock, memory, sql, mut luck) = (TestClock::default(), memory(), Sqlite::new(), Luck(seed));
        filled(&sql, memory.clone(), &clock).await;
        let mut versions: BTreeMap<String, u64> = BTreeMap::new();
        let mut pages: Vec<Page> = (0..3).map(|_| Page::default()).collect();
        let open = || Table::open(sql.clone(), memory.clone(), clock.clone()).expect("opened");
        for page in &mut pages {
            page.take(&open().open_socket(&reader("k"), None, 0).expect("opened"));
        }
        for _ in 0..120 {
            clock.pass(Duration::from_millis(1 + luck.below(1500) as u64));
            // Each event finds a host that has just been loaded.
            let table = open();
            let at = luck.below(3);
            let page = &mut pages[at];
            sql.fails_after.set(luck.is(5).then(|| luck.below(12) as u32));
            match luck.below(6) {
                0 | 1 => {
                    let id = format!("p{}", luck.below(4));
                    let version = versions.entry(id.clone()).or_insert(0);
                    *version += 1;
                    let record = state(&id, *version, &clock, luck.below(1000) as u64);
                    memory.put(&record);
                    if luck.is(2) {
                        let _ = table.hear(vec![record], Vec::new(), &mut Capacity::default()).await;
                    }
                }
                2 => drop(table.refresh(&mut Capacity::default()).await),
                3 if !page.kept.is_empty() => {
                    let ack = format!(r#"{{"ack":{}}}"#, page.seq);
                    clock.pass(Duration::from_secs(1));
                    if let Ok(outcome) = table.receive(page.sockets(), &ack) {
                        page.take(&outcome);
                    }
                }
                4 => {
                    page.kept.clear();
                    if let Ok(outcome) = table.open_socket(&reader("k"), page.since().as_deref(), 0) {
                        page.take(&outcome);
                    }
                }
                _ => {
                    if let Ok(outcome) = table.tell(page.sockets()) {
                        page.take(&outcome);
                    }
                }
            }
            sql.fails_after.set(None);
        }
        let table = open();
        table.refresh(&mut Capacity::default()).await.expect("read");
        let log = sql.count_of("log WHERE frame IS NOT NULL");
        for page in &mut pages {
            page.kept.clear();
            page.take(&table.open_socket(&reader("k"), page.since().as_deref(), 0).expect("opened"));
            while page.seq < log {
                clock.pass(Duration::from_secs(1));
                let ack = format!(r#"{{"ack":{}}}"#, page.seq);
                page.take(&table.receive(page.sockets(), &ack).expect("told"));
            }
            for (id, version) in &versions {
                let heard = page.heard.get(id).map_or(&[][..], |heard| heard);
                assert_eq!(heard.last(), Some(version), "seed {seed}: {id}");
                assert!(heard.is_sorted_by(|one, next| one < next), "seed {seed}: {id}: {heard:?}");
            }
        }
    }
}
