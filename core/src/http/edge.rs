//! An API over a replica: it answers reads near the readers, and says how fresh the answers are.
//!
//! A host authorizes a request ([`Api::authorize`]). If [`answers`] says that a replica answers it, the host calls
//! [`Api::read`]. Otherwise the host sends the request to the origin, and hands the answer to [`Api::apply_write`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headers::{CacheControl, HeaderMapExt as _};
use http::header::{AGE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::answer::Answer;
use super::api::Api;
use super::authorized::Authorized;
use super::handlers::{health, sheet};
use super::headers::{SESSION, session};
use super::response::{AccessLog, respond};
use super::routes::{self, Operation, Route, Served, Target};
use crate::auth::{KeyRecord, Scope};
use crate::record::{ContentHash, Record};
use crate::replica::refresh::{Freshness, Refresh};
use crate::replica::{Clock, Preparation, Prepared, Replica, SharedCache, Whole};
use crate::session::Session;
use crate::store::{Capacity, Keys, Source, StoreError};
use crate::time::Timestamp;

/// RFC 9211.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// The parameters of `Cache-Status` where the table is too large to hold, so that each read costs what it costs the
/// origin.
pub const TOO_LARGE: &str = "fwd=bypass; detail=too-large";

/// Reports whether a replica answers a request for an operation. The origin answers the others, and makes the sheets.
#[must_use]
pub fn answers(route: &Route, target: &Uri) -> bool {
    route.served == Served::Replica && !(route.operation == Operation::Search && sheet::is_asked_for(target))
}

/// The answer to a read.
#[derive(Debug)]
pub struct ReadAnswer {
    /// The response for the client.
    pub response: Response<Bytes>,
    /// The refresh to do after the response, with [`Api::refresh`].
    pub behind: Option<Behind>,
}

/// A refresh of one resource's replica.
#[derive(Debug)]
pub struct Behind {
    store: usize,
    refresh: Refresh,
}

/// An answer to `GET /prj` that is ready.
#[derive(Clone, Debug)]
pub struct WholeList {
    /// The record of the client's key.
    pub key: Arc<KeyRecord>,
    /// What identifies the answer.
    pub validator: ListValidator,
}

/// All that the answer depends on, except the request's id. Two answers with the same validator are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListValidator {
    content: ContentHash,
    count: usize,
    age: u64,
    ttl: i64,
}

impl ListValidator {
    /// The operation's name in an [`AccessLog`].
    pub const METHOD: &'static str = "search";

    /// Returns the entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.content.to_text())
    }

    /// Returns the seconds since the list was read.
    #[must_use]
    pub fn age(&self) -> u64 {
        self.age
    }

    /// Returns the value of `Cache-Status`.
    #[must_use]
    pub fn cache_status(&self) -> String {
        cache_status_of(&format!("hit; ttl={}", self.ttl))
    }

    /// Returns the response that [`Api::read`] gives, 200 or 304, without a body and without a request id.
    #[must_use]
    pub fn head(&self, status: StatusCode) -> Response<Bytes> {
        let ListValidator { content, count, age, .. } = *self;
        let answer = Answer { status, etag: Some(content.to_text()), ..Answer::json(Bytes::new()) }.with_count(count);
        // The response does not show which key it was.
        let log =
            AccessLog { method: Some(ListValidator::METHOD), key_id: Some(String::new()), ..AccessLog::default() };
        let mut response = respond(&Method::GET, answer, log);
        response.headers_mut().insert(AGE, HeaderValue::from(age));
        response.headers_mut().insert(CACHE_STATUS, visible(&self.cache_status()));
        response
    }
}

impl<S: Keys> Api<S> {
    /// Answers `GET /health` on a host without records.
    pub fn health(&self, request: &Request<Bytes>, authorized: Authorized) -> Response<Bytes> {
        let resource = self.store_for(&authorized).resource();
        authorized.into_response(request.method(), resource, Ok(health::answer()))
    }
}

impl<S: Source> Api<S> {
    /// Answers a read from a copy that the host has prepared, and says how old the copy is. `fresh` is how long it is
    /// served without a refresh.
    pub async fn read_prepared(
        &self,
        request: &Request<Bytes>,
        mut authorized: Authorized,
        prepared: Option<Prepared>,
        fresh: Duration,
    ) -> Response<Bytes> {
        let store = self.store_for(&authorized);
        let operation = authorized.route.operation;
        let result = async {
            let mut call = self.call(request, &mut authorized)?;
            let answer = routes::run_on_replica(operation, &mut call).await?;
            call.finish(answer)
        };
        let result = result.await;
        let mut response = authorized.into_response(request.method(), store.resource(), result);
        if let Some(prepared) = prepared.filter(|_| tells_age(&response)) {
            let ttl = time_left(fresh, prepared.age);
            let headers = response.headers_mut();
            headers.insert(AGE, HeaderValue::from(prepared.age.as_secs()));
            headers.insert(CACHE_STATUS, cache_status(&prepared, wants_newer(request.headers()), ttl));
        }
        response
    }
}

impl<S: Source> Api<S> {
    /// Answers an operation of the live channel on the host of a stored copy: a ticket, changes, or why a request is not
    /// upgraded.
    pub async fn answer_near(&self, request: &Request<Bytes>, mut authorized: Authorized) -> Response<Bytes> {
        let operation = authorized.route.operation;
        let result = async {
            let mut call = self.call(request, &mut authorized)?;
            let answer = routes::run_near(operation, &mut call).await?;
            call.finish(answer)
        };
        let result = result.await;
        let resource = self.store_for(&authorized).resource();
        authorized.into_response(request.method(), resource, result)
    }
}

/// Returns the session of a request to a resource. A token that is not valid counts as none: it is refused later,
/// together with the request's other faults.
#[must_use]
pub fn session_of(headers: &HeaderMap, resource: &str) -> Session {
    session(headers, resource).unwrap_or_default()
}

impl<S: Source, C: Clock, N: SharedCache> Api<Replica<S, C, N>> {
    /// Answers a read from the snapshot, which is refreshed first if it is too old.
    pub async fn read(&self, request: &Request<Bytes>, mut authorized: Authorized) -> ReadAnswer {
        let store = self.store_for(&authorized);
        let session = session_of(request.headers(), &store.resource().name);
        let mut cost = Capacity::default();
        let newer = wants_newer(request.headers());
        let Preparation { result, behind } = match authorized.route.scope {
            None => Preparation { result: Ok(None), behind: None },
            Some(_) => store.prepare(&session, newer, &mut cost).await,
        };
        let place = authorized.place();
        let behind = behind.map(|refresh| Behind { store: place, refresh });
        authorized.add_cost(cost);
        let prepared = match result {
            Ok(prepared) => prepared,
            Err(error) => {
                return ReadAnswer {
                    response: authorized.into_response(request.method(), store.resource(), Err(error.into())),
                    behind,
                };
            }
        };
        let is_too_large = authorized.route.scope.is_some() && prepared.is_none();
        let mut response = self.read_prepared(request, authorized, prepared, store.fresh()).await;
        if is_too_large && tells_age(&response) {
            response.headers_mut().insert(CACHE_STATUS, visible(&cache_status_of(TOO_LARGE)));
        }
        ReadAnswer { response, behind }
    }

    /// Returns the whole list of a resource if the key is remembered and may read, and the snapshot is fresh. Nothing is awaited, parsed
    /// or rendered. The answer is the one that [`Api::read`] gives to a plain `GET /prj`.
    #[must_use]
    pub fn whole_list(&self, resource: &str, key: &str, now: Timestamp) -> Option<WholeList> {
        let store = self.store_of(resource)?;
        // The list that is kept is ordered by id.
        if !store.resource().is_ordered_by_id() {
            return None;
        }
        let Whole { content, count, age, fresh } = store.whole(now)?;
        let key = self.remembered(key, now).filter(|key| key.scopes.allow(Scope::Read, resource))?;
        let ttl = time_left(fresh, age);
        Some(WholeList { key, validator: ListValidator { content, count, age: age.as_secs(), ttl } })
    }

    /// Returns the bytes of a resource's whole list, rendered once after each change. Returns `None` if they exceed a page.
    pub fn whole_list_body(&self, resource: &str) -> Option<Bytes> {
        self.store_of(resource)?.whole_page()
    }

    /// Returns a refresh of a resource of which a change is known, to be done with [`Api::refresh`]. Returns `None` if
    /// one is underway, or there is no snapshot.
    pub fn hasten(&self, resource: &str) -> Option<Behind> {
        let store = self.stores().iter().position(|store| store.resource().name == resource)?;
        Some(Behind { store, refresh: self.stores()[store].hasten()? })
    }

    /// Does a refresh that [`Api::read`] asked for a resource, and returns what it cost.
    ///
    /// # Errors
    /// If DynamoDB does not answer.
    pub async fn refresh(&self, Behind { store, refresh }: Behind) -> Result<Capacity, StoreError> {
        let mut cost = Capacity::default();
        self.stores()[store].refresh(refresh, &mut cost).await.map(|_| cost)
    }

    /// Applies the record that the origin's answer to a write shows.
    pub fn apply_write(&self, method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
        let Some(target) = Target::find(path) else { return };
        let Some((name, store)) = target.resource().and_then(|name| Some((name, self.store_of(name)?))) else { return };
        if status == StatusCode::OK || status == StatusCode::CREATED {
            // A restored state may have DynamoDB types that JSON does not show and the snapshot does not know.
            if target.parameter("version").is_none() {
                store.apply_answer(body);
            }
        } else if status == StatusCode::NO_CONTENT && method == Method::DELETE {
            let token = headers.get(SESSION).and_then(|token| Session::parse(token.to_str().ok()?, name));
            if let Some(token) = token {
                let written = token.writes().find(|(written, _)| Some(written.as_str()) == target.parameter("id"));
                if let Some((id, version)) = written {
                    store.apply_write(Record::tombstone(id.clone(), version));
                }
            }
        }
    }
}

/// Reports whether the client requires an answer from after its request (RFC 9111 §5.2.1.4).
#[must_use]
pub fn wants_newer(headers: &HeaderMap) -> bool {
    headers
        .typed_get::<CacheControl>()
        .is_some_and(|control| control.no_cache() || control.no_store() || control.max_age() == Some(Duration::ZERO))
}

/// Reports whether a response has an age. Records have one, and so has their absence. Other errors are of the moment.
fn tells_age(response: &Response<Bytes>) -> bool {
    matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED | StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// Returns the whole seconds for which a snapshot stays fresh; negative if it is stale.
fn time_left(fresh: Duration, age: Duration) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    millis(fresh).saturating_sub(millis(age)).div_euclid(1000)
}

/// `ripple; hit; ttl=3`, `ripple; fwd=stale`, … (RFC 9211 §2).
fn cache_status(prepared: &Prepared, newer: bool, ttl: i64) -> HeaderValue {
    let status = cache_status_of(&match (prepared.fetched, prepared.freshness) {
        (true, _) if prepared.missed => format!("fwd=miss; stored; ttl={ttl}"),
        (true, _) if newer => format!("fwd=request; ttl={ttl}"),
        (true, Freshness::Fresh) => format!("fwd=stale; ttl={ttl}"),
        (_, Freshness::StaleIfError) => format!("hit; ttl={ttl}; detail=stale-if-error"),
        _ => format!("hit; ttl={ttl}"),
    });
    visible(&status)
}

fn cache_status_of(parameters: &str) -> String {
    format!("ripple; {parameters}")
}

fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("visible ASCII")
}
