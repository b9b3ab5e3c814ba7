//! Tests of reads at the edge: the answers of a snapshot, its stated age, and the writes that it shows.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use ripple_core::auth::{KeyRecord, Scope};
use ripple_core::replica::{Clock as _, Replica};
use ripple_core::session::Session;
use ripple_core::store::Capacity;
use ripple_core::store::memory::Memory;
use ripple_core::{RecordId, Refusal, RequestContext};
use ripple_test_kit::{Answer, Hosts, api_key, get, key_record, project, with};
use serde_json::json;

fn pass(hosts: &Hosts, seconds: u64) {
    hosts.clock.pass(Duration::from_secs(seconds));
}

async fn create(hosts: &Hosts, id: &str) {
    hosts.write(Method::POST, "/prj", &project(id, json!({})).to_string(), &[]).await;
}

/// Creates a key.
fn key(hosts: &Hosts, scopes: &[Scope], expires: Option<u64>) -> String {
    let key = api_key(if scopes == [Scope::Read] { 1 } else { 2 });
    hosts.store.put_key(KeyRecord { expires, ..key_record(&key, "k", scopes) });
    key.reveal().to_owned()
}

/// Reads at the edge with the key of the request.
async fn as_key(hosts: &Hosts, request: Request<Bytes>) -> Answer {
    hosts.read_in(request, RequestContext { caller: None, ..hosts.moment() }).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test(flavor = "current_thread")]
async fn an_answer_tells_its_age() {
    let hosts = Hosts::new();
    create(&hosts, "a").await;
    let seen = async |expected_age: &str, status: &str| {
        let response = hosts.read("/prj", &[]).await;
        assert_eq!(header(response.headers(), "age"), expected_age);
        assert_eq!(header(response.headers(), "cache-status"), status);
    };
    seen("0", "ripple; fwd=miss; stored; ttl=5").await;
    pass(&hosts, 3);
    seen("3", "ripple; hit; ttl=2").await;
    pass(&hosts, 9);
    seen("12", "ripple; hit; ttl=-7").await;
    seen("0", "ripple; hit; ttl=5").await; // it was refreshed in the background of the previous read
    pass(&hosts, 61);
    seen("0", "ripple; fwd=stale; ttl=5").await;
    let response = hosts.read("/prj", &[("cache-control", "no-cache")]).await;
    assert_eq!(header(response.headers(), "cache-status"), "ripple; hit; ttl=5", "known since it asked");
}

#[tokio::test(flavor = "current_thread")]
async fn edge_and_origin_answer_the_same() {
    let hosts = Hosts::new();
    for id in ["b", "a", "c"] {
        create(&hosts, id).await;
    }
    hosts.write(Method::DELETE, "/prj/c", "", &[]).await;
    for path in [
        "/prj",
        "/prj?q=N",
        "/prj?sort=-prj_id&limit=1",
        "/prj?x=y",
        "/prj?limit=0",
        "/prj?term[gte]=1.0&name[in]=n,m&limit=1&count=true",
        "/prj?name[not]=n",
        "/prj?deleted=true",
        "/prj/a",
        "/prj/c",
        "/prj/d",
    ] {
        let origin = hosts.send(get(path)).await;
        let edge = hosts.read(path, &[]).await;
        assert_eq!((edge.status(), edge.body()), (origin.status(), origin.body()), "{path}");
        for name in ["etag", "link", "ripple-count", "content-type", "cache-control"] {
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
    let hosts = Hosts::new();
    create(&hosts, "a").await;
    let key = key(&hosts, &[Scope::Read], None);
    let at_once = || hosts.edge.whole_list("prj", &key, hosts.clock.now());
    let read = async |headers: &[(&'static str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("x-api-key", key.as_str())]).collect();
        let answer = as_key(&hosts, with(get("/prj"), &headers)).await;
        let mut headers = answer.headers().clone();
        headers.insert("x-request-id", HeaderValue::from_static(""));
        (answer, headers)
    };
    assert!(at_once().is_none(), "neither the key is remembered nor the list known");
    read(&[]).await;
    for seconds in [0, 1, 3] {
        pass(&hosts, seconds);
        let list = at_once().expect("it is fresh");
        let (found, headers) = read(&[]).await;
        assert_eq!(list.validator.head(StatusCode::OK).headers(), &headers);
        assert_eq!(hosts.edge.whole_list_body("prj").as_ref(), Some(found.body()));
        let (same, headers) = read(&[("if-none-match", list.validator.etag().as_str())]).await;
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(list.validator.head(StatusCode::NOT_MODIFIED).headers(), &headers);
    }
    pass(&hosts, 2);
    assert!(at_once().is_none(), "six seconds are past its freshness");
}

#[tokio::test(flavor = "current_thread")]
async fn nobody_has_the_list_at_once_whose_key_would_not_do() {
    let hosts = Hosts::new();
    let at_once = |key: &str| hosts.edge.whole_list("prj", key, hosts.clock.now()).is_some();
    let expires = hosts.clock.now().0 + 2_000;
    let (reader, writer) = (key(&hosts, &[Scope::Read], Some(expires)), key(&hosts, &[Scope::Write], None));
    for key in [&reader, &writer] {
        as_key(&hosts, with(get("/prj"), &[("x-api-key", key)])).await;
    }
    assert!(at_once(&reader));
    assert!(!at_once(&writer), "it may not read");
    for wrong in ["", "rpl_", &reader.to_lowercase(), &format!("{reader} "), &reader[..39]] {
        assert!(!at_once(wrong), "{wrong:?}");
    }
    pass(&hosts, 2);
    assert!(!at_once(&reader), "it has expired");
}

#[tokio::test(flavor = "current_thread")]
async fn a_reader_sees_its_own_writes() {
    let hosts = Hosts::new();
    create(&hosts, "a").await;
    hosts.read("/prj", &[]).await;
    let written = hosts.write(Method::PATCH, "/prj/a", r#"{"goal":"new"}"#, &[]).await;
    let token = header(written.headers(), "ripple-session");

    let without = hosts.read("/prj/a", &[]).await;
    assert!(!String::from_utf8_lossy(without.body()).contains("new"), "fresh for five seconds");
    let with = hosts.read("/prj", &[("ripple-session", token)]).await;
    assert!(String::from_utf8_lossy(with.body()).contains("new"));
    assert_eq!(header(with.headers(), "ripple-capacity"), "read=1, write=0", "just that record");
    let again = hosts.read("/prj", &[("ripple-session", token)]).await;
    assert_eq!(header(again.headers(), "ripple-capacity"), "read=0, write=0");

    let deleted = hosts.write(Method::DELETE, "/prj/a", "", &[]).await;
    let token = header(deleted.headers(), "ripple-session");
    let gone = hosts.read("/prj/a", &[("ripple-session", token)]).await;
    assert_eq!(gone.status(), StatusCode::GONE);
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_through_the_edge_is_known_to_it() {
    let hosts = Hosts::new();
    create(&hosts, "a").await;
    hosts.read("/prj", &[]).await;
    let learn = |method: Method, path: &str, answer: &Answer| {
        hosts.edge.apply_write(&method, path, answer.status(), answer.headers(), answer.body());
    };
    let written = hosts.write(Method::PATCH, "/prj/a", r#"{"goal":"new"}"#, &[]).await;
    learn(Method::PATCH, "/prj/a", &written);
    let read = hosts.read("/prj/a", &[]).await;
    assert_eq!(read.body(), written.body());
    assert_eq!(read.headers()["etag"], written.headers()["etag"]);

    let deleted = hosts.write(Method::DELETE, "/prj/a", "", &[]).await;
    learn(Method::DELETE, "/prj/a", &deleted);
    assert_eq!(hosts.read("/prj/a", &[]).await.status(), StatusCode::GONE);
    assert_eq!(&hosts.read("/prj", &[]).await.body()[..], b"[]");

    // The answer to the deletion does not say who made it and when, so the first list of it comes from the table.
    let origin = hosts.send(get("/prj?deleted=true")).await;
    assert!(String::from_utf8_lossy(origin.body()).contains(r#""updated_by":"test""#), "{origin:?}");
    for (seconds, capacity) in [(0, "read=0.5, write=0"), (6, "read=0.5, write=0"), (0, "read=0, write=0")] {
        pass(&hosts, seconds);
        let trash = hosts.read("/prj?deleted=true", &[]).await;
        assert_eq!((trash.body(), header(trash.headers(), "ripple-capacity")), (origin.body(), capacity));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_written_behind_ripples_back_is_there_after_a_full_read() {
    let hosts = Hosts::new();
    create(&hosts, "a").await;
    hosts.read("/prj", &[]).await;
    let store = &hosts.store;
    let id = RecordId::parse("a").expect("valid");
    let mut rewritten = store.item(&id).expect("it is there");
    rewritten.insert("goal".to_owned(), "theirs".into());
    store.put_item(&id, rewritten);
    pass(&hosts, 300);
    let early = hosts.read("/prj/a", &[]).await;
    assert!(!String::from_utf8_lossy(early.body()).contains("theirs"));
    pass(&hosts, 301);
    let late = hosts.read("/prj/a", &[]).await;
    assert!(String::from_utf8_lossy(late.body()).contains("theirs"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_fed_edge_reads_the_whole_table_once_a_day() {
    let (hosts, mut cost) = (Hosts::new(), Vec::new());
    for number in 0..30 {
        create(&hosts, &format!("p{number}")).await;
    }
    for fed in [false, true] {
        let replica = Replica::new(hosts.store.clone(), hosts.clock.clone(), Duration::from_secs(5)).fed(fed);
        for hours in [0, 1, 24] {
            hosts.clock.pass(Duration::from_secs(hours * 60 * 60));
            let mut read = Capacity::default();
            let prepared = replica.prepare(&Session::new("prj"), true, &mut read).await;
            assert!(prepared.result.expect("the memory answers").is_some());
            cost.push(read.read);
        }
    }
    let whole = cost[0];
    assert_eq!(cost[..3], [whole; 3], "without the feed, each of these reads is due");
    assert_eq!([cost[3], cost[5]], [whole; 2], "the first read, and the one of the next day");
    assert!(cost[4] < whole, "an hour later the index is enough: {cost:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_list_too_large_to_hold_is_passed_through_page_by_page() {
    let hosts = Hosts::new();
    create(&hosts, "p").await;
    let store = &hosts.store;
    let model = store_get(store, "p").await;
    for n in 0..60 {
        let mut large = model.clone();
        large.id = ripple_core::RecordId::parse(&format!("p{n:02}")).expect("valid");
        large.attributes.insert("filler".to_owned(), "x".repeat(390_000).into());
        store.put(&large);
    }
    let origin = hosts.send(get("/prj")).await;
    let edge = hosts.read("/prj", &[]).await;
    assert!(header(origin.headers(), "link").contains("rel=\"next\""), "23 MB are more than a page");
    assert_eq!((edge.status(), edge.body()), (origin.status(), origin.body()));
    for name in ["link", "etag"] {
        assert_eq!(header(edge.headers(), name), header(origin.headers(), name));
    }
    assert!(!edge.headers().contains_key("age"), "nothing is held");
    assert_eq!(header(edge.headers(), "cache-status"), "ripple; fwd=bypass; detail=too-large");
    assert_eq!(hosts.read("/prj/p07", &[]).await.status(), StatusCode::OK);
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
    let hosts = Hosts::new();
    create(&hosts, "p").await;
    let store = &hosts.store;
    let model = store_get(store, "p").await;
    let mut count = 0;
    // One refresh brings less than the limit of memory, and several together bring more.
    let mut held = Vec::new();
    for _ in 0..3 {
        for _ in 0..25 {
            let mut large = model.clone();
            large.id = ripple_core::RecordId::parse(&format!("p{count:02}")).expect("valid");
            large.updated_at = Some(hosts.clock.now());
            large.attributes.insert("filler".to_owned(), "x".repeat(390_000).into());
            store.put(&large);
            count += 1;
        }
        pass(&hosts, 61); // only changes bring this, since the table is read whole after ten minutes
        let response = hosts.read("/prj?fields=name", &[]).await;
        let list: Vec<serde_json::Value> = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(list.len(), count + 1, "held or not, the list is whole");
        held.push(response.headers().contains_key("age"));
    }
    assert_eq!(held, [true, true, false]);
    assert_eq!(hosts.read("/prj/p07", &[]).await.status(), StatusCode::OK);
    // And no reader waits for a refresh that no other request runs.
    for _ in 0..30 {
        pass(&hosts, 7);
        let asked = hosts.clock.now();
        assert_eq!(hosts.read("/prj/p07", &[]).await.status(), StatusCode::OK);
        assert_eq!(hosts.clock.now(), asked);
    }
}

async fn store_get(store: &Memory, id: &str) -> ripple_core::Record {
    use ripple_core::store::{Capacity, Consistency, Source as _};
    let id = ripple_core::RecordId::parse(id).expect("valid");
    let found = store.get(&id, Consistency::Strong, &mut Capacity::default()).await;
    found.expect("memory answers").expect("it is there")
}
