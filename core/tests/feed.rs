//! Tests of the feed with a table in memory: other programs put, update and delete items, and each change is told.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use ripple_core::feed::{Decision, StreamRecord, decide};
use ripple_core::random::Random;
use ripple_core::record::Names;
use ripple_core::replica::Clock as _;
use ripple_core::service::adopt::{Adopter, Adoption};
use ripple_core::service::{Error, Metrics};
use ripple_core::value::{Members, Value, parse};
use ripple_core::{RecordId, Timestamp, limits};
use ripple_test_kit::{Answer, Hosts, members, moment, post, project, request, with};
use serde_json::json;

/// Hosts on a table, and the stream of one record.
struct World {
    hosts: Hosts,
    stream: RefCell<Vec<StreamRecord>>,
}

impl World {
    fn new() -> World {
        World { hosts: Hosts::new(), stream: RefCell::default() }
    }

    fn id() -> RecordId {
        RecordId::stored("p".to_owned())
    }

    fn item(&self) -> Option<Members> {
        self.hosts.store.item(&World::id())
    }

    fn tick(&self) -> Timestamp {
        self.hosts.clock.pass(Duration::from_millis(1));
        self.hosts.clock.now()
    }

    /// Notes what a change did to the item.
    fn note(&self, old: Option<Members>) {
        let new = self.item();
        if old != new {
            let at = Timestamp(self.hosts.clock.now().0 / 1000 * 1000);
            self.stream.borrow_mut().push(StreamRecord { old, new, at, expired: false });
        }
    }

    /// Puts the other program's whole item.
    fn put(&self, record: &str) {
        let old = self.item();
        self.hosts.put("p", record);
        self.note(old);
    }

    fn put_item(&self, item: Members) {
        let old = self.item();
        self.hosts.store.put_item(&World::id(), item);
        self.note(old);
    }

    fn set(&self, name: &str, value: &str) {
        let mut item = self.item().expect("an item");
        item.insert(name.to_owned(), value.into());
        self.put_item(item);
    }

    fn delete(&self) {
        let old = self.item();
        self.hosts.store.delete_item(&World::id());
        self.note(old);
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> Answer {
        self.send(request(method, path, body.to_owned())).await
    }

    /// Sends a request by Ann.
    async fn send(&self, request: Request<Bytes>) -> Answer {
        let (old, now) = (self.item(), self.tick());
        let answer = self.hosts.send_in(request, moment(now, now.0, "Ann")).await;
        self.note(old);
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.ask(Method::GET, path, "").await.text()
    }

    /// Saves through ripple, and returns the receipt.
    async fn save(&self, body: &str) -> String {
        let answer = self.ask(Method::PUT, "/prj/p", body).await;
        assert!(answer.status().is_success(), "{answer:?}");
        answer.receipt().to_owned()
    }

    async fn create(&self, goal: &str) {
        assert_eq!(self.send(post("/prj", &project("p", json!({ "goal": goal })))).await.status(), 201);
    }

    async fn tell(&self, change: &StreamRecord, writer: Option<&str>) -> Result<Adoption, Error> {
        let now = self.tick();
        let mut random = [1; 32];
        random[..8].copy_from_slice(&now.0.to_be_bytes());
        let Decision::External(external) = decide(change, &Names::default()).expect("records") else {
            return Ok(Adoption::Own);
        };
        let (random, metrics) = (&mut Random::new(random), &mut Metrics::default());
        let mut adopter = Adopter { store: &self.hosts.store, writer, now, random, metrics };
        let old = self.item();
        let adopted = adopter.adopt(&external).await;
        self.note(old);
        adopted
    }

    /// Tells every change that was not told yet, the feed's own included. Returns the result of each.
    async fn follow(&self) -> Vec<Adoption> {
        let mut done = Vec::new();
        loop {
            let changes = std::mem::take(&mut *self.stream.borrow_mut());
            if changes.is_empty() {
                return done;
            }
            for change in &changes {
                done.push(self.tell(change, None).await.expect("it is adopted"));
            }
        }
    }

    /// Returns the history: for each version its author, `goal`, and the fields that it changed.
    async fn history(&self) -> Vec<String> {
        let Ok(Value::List(rows)) = parse(self.get("/prj/p/versions").await.as_bytes()) else { panic!("no history") };
        let mut told = Vec::new();
        for row in rows {
            let Value::Map(row) = row else { panic!("{row:?}") };
            let text = |name: &str| row.get(name).map(json).unwrap_or_default();
            let state = members(&self.get(&format!("/prj/p/versions/{}", text("version"))).await);
            let goal = state.get("goal").map(json).unwrap_or_default();
            let external = if row.contains_key("external") { " external" } else { "" };
            told.push(format!("{} by {}{external}: {goal}", text("version"), text("updated_by")));
        }
        told
    }
}

fn json(value: &Value) -> String {
    serde_json::to_string(value).expect("JSON").trim_matches('"').to_owned()
}

/// The other program changes a text and leaves what ripple added, the author included.
#[tokio::test]
async fn a_change_of_another_program_is_not_by_the_last_author() {
    let world = World::new();
    world.create("ours").await;
    let save = request(Method::PATCH, "/prj/p", r#"{"goal":"Bo's"}"#);
    let saved = world.send(with(save, &[("ripple-author", r#""Bo";id="u7""#)])).await;
    assert!(members(std::str::from_utf8(saved.body()).expect("JSON")).contains_key("updated_author"));
    world.set("goal", "theirs");
    let author = async || members(&world.get("/prj/p").await).contains_key("updated_author");
    assert!(!author().await, "before it is adopted");
    assert!(world.follow().await.contains(&Adoption::Adopted(3)));
    assert!(!author().await && !world.item().expect("an item").contains_key("rpl_author"));
    let rows = world.get("/prj/p/versions").await;
    assert_eq!(rows.matches("updated_author").count(), 1, "{rows}");
}

#[tokio::test]
async fn a_put_over_a_record_gets_a_number_an_author_and_what_it_replaced() {
    let world = World::new();
    world.create("ours").await;
    world.put(r#"{"goal":"theirs"}"#);
    assert_eq!(world.follow().await, [Adoption::Own, Adoption::Adopted(2), Adoption::Own]);

    let record = members(&world.get("/prj/p").await);
    assert_eq!((json(&record["version"]), json(&record["updated_by"])), ("2".to_owned(), "external".to_owned()));
    assert!(record.contains_key("updated_at"));
    assert_eq!(world.history().await, ["2 by external external: theirs", "1 by Ann: ours"]);
    let rows = world.get("/prj/p/versions").await;
    assert!(rows.contains(r#"{"field":"/goal","replaced":"ours"}"#), "{rows}");
    assert_eq!(world.get("/prj/p").await, world.get("/prj/p/versions/2").await, "one number names one content");
}

#[tokio::test]
async fn a_whole_item_of_another_program_is_undone_by_one_restore_that_keeps_later_edits() {
    let world = World::new();
    world.create("ours").await;
    world.save(r#"{"version":1,"note":"important"}"#).await;
    world.put(r#"{"goal":"theirs"}"#);
    world.follow().await;
    world.save(r#"{"version":3,"later":"kept"}"#).await;
    let restored = world.ask(Method::POST, "/prj/p/versions/2", r#"{"version":3}"#).await;
    assert_eq!(restored.status(), 200);
    let record = members(&world.get("/prj/p").await);
    let [goal, note, later] = ["goal", "note", "later"].map(|name| record.get(name).map(json).unwrap_or_default());
    assert_eq!([goal, note, later], ["ours", "important", "kept"]);
}

#[tokio::test]
async fn changes_tell_of_another_programs_write() {
    let world = World::new();
    world.create("ours").await;
    let later = || world.hosts.clock.pass(limits::OVERLAP * 2);
    let since = |page: String| format!("/prj/_changes?since={}", json(&members(&page)["cursor"]));
    // Reading begins some time before the cursor, so that a late write is not missed.
    later();
    let path = since(world.get("/prj/_changes").await);
    let path = since(world.get(&path).await);
    later();
    world.put(r#"{"goal":"theirs"}"#);
    assert!(!world.get(&path).await.contains("theirs"), "the index does not show it yet");
    world.follow().await;
    let told = world.get(&path).await;
    assert!(told.contains(r#""goal":"theirs""#) && told.contains(r#""version":2"#), "{told}");
}

#[tokio::test]
async fn every_state_that_was_there_for_a_moment_has_a_row() {
    let world = World::new();
    world.create("ours").await;
    world.put(r#"{"goal":"first"}"#);
    world.put(r#"{"goal":"second"}"#);
    world.put(r#"{"goal":"third"}"#);
    world.follow().await;
    let expected = [
        "4 by external external: third",
        "3 by external external: second",
        "2 by external external: first",
        "1 by Ann: ours",
    ];
    assert_eq!(world.history().await, expected);
    let rows = world.get("/prj/p/versions").await;
    for replaced in ["ours", "first", "second"] {
        assert!(rows.contains(&format!(r#"{{"field":"/goal","replaced":"{replaced}"}}"#)), "{rows}");
    }
    assert_eq!(json(&members(&world.get("/prj/p").await)["version"]), "4");
    // Only the newest row is kept for ever.
    world.hosts.clock.pass(limits::HISTORY * 2);
    world.hosts.store.expire(world.hosts.clock.now());
    assert_eq!(world.history().await, ["4 by external external: third"]);
}

#[tokio::test]
async fn a_state_that_a_save_replaced_unseen_has_a_row() {
    let world = World::new();
    world.create("ours").await;
    world.put(r#"{"goal":"first"}"#);
    world.put(r#"{"goal":"second"}"#);
    world.save(r#"{"goal":"ours again"}"#).await;
    // The save has version 3. The row of the first state follows it.
    let told = world.follow().await;
    assert!(told.contains(&Adoption::Kept(4)), "{told:?}");
    let expected =
        ["4 by external external: first", "3 by Ann: ours again", "2 by external external: second", "1 by Ann: ours"];
    assert_eq!(world.history().await, expected);
    assert_eq!(json(&members(&world.get("/prj/p").await)["version"]), "3");
    // The next number is not the one of that row.
    assert!(world.save(r#"{"version":3,"goal":"next"}"#).await.contains("version=5"));
    world.hosts.clock.pass(limits::HISTORY * 2);
    world.hosts.store.expire(world.hosts.clock.now());
    assert_eq!(world.history().await, ["5 by Ann: next"]);
}

#[tokio::test]
async fn changes_that_are_told_late_and_twice_are_adopted_once() {
    let world = World::new();
    world.create("ours").await;
    for goal in ["first", "second"] {
        world.put(&format!(r#"{{"goal":"{goal}"}}"#));
        world.save(&format!(r#"{{"issue":"after {goal}"}}"#)).await;
    }
    world.put(r#"{"goal":"third"}"#);
    world.put(r#"{"goal":"fourth"}"#);
    world.delete();
    let changes = world.stream.borrow().clone();
    world.follow().await;
    let (history, item) = (world.history().await, world.item());
    for _ in 0..2 {
        for change in &changes {
            let adoption = world.tell(change, None).await.expect("told");
            assert!(matches!(adoption, Adoption::Own | Adoption::Nothing), "{change:?}");
        }
    }
    assert_eq!(world.history().await, history);
    assert_eq!(world.item(), item);
}

#[tokio::test]
async fn a_change_after_a_gap_keeps_what_it_replaced() {
    let world = World::new();
    world.create("ours").await;
    world.put(r#"{"goal":"first"}"#);
    world.put(r#"{"goal":"second"}"#);
    // Only the last change is told.
    let last = world.stream.borrow().last().cloned().expect("a change");
    assert_eq!(world.tell(&last, None).await.expect("told"), Adoption::Adopted(3));
    let expected = ["3 by external external: second", "2 by external external: first", "1 by Ann: ours"];
    assert_eq!(world.history().await, expected);
}

#[tokio::test]
async fn a_deletion_becomes_a_tombstone_and_its_state_can_be_restored() {
    let world = World::new();
    world.put(r#"{"name":"n","goal":"theirs"}"#);
    world.delete();
    world.follow().await;
    assert_eq!(world.history().await, ["2 by external external: ", "1 by external external: theirs"]);
    assert_eq!(world.ask(Method::GET, "/prj/p", "").await.status(), 410);
    assert_eq!(world.ask(Method::POST, "/prj/p/versions/1", "").await.status(), 200);
    assert!(world.get("/prj/p").await.contains("theirs"));
}

#[tokio::test]
async fn an_old_item_that_is_put_back_is_the_newest_version() {
    let world = World::new();
    world.create("one").await;
    let old = world.item().expect("an item");
    world.save(r#"{"version":1,"goal":"two"}"#).await;
    world.follow().await;
    world.put_item(old);
    assert_eq!(world.follow().await, [Adoption::Adopted(3), Adoption::Own]);
    assert_eq!(world.history().await, ["3 by external external: one", "2 by Ann: two", "1 by Ann: one"]);
    // An old tombstone deletes the record again.
    assert_eq!(world.ask(Method::DELETE, "/prj/p", "").await.status(), 204);
    let tombstone = world.item().expect("a tombstone");
    assert_eq!(world.ask(Method::POST, "/prj/p/versions/3", "").await.status(), 200);
    world.follow().await;
    world.put_item(tombstone);
    assert_eq!(world.follow().await, [Adoption::Adopted(6), Adoption::Own]);
    assert_eq!(world.ask(Method::GET, "/prj/p", "").await.status(), 410);
}

#[tokio::test]
async fn what_is_written_onto_a_tombstone_loses_its_expiry() {
    let world = World::new();
    world.create("ours").await;
    assert_eq!(world.ask(Method::DELETE, "/prj/p", "").await.status(), 204);
    world.set("goal", "back");
    world.follow().await;
    world.hosts.clock.pass(limits::HISTORY * 2);
    world.hosts.store.expire(world.hosts.clock.now());
    assert!(world.get("/prj/p").await.contains("back"));
}

#[tokio::test]
async fn a_declared_attribute_names_the_author() {
    let world = World::new();
    world.put(r#"{"goal":"theirs","edited_by":"Cy"}"#);
    let change = world.stream.take().remove(0);
    assert_eq!(world.tell(&change, Some("edited_by")).await.expect("told"), Adoption::Adopted(1));
    assert_eq!(world.history().await, ["1 by Cy external: theirs"]);
}

#[tokio::test]
async fn a_state_without_room_for_ripples_attributes_is_refused_and_stays() {
    let world = World::new();
    world.put(&format!(r#"{{"goal":"{}"}}"#, "x".repeat(limits::ITEM - 20)));
    let (change, item) = (world.stream.take().remove(0), world.item());
    assert!(matches!(world.tell(&change, None).await, Err(Error::Refused(_))));
    assert_eq!(world.item(), item);
}
