//! Tests with a second writer that puts whole items and knows no versions: the numbers of its states, the answers to
//! repeated saves over them, and the cost of such saves.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use ripple_core::value::{Value, parse};
use ripple_test_kit::{Answer, Hosts, members, request, with};

struct World(Hosts);

impl World {
    fn new() -> World {
        World(Hosts::new())
    }

    /// Puts the other writer's whole item.
    fn put(&self, record: &str) {
        self.0.put("p", record);
    }

    async fn ask(&self, request: Request<Bytes>) -> Answer {
        self.0.clock.pass(Duration::from_millis(1));
        self.0.send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path, "")).await
    }

    /// Saves, and returns the receipt.
    async fn put_through_ripple(&self, body: &str) -> String {
        receipt(&self.ask(request(Method::PUT, "/prj/p", body.to_owned())).await)
    }

    /// Returns the record's list, `goal` and version.
    async fn shown(&self, path: &str) -> String {
        let mut shown = members(&self.get(path).await.text());
        shown.retain(|name, _| ["goal", "l", "version"].contains(&name.as_str()));
        serde_json::to_string(&Value::Map(shown)).expect("JSON")
    }

    /// Returns the number under which the other writer's state is shown.
    async fn number(&self) -> i64 {
        let record = members(&self.get("/prj/p").await.text());
        let number = serde_json::to_string(&record["version"]).expect("JSON").parse().expect("a whole number");
        assert!(number < 0 && !record.contains_key("updated_at") && !record.contains_key("updated_by"), "{record:?}");
        number
    }

    async fn numbers(&self) -> Vec<String> {
        let history = self.get("/prj/p/versions").await;
        let Ok(Value::List(rows)) = parse(history.body()) else { panic!("{history:?}") };
        let told = |row: Value| {
            let Value::Map(row) = row else { panic!("{row:?}") };
            let by = if row.contains_key("external") { "another" } else { "ripple" };
            format!("{} by {by}", serde_json::to_string(&row["version"]).expect("a number"))
        };
        rows.into_iter().map(told).collect()
    }
}

fn keyed(request: Request<Bytes>) -> Request<Bytes> {
    with(request, &[("idempotency-key", "k")])
}

#[track_caller]
fn receipt(answer: &Answer) -> String {
    assert!(answer.status().is_success(), "{answer:?}");
    answer.receipt().to_owned()
}

#[tokio::test]
async fn each_of_their_states_that_ripple_writes_over_has_a_version_of_its_own() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    let first = world.number().await;
    let told = world.put_through_ripple(&format!(r#"{{"version":{first},"goal":"mine"}}"#)).await;
    assert_eq!(told, format!(r#"result=saved, version=2, base={first}, taken=("/goal")"#));

    world.put(r#"{"goal":"second"}"#);
    assert_ne!(world.number().await, first);
    let told = world.put_through_ripple(r#"{"version":2,"goal":"mine again"}"#).await;
    assert_eq!(told, r#"result=saved, version=4, base=2, won=("/goal";replaced=3)"#);

    assert_eq!(world.numbers().await, ["4 by ripple", "3 by another", "2 by ripple", "1 by another"]);
    for (number, goal) in (1..).zip(["first", "mine", "second", "mine again"]) {
        let expected = format!(r#"{{"goal":"{goal}","version":{number}}}"#);
        assert_eq!(world.shown(&format!("/prj/p/versions/{number}")).await, expected);
    }
}

/// This holds for PUT, PATCH, a restoration and a deletion.
#[tokio::test]
async fn every_way_to_write_gives_their_state_a_row() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    world.put_through_ripple(r#"{"goal":"mine"}"#).await;
    let merge_patch = |request| with(request, &[("content-type", "application/merge-patch+json")]);
    for (request, version) in [
        (request(Method::PUT, "/prj/p", r#"{"goal":"put"}"#), 4),
        (merge_patch(request(Method::PATCH, "/prj/p", r#"{"goal":"patched"}"#)), 6),
        (request(Method::POST, "/prj/p/versions/1", ""), 8),
        (request(Method::DELETE, "/prj/p", ""), 10),
    ] {
        world.put(r#"{"goal":"theirs","version":0.5}"#);
        world.number().await;
        let told = receipt(&world.ask(request).await);
        assert!(told.contains(&format!("version={version}")), "{told}");
        let theirs = world.shown(&format!("/prj/p/versions/{}", version - 1)).await;
        assert_eq!(theirs, format!(r#"{{"goal":"theirs","version":{}}}"#, version - 1));
    }
}

/// The first answer gives the other writer's state its number. So a retry gets the same answer as long as it is
/// remembered.
#[tokio::test]
async fn a_save_with_nothing_to_do_on_their_state_is_remembered() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    let save = |goal: &str| keyed(request(Method::PUT, "/prj/p", format!(r#"{{"goal":"{goal}"}}"#)));
    let first = world.ask(save("first")).await;
    assert_eq!(receipt(&first), "result=unchanged, version=1");
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"first","version":1}"#);
    let answered = first.text();
    for (theirs, ours) in [(None, None), (None, Some("second")), (Some("third"), None), (None, Some("fourth"))] {
        if let Some(goal) = theirs {
            world.put(&format!(r#"{{"goal":"{goal}"}}"#));
        }
        if let Some(goal) = ours {
            world.put_through_ripple(&format!(r#"{{"goal":"{goal}"}}"#)).await;
        }
        let again = world.ask(save("first")).await;
        assert_eq!((again.text(), receipt(&again)), (answered.clone(), receipt(&first)), "{theirs:?} {ours:?}");
    }
    assert_eq!(world.ask(save("fifth")).await.status(), 422);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"fourth","version":4}"#);
}

#[tokio::test]
async fn a_deletion_of_theirs_is_told_like_a_save() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    world.put_through_ripple(r#"{"goal":"mine"}"#).await;
    world.put(r#"{"goal":"second"}"#);
    assert_eq!(receipt(&world.ask(request(Method::DELETE, "/prj/p", "")).await), "result=deleted, version=4");
    assert_eq!(world.shown("/prj/p/versions/3").await, r#"{"goal":"second","version":3}"#);
}

#[tokio::test]
async fn their_state_stays_the_base_of_those_who_read_it() {
    let world = World::new();
    world.put(r#"{"goal":"first","l":["a","b"]}"#);
    let base = world.number().await;
    world.put_through_ripple(&format!(r#"{{"version":{base},"l":["a","b","c"]}}"#)).await;
    let told = world.put_through_ripple(&format!(r#"{{"version":{base},"l":["b","d"]}}"#)).await;
    let expected = format!(r#"result=saved, version=3, base={base}, merged=("/l";added=1;removed=1;changed=0)"#);
    assert_eq!(told, expected);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"first","l":["b","c","d"],"version":3}"#);
}

/// Another state of the other writer in its place has another number.
#[tokio::test]
async fn each_state_of_theirs_is_a_base_of_its_own() {
    for through_ripple_between in [false, true] {
        let world = World::new();
        world.put(r#"{"goal":"first","l":["a"]}"#);
        let base = world.number().await;
        world.put_through_ripple(&format!(r#"{{"version":{base},"l":["a","added"]}}"#)).await;
        world.put(r#"{"goal":"second","l":["a","added"]}"#);
        let second = world.number().await;
        if through_ripple_between {
            world.put_through_ripple(r#"{"goal":"third"}"#).await;
        }
        let told = world.put_through_ripple(&format!(r#"{{"version":{base},"l":["a","new"]}}"#)).await;
        assert!(told.contains(&format!("base={base}, ")), "{told}");
        assert!(
            world.shown("/prj/p").await.contains(r#""l":["a","added","new"]"#),
            "the client that read the first state has not seen it"
        );
        world.put_through_ripple(&format!(r#"{{"version":{second},"l":["a"]}}"#)).await;
        assert!(
            world.shown("/prj/p").await.contains(r#""l":["a","new"]"#),
            "the client that read the second state has removed it"
        );
    }
}

#[tokio::test]
async fn a_restore_on_their_state_spares_what_came_later() {
    let world = World::new();
    world.put(r#"{"goal":"first","l":["a"]}"#);
    let base = world.number().await;
    world.put_through_ripple(&format!(r#"{{"version":{base},"l":["a","added"]}}"#)).await;
    world.put(r#"{"goal":"second","l":["added"],"kept":1}"#);
    let restore = request(Method::POST, "/prj/p/versions/1", format!(r#"{{"version":{base}}}"#));
    let told = receipt(&world.ask(restore).await);
    assert!(told.starts_with(&format!("result=unchanged, version=3, base={base}")), "it is as it was then: {told}");
    assert!(members(&world.get("/prj/p").await.text()).contains_key("kept"));
    // Without a base it is exactly that state.
    receipt(&world.ask(request(Method::POST, "/prj/p/versions/1", "")).await);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"first","l":["a"],"version":4}"#);
}

#[tokio::test]
async fn an_entity_tag_names_their_state_too() {
    let world = World::new();
    world.put(r#"{"goal":"first","l":["a"]}"#);
    world.put_through_ripple(r#"{"l":["a","added"]}"#).await;
    world.put(r#"{"goal":"second","l":["a","added"]}"#);
    let (tag, number) = (world.get("/prj/p").await.header("etag").to_owned(), world.number().await);
    let save = with(request(Method::PUT, "/prj/p", r#"{"l":["added"]}"#), &[("if-match", tag.as_str())]);
    assert_eq!(
        receipt(&world.ask(save).await),
        format!(r#"result=saved, version=4, base={number}, taken=("/l";added=0;removed=1;changed=0)"#),
    );
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"second","l":["added"],"version":4}"#);
}

/// Checks the cost: one read of the record, one of its newest row, which gives the next number, and one transaction.
/// The transaction writes the record, its row, and the row of the previous state. A save over ripple's own state makes
/// only one row, and sets the expiry of the replaced row.
#[tokio::test]
async fn the_first_save_of_their_record_is_two_reads_and_one_transaction() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    let base = world.number().await;
    let first = world.ask(request(Method::PUT, "/prj/p", format!(r#"{{"version":{base},"goal":"mine"}}"#))).await;
    assert_eq!(first.header("ripple-capacity"), "read=2, write=6");
    let second = world.ask(request(Method::PUT, "/prj/p", r#"{"version":2,"goal":"mine again"}"#)).await;
    assert_eq!(second.header("ripple-capacity"), "read=1, write=5");
}
