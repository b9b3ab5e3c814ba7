//! Tests of what a resource's file says beside its schema: order, search, retention and access, on the backend and at the
//! edge.

use std::time::Duration;

use http::{Method, StatusCode};
use ripple_core::replica::Clock as _;
use ripple_core::{RecordId, Timestamp};
use ripple_test_kit::{Hosts, resource};
use serde_json::{Value, json};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Returns the hosts of `note`, with these members of `x-ripple`.
fn note(settings: &str) -> Hosts {
    let note = format!(
        r#"{{"title": "Note", "x-ripple": {{"resource": "note", "key": "no", {settings}}}, "type": "object",
            "properties": {{"text": {{"type": "string"}}, "rank": {{"type": "integer"}}}}}}"#
    );
    Hosts::of(resource("note", &note), Duration::ZERO)
}

async fn create(hosts: &Hosts, record: Value) {
    hosts.ask(Method::POST, "/note", &record).await.expect(201);
}

/// Returns the keys of a list, which both hosts show in the same order under the same entity tag.
async fn list(hosts: &Hosts, query: &str) -> Vec<String> {
    let path = format!("/note{query}");
    let far = hosts.ask(Method::GET, &path, &Value::Null).await;
    let near = hosts.read(&path, &[]).await;
    assert_eq!((near.body(), near.headers().get("etag")), (far.body(), far.headers().get("etag")), "{path}");
    let records: Vec<Value> = serde_json::from_slice(far.body()).expect("a list");
    records.iter().map(|record| record["no"].as_str().expect("a key").to_owned()).collect()
}

#[tokio::test]
async fn a_list_has_the_order_of_the_resource_unless_the_query_has_one() {
    let hosts = note(r#""order": "-rank,text""#);
    for (no, rank, text) in [("a", 1, "x"), ("b", 3, "z"), ("c", 3, "y")] {
        create(&hosts, json!({"no": no, "rank": rank, "text": text})).await;
    }
    assert_eq!(list(&hosts, "").await, ["c", "b", "a"]);
    assert_eq!(list(&hosts, "?sort=no").await, ["a", "b", "c"]);
    assert!(hosts.edge.whole_list("note", "", hosts.clock.now()).is_none(), "the list that is kept is by key");

    let page = hosts.ask(Method::GET, "/note?limit=1", &Value::Null).await;
    let link = page.headers()["link"].to_str().expect("ASCII");
    let query = link.split_once('?').and_then(|(_, rest)| rest.split_once('>')).expect("a link").0;
    assert_eq!(list(&hosts, &format!("?{query}")).await, ["b"], "a page goes on in that order");
}

#[tokio::test]
async fn a_search_looks_at_the_key_and_the_members_of_the_resource_only() {
    let hosts = note(r#""search": ["text"]"#);
    create(&hosts, json!({"no": "a", "text": "Beans", "other": "peas"})).await;
    create(&hosts, json!({"no": "peas", "text": "Leek"})).await;
    assert_eq!(list(&hosts, "?q=beans").await, ["a"]);
    assert_eq!(list(&hosts, "?q=peas").await, ["peas"], "other members and the author do not count");
    assert_eq!(list(&hosts, "?q=test").await, [""; 0]);
    assert_eq!(list(&note(r#""label": "text""#), "?q=x").await, [""; 0]);
}

#[tokio::test]
async fn a_version_stays_as_long_as_the_resource_says() {
    let hosts = note(r#""retention": 10"#);
    create(&hosts, json!({"no": "a", "text": "x"})).await;
    hosts.ask(Method::PATCH, "/note/a", &json!({"text": "y"})).await;
    let replaced = hosts.clock.now();
    let version = |number: u64| format!("/note/a/versions/{number}");
    let at = async |days: u64, path: &str| {
        hosts.store.expire(Timestamp(replaced.0 + days * DAY));
        let answer = hosts.ask(Method::GET, path, &Value::Null).await;
        (answer.status().as_u16(), answer.text())
    };
    assert_eq!(at(9, &version(1)).await.0, 200);
    let (status, told) = at(11, &version(1)).await;
    assert!(status == 404 && told.contains("kept for 10 days"), "{told}");

    hosts.ask(Method::DELETE, "/note/a", &Value::Null).await;
    let id = RecordId::parse("a").expect("an id");
    at(16, "/health").await;
    assert!(hosts.store.item(&id).is_some(), "a tombstone stays a week longer");
    at(18, "/health").await;
    assert!(hosts.store.item(&id).is_none());
}

#[tokio::test]
async fn a_read_only_resource_has_no_writes() {
    let hosts = note(r#""access": "read-only""#);
    for (method, path) in [(Method::POST, "/note"), (Method::PUT, "/note/a"), (Method::DELETE, "/note/a")] {
        let answer = hosts.ask(method.clone(), path, &json!({})).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.headers()["allow"], "GET, HEAD, OPTIONS");
    }
    assert_eq!(list(&hosts, "").await, [""; 0]);
}
