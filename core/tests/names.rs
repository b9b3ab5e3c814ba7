//! Tests of a resource that shows its key and ripple's members under other names, so that a record's own `version` is
//! data.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use ripple_core::record::schema::Resource;
use ripple_test_kit::{Answer, Hosts, post, project, resource, with};
use serde_json::{Value, json};

/// Returns `prj` with another key and with other names for the members that ripple adds.
fn renamed() -> Arc<Resource> {
    let file = include_str!("../../resources/prj.json");
    let names = r#""key": "ref", "members": { "version": "rev", "updated_at": "rev_at", "updated_author": "rev_for" }"#;
    resource("prj", &file.replace(r#""key": "prj_id""#, names))
}

struct Setting(Hosts);

impl Setting {
    fn new() -> Setting {
        Setting(Hosts::of(renamed(), Duration::ZERO))
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        shown(&self.0.ask(method, path, body).await)
    }

    async fn ask_edge(&self, path: &str) -> (StatusCode, Value) {
        shown(&self.0.read(path, &[]).await)
    }
}

fn shown(answer: &Answer) -> (StatusCode, Value) {
    (answer.status(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

/// Returns a record whose own members have the names of ripple's.
fn record() -> Value {
    project("an old number", json!({ "ref": "a", "version": "2.3" }))
}

#[tokio::test]
async fn ripples_members_have_the_names_of_the_resource() {
    let setting = Setting::new();
    let (status, created) = setting.ask(Method::POST, "/prj", &record()).await;
    assert_eq!((status, &created["rev"]), (StatusCode::CREATED, &json!(1)));
    assert_eq!(
        (&created["ref"], &created["version"], &created["prj_id"]),
        (&json!("a"), &json!("2.3"), &json!("an old number"))
    );
    assert!(created["rev_at"].is_u64() && created.get("updated_at").is_none());

    // The base is `rev`, and a record's own `version` is edited like any other member.
    let (status, saved) = setting.ask(Method::PATCH, "/prj/a", &json!({ "rev": 1, "version": "2.4" })).await;
    assert_eq!((status, &saved["rev"], &saved["version"]), (StatusCode::OK, &json!(2), &json!("2.4")));
    let (status, problem) = setting.ask(Method::PUT, "/prj/a", &json!({ "ref": "b" })).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (StatusCode::BAD_REQUEST, &json!("/ref")));
    let (status, problem) = setting.ask(Method::PATCH, "/prj/a", &json!({ "rev": "x" })).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (StatusCode::BAD_REQUEST, &json!("/rev")));
}

#[tokio::test]
async fn the_author_has_the_name_of_the_resource() {
    let setting = Setting::new();
    let mut body = record();
    body["updated_author"] = "own data".into();
    let request = with(post("/prj", &body), &[("ripple-author", "\"Bo\"")]);
    let (status, created) = shown(&setting.0.send(request).await);
    let (bo, own) = (json!({ "name": "Bo" }), json!("own data"));
    assert_eq!((status, &created["rev_for"], &created["updated_author"]), (StatusCode::CREATED, &bo, &own));
    let (_, read) = setting.ask_edge("/prj/a").await;
    assert_eq!((&read["rev_for"], &read["updated_author"]), (&bo, &own));
}

#[tokio::test]
async fn lists_know_the_names_on_every_host() {
    let setting = Setting::new();
    setting.ask(Method::POST, "/prj", &record()).await;
    for query in ["", "?version=2.3", "?rev=1", "?ref=a", "?q=2.3", "?sort=rev,ref&fields=version"] {
        let path = format!("/prj{query}");
        let (status, list) = setting.ask(Method::GET, &path, &Value::Null).await;
        assert_eq!((status, list.as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{path}");
        assert_eq!(setting.ask_edge(&path).await, (status, list), "{path}");
    }
    let (_, fields) = setting.ask_edge("/prj?fields=version").await;
    assert_eq!(fields, json!([{ "ref": "a", "version": "2.3" }]));
    let (_, changes) = setting.ask(Method::GET, "/prj/_changes", &Value::Null).await;
    assert_eq!(changes["changed"][0]["rev"], 1);
    let (status, _) = setting.ask(Method::DELETE, "/prj/a", &json!({ "rev": 1 })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}
