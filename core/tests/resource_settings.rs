//! Tests of what a resource's file says beside its schema: order, search, retention and access, on the backend and at the
//! edge.

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
use ripple_core::{Api, RecordId, RequestContext, Timestamp};
use serde_json::{Value, json};

use clock::TestClock;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Returns `note`, with these members of `x-ripple`.
fn note(settings: &str) -> Arc<Resource> {
    let file = format!(
        r#"{{"title": "Note", "x-ripple": {{"resource": "note", "key": "no", {settings}}}, "type": "object",
            "properties": {{"text": {{"type": "string"}}, "rank": {{"type": "integer"}}}}}}"#
    );
    let resources = Resources::read(&[("note.json", file)]).expect("the file is valid");
    Arc::clone(resources.first())
}

struct Setting {
    clock: TestClock,
    store: Memory,
    origin: Api<Memory>,
    edge: Api<Replica<Memory, TestClock>>,
    requests: Cell<u8>,
}

impl Setting {
    fn new(settings: &str) -> Setting {
        let (clock, store) = (TestClock::default(), Memory::of(note(settings)));
        let edge = Api::new(Replica::new(store.clone(), clock.clone(), Duration::ZERO));
        Setting { clock, origin: Api::new(store.clone()), store, edge, requests: Cell::new(0) }
    }

    fn context(&self) -> RequestContext {
        self.requests.set(self.requests.get() + 1);
        self.clock.0.set(self.clock.0.get() + 1_000);
        let caller = Some(Caller::checked_by_gateway("test"));
        RequestContext { now: self.clock.now(), random: [self.requests.get(); 32], caller }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Response<Bytes> {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(path).body(body).expect("a request");
        self.origin.answer(request, self.context()).await
    }

    async fn create(&self, record: Value) {
        assert_eq!(self.ask(Method::POST, "/note", &record).await.status(), StatusCode::CREATED);
    }

    /// Returns the keys of a list, which both hosts show in the same order under the same entity tag.
    async fn list(&self, query: &str) -> Vec<String> {
        let path = format!("/note{query}");
        let request = Request::get(&path).body(Bytes::new()).expect("a request");
        let authorized = self.edge.authorize(&request, self.context()).await.expect("the caller may");
        let near = self.edge.read(&request, authorized).await.response;
        let far = self.ask(Method::GET, &path, &Value::Null).await;
        assert_eq!((near.body(), near.headers().get("etag")), (far.body(), far.headers().get("etag")), "{path}");
        let records: Vec<Value> = serde_json::from_slice(far.body()).expect("a list");
        records.iter().map(|record| record["no"].as_str().expect("a key").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_list_has_the_order_of_the_resource_unless_the_query_has_one() {
    let setting = Setting::new(r#""order": "-rank,text""#);
    for (no, rank, text) in [("a", 1, "x"), ("b", 3, "z"), ("c", 3, "y")] {
        setting.create(json!({"no": no, "rank": rank, "text": text})).await;
    }
    assert_eq!(setting.list("").await, ["c", "b", "a"]);
    assert_eq!(setting.list("?sort=no").await, ["a", "b", "c"]);
    assert!(setting.edge.whole_list("note", "", setting.clock.now()).is_none(), "the list that is kept is by key");

    let page = setting.ask(Method::GET, "/note?limit=1", &Value::Null).await;
    let link = page.headers()["link"].to_str().expect("ASCII");
    let query = link.split_once('?').and_then(|(_, rest)| rest.split_once('>')).expect("a link").0;
    assert_eq!(setting.list(&format!("?{query}")).await, ["b"], "a page goes on in that order");
}

#[tokio::test]
async fn a_search_looks_at_the_key_and_the_members_of_the_resource_only() {
    let setting = Setting::new(r#""search": ["text"]"#);
    setting.create(json!({"no": "a", "text": "Beans", "other": "peas"})).await;
    setting.create(json!({"no": "peas", "text": "Leek"})).await;
    assert_eq!(setting.list("?q=beans").await, ["a"]);
    assert_eq!(setting.list("?q=peas").await, ["peas"], "other members and the author do not count");
    assert_eq!(setting.list("?q=test").await, [""; 0]);
    assert_eq!(Setting::new(r#""label": "text""#).list("?q=x").await, [""; 0]);
}

#[tokio::test]
async fn a_version_stays_as_long_as_the_resource_says() {
    let setting = Setting::new(r#""retention": 10"#);
    setting.create(json!({"no": "a", "text": "x"})).await;
    setting.ask(Method::PATCH, "/note/a", &json!({"text": "y"})).await;
    let replaced = setting.clock.now();
    let version = |number: u64| format!("/note/a/versions/{number}");
    let at = async |days: u64, path: &str| {
        setting.store.expire(Timestamp(replaced.0 + days * DAY));
        let answer = setting.ask(Method::GET, path, &Value::Null).await;
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    };
    assert_eq!(at(9, &version(1)).await.0, 200);
    let (status, told) = at(11, &version(1)).await;
    assert!(status == 404 && told.contains("kept for 10 days"), "{told}");

    setting.ask(Method::DELETE, "/note/a", &Value::Null).await;
    let id = RecordId::parse("a").expect("an id");
    at(16, "/health").await;
    assert!(setting.store.item(&id).is_some(), "a tombstone stays a week longer");
    at(18, "/health").await;
    assert!(setting.store.item(&id).is_none());
}

#[tokio::test]
async fn a_read_only_resource_has_no_writes() {
    let setting = Setting::new(r#""access": "read-only""#);
    for (method, path) in [(Method::POST, "/note"), (Method::PUT, "/note/a"), (Method::DELETE, "/note/a")] {
        let answer = setting.ask(method.clone(), path, &json!({})).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.headers()["allow"], "GET, HEAD, OPTIONS");
    }
    assert_eq!(setting.list("").await, [""; 0]);
}
