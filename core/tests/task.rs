//! Tests of the resource `task`, whose file states how its lists merge.

use std::time::Duration;

use http::Method;
use ripple_test_kit::{Answer, Hosts, resource};
use serde_json::{Value, json};

/// Returns hosts with one task.
async fn with(members: Value) -> Hosts {
    let hosts = Hosts::of(resource("task", include_str!("../../resources/task.json")), Duration::ZERO);
    let mut body = json!({ "ref": "a", "subject": "Beans", "state": "todo" });
    for (name, value) in members.as_object().expect("members") {
        body[name] = value.clone();
    }
    hosts.ask(Method::POST, "/task", &body).await.expect(201);
    hosts
}

/// Saves a member of the task, edited from version `base`.
async fn save(hosts: &Hosts, base: u64, name: &str, value: Value) -> Answer {
    hosts.ask(Method::PATCH, "/task/a", &json!({ "version": base, name: value })).await.expect(200)
}

#[tokio::test]
async fn steps_are_known_by_their_step() {
    let hosts = with(json!({ "steps": [{ "text": "Dig" }, { "step": "s", "id": "1", "text": "Sow" }] })).await;
    let steps = hosts.ask(Method::GET, "/task/a", &Value::Null).await.json()["steps"].clone();
    let (dig, key) = (&steps[0], &steps[0]["step"]);
    assert!(key.as_str().is_some_and(|key| key.len() == 16) && dig.get("id").is_none(), "{steps}");

    // One author ticks a step while another one rewords it, and both add the same one. Equal ids are data.
    let ticked = json!([{ "step": key, "text": "Dig", "done": true }, steps[1], { "id": "1", "text": "Water" }]);
    let worded =
        json!([{ "step": key, "text": "Dig deep" }, steps[1], { "id": "1", "text": "Water" }, { "text": "Eat" }]);
    save(&hosts, 1, "steps", ticked).await;
    let answer = save(&hosts, 1, "steps", worded.clone()).await;
    let shown = answer.json();
    let found = shown["steps"].as_array().expect("a list");
    assert_eq!(found[0], json!({ "step": key, "text": "Dig deep", "done": true }));
    let texts: Vec<&str> = found.iter().filter_map(|step| step["text"].as_str()).collect();
    assert_eq!(texts, ["Dig deep", "Sow", "Water", "Eat"], "{found:?}");
    assert!(found.iter().all(|step| step["step"].is_string()), "{found:?}");
    assert_eq!(save(&hosts, 1, "steps", worded).await.json()["version"], 3, "sent again, nothing changes");

    // The history names an entry by its step.
    let versions = hosts.ask(Method::GET, "/task/a/versions", &Value::Null).await.json();
    assert!(versions.to_string().contains(&format!(r#""entry":{key},"field":"/steps""#)), "{versions}");
}

#[tokio::test]
async fn a_place_is_merged_place_by_place() {
    let hosts = with(json!({ "place": [37.5, 127] })).await;
    save(&hosts, 1, "place", json!([37.6, 127])).await;
    let answer = save(&hosts, 1, "place", json!([37.5, 128])).await;
    assert_eq!(answer.json()["place"], json!([37.6, 128]));
    let answer = save(&hosts, 1, "place", json!([38, 128])).await;
    assert_eq!(answer.json()["place"], json!([38, 128]));
    assert!(answer.receipt().contains(r#"won=("/place/0""#), "{}", answer.receipt());
}

#[tokio::test]
async fn labels_are_a_set_with_order() {
    let hosts = with(json!({ "labels": ["garden"] })).await;
    save(&hosts, 1, "labels", json!(["garden", "spring"])).await;
    let answer = save(&hosts, 1, "labels", json!(["spring", "soil"])).await;
    assert_eq!(answer.json()["labels"], json!(["spring", "soil"]));
    assert_eq!(save(&hosts, 1, "labels", json!(["spring", "soil"])).await.json()["version"], 3);
}
