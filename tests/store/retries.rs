//! Tests of writes repeated with their `Idempotency-Key`, days later or by another client. DynamoDB's TTL may be late:
//! the expiry of an idempotency record counts, not its deletion.

use bytes::Bytes;
use http::Request;
use ripple_test_kit::{post, project, with};
use serde_json::{Value, json};

use crate::world::{DAY, HOUR, World, in_both_worlds, put};

in_both_worlds! {
    a_key_is_free_again_after_a_day
    a_claim_lives_for_as_many_days_as_the_request_says
    a_claim_that_has_expired_is_replaced
    a_creation_with_an_old_key_is_a_new_creation
    a_save_with_nothing_to_do_is_remembered_for_a_day
    equal_entries_of_two_callers_are_two_entries
    a_retry_without_a_claim_finds_its_own_entry
}

fn keyed(request: Request<Bytes>) -> Request<Bytes> {
    with(request, &[("idempotency-key", "k")])
}

fn save(goal: &str) -> Request<Bytes> {
    keyed(put("p", json!({"version": 1, "goal": goal})))
}

async fn a_key_is_free_again_after_a_day(world: &World) {
    for (id, late_goal) in [("p", "Ann's"), ("q", "other")] {
        world.create(id, json!({})).await;
        let save = |goal: &str| with(put(id, json!({"version": 1, "goal": goal})), &[("idempotency-key", id)]);
        let first = world.send(save("Ann's")).await.expect(200);
        world.put(id, json!({"goal": "another's"})).await;
        world.pass(23 * HOUR);
        assert_eq!(world.send(save("Ann's")).await.expect(200).body(), first.body());
        world.send(save("other")).await.problem(422, "idempotency_key_reused");
        assert_eq!(world.read(id).await["goal"], "another's");

        world.pass(7 * HOUR);
        let late = world.send(save(late_goal)).await.expect(200);
        assert!(late.receipt().starts_with("result=saved, version=4, base=1, "), "{}", late.receipt());
        assert_eq!(world.read(id).await["goal"], late_goal);
    }
}

async fn a_claim_lives_for_as_many_days_as_the_request_says(world: &World) {
    for days in [1, 2, 90] {
        let (id, key) = (format!("p{days}"), format!("k{days}"));
        world.create(&id, json!({})).await;
        let save = |goal: &str| {
            let save = with(put(&id, json!({"version": 1, "goal": goal})), &[("idempotency-key", key.as_str())]);
            with(save, &[("ripple-claim-days", days.to_string().as_str())])
        };
        let first = world.send(save("Ann's")).await.expect(200);
        world.put(&id, json!({"goal": "another's"})).await;
        world.pass(DAY * days - HOUR);
        let again = world.send(save("Ann's")).await.expect(200);
        assert_eq!((again.body(), again.receipt()), (first.body(), first.receipt()), "{days}");
        world.send(save("other")).await.problem(422, "idempotency_key_reused");

        world.pass(2 * HOUR);
        world.send(save("other")).await.expect(200);
        assert_eq!(world.read(&id).await["goal"], "other", "{days}");
    }
}

async fn a_claim_that_has_expired_is_replaced(world: &World) {
    world.create("p", json!({})).await;
    world.send(save("first")).await.expect(200);
    world.pass(30 * HOUR);
    let second = world.send(save("second")).await.expect(200);
    world.put("p", json!({"goal": "another's"})).await;
    world.pass(HOUR);
    let again = world.send(save("second")).await.expect(200);
    assert_eq!((again.body(), again.receipt()), (second.body(), second.receipt()));
    world.send(save("first")).await.problem(422, "idempotency_key_reused");
    assert_eq!(world.read("p").await["goal"], "another's");
}

async fn a_creation_with_an_old_key_is_a_new_creation(world: &World) {
    let mut body = project("", json!({}));
    body.as_object_mut().expect("an object").remove("prj_id");
    let create = || keyed(post("/prj", &body));
    let first = world.send(create()).await.expect(201);
    assert_eq!(world.send(create()).await.expect(201).body(), first.body());
    world.pass(30 * HOUR);
    let second = world.send(create()).await.expect(201);
    assert_ne!(second.json()["prj_id"], first.json()["prj_id"]);
    assert_eq!(world.send(create()).await.expect(201).body(), second.body());
}

async fn a_save_with_nothing_to_do_is_remembered_for_a_day(world: &World) {
    world.create("p", json!({"goal": "first"})).await;
    let first = world.send(save("first")).await.expect(200);
    assert_eq!(first.receipt(), "result=unchanged, version=1, base=1");
    world.put("p", json!({"goal": "another's"})).await;
    world.pass(23 * HOUR);
    let again = world.send(save("first")).await.expect(200);
    assert_eq!((again.body(), again.receipt()), (first.body(), first.receipt()));
    world.pass(7 * HOUR);
    // The record no longer shows the requested values, so the base decides: another client has changed it since.
    let late = world.send(save("first")).await.expect(200);
    assert_eq!(late.receipt(), r#"result=unchanged, version=2, base=1, kept=("/goal")"#);
    assert_eq!(world.read("p").await["goal"], "another's");
}

/// Returns the `h` of every entry, and checks that no two entries have one id.
fn hours(record: &Value) -> Vec<Value> {
    let hours = record["hours"].as_array().expect("a list");
    let mut ids: Vec<&str> = hours.iter().map(|entry| entry["id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), hours.len(), "{record}");
    hours.iter().map(|entry| entry["h"].clone()).collect()
}

async fn equal_entries_of_two_callers_are_two_entries(world: &World) {
    world.create("p", json!({})).await;
    let add = || put("p", json!({"version": 1, "hours": [{"h": 2}]}));
    for (name, version) in [("Ann", 2), ("Bo", 3)] {
        assert_eq!(world.send_as(name, add()).await.expect(200).version(), version);
    }
    assert_eq!(hours(&world.read("p").await), [2, 2]);
    // Without a key, an equal request counts as a retry by the same client.
    for name in ["Ann", "Bo"] {
        let again = world.send_as(name, add()).await.expect(200);
        assert!(again.receipt().starts_with("result=unchanged, version=3, base=1"), "{}", again.receipt());
    }
    // Two clients may choose the same key.
    for (name, version) in [("Ann", 4), ("Bo", 5)] {
        assert_eq!(world.send_as(name, keyed(add())).await.expect(200).version(), version);
    }
    assert_eq!(hours(&world.read("p").await), [2, 2, 2, 2]);
}

async fn a_retry_without_a_claim_finds_its_own_entry(world: &World) {
    world.create("p", json!({})).await;
    let add = |key: &str| with(put("p", json!({"version": 1, "hours": [{"h": 2}]})), &[("idempotency-key", key)]);
    for key in ["first", "second"] {
        world.send(add(key)).await.expect(200);
    }
    let before = world.read("p").await;
    assert_eq!(hours(&before), [2, 2]);
    world.pass(30 * HOUR);
    for key in ["first", "second"] {
        let again = world.send(add(key)).await.expect(200);
        assert!(again.receipt().starts_with("result=unchanged, version=3, base=1"), "{}", again.receipt());
    }
    assert_eq!(world.read("p").await, before);
}
