//! Errors as callers see them: problem details (RFC 9457), with API Gateway's own wording in `message`.

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, UPGRADE};
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::{Error, Fault, Place};
use crate::auth::TooOften;
use crate::limits;
use crate::record::fault::Error as Refused;
use crate::record::schema::Resource;
use crate::store::{StoreError, StoreErrorKind};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The standard members, then what ripple adds. (Of the crate `problem_details`, `type` is an `http::Uri`, which
/// cannot be a URN.)
#[derive(Serialize)]
struct Problem {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Located>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Box<RawValue>>,
}

impl Problem {
    fn new(kind: Kind, detail: String) -> Problem {
        let Kind { status, code, message } = kind;
        let (r#type, title) = (format!("urn:problem-type:ripple:{code}"), title(status));
        let (errors, version, current) = (Vec::new(), None, None);
        Problem { r#type, title, status: status.as_u16(), detail, code, message, errors, version, current }
    }

    fn answer(&self) -> Answer {
        let status = StatusCode::from_u16(self.status).expect("it was a status before");
        let body = serde_json::to_vec(self).expect("strings, numbers and JSON serialise");
        Answer::json(body).with_status(status).with_header(CONTENT_TYPE, "application/problem+json")
    }
}

/// The answer to what no method ran for.
pub(crate) fn plain(kind: Kind, detail: &str) -> Answer {
    Problem::new(kind, detail.to_owned()).answer()
}

/// One fault and where it is.
#[derive(Serialize)]
struct Located {
    #[serde(flatten)]
    place: At,
    detail: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum At {
    Pointer(String),
    Parameter(String),
    Header(&'static str),
}

/// A kind of error, by which callers tell it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The status.
    pub status: StatusCode,
    /// A word that does not change.
    pub code: &'static str,
    /// What API Gateway would say.
    pub message: &'static str,
}

impl Kind {
    /// The body is not what the method takes.
    pub const INVALID_BODY: Kind = Kind::new(StatusCode::BAD_REQUEST, "invalid_body", "Invalid request body");
    /// The rest of the request is not what the method takes.
    pub const INVALID_REQUEST: Kind = Kind::new(StatusCode::BAD_REQUEST, "invalid_request", "Bad Request");
    /// No valid key.
    pub const FORBIDDEN: Kind = Kind::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden");
    /// The message of the feed has no valid signature.
    pub const UNSIGNED: Kind = Kind::new(StatusCode::UNAUTHORIZED, "unsigned", "Unauthorized");
    /// The key may not do this.
    pub const INSUFFICIENT_SCOPE: Kind = Kind::new(StatusCode::FORBIDDEN, "insufficient_scope", "Forbidden");
    /// The key may not name this author.
    pub const AUTHOR_NOT_ALLOWED: Kind = Kind::new(StatusCode::FORBIDDEN, "author_not_allowed", "Forbidden");
    /// The page may not open a socket.
    pub const ORIGIN_NOT_ALLOWED: Kind = Kind::new(StatusCode::FORBIDDEN, "origin_not_allowed", "Forbidden");
    /// No such resource, in the words of API Gateway.
    pub const MISSING_AUTHENTICATION_TOKEN: Kind =
        Kind::new(StatusCode::FORBIDDEN, "missing_authentication_token", "Missing Authentication Token");
    /// No such record.
    pub const NOT_FOUND: Kind = Kind::new(StatusCode::NOT_FOUND, "not_found", "Not Found");
    /// The resource has no such method.
    pub const METHOD_NOT_ALLOWED: Kind =
        Kind::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method Not Allowed");
    /// The host has no live channel.
    pub const NO_LIVE: Kind = Kind::new(StatusCode::NOT_IMPLEMENTED, "no_live", "Not Implemented");
    /// The request is not one for a WebSocket.
    pub const UPGRADE_REQUIRED: Kind = Kind::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "Upgrade Required");
    /// There is such a record already.
    pub const EXISTS: Kind = Kind::new(StatusCode::CONFLICT, "exists", "Conflict");
    /// The record is deleted, and the edit does not say that it is to come back.
    pub const DELETED: Kind = Kind::new(StatusCode::CONFLICT, "deleted", "Conflict");
    /// The history has no such version.
    pub const NO_SUCH_VERSION: Kind = Kind::new(StatusCode::NOT_FOUND, "no_such_version", "Not Found");
    /// The key came with another request before.
    pub const IDEMPOTENCY_KEY_REUSED: Kind =
        Kind::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "Unprocessable Content");
    /// The base is none that the record has had.
    pub const STALE: Kind = Kind::new(StatusCode::CONFLICT, "stale", "Conflict");
    /// The record was deleted.
    pub const GONE: Kind = Kind::new(StatusCode::GONE, "gone", "Gone");
    /// The cursor is too old.
    pub const CURSOR_EXPIRED: Kind = Kind::new(StatusCode::GONE, "cursor_expired", "Gone");
    /// A condition does not hold.
    pub const PRECONDITION_FAILED: Kind =
        Kind::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "Precondition Failed");
    /// The body is too long.
    pub const BODY_TOO_LARGE: Kind = Kind::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "Request Too Long");
    /// The record would be too large.
    pub const RECORD_TOO_LARGE: Kind = Kind::new(StatusCode::PAYLOAD_TOO_LARGE, "record_too_large", "Request Too Long");
    /// The batch has more than it may have.
    pub const BATCH_TOO_LARGE: Kind = Kind::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", "Request Too Long");
    /// The operation of a batch was not tried.
    pub const NOT_TRIED: Kind = Kind::new(StatusCode::SERVICE_UNAVAILABLE, "not_tried", "Service Unavailable");
    /// The body is of a type that the method does not take.
    pub const UNSUPPORTED_MEDIA_TYPE: Kind =
        Kind::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported Media Type");
    /// The body is compressed.
    pub const UNSUPPORTED_CONTENT_ENCODING: Kind =
        Kind::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", "Unsupported Media Type");
    /// The key asks too often.
    pub const TOO_MANY_REQUESTS: Kind =
        Kind::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too Many Requests");
    /// DynamoDB does not say whether it has written.
    pub const OUTCOME_UNKNOWN: Kind =
        Kind::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", "Service Unavailable");
    /// DynamoDB does not answer, or too many save the same record: nothing is written.
    pub const UNAVAILABLE: Kind = Kind::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Service Unavailable");
    /// The resource's table does not exist: nothing is written.
    pub const TABLE_MISSING: Kind = Kind::new(StatusCode::SERVICE_UNAVAILABLE, "table_missing", "Service Unavailable");
    /// The origin cannot be reached.
    pub const BAD_GATEWAY: Kind = Kind::new(StatusCode::BAD_GATEWAY, "bad_gateway", "Internal server error");
    /// The origin does not answer in time.
    pub const GATEWAY_TIMEOUT: Kind =
        Kind::new(StatusCode::GATEWAY_TIMEOUT, "gateway_timeout", "Endpoint request timed out");
    /// A fault of ripple's own.
    pub const INTERNAL: Kind = Kind::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error");

    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Kind {
        Kind { status, code, message }
    }
}

fn kind(error: &Error) -> Kind {
    match error {
        Error::InvalidBody(_) => Kind::INVALID_BODY,
        Error::InvalidRequest(_) => Kind::INVALID_REQUEST,
        Error::Forbidden => Kind::FORBIDDEN,
        Error::InsufficientScope { .. } => Kind::INSUFFICIENT_SCOPE,
        Error::AuthorNotAllowed => Kind::AUTHOR_NOT_ALLOWED,
        Error::OriginNotAllowed => Kind::ORIGIN_NOT_ALLOWED,
        Error::NoSuchResource => Kind::MISSING_AUTHENTICATION_TOKEN,
        Error::ReservedAddress { .. } => Kind::NOT_FOUND,
        Error::MethodNotAllowed(_) => Kind::METHOD_NOT_ALLOWED,
        Error::NoLive => Kind::NO_LIVE,
        Error::UpgradeRequired => Kind::UPGRADE_REQUIRED,
        Error::Refused(refused) => kind_of_refusal(refused),
        Error::IdempotencyKeyReused => Kind::IDEMPOTENCY_KEY_REUSED,
        Error::CursorExpired { .. } => Kind::CURSOR_EXPIRED,
        Error::PreconditionFailed => Kind::PRECONDITION_FAILED,
        Error::BodyTooLarge => Kind::BODY_TOO_LARGE,
        Error::BatchTooLarge(_) => Kind::BATCH_TOO_LARGE,
        Error::NotTried(_) => Kind::NOT_TRIED,
        Error::InBatch { error, .. } => kind(error),
        Error::UnsupportedMediaType { .. } => Kind::UNSUPPORTED_MEDIA_TYPE,
        Error::UnsupportedContentEncoding => Kind::UNSUPPORTED_CONTENT_ENCODING,
        Error::TooManyRequests(_) => Kind::TOO_MANY_REQUESTS,
        Error::Contended => Kind::UNAVAILABLE,
        Error::Store(error) => match error.kind {
            StoreErrorKind::Unavailable => Kind::UNAVAILABLE,
            StoreErrorKind::OutcomeUnknown => Kind::OUTCOME_UNKNOWN,
            StoreErrorKind::TableMissing => Kind::TABLE_MISSING,
            StoreErrorKind::TooLarge(_) => Kind::RECORD_TOO_LARGE,
            StoreErrorKind::Refused | StoreErrorKind::Undecodable => Kind::INTERNAL,
        },
    }
}

fn kind_of_refusal(refused: &Refused) -> Kind {
    match refused {
        Refused::Invalid(_) => Kind::INVALID_BODY,
        Refused::NotFound(_) => Kind::NOT_FOUND,
        Refused::Gone { .. } => Kind::GONE,
        Refused::Exists(_) => Kind::EXISTS,
        Refused::Deleted { .. } => Kind::DELETED,
        Refused::NoSuchVersion { .. } => Kind::NO_SUCH_VERSION,
        Refused::Stale { .. } => Kind::STALE,
        Refused::PreconditionFailed => Kind::PRECONDITION_FAILED,
        Refused::TooLarge(_) => Kind::RECORD_TOO_LARGE,
    }
}

/// What a caller is told where the cause is for the log alone.
pub(crate) const INTERNAL_DETAIL: &str =
    "something is wrong on the server; its log has the cause under this request's id";

/// The answer that tells a caller of an error, and nothing that is for the log alone.
pub(crate) fn answer(error: &Error, resource: &Resource) -> Answer {
    let answer = problem(error, resource).answer();
    let error = if let Error::InBatch { error, .. } = error { &**error } else { error };
    match error {
        Error::MethodNotAllowed(allow) => answer.with_header(ALLOW, allow),
        Error::UpgradeRequired => answer.with_header(UPGRADE, "websocket"),
        Error::UnsupportedMediaType { accepted, header } => {
            answer.with_header(HeaderName::from_static(header), &accepted.join(", "))
        }
        // What may come is told in the response's `Accept-Encoding` (RFC 9110 §15.5.16).
        Error::UnsupportedContentEncoding => answer.with_header(ACCEPT_ENCODING, "identity"),
        Error::Contended
        | Error::Store(StoreError {
            kind: StoreErrorKind::Unavailable | StoreErrorKind::OutcomeUnknown | StoreErrorKind::TableMissing,
            ..
        }) => {
            let mut answer = answer;
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER.as_secs()));
            answer
        }
        // https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers
        Error::TooManyRequests(TooOften { whose, wait, burst, window }) => {
            // Whole seconds, rounded up: who comes back then is not too early.
            let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
            let answer = answer
                .with_header(RETRY_AFTER, &seconds.to_string())
                .with_header(RATE_LIMIT, &format!("\"{whose}\";r=0;t={seconds}"));
            match burst {
                Some(burst) => answer.with_header(RATE_LIMIT_POLICY, &format!("\"{whose}\";q={burst};w={window}")),
                None => answer,
            }
        }
        _ => answer,
    }
}

/// Returns the status and the problem of an operation in a batch, as JSON and without the record as it is: a hundred of
/// them would be more than an answer takes.
pub(crate) fn in_batch(error: &Error, resource: &Resource) -> (StatusCode, Box<RawValue>) {
    let problem = Problem { current: None, ..problem(error, resource) };
    let json = serde_json::value::to_raw_value(&problem).expect("strings and numbers serialise");
    (kind(error).status, json)
}

fn problem(error: &Error, resource: &Resource) -> Problem {
    let (errors, version, current) = match error {
        Error::InvalidBody(faults) | Error::InvalidRequest(faults) => {
            (faults.iter().map(located).collect(), None, None)
        }
        Error::Refused(Refused::Gone { version, .. } | Refused::Deleted { version, .. }) => {
            (Vec::new(), Some(*version), None)
        }
        Error::Refused(Refused::Stale { current, .. }) => {
            let json = String::from_utf8(current.to_json(&resource.names)).expect("JSON is UTF-8");
            let current = RawValue::from_string(json).expect("a record renders as JSON");
            (Vec::new(), None, Some(current))
        }
        Error::InBatch { pointer, error } => {
            let mut inner = problem(error, resource);
            if inner.errors.is_empty() {
                inner.errors.push(Located { place: At::Pointer(pointer.clone()), detail: inner.detail });
            }
            (inner.errors, inner.version, inner.current)
        }
        _ => (Vec::new(), None, None),
    };
    let detail = match error {
        Error::Store(StoreError { kind: StoreErrorKind::Unavailable, .. }) => {
            "the database does not answer; try again later".to_owned()
        }
        Error::Store(StoreError { kind: StoreErrorKind::OutcomeUnknown, .. }) => {
            "the database did not confirm the write, so it may have been applied. Retry with the same Idempotency-Key, or \
             read the record first"
                .to_owned()
        }
        Error::Store(StoreError { kind: StoreErrorKind::TableMissing, .. }) => {
            format!("the database has no table of {} yet; nothing was changed", resource.plural)
        }
        Error::Store(_) => INTERNAL_DETAIL.to_owned(),
        Error::InBatch { pointer, .. } => format!("{pointer} is not possible; nothing of the batch was made"),
        error => in_words(error, resource),
    };
    Problem { errors, version, current, ..Problem::new(kind(error), detail) }
}

/// Returns the sentence for an error, with the resource's own noun for a record.
fn in_words(error: &Error, resource: &Resource) -> String {
    let text = error.to_string();
    match error {
        Error::Refused(Refused::Exists(_)) => text.replacen("a record", &resource.singular, 1),
        Error::Contended | Error::Refused(Refused::NotFound(_) | Refused::Gone { .. }) => {
            text.replacen("record", resource.noun(), 1)
        }
        Error::Refused(Refused::Deleted { .. }) => text.replacen("record", resource.noun(), 1).replacen(
            "deleted\"",
            &format!("{}\"", resource.names.deleted),
            1,
        ),
        Error::Refused(Refused::NoSuchVersion { .. }) => {
            text + "; a version is kept for " + &resource.retention_days.to_string() + " days after it was replaced"
        }
        _ => text,
    }
}

/// As RFC 9110 has it; the crate `http` still has older names for these.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        status => status.canonical_reason().unwrap_or_default(),
    }
}

fn located(fault: &Fault) -> Located {
    let place = match &fault.place {
        Place::Pointer(pointer) => At::Pointer(pointer.clone()),
        Place::Parameter(name) => At::Parameter(name.clone()),
        Place::Header(name) => At::Header(name),
    };
    Located { place, detail: fault.detail.clone() }
}
