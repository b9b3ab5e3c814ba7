//! Tests of a client that writes at the origin and reads at an edge with its session token. It sees its own writes,
//! however many there were, and also after repeated requests.

mod clock;

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use ripple_core::auth::Caller;
use ripple_core::replica::{Clock as _, Replica};
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value};
use ripple_core::{Api, RecordId, RequestContext};
use serde_json::json;

use clock::TestClock;

/// One more write than a token names.
const WRITES: usize = 17;

/// The origin and an edge on one table, and a client of both.
struct Setting {
    clock: TestClock,
    origin: Api<Memory>,
    edge: Api<Replica<Memory, TestClock>>,
    requests: Cell<u64>,
}

impl Setting {
    fn new() -> Setting {
        let (clock, store) = (TestClock::default(), Memory::new());
        let edge = Api::new(Replica::new(store.clone(), clock.clone(), Duration::from_secs(5)));
        Setting { clock, origin: Api::new(store), edge, requests: Cell::new(0) }
    }

    fn moment(&self) -> RequestContext {
        self.requests.set(self.requests.get() + 1);
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.requests.get().to_be_bytes());
        RequestContext { now: self.clock.now(), random, caller: Some(Caller::checked_by_gateway("test")) }
    }

    /// Writes at the origin.
    async fn write(&self, method: Method, path: &str, body: &str, headers: &[(&'static str, &str)]) -> Answer {
        let request = request(method, path, body, headers);
        let response = self.origin.answer(request, self.moment()).await;
        assert!(response.status().is_success(), "{response:?}");
        Answer(response)
    }

    async fn create(&self, id: &str, token: &str) -> Answer {
        let body = json!({
            "prj_id": id, "name": "n", "goal": "g", "issue": "i", "description": "d", "term": 1, "term_unit": "day",
            "create_date": "2026-01-01",
        });
        self.write(Method::POST, "/prj", &body.to_string(), &session(token)).await
    }

    /// Reads at the edge, and then runs the refresh that follows the answer.
    async fn read(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let request = request(Method::GET, path, "", headers);
        let authorized = self.edge.authorize(&request, self.moment()).await.expect("the caller may");
        let answer = self.edge.read(&request, authorized).await;
        if let Some(refresh) = answer.behind {
            self.edge.refresh(refresh).await.expect("memory answers");
        }
        Answer(answer.response)
    }
}

fn request(method: Method, path: &str, body: &str, headers: &[(&'static str, &str)]) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(path).body(Bytes::from(body.to_owned()));
    let mut request = request.expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header's value"));
    }
    request
}

/// Returns the header of a token. Returns no header for an empty token.
fn session(token: &str) -> Vec<(&'static str, &str)> {
    if token.is_empty() { Vec::new() } else { vec![("ripple-session", token)] }
}

struct Answer(Response<Bytes>);

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.0.body()).unwrap_or_else(|error| panic!("{error}: {:?}", self.0))
    }

    fn token(&self) -> String {
        self.0.headers()["ripple-session"].to_str().expect("ASCII").to_owned()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_session_sees_every_write_that_its_token_has_no_room_for() {
    let setting = Setting::new();
    let ids: Vec<String> = (0..WRITES).map(|n| format!("p{n:02}")).collect();
    let mut token = String::new();
    for id in &ids {
        token = setting.create(id, &token).await.token();
    }
    // The edge has a copy from before the edits.
    assert_eq!(setting.read("/prj", &[]).await.json().as_array().map(Vec::len), Some(WRITES));
    for id in &ids {
        let path = format!("/prj/{id}");
        token = setting.write(Method::PATCH, &path, r#"{"goal":"new"}"#, &session(&token)).await.token();
    }
    let list = setting.read("/prj", &session(&token)).await.json();
    let old = list.as_array().expect("a list").iter().filter(|record| record["goal"] != "new").count();
    assert_eq!(old, 0, "writes that are not seen");
    for id in &ids {
        assert_eq!(setting.read(&format!("/prj/{id}"), &session(&token)).await.json()["version"], 2);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_session_sees_new_and_deleted_records_that_its_token_has_no_room_for() {
    let setting = Setting::new();
    setting.create("first", "").await;
    setting.read("/prj", &[]).await;
    let mut token = setting.create("new", "").await.token();
    token = setting.write(Method::DELETE, "/prj/first", "", &session(&token)).await.token();
    for number in 0..WRITES {
        token = setting.create(&format!("p{number:02}"), &token).await.token();
    }
    let list = setting.read("/prj", &session(&token)).await.json();
    let ids: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|record| record["prj_id"].as_str()).collect();
    assert!(ids.contains(&"new") && !ids.contains(&"first") && ids.len() == WRITES + 1, "{ids:?}");
    assert_eq!(setting.read("/prj/first", &session(&token)).await.0.status(), 410);
}

/// Once every copy must have the writes that the token does not name, its reads cost the same as those without a token.
#[tokio::test(flavor = "current_thread")]
async fn a_session_of_many_writes_soon_reads_as_any_other() {
    let setting = Setting::new();
    let mut token = setting.create("first", "").await.token();
    setting.read("/prj", &[]).await;
    for number in 0..WRITES {
        token = setting.create(&format!("p{number:02}"), &token).await.token();
    }
    setting.clock.pause(Duration::from_secs(61)).await;
    let first = setting.read("/prj", &session(&token)).await;
    let again = setting.read("/prj", &session(&token)).await;
    assert_eq!(again.0.body(), first.0.body());
    assert_eq!(again.0.headers()["ripple-capacity"], "read=0, write=0");
}

#[tokio::test(flavor = "current_thread")]
async fn a_retry_does_not_take_the_token_back() {
    let setting = Setting::new();
    let mut token = setting.create("a", "").await.token();
    let keyed = |token: &str| -> Vec<(&'static str, String)> {
        vec![("ripple-session", token.to_owned()), ("idempotency-key", "k".to_owned())]
    };
    let save = async |token: &str| {
        let headers = keyed(token);
        let headers: Vec<(&'static str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        setting.write(Method::PATCH, "/prj/a", r#"{"version":1,"goal":"mine"}"#, &headers).await
    };
    token = save(&token).await.token();
    setting.read("/prj", &session(&token)).await;
    token = setting.write(Method::PATCH, "/prj/a", r#"{"goal":"newer"}"#, &session(&token)).await.token();
    let again = save(&token).await;
    assert_eq!(again.json()["version"], 2, "the first answer");
    for path in ["/prj/a", "/prj"] {
        let read = setting.read(path, &session(&again.token())).await.json();
        let record = if path == "/prj" { &read[0] } else { &read };
        assert_eq!((&record["goal"], &record["version"]), (&json!("newer"), &json!(3)), "{path}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_retried_write_of_a_deleted_record_does_not_take_the_token_back() {
    let setting = Setting::new();
    let keyed = [("idempotency-key", "k")];
    setting.create("a", "").await;
    let mut token = setting.write(Method::PATCH, "/prj/a", r#"{"goal":"mine"}"#, &keyed).await.token();
    setting.read("/prj", &session(&token)).await;
    token = setting.write(Method::DELETE, "/prj/a", "", &session(&token)).await.token();
    let headers = [("idempotency-key", "k"), ("ripple-session", token.as_str())];
    let again = setting.write(Method::PATCH, "/prj/a", r#"{"goal":"mine"}"#, &headers).await;
    assert_eq!(setting.read("/prj/a", &session(&again.token())).await.0.status(), 410);
}

/// JSON shows a binary as text and a set as a list. The edge must not store them as such.
#[tokio::test(flavor = "current_thread")]
async fn what_the_edge_learns_of_a_write_keeps_its_types() {
    let setting = Setting::new();
    let item = Members::from([
        ("prj_id".to_owned(), "a".into()),
        ("goal".to_owned(), "theirs".into()),
        ("bytes".to_owned(), Value::Binary(b"hidden words".to_vec())),
        ("tags".to_owned(), Value::Strings(["b".to_owned(), "a".to_owned()].into())),
        ("list".to_owned(), Value::List(vec![Value::Binaries([vec![1], vec![2]].into())])),
    ]);
    setting.origin.store().put_item(&RecordId::parse("a").expect("valid"), item);
    let learn = |method: Method, path: &str, answer: &Answer| {
        setting.edge.apply_write(&method, path, answer.0.status(), answer.0.headers(), answer.0.body());
    };
    // A copy that cannot derive the types from an answer may wait for its next read of the table.
    let same = async |when: &str| {
        setting.clock.pause(Duration::from_secs(61)).await;
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
            let origin = setting.origin.answer(request(Method::GET, path, "", &[]), setting.moment()).await;
            let edge = setting.read(path, &[]).await.0;
            assert_eq!((edge.status(), edge.body()), (origin.status(), origin.body()), "{when}: {path}");
            assert_eq!(edge.headers().get("etag"), origin.headers().get("etag"), "{when}: {path}");
        }
    };
    same("as it was read").await;
    let saved = setting.write(Method::PATCH, "/prj/a", r#"{"goal":"ours"}"#, &[]).await;
    learn(Method::PATCH, "/prj/a", &saved);
    same("after an edit").await;
    let deleted = setting.write(Method::DELETE, "/prj/a", "", &[]).await;
    learn(Method::DELETE, "/prj/a", &deleted);
    same("after the deletion").await;
    let restored = setting.write(Method::POST, "/prj/a/versions/1", "", &[]).await;
    learn(Method::POST, "/prj/a/versions/1", &restored);
    let read = setting.read("/prj/a", &session(&restored.token())).await;
    assert_eq!(read.0.body(), restored.0.body(), "its writer sees it at once");
    same("after it was restored").await;
}
