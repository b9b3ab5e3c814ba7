//! ripple's API on a table that another program also writes, with a clock that the test sets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use ripple_core::replica::Clock as _;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::memory::Memory;
use ripple_core::{Api, Timestamp};
use ripple_test_kit::{Answer, TestClock, get, moment, post, project, request};
use serde_json::Value;

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
    clock: TestClock,
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
        World { api, program, clock: TestClock::default() }
    }

    /// Returns the time, which advances with each call.
    pub(crate) fn now(&self) -> Timestamp {
        self.pass(Duration::from_millis(1));
        self.clock.now()
    }

    /// Advances the time.
    pub(crate) fn pass(&self, duration: Duration) {
        self.clock.pass(duration);
    }

    /// Sends a request by Ann.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        self.send_as("Ann", request).await
    }

    /// Sends a request with the API key of this name.
    pub(crate) async fn send_as(&self, name: &str, request: Request<Bytes>) -> Answer {
        let now = self.now();
        let moment = moment(now, now.0, name);
        let asked = format!("{} {}", request.method(), request.uri());
        let response = match &self.api {
            Host::Memory(api) => api.answer(request, moment).await,
            Host::Engine(api) => api.answer(request, moment).await,
        };
        Answer::new(asked, response)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path)).await
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
        self.send(post("/prj", &project(id, members))).await.expect(201)
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

pub(crate) fn put(id: &str, edit: Value) -> Request<Bytes> {
    request(Method::PUT, &format!("/prj/{id}"), edit.to_string())
}
