//! An origin and an edge on one table.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use ripple_core::http::edge::answers;
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::replica::{Clock as _, Replica};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RecordId, RequestContext};
use serde_json::Value;

use crate::answer::Answer;
use crate::clock::TestClock;
use crate::request::{get, members, moment, request, with};

/// How old a list may be at the edge.
const FRESH: Duration = Duration::from_secs(5);

/// An origin and an edge on one table in memory.
pub struct Hosts {
    /// The time at both hosts. It stays until a test advances it.
    pub clock: TestClock,
    /// The table.
    pub store: Memory,
    /// The host that writes.
    pub origin: Api<Memory>,
    /// The host that reads from a snapshot.
    pub edge: Api<Replica<Memory, TestClock>>,
    requests: Cell<u64>,
}

/// Returns the resource of a file: its name, which is also the file's, and its text.
///
/// # Panics
/// If the file has a fault.
#[must_use]
#[track_caller]
pub fn resource(name: &str, file: &str) -> Arc<Resource> {
    let resources = Resources::read(&[(format!("{name}.json"), file)]).expect("the file is valid");
    Arc::clone(resources.first())
}

impl Default for Hosts {
    fn default() -> Hosts {
        Hosts::new()
    }
}

impl Hosts {
    /// Returns hosts of the built-in resource, whose edge refreshes a list after five seconds.
    #[must_use]
    pub fn new() -> Hosts {
        Hosts::of(Resource::built_in(), FRESH)
    }

    /// Returns hosts of a resource, whose edge refreshes a list after this time.
    #[must_use]
    pub fn of(resource: Arc<Resource>, fresh: Duration) -> Hosts {
        let (clock, store) = (TestClock::default(), Memory::of(resource));
        let edge = Api::new(Replica::new(store.clone(), clock.clone(), fresh));
        Hosts { clock, origin: Api::new(store.clone()), store, edge, requests: Cell::new(0) }
    }

    /// Returns the context of the next request, by the key `test`.
    pub fn moment(&self) -> RequestContext {
        self.requests.set(self.requests.get() + 1);
        moment(self.clock.now(), self.requests.get(), "test")
    }

    /// Puts the whole item of another program, which has these members and this key.
    ///
    /// # Panics
    /// If the text is no object.
    pub fn put(&self, id: &str, json: &str) {
        let key = ("prj_id".to_owned(), id.into());
        self.store.put_item(&RecordId::stored(id.to_owned()), members(json).into_iter().chain([key]).collect());
    }

    /// Sends a request to the origin.
    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        self.send_in(request, self.moment()).await
    }

    /// Sends a value to the origin a second later, or no body if it is null.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.clock.pass(Duration::from_secs(1));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request(method, path, body)).await
    }

    /// Sends a request to the origin, in this context.
    pub async fn send_in(&self, request: Request<Bytes>, moment: RequestContext) -> Answer {
        let asked = format!("{} {}", request.method(), request.uri());
        Answer::new(asked, self.origin.answer(request, moment).await)
    }

    /// Writes at the origin, with these headers.
    ///
    /// # Panics
    /// If the answer is no success.
    pub async fn write(&self, method: Method, path: &str, body: &str, headers: &[(&'static str, &str)]) -> Answer {
        let answer = self.send(with(request(method, path, body.to_owned()), headers)).await;
        assert!(answer.status().is_success(), "{answer:?}");
        answer
    }

    /// Reads at the edge, with these headers, and then runs the refresh that follows the answer.
    pub async fn read(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        self.read_in(with(get(path), headers), self.moment()).await
    }

    /// Reads at the edge, in this context, and then runs the refresh that follows the answer.
    pub async fn read_in(&self, request: Request<Bytes>, moment: RequestContext) -> Answer {
        let asked = format!("{} {} at the edge", request.method(), request.uri());
        let authorized = match self.edge.authorize(&request, moment).await {
            Ok(authorized) => authorized,
            Err(refused) => return Answer::new(asked, refused),
        };
        assert!(answers(authorized.route, request.uri()), "{asked}: the edge forwards it");
        let answer = self.edge.read(&request, authorized).await;
        // The next request would wait for a refresh that was begun and not run.
        if let Some(refresh) = answer.behind {
            self.edge.refresh(refresh).await.expect("memory answers");
        }
        Answer::new(asked, answer.response)
    }
}
