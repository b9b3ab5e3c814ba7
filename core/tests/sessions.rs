//! Tests of a client that writes at the origin and reads at an edge with its session token. It sees its own writes,
//! however many there were, and also after repeated requests.

use std::time::Duration;

use http::Method;
use ripple_core::RecordId;
use ripple_core::value::{Members, Value};
use ripple_test_kit::{Answer, Hosts, get, project};
use serde_json::json;

/// One more write than a token names.
const WRITES: usize = 17;

async fn create(hosts: &Hosts, id: &str, token: &str) -> Answer {
    hosts.write(Method::POST, "/prj", &project(id, json!({})).to_string(), &session(token)).await
}

/// Returns the header of a token. Returns no header for an empty token.
fn session(token: &str) -> Vec<(&'static str, &str)> {
    if token.is_empty() { Vec::new() } else { vec![("ripple-session", token)] }
}

#[tokio::test(flavor = "current_thread")]
async fn a_session_sees_every_write_that_its_token_has_no_room_for() {
    let hosts = Hosts::new();
    let ids: Vec<String> = (0..WRITES).map(|n| format!("p{n:02}")).collect();
    let mut token = String::new();
    for id in &ids {
        token = create(&hosts, id, &token).await.token();
    }
    // The edge has a copy from before the edits.
    assert_eq!(hosts.read("/prj", &[]).await.json().as_array().map(Vec::len), Some(WRITES));
    for id in &ids {
        let path = format!("/prj/{id}");
        token = hosts.write(Method::PATCH, &path, r#"{"goal":"new"}"#, &session(&token)).await.token();
    }
    let list = hosts.read("/prj", &session(&token)).await.json();
    let old = list.as_array().expect("a list").iter().filter(|record| record["goal"] != "new").count();
    assert_eq!(old, 0, "writes that are not seen");
    for id in &ids {
        assert_eq!(hosts.read(&format!("/prj/{id}"), &session(&token)).await.json()["version"], 2);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_session_sees_new_and_deleted_records_that_its_token_has_no_room_for() {
    let hosts = Hosts::new();
    create(&hosts, "first", "").await;
    hosts.read("/prj", &[]).await;
    let mut token = create(&hosts, "new", "").await.token();
    token = hosts.write(Method::DELETE, "/prj/first", "", &session(&token)).await.token();
    for number in 0..WRITES {
        token = create(&hosts, &format!("p{number:02}"), &token).await.token();
    }
    let list = hosts.read("/prj", &session(&token)).await.json();
    let ids: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|record| record["prj_id"].as_str()).collect();
    assert!(ids.contains(&"new") && !ids.contains(&"first") && ids.len() == WRITES + 1, "{ids:?}");
    assert_eq!(hosts.read("/prj/first", &session(&token)).await.status(), 410);
}

/// Once every copy must have the writes that the token does not name, its reads cost the same as those without a token.
#[tokio::test(flavor = "current_thread")]
async fn a_session_of_many_writes_soon_reads_as_any_other() {
    let hosts = Hosts::new();
    let mut token = create(&hosts, "first", "").await.token();
    hosts.read("/prj", &[]).await;
    for number in 0..WRITES {
        token = create(&hosts, &format!("p{number:02}"), &token).await.token();
    }
    hosts.clock.pass(Duration::from_secs(61));
    let first = hosts.read("/prj", &session(&token)).await;
    let again = hosts.read("/prj", &session(&token)).await;
    assert_eq!(again.body(), first.body());
    assert_eq!(again.headers()["ripple-capacity"], "read=0, write=0");
}

#[tokio::test(flavor = "current_thread")]
async fn a_retry_does_not_take_the_token_back() {
    let hosts = Hosts::new();
    let mut token = create(&hosts, "a", "").await.token();
    let keyed = |token: &str| -> Vec<(&'static str, String)> {
        vec![("ripple-session", token.to_owned()), ("idempotency-key", "k".to_owned())]
    };
    let save = async |token: &str| {
        let headers = keyed(token);
        let headers: Vec<(&'static str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        hosts.write(Method::PATCH, "/prj/a", r#"{"version":1,"goal":"mine"}"#, &headers).await
    };
    token = save(&token).await.token();
    hosts.read("/prj", &session(&token)).await;
    token = hosts.write(Method::PATCH, "/prj/a", r#"{"goal":"newer"}"#, &session(&token)).await.token();
    let again = save(&token).await;
    assert_eq!(again.json()["version"], 2, "the first answer");
    for path in ["/prj/a", "/prj"] {
        let read = hosts.read(path, &session(&again.token())).await.json();
        let record = if path == "/prj" { &read[0] } else { &read };
        assert_eq!((&record["goal"], &record["version"]), (&json!("newer"), &json!(3)), "{path}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_retried_write_of_a_deleted_record_does_not_take_the_token_back() {
    let hosts = Hosts::new();
    let keyed = [("idempotency-key", "k")];
    create(&hosts, "a", "").await;
    let mut token = hosts.write(Method::PATCH, "/prj/a", r#"{"goal":"mine"}"#, &keyed).await.token();
    hosts.read("/prj", &session(&token)).await;
    token = hosts.write(Method::DELETE, "/prj/a", "", &session(&token)).await.token();
    let headers = [("idempotency-key", "k"), ("ripple-session", token.as_str())];
    let again = hosts.write(Method::PATCH, "/prj/a", r#"{"goal":"mine"}"#, &headers).await;
    assert_eq!(hosts.read("/prj/a", &session(&again.token())).await.status(), 410);
}

/// JSON shows a binary as text and a set as a list. The edge must not store them as such.
#[tokio::test(flavor = "current_thread")]
async fn what_the_edge_learns_of_a_write_keeps_its_types() {
    let hosts = Hosts::new();
    let item = Members::from([
        ("prj_id".to_owned(), "a".into()),
        ("goal".to_owned(), "theirs".into()),
        ("bytes".to_owned(), Value::Binary(b"hidden words".to_vec())),
        ("tags".to_owned(), Value::Strings(["b".to_owned(), "a".to_owned()].into())),
        ("list".to_owned(), Value::List(vec![Value::Binaries([vec![1], vec![2]].into())])),
    ]);
    hosts.store.put_item(&RecordId::parse("a").expect("valid"), item);
    let learn = |method: Method, path: &str, answer: &Answer| {
        hosts.edge.apply_write(&method, path, answer.status(), answer.headers(), answer.body());
    };
    // A copy that cannot derive the types from an answer may wait for its next read of the table.
    let same = async |when: &str| {
        hosts.clock.pass(Duration::from_secs(61));
        for path in [
            "/prj",
            "/prj/a",
            "/prj?q=aGlkZGVu",
            "/prj?bytes=aGlkZGVuIHdvcmRz",
            "/prj?sort=bytes",
            "/prj?sort=tags",
            "/prj?tags=a",
            "/prj?q=AQ%3D%3D",
        ] {
            let origin = hosts.send(get(path)).await;
            let edge = hosts.read(path, &[]).await;
            assert_eq!((edge.status(), edge.body()), (origin.status(), origin.body()), "{when}: {path}");
            assert_eq!(edge.headers().get("etag"), origin.headers().get("etag"), "{when}: {path}");
        }
    };
    same("as it was read").await;
    let saved = hosts.write(Method::PATCH, "/prj/a", r#"{"goal":"ours"}"#, &[]).await;
    learn(Method::PATCH, "/prj/a", &saved);
    same("after an edit").await;
    let deleted = hosts.write(Method::DELETE, "/prj/a", "", &[]).await;
    learn(Method::DELETE, "/prj/a", &deleted);
    same("after the deletion").await;
    let restored = hosts.write(Method::POST, "/prj/a/versions/1", "", &[]).await;
    learn(Method::POST, "/prj/a/versions/1", &restored);
    let read = hosts.read("/prj/a", &session(&restored.token())).await;
    assert_eq!(read.body(), restored.body(), "its writer sees it at once");
    same("after it was restored").await;
}
