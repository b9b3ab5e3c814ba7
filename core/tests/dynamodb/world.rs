//! ripple's API on a table that another program also writes, with a clock that the test sets.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use ripple_core::auth::Caller;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext, Timestamp};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::program::Program;

pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs each test twice: as `embedded::…` and as `memory::…`.
macro_rules! in_both_worlds {
    ($($name:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                let engine = std::sync::Arc::new(crate::engine::Engine::start().await);
                super::$name(&crate::world::World::embedded(engine)).await;
            })*
        }
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::world::World::in_memory()).await;
            })*
        }
    };
}
pub(crate) use in_both_worlds;

pub(crate) struct World {
    api: Host,
    /// The other program.
    pub(crate) program: Program,
    now: Cell<u64>,
    requests: Cell<u64>,
}

/// The API on one of two stores. Generic tests would be compiled twice.
enum Host {
    Memory(Box<Api<Memory>>),
    Engine(Box<Api<DynamoDb>>),
}

impl World {
    pub(crate) fn in_memory() -> World {
        let memory = Memory::new();
        World::new(Host::Memory(Box::new(Api::new(memory.clone()))), Program::Memory(memory))
    }

    pub(crate) fn embedded(engine: Arc<Engine>) -> World {
        World::over(engine.store.clone(), engine)
    }

    /// Returns a world with a given store on an engine.
    pub(crate) fn over(store: DynamoDb, engine: Arc<Engine>) -> World {
        World::new(Host::Engine(Box::new(Api::new(store))), Program::Engine(engine))
    }

    fn new(api: Host, program: Program) -> World {
        World { api, program, now: Cell::new(1_800_000_000_000), requests: Cell::new(0) }
    }

    /// Returns the time, which advances with each call.
    pub(crate) fn now(&self) -> Timestamp {
        self.now.set(self.now.get() + 1);
        Timestamp(self.now.get())
    }

    /// Advances the time.
    pub(crate) fn pass(&self, duration: Duration) {
        self.now.set(self.now.get() + u64::try_from(duration.as_millis()).expect("short"));
    }

    /// Sends a request by Ann.
    pub(crate) async fn send(&self, request: Request<String>) -> Answer {
        self.send_as("Ann", request).await
    }

    /// Sends a request with the API key of this name.
    pub(crate) async fn send_as(&self, name: &str, request: Request<String>) -> Answer {
        self.requests.set(self.requests.get() + 1);
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.requests.get().to_be_bytes());
        let caller = Some(Caller::checked_by_gateway(name));
        let moment = RequestContext { now: self.now(), random, caller };
        let asked = format!("{} {}", request.method(), request.uri());
        let request = request.map(Bytes::from);
        let response = match &self.api {
            Host::Memory(api) => api.answer(request, moment).await,
            Host::Engine(api) => api.answer(request, moment).await,
        };
        Answer { asked, response }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, "")).await
    }

    /// Returns the current record.
    pub(crate) async fn read(&self, id: &str) -> Value {
        self.get(&format!("/prj/{id}")).await.expect(200).json()
    }

    /// Returns the record as it was at a version.
    pub(crate) async fn state(&self, id: &str, version: i64) -> Value {
        self.get(&format!("/prj/{id}/versions/{version}")).await.expect(200).json()
    }

    /// Returns the versions in the history, the newest first.
    pub(crate) async fn versions(&self, id: &str) -> Vec<i64> {
        let rows = self.get(&format!("/prj/{id}/versions")).await.expect(200).json();
        rows.as_array().expect("a list").iter().map(|row| row["version"].as_i64().expect("a number")).collect()
    }

    /// Creates a record with all required members and these members.
    pub(crate) async fn create(&self, id: &str, members: Value) -> Answer {
        let body = project(id, members).to_string();
        self.send(request(Method::POST, "/prj", &body)).await.expect(201)
    }

    /// Saves an edit with PUT.
    pub(crate) async fn put(&self, id: &str, edit: Value) -> Answer {
        self.send(put(id, edit)).await.expect(200)
    }

    /// Saves an edit with PUT, with the API key of this name.
    pub(crate) async fn put_as(&self, name: &str, id: &str, edit: Value) -> Answer {
        self.send_as(name, put(id, edit)).await.expect(200)
    }

    pub(crate) async fn delete(&self, id: &str) -> Answer {
        self.send(request(Method::DELETE, &format!("/prj/{id}"), "")).await
    }

    /// Restores a version exactly.
    pub(crate) async fn restore(&self, id: &str, version: i64) -> Answer {
        self.send(request(Method::POST, &format!("/prj/{id}/versions/{version}"), "")).await
    }
}

/// Returns a body with all required members and these members.
pub(crate) fn project(id: &str, members: Value) -> Value {
    let mut project = json!({
        "prj_id": id, "name": "Garden", "goal": "Beans", "issue": "Snails", "description": "Beds", "term": 3,
        "term_unit": "month", "create_date": "2026-03-01",
    });
    for (name, value) in members.as_object().expect("an object") {
        project[name] = value.clone();
    }
    project
}

pub(crate) fn request(method: Method, path: &str, body: &str) -> Request<String> {
    Request::builder().method(method).uri(path).body(body.to_owned()).expect("a request")
}

pub(crate) fn put(id: &str, edit: Value) -> Request<String> {
    request(Method::PUT, &format!("/prj/{id}"), &edit.to_string())
}

/// Returns the request with a header.
pub(crate) fn with(mut request: Request<String>, name: &'static str, value: &str) -> Request<String> {
    request.headers_mut().insert(name, value.parse().expect("a header's value"));
    request
}

pub(crate) struct Answer {
    asked: String,
    response: Response<Bytes>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: String = String::from_utf8_lossy(self.response.body()).chars().take(1000).collect();
        write!(f, "{}: {} {:?}\n{body}", self.asked, self.response.status(), self.response.headers())
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns this answer. Panics if it has another status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status(), status, "{self:?}");
        self
    }

    /// Checks that this is the problem with this status and code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) {
        assert_eq!((self.status(), &self.json()["code"]), (status, &json!(code)), "{self:?}");
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.response.body()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the record's version.
    #[track_caller]
    pub(crate) fn version(&self) -> i64 {
        self.json()["version"].as_i64().unwrap_or_else(|| panic!("there should be a version: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn receipt(&self) -> &str {
        self.header("ripple-receipt")
    }

    pub(crate) fn body(&self) -> &Bytes {
        self.response.body()
    }
}
