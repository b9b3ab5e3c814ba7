//! The response that an answer becomes, and what a host's log is told of it.

use bytes::Bytes;
use headers::HeaderMapExt as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderValue,
};
use http::{Method, Request, Response, StatusCode};

use super::Error;
use super::answer::Answer;
use super::conditional::strong;
use super::headers::{CAPACITY, REQUEST_ID, request_id};
use super::problem;
use super::trace::Trace;
use crate::random::Random;
use crate::record::schema::Resource;
use crate::service::Metrics;

/// The headers that browsers may send. `RESPONSE_HEADERS` are those that scripts may read.
const REQUEST_HEADERS: &str = "content-type, x-api-key, if-match, if-none-match, cache-control, ripple-session, x-request-id, \
                               idempotency-key, ripple-claim-days, ripple-author, prefer, x-requested-with, traceparent, \
                               tracestate, baggage, sentry-trace";
const RESPONSE_HEADERS: &str = "etag, link, location, allow, retry-after, ratelimit, ratelimit-policy, age, cache-status, \
                                ripple-session, ripple-receipt, idempotent-replayed, ripple-capacity, ripple-count, \
                                preference-applied, date, x-request-id";
/// Seconds for which a browser may keep the answer to a preflight: Chromium's maximum.
const PREFLIGHT: &str = "7200";

/// What the host's log is told of a request. It is in the response's extensions.
#[derive(Clone, Debug, Default)]
pub struct AccessLog {
    /// The operation's name.
    pub method: Option<&'static str>,
    /// The resource's name. `None` for an operation of the site.
    pub resource: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// The trace that the request belongs to.
    pub trace: Option<Trace>,
    /// The id of the client's key.
    pub key_id: Option<String>,
    /// What the request has cost.
    pub metrics: Metrics,
    /// The error and its causes.
    pub error: Option<String>,
}

impl AccessLog {
    /// Returns what a request says about itself.
    pub(crate) fn of(request: &Request<Bytes>, random: &mut Random) -> AccessLog {
        let request_id = request_id(request.headers(), random);
        // A host that knows more about the trace than the headers say has put it into the extensions.
        let found = request.extensions().get::<Trace>().copied();
        let trace = found.unwrap_or_else(|| Trace::of(request.headers(), random.bytes()));
        AccessLog { request_id, trace: Some(trace), ..AccessLog::default() }
    }
}

/// The answer to `OPTIONS`: `allow` are the methods of the resource.
pub(crate) fn options(allow: &str) -> Answer {
    Answer::json(Vec::new())
        .with_status(StatusCode::NO_CONTENT)
        .with_header(ALLOW, allow)
        .with_header(ACCESS_CONTROL_ALLOW_METHODS, allow)
        .with_header(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
        .with_header(ACCESS_CONTROL_MAX_AGE, PREFLIGHT)
}

pub(crate) fn respond(method: &Method, answer: Answer, log: AccessLog) -> Response<Bytes> {
    let Answer { status, mut headers, etag, exact, body } = answer;
    let reads = method == Method::GET || method == Method::HEAD;
    let keepable = reads && (status == StatusCode::OK || status == StatusCode::NOT_MODIFIED);
    // `private, no-cache`: only the client keeps the answer, and revalidates it each time by its entity tag.
    // `no-transform` (RFC 9111 §5.2.2.6): a proxy that compressed a record would weaken its tag, and `If-Match` never
    // matches a weak tag.
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
    headers.insert(REQUEST_ID, ascii(&log.request_id));
    // An operation without a key touches no table.
    if log.key_id.is_some() || log.error.is_some() {
        headers.insert(CAPACITY, ascii(&log.metrics.capacity.to_string()));
    }
    let body = if method == Method::HEAD {
        // If GET has no body, no length is told: a 304's would be that of the record (RFC 9110 §8.6).
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
    response.extensions_mut().insert(log);
    response
}

/// Returns the response that tells of an error.
pub(crate) fn fail(method: &Method, error: &Error, resource: &Resource, mut log: AccessLog) -> Response<Bytes> {
    log.error = Some(chain(error));
    respond(method, problem::answer(error, resource), log)
}

/// Returns an error and its causes as one line, for a log.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
