//! A small world for hostile requests: a table with a record, a tombstone and a record of another writer, and two keys.

use std::cell::Cell;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value};
use ripple_core::{Api, RecordId, RequestContext, Timestamp};

/// The API on a table in memory.
pub struct World {
    /// The table.
    pub store: Memory,
    /// The API.
    pub api: Api<Memory>,
    /// A key that reads and writes.
    pub writer: ApiKey,
    /// A key that reads.
    pub reader: ApiKey,
    count: Cell<u64>,
}

/// All required members of a record.
const RECORD: &str = r#""name":"Garden","goal":"Beans","issue":"Snails","description":"Beds","term":3,"term_unit":"month",
    "create_date":"2026-03-01""#;

impl World {
    /// Returns a new world, which is always the same.
    pub async fn new() -> World {
        let store = Memory::new();
        let issue = |seed: u8, name: &str, scopes: Vec<Scope>| {
            let key = ApiKey::generate(&[seed; 64]).expect("64 bytes are enough for 30 characters");
            store.put_key(KeyRecord {
                key_hash: key.hash().to_hex(),
                key_id: format!("key_{name}"),
                name: name.to_owned(),
                scopes: scopes.into(),
                created: 0,
                expires: None,
                revoked: None,
                // The key counts as used, so that its first use is not written at once.
                last_used: Some(u64::MAX),
                lineage: None,
                author: None,
            });
            key
        };
        let writer = issue(1, "writer", vec![Scope::Read, Scope::Write]);
        let reader = issue(2, "reader", vec![Scope::Read]);
        let id = RecordId::stored("Another's / id".to_owned());
        let tags = Value::Strings(["x".to_owned()].into());
        store.put_item(&id, Members::from([("prj_id".to_owned(), id.as_str().into()), ("tags".to_owned(), tags)]));
        let world = World { api: Api::new(store.clone()), store, writer, reader, count: Cell::new(0) };
        for (method, path, body) in [
            (
                Method::POST,
                "/prj",
                format!(r#"{{"prj_id":"a",{RECORD},"timeline":[{{"id":"t","text":"Dug"}},"sown"]}}"#),
            ),
            (Method::PATCH, "/prj/a", r#"{"goal":"Peas","n":1e30,"timeline":[{"text":"Wet"}]}"#.to_owned()),
            (Method::POST, "/prj", format!(r#"{{"prj_id":"b",{RECORD}}}"#)),
            (Method::DELETE, "/prj/b", String::new()),
        ] {
            let mut request = Request::new(Bytes::from(body));
            (*request.method_mut(), *request.uri_mut()) = (method, path.parse().expect("a path"));
            let response = world.send(world.with_key(request)).await;
            assert!(response.status().is_success(), "{response:?}");
        }
        world
    }

    /// Returns the request with the writer's key, unless it has one.
    pub fn with_key(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        let key = HeaderValue::from_str(self.writer.reveal()).expect("a key is ASCII");
        request.headers_mut().entry("x-api-key").or_insert(key);
        request
    }

    /// Returns the context of the next request.
    pub fn moment(&self) -> RequestContext {
        self.count.set(self.count.get() + 1);
        let mut random = [7; 32];
        random[..8].copy_from_slice(&self.count.get().to_be_bytes());
        RequestContext { now: Timestamp(1_800_000_000_000 + self.count.get()), random, caller: None }
    }

    /// Returns the answer to a request.
    pub async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.api.answer(request, self.moment()).await
    }

    /// Returns the contents of the tables as text, which is equal if they are.
    pub fn state(&self) -> String {
        format!("{:?}", self.store)
    }
}
