//! Tests with another program that knows no versions. Each of its states gets a number and a row. Its writes are
//! neither lost nor do they block ripple's.

use std::sync::Arc;

use http::Method;
use ripple_core::value::{Members, Value};
use ripple_test_kit::{post, project, request, with};
use serde_json::json;

use crate::engine::Engine;
use crate::program::item;
use crate::world::{World, in_both_worlds, put};

in_both_worlds! {
    a_state_of_theirs_is_shown_with_a_number_of_its_content
    every_state_of_theirs_that_ripple_writes_over_has_a_row
    every_state_of_a_program_that_counts_itself_has_a_row
    two_edits_of_one_state_of_theirs_are_both_kept
    two_states_of_theirs_are_two_bases
    a_state_of_theirs_that_was_overwritten_unseen_is_a_missing_base
    what_is_found_unchanged_is_adopted
    what_is_adopted_is_the_base_of_those_who_read_it_before
    an_item_put_back_byte_for_byte_uses_no_number_twice
    a_state_of_theirs_put_back_has_its_number_again
    a_copy_under_another_id_is_a_state_of_theirs
    a_tombstone_that_they_update_lives
    a_deletion_names_their_state
    a_restore_over_their_state_keeps_it
}

/// Returns the number with which a state of the other program is shown.
async fn shown(world: &World, id: &str) -> i64 {
    let record = world.read(id).await;
    let version = record["version"].as_i64().expect("a whole number");
    assert!(version < 0, "{record}");
    assert_eq!((record.get("updated_at"), record.get("updated_by")), (None, None));
    version
}

async fn a_state_of_theirs_is_shown_with_a_number_of_its_content(world: &World) {
    let mut numbers = Vec::new();
    for (id, members) in [
        ("p", r#"{"goal":"first"}"#),
        ("p", r#"{"goal":"second"}"#),
        ("p", r#"{"goal":"first","note":null}"#),
        ("p", r#"{"goal":["first"]}"#),
        ("q", r#"{"goal":"first"}"#),
    ] {
        world.program.put_json(id, members).await;
        numbers.push(shown(world, id).await);
        assert_eq!(world.get(&format!("/prj?prj_id={id}")).await.json(), json!([world.read(id).await]));
    }
    let mut different = numbers.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), numbers.len(), "{numbers:?}");
    assert!(numbers.iter().all(|number| *number > -(1 << 53)), "every reader of JSON has it exactly: {numbers:?}");
    world.program.put_json("p", r#"{"goal":"first"}"#).await;
    assert_eq!(shown(world, "p").await, numbers[0]);
}

async fn every_state_of_theirs_that_ripple_writes_over_has_a_row(world: &World) {
    world.program.put_json("p", r#"{"goal":"first"}"#).await;
    let first = shown(world, "p").await;
    let saved = world.put("p", json!({"version": first, "goal": "ours"})).await;
    assert_eq!(saved.receipt(), format!(r#"result=saved, version=2, base={first}, taken=("/goal")"#));
    assert_eq!(saved.version(), 2);

    world.program.put_json("p", r#"{"goal":"second"}"#).await;
    let second = shown(world, "p").await;
    let saved = world.put("p", json!({"version": 2, "goal": "ours again"})).await;
    assert_eq!(saved.receipt(), r#"result=saved, version=4, base=2, won=("/goal";replaced=3)"#);

    // The other program changes one attribute of a state that ripple wrote.
    world.program.set("p", "goal", Some("third".into())).await;
    assert_ne!(shown(world, "p").await, second);
    assert_eq!(world.delete("p").await.expect(204).receipt(), "result=deleted, version=6");

    assert_eq!(world.versions("p").await, [6, 5, 4, 3, 2, 1]);
    for (version, goal) in (1..).zip(["first", "ours", "second", "ours again", "third"]) {
        let state = world.state("p", version).await;
        assert_eq!((&state["goal"], &state["version"]), (&json!(goal), &json!(version)));
        let theirs = state["updated_by"] == "external" && state.get("updated_at").is_none();
        assert_eq!(theirs, version % 2 == 1, "{state}");
    }
}

/// The attribute has the name of ripple's member, but belongs to the other program.
async fn every_state_of_a_program_that_counts_itself_has_a_row(world: &World) {
    world.program.put_json("p", r#"{"goal":"theirs 5","version":5}"#).await;
    shown(world, "p").await;
    world.program.put_json("p", r#"{"goal":"theirs 6","version":6}"#).await;
    let version = shown(world, "p").await;
    assert_eq!(world.put("p", json!({"version": version, "issue": "ours"})).await.version(), 2);
    assert_eq!(world.program.item("p").await.expect("an item").get("version"), Some(&Value::from(6)));
    world.program.put_json("p", r#"{"goal":"theirs 8","version":8}"#).await;
    let version = shown(world, "p").await;
    assert_eq!(world.put("p", json!({"version": version, "issue": "ours again"})).await.version(), 4);
    assert_eq!(world.program.item("p").await.expect("an item").get("version"), Some(&Value::from(8)));

    assert_eq!(world.versions("p").await, [4, 3, 2, 1]);
    for (version, goal, issue) in [
        (1, "theirs 6", None),
        (2, "theirs 6", Some("ours")),
        (3, "theirs 8", None),
        (4, "theirs 8", Some("ours again")),
    ] {
        let state = world.state("p", version).await;
        assert_eq!((&state["goal"], state["issue"].as_str()), (&json!(goal), issue), "{version}");
    }
}

async fn two_edits_of_one_state_of_theirs_are_both_kept(world: &World) {
    world.create("p", json!({"l": ["a"]})).await;
    world.program.set("p", "goal", Some("theirs".into())).await;
    let read = world.read("p").await;
    let edited = |name: &str, value: serde_json::Value| {
        let mut record = read.clone();
        record[name] = value;
        record
    };
    let theirs = shown(world, "p").await;
    assert_eq!(world.put_as("Bo", "p", edited("goal", json!("Bo's"))).await.version(), 3);
    let saved = world.put_as("Ann", "p", edited("issue", json!("Ann's"))).await;
    let expected = format!(r#"result=saved, version=4, base={theirs}, taken=("/issue"), kept=("/goal")"#);
    assert_eq!(saved.receipt(), expected);
    let saved = world.put_as("Cy", "p", edited("l", json!([]))).await;
    let record = saved.json();
    assert_eq!((&record["goal"], &record["issue"], &record["l"]), (&json!("Bo's"), &json!("Ann's"), &json!([])));
}

async fn two_states_of_theirs_are_two_bases(world: &World) {
    world.program.put_json("p", r#"{"goal":"first","l":["a","b"]}"#).await;
    let mut ann = world.read("p").await;
    world.put_as("Cy", "p", json!({"note": "between"})).await;
    world.program.put_json("p", r#"{"goal":"second","l":["a","b","c"]}"#).await;
    let mut bo = world.read("p").await;
    assert_ne!(ann["version"], bo["version"]);

    bo["l"] = json!(["b", "c"]);
    assert_eq!(world.put_as("Bo", "p", bo).await.version(), 4);
    ann["l"] = json!(["a", "b", "d"]);
    ann["goal"] = json!("Ann's");
    let saved = world.put_as("Ann", "p", ann).await;
    assert!(saved.receipt().contains(r#"won=("/goal";replaced=4)"#), "{}", saved.receipt());
    assert!(!saved.receipt().contains("missing"), "{}", saved.receipt());
    let record = saved.json();
    let mut list: Vec<&str> = record["l"].as_array().expect("a list").iter().filter_map(|tag| tag.as_str()).collect();
    list.sort_unstable();
    assert_eq!((list, &record["goal"]), (vec!["b", "c", "d"], &json!("Ann's")), "Bo removed a, Ann added d");
}

/// No row has that state. The author is told so, and no other state is used in its place.
async fn a_state_of_theirs_that_was_overwritten_unseen_is_a_missing_base(world: &World) {
    world.program.put_json("p", r#"{"goal":"first","l":["a","b"]}"#).await;
    let mut ann = world.read("p").await;
    let base = ann["version"].clone();
    world.program.put_json("p", r#"{"goal":"second","l":["a","b","c"]}"#).await;
    ann["l"] = json!(["a"]);
    let saved = world.put("p", ann).await;
    assert!(
        saved.receipt().starts_with(&format!("result=saved, version=2, base={base};missing")),
        "{}",
        saved.receipt()
    );
    assert_eq!(saved.json()["l"], json!(["a", "b", "c"]), "nothing is removed");
    assert_eq!(world.state("p", 1).await["goal"], "second");
}

/// Otherwise the program could overwrite a state that ripple has answered before a row has it.
async fn what_is_found_unchanged_is_adopted(world: &World) {
    world.create("p", json!({})).await;
    world.program.set("p", "goal", Some("theirs".into())).await;
    let saved = world.put("p", json!({"version": 1, "goal": "theirs"})).await;
    assert_eq!(saved.receipt().split_once(", base").expect("a base").0, "result=unchanged, version=2");
    assert_eq!(saved.version(), 2);
    assert_eq!(world.read("p").await, saved.json());
    assert_eq!(world.state("p", 2).await, saved.json(), "one number names one content");
    let again = world.put("p", json!({"version": 1, "goal": "theirs"})).await;
    assert_eq!(again.version(), 2, "it is ripple's own by now");

    world.program.put_json("p", r#"{"goal":"another","rpl_expires_at":4000000000}"#).await;
    assert_eq!(world.state("p", 2).await["goal"], "theirs");
    let saved = world.put("p", json!({"goal": "another"})).await;
    assert_eq!((saved.receipt(), saved.version()), ("result=unchanged, version=3", 3));
    assert_eq!(world.program.item("p").await.expect("an item").get("rpl_expires_at"), None, "or TTL would delete it");
    assert_eq!(world.versions("p").await, [3, 2, 1]);

    // A record that ripple has never read.
    world.program.put_json("q", r#"{"goal":"theirs"}"#).await;
    let saved = world.put("q", json!({})).await;
    assert_eq!((saved.receipt(), saved.version()), ("result=unchanged, version=1", 1));
    assert_eq!(world.versions("q").await, [1]);
}

async fn what_is_adopted_is_the_base_of_those_who_read_it_before(world: &World) {
    world.program.put_json("p", r#"{"goal":"theirs","l":["a","b"]}"#).await;
    let base = shown(world, "p").await;
    let tag = world.get("/prj/p").await.header("etag").to_owned();
    assert_eq!(world.put("p", json!({"version": base})).await.version(), 1);
    assert_ne!(world.get("/prj/p").await.header("etag"), tag, "its number is another");
    let saved = world.put("p", json!({"version": base, "l": ["b"]})).await;
    assert_eq!((&saved.json()["l"], saved.version()), (&json!(["b"]), 2));
    let saved = world.put("p", json!({"version": base, "goal": "ours", "l": ["a", "b", "c"]})).await;
    assert!(!saved.receipt().contains("missing"), "{}", saved.receipt());
    assert_eq!(saved.json()["l"], json!(["b", "c"]));
}

/// The item's seal matches, so readers see the old version until the next save.
async fn an_item_put_back_byte_for_byte_uses_no_number_twice(world: &World) {
    world.create("p", json!({"goal": "one"})).await;
    let old = world.program.item("p").await.expect("an item");
    world.put("p", json!({"version": 1, "goal": "two"})).await;
    world.put("p", json!({"version": 2, "goal": "three", "note": "3"})).await;
    world.program.put(old.clone()).await;
    assert_eq!(world.read("p").await["version"], 1);
    let saved = world.put("p", json!({"version": 1, "issue": "four"})).await;
    assert_eq!((saved.version(), &saved.json()["goal"]), (4, &json!("one")));

    world.program.put(old).await;
    // The client that read version 3 either has its edit merged, or gets the current record.
    let late = world.send(put("p", json!({"version": 3, "description": "five"}))).await;
    match late.status().as_u16() {
        200 => assert_eq!(late.json()["description"], "five"),
        _ => late.problem(409, "stale"),
    }
    let saved = world.put("p", json!({"note": "six"})).await;
    assert!(saved.version() >= 5, "{saved:?}");
    let versions = world.versions("p").await;
    assert_eq!(versions, (1..=saved.version()).rev().collect::<Vec<_>>());
    for (version, name, value) in [(1, "goal", "one"), (2, "goal", "two"), (3, "note", "3"), (4, "issue", "four")] {
        assert_eq!(world.state("p", version).await[name], value, "{version}");
    }
    // A deletion also gets a free number.
    let item = world.program.item("p").await.expect("an item");
    world.put("p", json!({"goal": "seven"})).await;
    world.program.put(item).await;
    world.delete("p").await.expect(204);
    let newest = world.versions("p").await[0];
    assert_eq!(newest, saved.version() + 2);
    assert_eq!(world.get("/prj/p").await.json()["version"], newest);
}

async fn a_state_of_theirs_put_back_has_its_number_again(world: &World) {
    world.program.put_json("p", r#"{"goal":"theirs","l":["a"]}"#).await;
    let base = shown(world, "p").await;
    let theirs = world.program.item("p").await.expect("an item");
    world.put("p", json!({"version": base, "l": ["a", "b"]})).await;
    world.program.put(theirs).await;
    assert_eq!(shown(world, "p").await, base);
    let saved = world.put("p", json!({"version": base, "l": ["a", "c"]})).await;
    assert_eq!((saved.version(), &saved.json()["l"]), (4, &json!(["a", "c"])));
    assert_eq!(world.versions("p").await, [4, 3, 2, 1]);
    assert_eq!(world.state("p", 2).await["l"], json!(["a", "b"]));
}

async fn a_copy_under_another_id_is_a_state_of_theirs(world: &World) {
    world.create("p", json!({"goal": "original"})).await;
    world.put("p", json!({"version": 1, "note": "second"})).await;
    let mut copy = world.program.item("p").await.expect("an item");
    copy.insert("prj_id".to_owned(), "q".into());
    world.program.put(copy.clone()).await;
    let version = shown(world, "q").await;
    let saved = world.put("q", json!({"version": version, "goal": "copy"})).await;
    assert_eq!((saved.version(), world.versions("q").await), (2, vec![2, 1]));
    assert_eq!((world.versions("p").await, &world.read("p").await["goal"]), (vec![2, 1], &json!("original")));

    // The program copies an item over a record that ripple wrote.
    world.program.put(copy).await;
    shown(world, "q").await;
    assert_eq!(world.put("q", json!({"goal": "again"})).await.version(), 4);
    // A copy of a tombstone is a record without members, and not a tombstone.
    world.delete("p").await.expect(204);
    let mut tombstone = world.program.item("p").await.expect("an item");
    tombstone.insert("prj_id".to_owned(), "r".into());
    world.program.put(tombstone).await;
    shown(world, "r").await;
}

async fn a_tombstone_that_they_update_lives(world: &World) {
    for (id, saves) in [("p", json!({"goal": "saved"})), ("q", json!({"name": "back"}))] {
        world.create(id, json!({})).await;
        world.delete(id).await.expect(204);
        world.program.set(id, "name", Some("back".into())).await;
        shown(world, id).await;
        assert_eq!(world.read(id).await["name"], "back");
        let listed = world.get(&format!("/prj?prj_id={id}")).await.json();
        assert_eq!(listed, json!([world.read(id).await]));

        let saved = world.put(id, saves.clone()).await;
        assert_eq!(saved.version(), if id == "p" { 4 } else { 3 }, "{saves}");
        let item = world.program.item(id).await.expect("an item");
        assert_eq!((item.get("rpl_expires_at"), item.get("rpl_deleted")), (None, None), "TTL would delete it");
        assert_eq!(world.state(id, 3).await["name"], "back");
    }
    // The program puts a whole item in its place.
    world.delete("p").await.expect(204);
    world.program.put_json("p", r#"{"name":"anew"}"#).await;
    assert_eq!(world.put("p", json!({"goal": "saved"})).await.version(), 7);
    assert_eq!(world.state("p", 6).await["name"], "anew");
    world.send(post("/prj", &project("p", json!({})))).await.problem(409, "exists");
}

async fn a_deletion_names_their_state(world: &World) {
    world.program.put_json("p", r#"{"goal":"first"}"#).await;
    let first = shown(world, "p").await;
    world.program.put_json("p", r#"{"goal":"second"}"#).await;
    let second = shown(world, "p").await;
    let delete = |version: i64| {
        let body = json!({"version": version}).to_string();
        with(request(Method::DELETE, "/prj/p", body), &[("content-type", "application/json")])
    };
    for version in [first, 1, 0] {
        world.send(delete(version)).await.problem(412, "precondition_failed");
    }
    assert_eq!(shown(world, "p").await, second);
    assert_eq!(world.send(delete(second)).await.expect(204).receipt(), "result=deleted, version=2");
    assert_eq!(world.state("p", 1).await["goal"], "second");
}

async fn a_restore_over_their_state_keeps_it(world: &World) {
    world.create("p", json!({"goal": "ours", "l": ["a"]})).await;
    world.program.put_json("p", r#"{"goal":"theirs","kept":1}"#).await;
    let theirs = shown(world, "p").await;
    let merged = world.send(post("/prj/p/versions/1", &json!({"version": theirs}))).await;
    let merged = merged.expect(200);
    assert!(
        merged.receipt().starts_with(&format!("result=restored, version=3, base={theirs}")),
        "{}",
        merged.receipt()
    );
    assert_eq!((&merged.json()["goal"], &merged.json()["l"]), (&json!("ours"), &json!(["a"])));
    assert_eq!(world.state("p", 2).await["kept"], 1);
    let back = world.restore("p", 2).await.expect(200).json();
    assert_eq!((&back["goal"], &back["kept"], back.get("l")), (&json!("theirs"), &json!(1), None));
}

/// Returns the item of a record that has only its own members.
fn item_of(record: &serde_json::Value) -> Members {
    item(record["prj_id"].as_str().expect("an id"), &record.to_string())
}

#[tokio::test]
async fn the_articles_table_becomes_ripples() {
    let engine = Engine::without_tables().await;
    engine.create_the_articles_table().await;
    engine.put_legacy("prj0001").await;
    let tables = engine.store.create_tables().await.expect("made");
    assert!(tables.iter().all(|table| table.state == ripple_core::store::dynamodb::TableState::Ready), "{tables:?}");

    let engine = Arc::new(engine);
    let world = &World::embedded(Arc::clone(&engine));
    let legacy = shown(world, "prj0001").await;
    let saved = world.put("prj0001", json!({"version": legacy, "goal": "another"})).await;
    assert_eq!(saved.version(), 2);
    // The history begins with the state that ripple found.
    assert_eq!(world.versions("prj0001").await, [2, 1]);
    assert_eq!(world.state("prj0001", 1).await["goal"], "g");
    let item = engine.item("prj0001").await.expect("an item");
    let own = |name: &&String| name.starts_with("rpl_");
    let mut attributes: Vec<&str> = item.keys().filter(|name| !own(name)).map(String::as_str).collect();
    attributes.sort_unstable();
    let as_created = item_of(&project("prj0001", json!({})));
    assert_eq!(attributes, as_created.keys().collect::<Vec<_>>());
    engine.store.create_tables().await.expect("made before is no error");
    // The legacy function continues to write.
    engine.put_legacy("prj0001").await;
    assert_eq!(shown(world, "prj0001").await, legacy);
}

#[tokio::test]
async fn a_table_of_theirs_is_listed_with_their_numbers() {
    let world = World::embedded(Arc::new(Engine::start().await));
    for number in 0..20 {
        world.program.put(item(&format!("p{number:02}"), &format!(r#"{{"goal":"{number}"}}"#))).await;
    }
    let list = world.get("/prj").await.expect(200).json();
    let numbers: Vec<i64> =
        list.as_array().expect("a list").iter().filter_map(|record| record["version"].as_i64()).collect();
    assert!(numbers.len() == 20 && numbers.iter().all(|number| *number < 0), "{numbers:?}");
}
