//! A request in, a response out.

use std::sync::Arc;

use bytes::Bytes;
use headers::HeaderMapExt as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue,
};
use http::{Method, Request, Response, StatusCode};
use uuid::Builder;

use crate::conditional::strong;
use crate::error::Error;
use crate::key::{ApiKey, Caller, KeyHash, KeyMemory, KeyRecord, Remembered, Scope, Trust};
use crate::limits;
use crate::method::{self, Answer, Call, Parts};
use crate::origin_secret::OriginSecret;
use crate::problem;
use crate::rate::Limiter;
use crate::route::{Resource, Route};
use crate::service::{Metrics, Random};
use crate::store::{Capacity, Source, Store, StoreErrorKind};
use crate::time::Timestamp;
use crate::trace::Trace;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CAPACITY: HeaderName = HeaderName::from_static("ripple-capacity");

/// What browsers may send and read.
const REQUEST_HEADERS: &str = "content-type, x-api-key, if-match, if-none-match, cache-control, ripple-session, x-request-id, \
                               idempotency-key, ripple-claim-days, x-requested-with, traceparent, tracestate, baggage, \
                               sentry-trace";
const RESPONSE_HEADERS: &str = "etag, link, location, allow, retry-after, ratelimit, ratelimit-policy, age, cache-status, \
                                ripple-session, ripple-receipt, ripple-capacity, x-request-id";
/// Seconds that a browser may remember a preflight: as long as Chromium takes at all.
const PREFLIGHT: &str = "7200";

/// The API over a store.
#[derive(Debug)]
pub struct Api<S> {
    store: S,
    keys: KeyMemory,
    limiter: Limiter,
    strangers: Limiter,
    secret: Option<OriginSecret>,
}

/// What a host passes in with each request: the core has no clock, no randomness and no gateway of its own.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The time.
    pub now: Timestamp,
    /// Bytes from a cryptographic source, never the same twice.
    pub random: [u8; 32],
    /// Who is calling, where API Gateway has checked it.
    pub caller: Option<Caller>,
}

/// A request that may be answered: what for, and for whom.
#[derive(Debug)]
pub struct Admitted {
    /// The method it asks for.
    pub route: &'static Route,
    /// Who is calling.
    pub caller: Caller,
    resource: Resource,
    now: Timestamp,
    random: Random,
    report: Report,
    /// A key whose use is news.
    used: Option<KeyHash>,
}

impl Admitted {
    /// For the host's log: what is known so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The call of the method, on `store`.
    pub(crate) fn call<'a, S>(&'a mut self, store: &'a S, request: &'a Request<Bytes>) -> Result<Call<'a, S>, Error> {
        Call::of(
            request,
            Parts {
                store,
                route: self.route,
                resource: &self.resource,
                caller: &self.caller,
                now: self.now,
                random: &mut self.random,
                metrics: &mut self.report.metrics,
            },
        )
    }

    /// The response, from what the method answered.
    pub(crate) fn conclude(self, verb: &Method, result: Result<Answer, Error>) -> Response<Bytes> {
        match result {
            Ok(answer) => respond(verb, answer, self.report),
            Err(error) => fail(verb, &error, self.report),
        }
    }

    /// Counts what was consumed for this request before its method runs.
    pub(crate) fn add_cost(&mut self, cost: Capacity) {
        self.report.metrics.capacity.read += cost.read;
        self.report.metrics.capacity.write += cost.write;
    }
}

/// For the host's log: what was done. It is in the response's extensions.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The method's name.
    pub method: Option<&'static str>,
    /// The request's id.
    pub request_id: String,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
    /// Whose key it was.
    pub key_id: Option<String>,
    /// What it has cost.
    pub metrics: Metrics,
    /// What went wrong, and what caused it.
    pub error: Option<String>,
}

impl Report {
    /// Returns what a request says of itself.
    fn of(request: &Request<Bytes>, random: &mut Random) -> Report {
        let request_id = request_id(request.headers(), random);
        // A host that knows more of the trace than the headers say has put it there.
        let found = request.extensions().get::<Trace>().copied();
        let trace = found.unwrap_or_else(|| Trace::of(request.headers(), random.bytes()));
        Report { request_id, trace: Some(trace), ..Report::default() }
    }
}

impl<S: Source> Api<S> {
    /// An API over `store`, remembering no keys yet.
    pub fn new(store: S) -> Api<S> {
        let (limiter, strangers) = (Limiter::new(None), Limiter::of_addresses(None));
        Api { store, keys: KeyMemory::default(), limiter, strangers, secret: None }
    }

    /// With each key's requests limited by this host.
    #[must_use]
    pub fn limited(self, limiter: Limiter) -> Api<S> {
        Api { limiter, ..self }
    }

    /// Limits the requests of each client address that carry no valid key which is remembered.
    #[must_use]
    pub fn limiting_strangers(self, strangers: Limiter) -> Api<S> {
        Api { strangers, ..self }
    }

    /// With another trust in keys that were looked up.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Api<S> {
        Api { keys: KeyMemory::new(trust), ..self }
    }

    /// What counts the keys' requests.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Parse, then the key, then the route: nothing is answered without a key but what asks for none. A host that
    /// sends some methods elsewhere asks this first.
    ///
    /// # Errors
    /// The answer, where there is no method to run: a refusal, or that of `OPTIONS`.
    pub async fn admit(&self, request: &Request<Bytes>, moment: Moment) -> Result<Admitted, Response<Bytes>> {
        let mut random = Random::new(moment.random);
        let mut report = Report::of(request, &mut random);
        let respond_with = |answer, report| respond(request.method(), answer, report);
        let Some(resource) = Resource::find(request.uri().path()) else {
            return Err(fail(request.method(), &Error::NoSuchResource, report));
        };
        if request.method() == Method::OPTIONS {
            return Err(respond_with(options(&resource), report));
        }
        match self.check_key(request, &resource, moment.caller, moment.now, &mut report).await {
            Ok((route, caller, used)) => {
                Ok(Admitted { route, resource, caller, now: moment.now, random, report, used })
            }
            Err(error) => Err(fail(request.method(), &error, report)),
        }
    }

    async fn check_key(
        &self,
        request: &Request<Bytes>,
        resource: &Resource,
        known: Option<Caller>,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<(&'static Route, Caller, Option<KeyHash>), Error> {
        let route = resource.route(request.method());
        // What a resource does not have, it refuses to whom it would let have the rest.
        let free =
            route.map_or_else(|| resource.routes().all(|route| route.scope.is_none()), |route| route.scope.is_none());
        let (caller, used) = match (free, known) {
            (true, _) => {
                self.strangers.take_from(request.extensions().get(), now)?;
                (anyone(), None)
            }
            (_, Some(caller)) => (caller, None),
            (_, None) => {
                let reads = route.is_none_or(|route| route.scope != Some(Scope::Write));
                self.authenticate(request, reads, now, &mut report.metrics.capacity).await?
            }
        };
        let route = route.ok_or_else(|| Error::MethodNotAllowed(resource.allow()))?;
        report.method = Some(route.name);
        if let Some(scope) = route.scope {
            report.key_id = Some(caller.key_id.clone());
            self.limiter.take(&caller.key_id, now)?;
            if !caller.scopes.contains(&scope) {
                return Err(Error::InsufficientScope(scope));
            }
        }
        Ok((route, caller, used))
    }

    /// Whose key it is, if that is remembered. A text that is no key is not.
    pub(crate) fn remembered(&self, key: &str, now: Timestamp) -> Option<Arc<KeyRecord>> {
        match self.keys.recall(&KeyHash::of(key), now) {
            Remembered::Fresh(record) => record.filter(|record| record.is_valid(now)),
            _ => None,
        }
    }

    /// Who is calling: by the form of the key, then by memory, then by the table. With the key's hash where the table
    /// was asked and its use is news. A read goes on with what is remembered while the table does not answer, or denies.
    async fn authenticate(
        &self,
        request: &Request<Bytes>,
        reads: bool,
        now: Timestamp,
        cost: &mut Capacity,
    ) -> Result<(Caller, Option<KeyHash>), Error> {
        let mut sent = request.headers().get_all(API_KEY).iter();
        let key = match (sent.next(), sent.next()) {
            (Some(text), None) => text.to_str().ok().and_then(ApiKey::parse),
            _ => None,
        };
        let hash = key.map(|key| key.hash());
        let remembered = hash.map_or(Remembered::Fresh(None), |hash| self.keys.recall(&hash, now));
        let known = match &remembered {
            Remembered::Fresh(Some(record)) | Remembered::Stale { record, .. } => record.is_valid(now),
            _ => false,
        };
        if !known {
            self.strangers.take_from(request.extensions().get(), now)?;
        }
        let hash = hash.ok_or(Error::Forbidden)?;
        let mut asked = false;
        let record = match remembered {
            Remembered::Fresh(record) => record,
            Remembered::Stale { record, put_off: true } if reads => Some(record),
            remembered => match (self.store.key(&hash, cost).await, remembered) {
                (Ok(record), _) => {
                    let record = record.filter(|record| record.is_of(&hash)).map(Arc::new);
                    self.keys.remember(hash, record.clone(), now);
                    asked = true;
                    record
                }
                (Err(error), Remembered::Stale { record, .. }) if reads && error.kind != StoreErrorKind::Garbled => {
                    self.keys.put_off(&hash, now);
                    Some(record)
                }
                (Err(error), _) => return Err(error.into()),
            },
        };
        let record = record.filter(|record| record.is_valid(now)).ok_or(Error::Forbidden)?;
        let used = (asked && record.use_is_news(now)).then_some(hash);
        Ok((Caller::from(&*record), used))
    }
}

impl<S: Store> Api<S> {
    /// Answers only requests that carry the edge's secret, if there is one, or need none.
    #[must_use]
    pub fn behind_edge(self, secret: Option<OriginSecret>) -> Api<S> {
        Api { secret, ..self }
    }

    /// Answers a request. Whatever it holds, there is an answer.
    pub async fn answer(&self, request: Request<Bytes>, moment: Moment) -> Response<Bytes> {
        if self.secret.as_ref().is_some_and(|secret| !secret.admits(&request)) {
            let report = Report::of(&request, &mut Random::new(moment.random));
            return fail(request.method(), &Error::Forbidden, report);
        }
        match self.admit(&request, moment).await {
            Ok(admitted) => self.answer_admitted(&request, admitted).await,
            Err(answered) => answered,
        }
    }

    /// Runs the method that a request was admitted to.
    pub async fn answer_admitted(&self, request: &Request<Bytes>, mut admitted: Admitted) -> Response<Bytes> {
        if let Some(hash) = admitted.used {
            // Coarse as it is: where it cannot be written down now, the next look-up will.
            let _ = self.store.key_used(&hash, admitted.now, &mut admitted.report.metrics.capacity).await;
        }
        let result = async {
            let mut call = admitted.call(&self.store, request)?;
            let answer = match call.replayed().await? {
                Some(answer) => answer,
                None => method::run(&mut call).await?,
            };
            call.finish(answer)
        };
        let result = result.await;
        admitted.conclude(request.method(), result)
    }
}

/// Whoever asks for what needs no key.
fn anyone() -> Caller {
    Caller { key_id: String::new(), lineage: String::new(), name: String::new(), scopes: Vec::new() }
}

/// The caller's, where it is fit for a log, or a new one.
fn request_id(headers: &HeaderMap, random: &mut Random) -> String {
    let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match sent.filter(|id| is_request_id(id)) {
        Some(id) => id.to_owned(),
        None => Builder::from_random_bytes(random.bytes()).into_uuid().to_string(),
    }
}

pub(crate) fn is_request_id(text: &str) -> bool {
    (1..=limits::REQUEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn options(resource: &Resource) -> Answer {
    let allow = resource.allow();
    Answer::json(Vec::new())
        .with_status(StatusCode::NO_CONTENT)
        .with_header(ALLOW, &allow)
        .with_header(ACCESS_CONTROL_ALLOW_METHODS, &allow)
        .with_header(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
        .with_header(ACCESS_CONTROL_MAX_AGE, PREFLIGHT)
}

pub(crate) fn respond(verb: &Method, answer: Answer, report: Report) -> Response<Bytes> {
    let Answer { status, mut headers, etag, exact, body } = answer;
    let reads = verb == Method::GET || verb == Method::HEAD;
    let keepable = reads && (status == StatusCode::OK || status == StatusCode::NOT_MODIFIED);
    // `no-cache`: kept by its reader alone, and asked for again each time, by its entity tag. `no-transform` (RFC 9111
    // §5.2.2.6): a proxy that compressed a record would make its tag a weak one, which `If-Match` never matches.
    let cache_control = match (keepable, exact) {
        (true, true) => "private, no-cache, no-transform",
        (true, false) => "private, no-cache",
        (false, true) => "no-store, no-transform",
        (false, false) => "no-store",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    if let Some(tag) = etag {
        headers.typed_insert(strong(&tag));
    }
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if bodiless {
        headers.remove(CONTENT_TYPE);
    } else if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let ascii = |text: &str| HeaderValue::from_str(text).expect("digits, letters and visible ASCII");
    headers.insert(REQUEST_ID, ascii(&report.request_id));
    // What wants no key touches no table.
    if report.key_id.is_some() || report.error.is_some() {
        headers.insert(CAPACITY, ascii(&report.metrics.capacity.to_string()));
    }
    let body = if verb == Method::HEAD {
        // Without a body to GET there is no length to tell: that of a 304 would be the record's (RFC 9110 §8.6).
        if !bodiless {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Bytes::new()
    } else {
        body
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.extensions_mut().insert(report);
    response
}

/// The answer that tells of an error.
fn fail(verb: &Method, error: &Error, mut report: Report) -> Response<Bytes> {
    report.error = Some(chain(error));
    respond(verb, problem::answer(error), report)
}

/// An error and its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
