//! Requests, and records to send.

use bytes::Bytes;
use http::{Method, Request};
use ripple_core::auth::Caller;
use ripple_core::value::{self, Members, parse};
use ripple_core::{RequestContext, Timestamp};
use serde_json::{Value, json};

/// Returns a valid `prj` with these members besides the required ones.
///
/// # Panics
/// If `members` is no object.
#[must_use]
pub fn project(id: &str, members: Value) -> Value {
    let mut project = json!({
        "prj_id": id, "name": "Garden", "goal": "Beans", "issue": "Snails", "description": "Beds", "term": 3,
        "term_unit": "month", "create_date": "2026-03-01",
    });
    let Value::Object(members) = members else { panic!("no object: {members}") };
    for (name, value) in members {
        project[name] = value;
    }
    project
}

/// Returns the members of a record in JSON.
///
/// # Panics
/// If the text is no object.
#[must_use]
#[track_caller]
pub fn members(json: &str) -> Members {
    match parse(json.as_bytes()) {
        Ok(value::Value::Map(members)) => members,
        other => panic!("{json}: {other:?}"),
    }
}

/// Returns a request.
///
/// # Panics
/// If the path is none.
#[must_use]
pub fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::builder().method(method).uri(path).body(body.into()).expect("a request")
}

/// Returns a GET.
#[must_use]
pub fn get(path: &str) -> Request<Bytes> {
    request(Method::GET, path, "")
}

/// Returns a POST of a value.
#[must_use]
pub fn post(path: &str, body: &Value) -> Request<Bytes> {
    request(Method::POST, path, body.to_string())
}

/// Returns the request with these headers.
///
/// # Panics
/// If a value is none of a header.
#[must_use]
pub fn with(mut request: Request<Bytes>, headers: &[(&'static str, &str)]) -> Request<Bytes> {
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header's value"));
    }
    request
}

/// Returns the context of a test's request with this number, by the key that a gateway has checked.
#[must_use]
pub fn moment(now: Timestamp, number: u64, key_id: &str) -> RequestContext {
    let mut random = [0; 32];
    random[..8].copy_from_slice(&number.to_be_bytes());
    RequestContext { now, random, caller: Some(Caller::checked_by_gateway(key_id)) }
}
