//! What an API over a replica does beside: it answers reads near their readers and says how fresh they are.
//!
//! A host admits a request ([`Api::authorize`]), asks [`answers`] whether it is answered here, and if so [`Api::read`];
//! everything else it sends to the origin, and shows [`Api::apply_write`] the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headers::{CacheControl, HeaderMapExt as _};
use http::header::{AGE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use super::answer::Answer;
use super::api::{Api, Authorized};
use super::headers::{SESSION, session};
use super::response::{AccessLog, respond};
use super::routes::{self, Resource, Route, Served};
use crate::auth::{KeyRecord, Scope};
use crate::record::{ContentHash, Record};
use crate::replica::refresh::{Freshness, Refresh};
use crate::replica::{Clock, Preparation, Prepared, Replica, SharedCache};
use crate::session::Session;
use crate::store::{Capacity, Source, StoreError};
use crate::time::Timestamp;

/// RFC 9211.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Whether a replica answers this method, rather than the origin.
#[must_use]
pub fn answers(route: &Route) -> bool {
    route.served == Served::Replica
}

/// A read's answer.
#[derive(Debug)]
pub struct ReadAnswer {
    /// For the reader.
    pub response: Response<Bytes>,
    /// To be done behind it, with [`Api::refresh`].
    pub behind: Option<Refresh>,
}

/// What `GET /prj` can be answered with at once.
#[derive(Clone, Debug)]
pub struct WholeList {
    /// Whose key it was.
    pub key: Arc<KeyRecord>,
    /// By which its answer is known.
    pub stamp: Stamp,
}

/// All that the answer depends on, but for the request's id: two with the same stamp are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    content: ContentHash,
    age: u64,
    ttl: i64,
}

impl Stamp {
    /// What the answer is called in a [`AccessLog`].
    pub const METHOD: &'static str = "search";

    /// The entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.content.to_text())
    }

    /// Seconds since what it tells was read.
    #[must_use]
    pub fn age(&self) -> u64 {
        self.age
    }

    /// `Cache-Status`.
    #[must_use]
    pub fn cache_status(&self) -> String {
        cache_status_of(&format!("hit; ttl={}", self.ttl))
    }

    /// The answer that [`Api::read`] gives, found or not modified, without a body and to a request without an id.
    #[must_use]
    pub fn head(&self, status: StatusCode) -> Response<Bytes> {
        let Stamp { content, age, .. } = *self;
        let answer = Answer { status, etag: Some(content.to_text()), ..Answer::json(Bytes::new()) };
        // Somebody's: whose does not show.
        let log = AccessLog { method: Some(Stamp::METHOD), key_id: Some(String::new()), ..AccessLog::default() };
        let mut response = respond(&Method::GET, answer, log);
        response.headers_mut().insert(AGE, HeaderValue::from(age));
        response.headers_mut().insert(CACHE_STATUS, visible(&self.cache_status()));
        response
    }
}

impl<S: Source, C: Clock, N: SharedCache> Api<Replica<S, C, N>> {
    /// Answers a read from the snapshot, made good enough before.
    pub async fn read(&self, request: &Request<Bytes>, mut authorized: Authorized) -> ReadAnswer {
        // A token that is none of ripple's is refused below, with the rest of what is wrong.
        let session = session(request.headers()).unwrap_or_default();
        let mut cost = Capacity::default();
        let newer = wants_newer(request.headers());
        let Preparation { result, behind } = match authorized.route.scope {
            None => Preparation { result: Ok(None), behind: None },
            Some(_) => self.store().prepare(&session, newer, &mut cost).await,
        };
        authorized.add_cost(cost);
        let prepared = match result {
            Ok(prepared) => prepared,
            Err(error) => {
                return ReadAnswer {
                    response: authorized.into_response(request.method(), self.store().names(), Err(error.into())),
                    behind,
                };
            }
        };
        let operation = authorized.route.operation;
        let result = async {
            let mut call = self.call(request, &mut authorized)?;
            let answer = routes::run_on_replica(operation, &mut call).await?;
            call.finish(answer)
        };
        let result = result.await;
        let mut response = authorized.into_response(request.method(), self.store().names(), result);
        if let Some(prepared) = prepared.filter(|_| tells_age(&response)) {
            let ttl = time_left(self.store().fresh(), prepared.age);
            let headers = response.headers_mut();
            headers.insert(AGE, HeaderValue::from(prepared.age.as_secs()));
            headers.insert(CACHE_STATUS, cache_status(&prepared, newer, ttl));
        }
        ReadAnswer { response, behind }
    }

    /// The whole list if it can be sent at once: the key is remembered and may read, the snapshot is fresh. Nothing is
    /// awaited, parsed or rendered for it. It is what [`Api::read`] answers to `GET /prj` that asks for nothing more.
    #[must_use]
    pub fn whole_list(&self, key: &str, now: Timestamp) -> Option<WholeList> {
        let (content, age, fresh) = self.store().whole(now)?;
        let key = self.remembered(key, now).filter(|key| key.scopes.contains(&Scope::Read))?;
        let ttl = time_left(fresh, age);
        Some(WholeList { key, stamp: Stamp { content, age: age.as_secs(), ttl } })
    }

    /// The whole list's bytes as they are now, rendered once after each change. `None`: they are more than a page.
    pub fn whole_list_body(&self) -> Option<Bytes> {
        self.store().whole_page()
    }

    /// Does a refresh that [`Api::read`] asked for, and tells what it cost.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn refresh(&self, refresh: Refresh) -> Result<Capacity, StoreError> {
        let mut cost = Capacity::default();
        self.store().refresh(refresh, &mut cost).await.map(|_| cost)
    }

    /// Takes in what the origin's answer to a write shows of the record.
    pub fn apply_write(&self, method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
        if status == StatusCode::OK || status == StatusCode::CREATED {
            // A restored state may have types of DynamoDB's that nothing known here tells of.
            let restored = Resource::find(path).is_some_and(|resource| resource.matched.parameters.len() > 1);
            if !restored {
                self.store().apply_answer(body);
            }
        } else if status == StatusCode::NO_CONTENT && method == Method::DELETE {
            let token = headers.get(SESSION).and_then(|token| Session::parse(token.to_str().ok()?));
            if let (Some(token), Some(resource)) = (token, Resource::find(path)) {
                let id = resource.matched.parameters.first().map(|(_, id)| id.as_str());
                let written = token.writes().find(|(written, _)| Some(written.as_str()) == id);
                if let Some((id, version)) = written {
                    self.store().apply_write(Record::tombstone(id.clone(), version));
                }
            }
        }
    }
}

/// Whether the caller wants nothing known before it asked (RFC 9111 §5.2.1.4).
fn wants_newer(headers: &HeaderMap) -> bool {
    headers
        .typed_get::<CacheControl>()
        .is_some_and(|control| control.no_cache() || control.no_store() || control.max_age() == Some(Duration::ZERO))
}

/// What tells of records tells of its age, and so does that there is none; any other error is of this moment.
fn tells_age(response: &Response<Bytes>) -> bool {
    matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED | StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// Whole seconds that a snapshot stays fresh; negative when it is no longer.
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
