//! Tests of reads at the edge: the answers of a snapshot, its stated age, and the writes that it shows.

mod clock;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use ripple_core::RecordId;
use ripple_core::auth::{ApiKey, Caller, KeyRecord, Scope};
use ripple_core::http::edge::answers;
use ripple_core::replica::{Clock as _, Replica};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, Refusal, RequestContext};

use clock::TestClock;

/// The origin and an edge on one table.
struct Setting {
    clock: TestClock,
    origin: Api<Memory>,
    edge: Api<Replica<Memory, TestClock>>,
}

impl Setting {
    fn new() -> Setting {
        let clock = TestClock::default();
        let store = Memory::new();
        let replica = Replica::new(store.clone(), clock.clone(), Duration::from_secs(5));
        Setting { origin: Api::new(store), edge: Api::new(replica), clock }
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.set(self.clock.0.get() + seconds * 1000);
    }

    fn moment(&self) -> RequestContext {
        let caller = Some(Caller::checked_by_gateway("test"));
        RequestContext { now: self.clock.now(), random: [7; 32], caller }
    }

    async fn write(&self, method: Method, path: &str, body: &str) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(path).body(Bytes::from(body.to_owned())).expect("valid");
        let response = self.origin.answer(request, self.moment()).await;
        assert!(response.status().is_success(), "{response:?}");
        response
    }

    async fn create(&self, id: &str) -> Response<Bytes> {
        let body = format!(
            r#"{{"prj_id":"{id}","name":"n","goal":"g","issue":"i","description":"d","term":1,"term_unit":"day",
                 "create_date":"2026-01-01"}}"#
        );
        self.write(Method::POST, "/prj", &body).await
    }

    /// Creates a key.
    fn key(&self, scopes: &[Scope], expires: Option<u64>) -> String {
        let random = if scopes == [Scope::Read] { [1; 64] } else { [2; 64] };
        let key = ApiKey::generate(&random).expect("enough fair bytes");
        let name = "k".to_owned();
        self.origin.store().put_key(KeyRecord {
            key_hash: key.hash().to_hex(),
            key_id: name.clone(),
            name,
            scopes: scopes.to_vec().into(),
            created: 0,
            expires,
            revoked: None,
            last_used: None,
            lineage: None,
            author: None,
        });
        key.reveal().to_owned()
    }

    /// Reads at the edge, and then runs the refresh that follows the answer.
    async fn read(&self, path: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
        self.read_as(Some(Caller::checked_by_gateway("test")), path, headers).await
    }

    async fn read_as(&self, caller: Option<Caller>, path: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
        let mut request = Request::get(path).body(Bytes::new()).expect("valid");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("valid"));
        }
        let moment = RequestContext { caller, ..self.moment() };
        let authorized = self.edge.authorize(&request, moment).await.expect("the caller may");
        assert!(answers(authorized.route, request.uri()));
        let answer = self.edge.read(&request, authorized).await;
        if let Some(refresh) = answer.behind {
            self.edge.refresh(refresh).await.expect("memory answers");
        }
        answer.response
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test(flavor = "current_thread")]
async fn an_answer_tells_its_age() {
    let setting = Setting::new();
    setting.create("a").await;
    let seen = async |expected_age: &str, status: &str| {
        let response = setting.read("/prj", &[]).await;
        assert_eq!(header(response.headers(), "age"), expected_age);
        assert_eq!(header(response.headers(), "cache-status"), status);
    };
    seen("0", "ripple; fwd=miss; stored; ttl=5").await;
    setting.pass(3);
    seen("3", "ripple; hit; ttl=2").await;
    setting.pass(9);
    seen("12", "ripple; hit; ttl=-7").await;
    seen("0", "ripple; hit; ttl=5").await; // it was refreshed in the background of the previous read
    setting.pass(61);
    seen("0", "ripple; fwd=stale; ttl=5").await;
    let response = setting.read("/prj", &[("cache-control", "no-cache")]).await;
    assert_eq!(header(response.headers(), "cache-status"), "ripple; hit; ttl=5", "known since it asked");
}

#[tokio::test(flavor = "current_thread")]
async fn edge_and_origin_answer_the_same() {
    let setting = Setting::new();
    for id in ["b", "a", "c"] {
        setting.create(id).await;
    }
    setting.write(Method::DELETE, "/prj/c", "").await;
    for path in
        ["/prj", "/prj?q=N", "/prj?sort=-prj_id&limit=1", "/prj?x=y", "/prj?limit=0", "/prj/a", "/prj/c", "/prj/d"]
    {
        let request = Request::get(path).body(Bytes::new()).expect("valid");
        let origin = setting.origin.answer(request, setting.moment()).await;
        let edge = setting.read(path, &[]).await;
        assert_eq!((edge.status(), edge.body()), (origin.status(), origin.body()), "{path}");
        for name in ["etag", "link", "content-type", "cache-control"] {
            assert_eq!(header(edge.headers(), name), header(origin.headers(), name), "{path}: {name}");
        }
        let tells = origin.status() != StatusCode::BAD_REQUEST; // the absence of a record is also known as of then
        for name in ["age", "cache-status"] {
            assert_eq!(edge.headers().contains_key(name), tells, "{path}");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_list_at_once_is_the_answer_that_a_read_gives() {
    let setting = Setting::new();
    setting.create("a").await;
    let key = setting.key(&[Scope::Read], None);
    let at_once = || setting.edge.whole_list("prj", &key, setting.clock.now());
    let read = async |path, headers: &[(&'static str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("x-api-key", key.as_str())]).collect();
        let mut response = setting.read_as(None, path, &headers).await;
        response.headers_mut().insert("x-request-id", HeaderValue::from_static(""));
        response
    };
    assert!(at_once().is_none(), "neither the key is remembered nor the list known");
    read("/prj", &[]).await;
    for seconds in [0, 1, 4] {
        setting.pass(seconds);
        let list = at_once().expect("it is fresh");
        let found = read("/prj", &[]).await;
        assert_eq!(list.validator.head(StatusCode::OK).headers(), found.headers());
        assert_eq!(setting.edge.whole_list_body("prj").as_ref(), Some(found.body()));
        let same = read("/prj", &[("if-none-match", list.validator.etag().as_str())]).await;
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(list.validator.head(StatusCode::NOT_MODIFIED).headers(), same.headers());
    }
    setting.pass(1);
    assert!(at_once().is_none(), "six seconds are past its freshness");
}

#[tokio::test(flavor = "current_thread")]
async fn nobody_has_the_list_at_once_whose_key_would_not_do() {
    let setting = Setting::new();
    let at_once = |key: &str| setting.edge.whole_list("prj", key, setting.clock.now()).is_some();
    let expires = setting.clock.now().0 + 2_000;
    let (reader, writer) = (setting.key(&[Scope::Read], Some(expires)), setting.key(&[Scope::Write], None));
    for key in [&reader, &writer] {
        let request = Request::get("/prj").header("x-api-key", key).body(Bytes::new()).expect("valid");
        let moment = RequestContext { caller: None, ..setting.moment() };
        if let Ok(authorized) = setting.edge.authorize(&request, moment).await {
            setting.edge.read(&request, authorized).await;
        }
    }
    assert!(at_once(&reader));
    assert!(!at_once(&writer), "it may not read");
    for wrong in ["", "rpl_", &reader.to_lowercase(), &format!("{reader} "), &reader[..39]] {
        assert!(!at_once(wrong), "{wrong:?}");
    }
    setting.pass(2);
    assert!(!at_once(&reader), "it has expired");
}

#[tokio::test(flavor = "current_thread")]
async fn a_reader_sees_its_own_writes() {
    let setting = Setting::new();
    setting.create("a").await;
    setting.read("/prj", &[]).await;
    let written = setting.write(Method::PATCH, "/prj/a", r#"{"goal":"new"}"#).await;
    let token = header(written.headers(), "ripple-session");

    let without = setting.read("/prj/a", &[]).await;
    assert!(!String::from_utf8_lossy(without.body()).contains("new"), "fresh for five seconds");
    let with = setting.read("/prj", &[("ripple-session", token)]).await;
    assert!(String::from_utf8_lossy(with.body()).contains("new"));
    assert_eq!(header(with.headers(), "ripple-capacity"), "read=1, write=0", "just that record");
    let again = setting.read("/prj", &[("ripple-session", token)]).await;
    assert_eq!(header(again.headers(), "ripple-capacity"), "read=0, write=0");

    let deleted = setting.write(Method::DELETE, "/prj/a", "").await;
    let token = header(deleted.headers(), "ripple-session");
    let gone = setting.read("/prj/a", &[("ripple-session", token)]).await;
    assert_eq!(gone.status(), StatusCode::GONE);
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_through_the_edge_is_known_to_it() {
    let setting = Setting::new();
    setting.create("a").await;
    setting.read("/prj", &[]).await;
    let learn = |verb: Method, path: &str, answer: &Response<Bytes>| {
        setting.edge.apply_write(&verb, path, answer.status(), answer.headers(), answer.body());
    };
    let written = setting.write(Method::PATCH, "/prj/a", r#"{"goal":"new"}"#).await;
    learn(Method::PATCH, "/prj/a", &written);
    let read = setting.read("/prj/a", &[]).await;
    assert_eq!(read.body(), written.body());
    assert_eq!(read.headers()["etag"], written.headers()["etag"]);

    let deleted = setting.write(Method::DELETE, "/prj/a", "").await;
    learn(Method::DELETE, "/prj/a", &deleted);
    assert_eq!(setting.read("/prj/a", &[]).await.status(), StatusCode::GONE);
    assert_eq!(&setting.read("/prj", &[]).await.body()[..], b"[]");
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_written_behind_ripples_back_is_there_after_a_full_read() {
    let setting = Setting::new();
    setting.create("a").await;
    setting.read("/prj", &[]).await;
    let store = setting.origin.store();
    let id = RecordId::parse("a").expect("valid");
    let mut rewritten = store.item(&id).expect("it is there");
    rewritten.insert("goal".to_owned(), "theirs".into());
    store.put_item(&id, rewritten);
    setting.pass(300);
    let early = setting.read("/prj/a", &[]).await;
    assert!(!String::from_utf8_lossy(early.body()).contains("theirs"));
    setting.pass(301);
    let late = setting.read("/prj/a", &[]).await;
    assert!(String::from_utf8_lossy(late.body()).contains("theirs"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_list_too_large_to_hold_is_passed_through_page_by_page() {
    let setting = Setting::new();
    setting.create("p").await;
    let store = setting.origin.store();
    let model = store_get(store, "p").await;
    for n in 0..45 {
        let mut large = model.clone();
        large.id = ripple_core::RecordId::parse(&format!("p{n:02}")).expect("valid");
        large.attributes.insert("filler".to_owned(), "x".repeat(390_000).into());
        store.put(&large);
    }
    let request = Request::get("/prj").body(Bytes::new()).expect("valid");
    let origin = setting.origin.answer(request, setting.moment()).await;
    let edge = setting.read("/prj", &[]).await;
    assert!(header(origin.headers(), "link").contains("rel=\"next\""), "18 MB are more than a page");
    assert_eq!((edge.status(), edge.body()), (origin.status(), origin.body()));
    for name in ["link", "etag"] {
        assert_eq!(header(edge.headers(), name), header(origin.headers(), name));
    }
    assert!(!edge.headers().contains_key("age"), "nothing is held");
    assert_eq!(setting.read("/prj/p07", &[]).await.status(), StatusCode::OK);
}

#[test]
fn a_hosts_refusal_is_a_problem_that_nobody_keeps() {
    let response = Refusal::BadGateway.answer("r".to_owned());
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(header(response.headers(), "cache-control"), "no-store");
    assert_eq!(header(response.headers(), "content-type"), "application/problem+json");
    assert_eq!(header(response.headers(), "x-request-id"), "r");
    assert!(!response.headers().contains_key("ripple-capacity"), "nobody asked DynamoDB");
    let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(problem["type"], "urn:problem-type:ripple:bad_gateway");
    assert_eq!(problem["title"], "Bad Gateway");
}

#[tokio::test(flavor = "current_thread")]
async fn a_list_that_outgrows_its_bound_change_by_change_is_not_held() {
    let setting = Setting::new();
    setting.create("p").await;
    let store = setting.origin.store();
    let model = store_get(store, "p").await;
    let mut count = 0;
    // One refresh brings less than the limit of memory, and several together bring more.
    let mut held = Vec::new();
    for _ in 0..3 {
        for _ in 0..25 {
            let mut large = model.clone();
            large.id = ripple_core::RecordId::parse(&format!("p{count:02}")).expect("valid");
            large.updated_at = Some(setting.clock.now());
            large.attributes.insert("filler".to_owned(), "x".repeat(390_000).into());
            store.put(&large);
            count += 1;
        }
        setting.pass(61); // only changes bring this, since the table is read whole after ten minutes
        let response = setting.read("/prj?fields=name", &[]).await;
        let list: Vec<serde_json::Value> = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(list.len(), count + 1, "held or not, the list is whole");
        held.push(response.headers().contains_key("age"));
    }
    assert_eq!(held, [true, true, false]);
    assert_eq!(setting.read("/prj/p07", &[]).await.status(), StatusCode::OK);
    // And no reader waits for a refresh that no other request runs.
    for _ in 0..30 {
        setting.pass(7);
        let asked = setting.clock.now();
        assert_eq!(setting.read("/prj/p07", &[]).await.status(), StatusCode::OK);
        assert_eq!(setting.clock.now(), asked);
    }
}

async fn store_get(store: &Memory, id: &str) -> ripple_core::Record {
    use ripple_core::store::{Capacity, Consistency, Source as _};
    let id = ripple_core::RecordId::parse(id).expect("valid");
    let found = store.get(&id, Consistency::Strong, &mut Capacity::default()).await;
    found.expect("memory answers").expect("it is there")
}
