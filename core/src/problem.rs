//! Errors as callers see them: problem details (RFC 9457), with API Gateway's own wording in `message`.

use http::StatusCode;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Error, Fault, Place};
use crate::limits;
use crate::method::Answer;
use crate::store::{StoreError, StoreErrorKind};

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
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Box<RawValue>>,
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

/// Status, code, and what API Gateway would say.
fn kind(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::InvalidBody(_) => (StatusCode::BAD_REQUEST, "invalid_body", "Invalid request body"),
        Error::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request", "Bad Request"),
        Error::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
        Error::InsufficientScope(_) => (StatusCode::FORBIDDEN, "insufficient_scope", "Forbidden"),
        Error::NoSuchResource => {
            (StatusCode::FORBIDDEN, "missing_authentication_token", "Missing Authentication Token")
        }
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", "Not Found"),
        Error::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method Not Allowed"),
        Error::Exists(_) => (StatusCode::CONFLICT, "exists", "Conflict"),
        Error::Deleted { .. } => (StatusCode::CONFLICT, "deleted", "Conflict"),
        Error::NoSuchVersion { .. } => (StatusCode::NOT_FOUND, "no_such_version", "Not Found"),
        Error::IdempotencyKeyReused => {
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "Unprocessable Content")
        }
        Error::Stale { .. } => (StatusCode::CONFLICT, "stale", "Conflict"),
        Error::Gone { .. } => (StatusCode::GONE, "gone", "Gone"),
        Error::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed", "Precondition Failed"),
        Error::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "Request Too Long"),
        Error::RecordTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "record_too_large", "Request Too Long"),
        Error::UnsupportedMediaType { .. } => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported Media Type")
        }
        Error::Contended | Error::Store(StoreError { kind: StoreErrorKind::Unavailable, .. }) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Service Unavailable")
        }
        Error::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error"),
    }
}

/// The answer that tells a caller of an error, and nothing that is for the log alone.
pub(crate) fn answer(error: &Error) -> Answer {
    let (status, code, message) = kind(error);
    let (errors, version, current) = match error {
        Error::InvalidBody(faults) | Error::InvalidRequest(faults) => {
            (faults.iter().map(located).collect(), None, None)
        }
        Error::Gone { version, .. } | Error::Deleted { version, .. } => (Vec::new(), Some(*version), None),
        Error::Stale { current, .. } => {
            let json = String::from_utf8(current.to_json()).expect("JSON is UTF-8");
            let current = RawValue::from_string(json).expect("a record renders as JSON");
            (Vec::new(), None, Some(current))
        }
        _ => (Vec::new(), None, None),
    };
    let detail = match error {
        Error::Store(StoreError { kind: StoreErrorKind::Unavailable, .. }) => {
            "the database does not answer; try again later".to_owned()
        }
        Error::Store(_) => "something is wrong on the server; its log has the cause under this request's id".to_owned(),
        error => error.to_string(),
    };
    let problem = Problem {
        r#type: format!("urn:problem-type:ripple:{code}"),
        title: title(status),
        status: status.as_u16(),
        detail,
        code,
        message,
        errors,
        version,
        current,
    };
    let body = serde_json::to_vec(&problem).expect("strings, numbers and JSON serialise");

    let answer = Answer::json(body).with_status(status).with_header(CONTENT_TYPE, "application/problem+json");
    match error {
        Error::MethodNotAllowed(allow) => answer.with_header(ALLOW, allow),
        Error::UnsupportedMediaType { accepted, header } => {
            answer.with_header(HeaderName::from_static(header), &accepted.join(", "))
        }
        Error::Contended | Error::Store(StoreError { kind: StoreErrorKind::Unavailable, .. }) => {
            let mut answer = answer;
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER.as_secs()));
            answer
        }
        _ => answer,
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
