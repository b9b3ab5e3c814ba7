//! Tests of records that nothing changes. The newest row of a record never expires, and a replaced row stays for 90
//! days.

use serde_json::json;

use crate::world::{DAY, World, in_both_worlds, put};

in_both_worlds! {
    edits_of_a_record_at_rest_are_merged
    a_row_lives_for_90_days_after_it_was_replaced
    a_large_record_at_rest_is_restored_after_its_deletion
    a_state_of_another_program_is_a_base_for_90_days
    numbers_go_on_where_the_history_has_expired
    numbers_go_on_after_the_tombstone_has_expired
    numbers_go_on_where_another_program_deleted_the_record
    a_row_that_has_expired_is_not_written_again
}

/// Advances the time by days, and lets the table delete expired items.
async fn rest(world: &World, days: u32) {
    world.pass(DAY * days);
    world.program.expire(world.now()).await;
}

async fn edits_of_a_record_at_rest_are_merged(world: &World) {
    let mut first = world.create("p", json!({"l": ["a"]})).await.json();
    rest(world, 95).await;
    world.put("p", json!({"version": 1, "goal": "Ann's", "l": ["a", "b"]})).await;
    first["issue"] = "Bo's".into();
    let second = world.put_as("Bo", "p", first).await;
    assert!(second.receipt().starts_with("result=saved, version=3, base=1, "), "{}", second.receipt());
    let record = world.read("p").await;
    assert_eq!(
        (&record["goal"], &record["issue"], &record["l"]),
        (&json!("Ann's"), &json!("Bo's"), &json!(["a", "b"]))
    );
}

async fn a_row_lives_for_90_days_after_it_was_replaced(world: &World) {
    world.create("p", json!({"l": ["a"]})).await;
    rest(world, 200).await;
    world.put("p", json!({"version": 1, "l": ["a", "b"]})).await;
    rest(world, 89).await;
    assert_eq!(world.versions("p").await, [2, 1]);
    let saved = world.put("p", json!({"version": 1, "l": ["c"]})).await;
    assert!(saved.receipt().starts_with("result=saved, version=3, base=1, "), "{}", saved.receipt());
    assert_eq!(saved.json()["l"], json!(["b", "c"]));

    rest(world, 2).await;
    assert_eq!(world.versions("p").await, [3, 2]);
    world.get("/prj/p/versions/1").await.problem(404, "no_such_version");
    let saved = world.put("p", json!({"version": 1, "l": ["d"]})).await;
    assert!(saved.receipt().starts_with("result=saved, version=4, base=1;missing, "), "{}", saved.receipt());
    assert_eq!(saved.json()["l"], json!(["b", "c", "d"]), "nothing is removed");

    rest(world, 400).await;
    assert_eq!(world.versions("p").await, [4]);
    assert_eq!(world.state("p", 4).await, world.read("p").await);
}

async fn a_large_record_at_rest_is_restored_after_its_deletion(world: &World) {
    for text in ["short".to_owned(), "x".repeat(200_000)] {
        let id = format!("p{}", text.len());
        let first = world.create(&id, json!({"text": text})).await.json();
        rest(world, 95).await;
        world.delete(&id).await.expect(204);
        rest(world, 89).await;
        world.get(&format!("/prj/{id}")).await.problem(410, "gone");
        let restored = world.restore(&id, 1).await.expect(200);
        assert_eq!((restored.version(), &restored.json()["text"]), (3, &first["text"]));
        assert_eq!(world.read(&id).await["text"], first["text"]);
        // Nothing is left of a deletion that was not undone in time.
        world.delete(&id).await.expect(204);
        rest(world, 91).await;
        world.restore(&id, 3).await.problem(404, "no_such_version");
    }
}

async fn a_state_of_another_program_is_a_base_for_90_days(world: &World) {
    world.program.put_json("p", r#"{"goal":"theirs","l":["a"]}"#).await;
    let shown = world.read("p").await["version"].clone();
    rest(world, 200).await;
    world.put("p", json!({"version": shown, "l": ["a", "b"]})).await;
    rest(world, 89).await;
    let saved = world.put("p", json!({"version": shown, "l": ["c"]})).await;
    assert!(!saved.receipt().contains("missing"), "{}", saved.receipt());
    assert_eq!(saved.json()["l"], json!(["b", "c"]));
    rest(world, 2).await;
    let saved = world.put("p", json!({"version": shown, "l": ["d"]})).await;
    assert!(saved.receipt().contains(";missing"), "{}", saved.receipt());
    assert_eq!(saved.json()["l"], json!(["b", "c", "d"]));
}

async fn numbers_go_on_where_the_history_has_expired(world: &World) {
    world.create("p", json!({})).await;
    for version in 1..4 {
        world.put("p", json!({"version": version, "goal": version.to_string()})).await;
    }
    rest(world, 95).await;
    assert_eq!(world.versions("p").await, [4]);
    world.program.put_json("p", r#"{"goal":"theirs"}"#).await;
    let saved = world.put("p", json!({"issue": "mine"})).await;
    assert_eq!(saved.version(), 6);
    assert_eq!(world.versions("p").await, [6, 5, 4]);
    assert_eq!(world.state("p", 5).await["goal"], "theirs");
    // A client that read version 4 is not told that this state is older.
    let late = world.put("p", json!({"version": 4, "goal": "late"})).await;
    assert!(late.receipt().contains(r#"won=("/goal";replaced=6)"#), "{}", late.receipt());
}

async fn numbers_go_on_after_the_tombstone_has_expired(world: &World) {
    world.create("p", json!({})).await;
    world.delete("p").await.expect(204);
    rest(world, 96).await;
    world.get("/prj/p").await.problem(410, "gone");
    rest(world, 2).await;
    world.get("/prj/p").await.problem(404, "not_found");
    assert_eq!(world.program.item("p").await, None);
    assert_eq!(world.create("p", json!({})).await.version(), 3);
}

async fn numbers_go_on_where_another_program_deleted_the_record(world: &World) {
    world.create("p", json!({})).await;
    world.put("p", json!({"version": 1, "goal": "second"})).await;
    world.program.delete("p").await;
    world.get("/prj/p").await.problem(404, "not_found");
    assert_eq!(world.create("p", json!({"goal": "anew"})).await.version(), 3);
    assert_eq!(world.versions("p").await, [3, 2, 1]);
    assert_eq!(world.state("p", 2).await["goal"], "second");

    // An item of the other program in its place is one more state.
    world.program.delete("p").await;
    world.program.put_json("p", r#"{"goal":"theirs"}"#).await;
    assert_eq!(world.put("p", json!({"issue": "mine"})).await.version(), 5);
    assert_eq!(world.state("p", 4).await["goal"], "theirs");
    world.program.delete("p").await;
    assert_eq!(world.restore("p", 4).await.status(), 404, "what is not there is created, not restored");
}

/// A save sets the expiry of the row that it replaces. That row may have been deleted by then.
async fn a_row_that_has_expired_is_not_written_again(world: &World) {
    world.create("p", json!({})).await;
    world.put("p", json!({"version": 1, "goal": "second"})).await;
    rest(world, 91).await;
    assert_eq!(world.versions("p").await, [2]);
    for goal in ["third", "fourth"] {
        world.send(put("p", json!({"goal": goal}))).await.expect(200);
    }
    assert_eq!(world.versions("p").await, [4, 3, 2]);
    world.get("/prj/p/versions/1").await.problem(404, "no_such_version");
}
