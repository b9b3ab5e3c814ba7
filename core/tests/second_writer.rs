//! A writer beside ripple who puts whole items and knows no versions: what the history has of their states, and what
//! an edit is that was made on one of them.

use bytes::Bytes;
use http::{Method, Request, Response};
use ripple_core::key::Caller;
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Number, Value, parse};
use ripple_core::{Api, Moment, Record, RecordId, Timestamp};
use std::cell::Cell;

struct World {
    table: Memory,
    api: Api<Memory>,
    count: Cell<u64>,
}

impl World {
    fn new() -> World {
        let table = Memory::new();
        World { api: Api::new(table.clone()), table, count: Cell::new(0) }
    }

    /// The other writer's doing.
    fn put(&self, record: &str) {
        self.put_counted(record, None);
    }

    /// With an attribute `version` that is none of ripple's.
    fn put_counted(&self, record: &str, stray: Option<Value>) {
        let (id, version, updated_at, updated_by, tombstone) = (RecordId::stored("p".to_owned()), 0, None, None, None);
        let attributes = members(record);
        self.table.put(Record { id, version, stray, updated_at, updated_by, tombstone, attributes });
    }

    async fn ask(&self, request: Request<String>) -> Response<Bytes> {
        self.count.set(self.count.get() + 1);
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.count.get().to_be_bytes());
        let now = Timestamp(1_800_000_000_000 + self.count.get());
        let caller = Some(Caller { name: "Ada".to_owned(), ..Caller::checked_by_gateway("a") });
        self.api.answer(request.map(Bytes::from), Moment { now, random, caller }).await
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        self.ask(request(Method::GET, path, "")).await
    }

    /// Saves, and gives the receipt.
    async fn put_through_ripple(&self, body: &str) -> String {
        receipt(&self.ask(request(Method::PUT, "/prj/p", body)).await)
    }

    /// The record's lists and `goal`, without what is ripple's own.
    async fn shown(&self, path: &str) -> String {
        let mut shown = members(text(&self.get(path).await));
        shown.retain(|name, _| ["goal", "l", "version"].contains(&name.as_str()));
        serde_json::to_string(&Value::Map(shown)).expect("JSON")
    }

    async fn numbers(&self) -> Vec<String> {
        let history = self.get("/prj/p/versions").await;
        let Ok(Value::List(rows)) = parse(history.body()) else { panic!("{history:?}") };
        let told = |row: Value| {
            let Value::Map(row) = row else { panic!("{row:?}") };
            let by = if row.contains_key("updated_by") { "Ada" } else { "another" };
            format!("{} by {by}", serde_json::to_string(&row["version"]).expect("a number"))
        };
        rows.into_iter().map(told).collect()
    }
}

fn request(method: Method, path: &str, body: &str) -> Request<String> {
    Request::builder().method(method).uri(path).body(body.to_owned()).expect("a request")
}

fn keyed(mut request: Request<String>) -> Request<String> {
    request.headers_mut().insert("idempotency-key", "k".parse().expect("a key"));
    request
}

fn members(json: &str) -> Members {
    match parse(json.as_bytes()) {
        Ok(Value::Map(members)) => members,
        other => panic!("{json}: {other:?}"),
    }
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("JSON")
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[track_caller]
fn receipt(response: &Response<Bytes>) -> String {
    assert!(response.status().is_success(), "{response:?}");
    header(response, "ripple-receipt").to_owned()
}

#[tokio::test]
async fn each_of_their_states_that_ripple_writes_over_has_a_version_of_its_own() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"first","version":0}"#);
    let told = world.put_through_ripple(r#"{"version":0,"goal":"mine"}"#).await;
    assert_eq!(told, r#"result=saved, version=1, base=0, taken=("/goal")"#);

    world.put(r#"{"goal":"second"}"#);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"second","version":0}"#);
    let told = world.put_through_ripple(r#"{"version":1,"goal":"mine again"}"#).await;
    assert_eq!(told, r#"result=saved, version=3, base=1, won=("/goal";replaced=2)"#);

    assert_eq!(world.numbers().await, ["3 by Ada", "2 by another", "1 by Ada", "0 by another"]);
    for (number, goal) in ["first", "mine", "second", "mine again"].into_iter().enumerate() {
        let expected = format!(r#"{{"goal":"{goal}","version":{number}}}"#);
        assert_eq!(world.shown(&format!("/prj/p/versions/{number}")).await, expected);
    }
}

#[tokio::test]
async fn a_version_that_is_none_gives_way_to_every_write() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    world.put_through_ripple(r#"{"goal":"mine"}"#).await;
    let half = || Number::parse("0.5").map(Value::Number);
    let merge_patch = |mut request: Request<String>| {
        let kind = "application/merge-patch+json".parse().expect("a media type");
        request.headers_mut().insert("content-type", kind);
        request
    };
    for (request, version) in [
        (request(Method::PUT, "/prj/p", r#"{"goal":"put"}"#), 3),
        (merge_patch(request(Method::PATCH, "/prj/p", r#"{"goal":"patched"}"#)), 5),
        (request(Method::POST, "/prj/p/versions/1", ""), 7),
        (request(Method::DELETE, "/prj/p", ""), 9),
    ] {
        world.put_counted(r#"{"goal":"theirs"}"#, half());
        assert_eq!(world.shown("/prj/p").await, r#"{"goal":"theirs","version":0}"#);
        let told = receipt(&world.ask(request).await);
        assert!(told.contains(&format!("version={version}")), "{told}");
        let theirs = world.shown(&format!("/prj/p/versions/{}", version - 1)).await;
        assert_eq!(theirs, format!(r#"{{"goal":"theirs","version":{}}}"#, version - 1));
    }
}

/// Their state has no row in the history while ripple has not written over it.
#[tokio::test]
async fn a_save_with_nothing_to_do_on_their_state_is_remembered() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    let save = |goal: &str| request(Method::PUT, "/prj/p", &format!(r#"{{"goal":"{goal}"}}"#));
    let idle = world.ask(save("first")).await;
    assert!(header(&idle, "ripple-capacity").ends_with("write=0"), "{idle:?}");
    let first = world.ask(keyed(save("first"))).await;
    assert_eq!(receipt(&first), "result=unchanged, version=0");
    assert!(header(&first, "ripple-capacity").ends_with("write=1"), "{first:?}");
    for then in ["", r#"{"goal":"second"}"#] {
        if !then.is_empty() {
            world.put_through_ripple(then).await;
        }
        let again = world.ask(keyed(save("first"))).await;
        assert_eq!(text(&again), text(&world.get("/prj/p").await));
        assert_eq!(receipt(&again), receipt(&first));
    }
    assert_eq!(world.ask(keyed(save("third"))).await.status(), 422);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"second","version":1}"#);
    // Nobody has kept this one, and still nothing is done.
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    world.ask(keyed(save("first"))).await;
    world.put(r#"{"goal":"second"}"#);
    let again = world.ask(keyed(save("first"))).await;
    assert_eq!((text(&again), receipt(&again)), (r#"{"goal":"second","prj_id":"p","version":0}"#, receipt(&first)));
    world.put_through_ripple(r#"{"goal":"third"}"#).await;
    assert_eq!(receipt(&world.ask(keyed(save("first"))).await), receipt(&first));
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"third","version":1}"#);
}

/// A record may be older than anything that the history has.
#[tokio::test]
async fn a_save_with_nothing_to_do_on_a_state_past_its_history_is_remembered() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    world.put_through_ripple(r#"{"goal":"mine"}"#).await;
    world.table.expire_history();
    let save = || keyed(request(Method::PUT, "/prj/p", r#"{"goal":"mine","version":1}"#));
    let first = world.ask(save()).await;
    assert_eq!(receipt(&first), "result=unchanged, version=1, base=1");
    let again = world.ask(save()).await;
    assert_eq!((text(&again), receipt(&again)), (text(&first), receipt(&first)));
    world.put_through_ripple(r#"{"goal":"newer"}"#).await;
    world.table.expire_history();
    // Nobody has that state any longer, and still nothing is done.
    assert_eq!(receipt(&world.ask(save()).await), receipt(&first));
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"newer","version":2}"#);
}

#[tokio::test]
async fn a_deletion_of_theirs_is_told_like_a_save() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    world.put_through_ripple(r#"{"goal":"mine"}"#).await;
    world.put(r#"{"goal":"second"}"#);
    assert_eq!(receipt(&world.ask(request(Method::DELETE, "/prj/p", "")).await), "result=deleted, version=3",);
    assert_eq!(world.shown("/prj/p/versions/2").await, r#"{"goal":"second","version":2}"#);
}

#[tokio::test]
async fn while_there_is_but_one_of_their_states_version_0_is_that() {
    let world = World::new();
    world.put(r#"{"goal":"first","l":["a","b"]}"#);
    world.put_through_ripple(r#"{"version":0,"l":["a","b","c"]}"#).await;
    let told = world.put_through_ripple(r#"{"version":0,"l":["b","d"]}"#).await;
    assert_eq!(told, r#"result=saved, version=2, base=0, merged=("/l";added=1;removed=1;changed=0)"#);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"first","l":["b","c","d"],"version":2}"#);
}

/// They have read what was added through ripple, and put it back with an edit. Whoever saves on version 0 may have had
/// their first state in front of them, which has not got it.
#[tokio::test]
async fn what_was_added_through_ripple_stays_whichever_of_their_states_was_version_0() {
    for through_ripple_between in [false, true] {
        let world = World::new();
        world.put(r#"{"goal":"first","l":["a"]}"#);
        world.put_through_ripple(r#"{"version":0,"l":["a","added"]}"#).await;
        world.put(r#"{"goal":"second","l":["a","added"]}"#);
        if through_ripple_between {
            world.put_through_ripple(r#"{"goal":"third"}"#).await;
        }
        let told = world.put_through_ripple(r#"{"version":0,"l":["a","new"]}"#).await;
        assert!(told.contains("base=0;missing"), "{told}");
        assert!(world.shown("/prj/p").await.contains(r#""l":["a","added","new"]"#));
    }
}

#[tokio::test]
async fn who_restores_on_a_version_0_that_may_be_another_undoes_nothing() {
    let world = World::new();
    world.put(r#"{"goal":"first","l":["a"]}"#);
    world.put_through_ripple(r#"{"version":0,"l":["a","added"]}"#).await;
    world.put(r#"{"goal":"second","l":["added"],"kept":1}"#);
    let told = receipt(&world.ask(request(Method::POST, "/prj/p/versions/0", r#"{"version":0}"#)).await);
    assert!(told.starts_with("result=restored, version=3, base=0;missing"), "{told}");
    let shown = members(text(&world.get("/prj/p").await));
    assert_eq!(shown["goal"], "first".into());
    assert_eq!(serde_json::to_string(&shown["l"]).expect("JSON"), r#"["added","a"]"#);
    assert!(shown.contains_key("kept"));
    // Without a base it is exactly that state.
    receipt(&world.ask(request(Method::POST, "/prj/p/versions/0", "")).await);
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"first","l":["a"],"version":4}"#);
}

#[tokio::test]
async fn an_entity_tag_names_their_state_among_all() {
    let world = World::new();
    world.put(r#"{"goal":"first","l":["a"]}"#);
    world.put_through_ripple(r#"{"version":0,"l":["a","added"]}"#).await;
    world.put(r#"{"goal":"second","l":["a","added"]}"#);
    let tag = header(&world.get("/prj/p").await, "etag").to_owned();
    let mut save = request(Method::PUT, "/prj/p", r#"{"version":0,"l":["added"]}"#);
    save.headers_mut().insert("if-match", tag.parse().expect("a tag"));
    assert_eq!(
        receipt(&world.ask(save).await),
        r#"result=saved, version=3, base=0, taken=("/l";added=0;removed=1;changed=0)"#,
    );
    assert_eq!(world.shown("/prj/p").await, r#"{"goal":"second","l":["added"],"version":3}"#);
}

/// The cost law: one read, and one transaction of the record, its row and the row of what was there.
#[tokio::test]
async fn the_first_save_of_their_record_is_one_read_and_one_transaction() {
    let world = World::new();
    world.put(r#"{"goal":"first"}"#);
    let first = world.ask(request(Method::PUT, "/prj/p", r#"{"version":0,"goal":"mine"}"#)).await;
    assert_eq!(header(&first, "ripple-capacity"), "read=1, write=6");
    let second = world.ask(request(Method::PUT, "/prj/p", r#"{"version":1,"goal":"mine again"}"#)).await;
    assert_eq!(header(&second, "ripple-capacity"), "read=1, write=4");
}
