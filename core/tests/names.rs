//! Tests of a resource that shows its key and ripple's members under other names, so that a record's own `version` is
//! data.

mod clock;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use ripple_core::auth::Caller;
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::replica::{Clock as _, Replica};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext};
use serde_json::{Value, json};

use clock::TestClock;

/// Returns `prj` with another key and with other names for the members that ripple adds.
fn renamed() -> Arc<Resource> {
    let file = include_str!("../../resources/prj.json");
    let names = r#""key": "ref", "members": { "version": "rev", "updated_at": "rev_at", "updated_author": "rev_for" }"#;
    let file = file.replace(r#""key": "prj_id""#, names);
    let resources = Resources::read(&[("prj.json", file)]).expect("the file is valid");
    Arc::clone(resources.first())
}

struct Setting {
    clock: TestClock,
    origin: Api<Memory>,
    edge: Api<Replica<Memory, TestClock>>,
    requests: Cell<u8>,
}

impl Setting {
    fn new() -> Setting {
        let (clock, store) = (TestClock::default(), Memory::of(renamed()));
        let edge = Api::new(Replica::new(store.clone(), clock.clone(), Duration::ZERO));
        Setting { clock, origin: Api::new(store), edge, requests: Cell::new(0) }
    }

    fn context(&self) -> RequestContext {
        self.requests.set(self.requests.get() + 1);
        self.clock.0.set(self.clock.0.get() + 1_000);
        let caller = Some(Caller::checked_by_gateway("test"));
        RequestContext { now: self.clock.now(), random: [self.requests.get(); 32], caller }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(path).body(body).expect("a request");
        read(&self.origin.answer(request, self.context()).await)
    }

    async fn ask_edge(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(Bytes::new()).expect("a request");
        let authorized = self.edge.authorize(&request, self.context()).await.expect("the caller may");
        read(&self.edge.read(&request, authorized).await.response)
    }
}

fn read(response: &Response<Bytes>) -> (StatusCode, Value) {
    (response.status(), serde_json::from_slice(response.body()).unwrap_or(Value::Null))
}

fn record() -> Value {
    json!({
        "ref": "a", "name": "n", "goal": "g", "issue": "i", "description": "d", "term": 1, "term_unit": "day",
        "create_date": "2026-01-01", "version": "2.3", "prj_id": "an old number",
    })
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
    let body = record().to_string().replace(r#""name":"n""#, r#""name":"n","updated_author":"own data""#);
    let request = Request::post("/prj").header("ripple-author", "\"Bo\"").body(body.into()).expect("a request");
    let (status, created) = read(&setting.origin.answer(request, setting.context()).await);
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
