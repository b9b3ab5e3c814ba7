//! The rules for every answer to any request.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

/// Panics if an answer breaks the rules. `before` and `after` are the states of the tables.
pub fn check(request: &Request<Bytes>, response: &Response<Bytes>, before: &str, after: &str) {
    let status = response.status();
    let asked = format!("{request:?}\nanswered {response:?}");
    // 501: this host has no live channel.
    let fails = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    assert!(!fails, "a table in memory never fails\n{asked}");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || !status.is_success() {
        assert_eq!(before, after, "changed by what changes nothing\n{asked}");
    }
    for (name, value) in response.headers() {
        assert!(value.to_str().is_ok_and(|text| text.len() <= 10_240), "{name} is no header of API Gateway's\n{asked}");
    }
    assert!(response.headers().contains_key("x-request-id"), "{asked}");
    if !(reads && matches!(status, StatusCode::OK | StatusCode::NOT_MODIFIED)) {
        let tagged = response.headers().contains_key("etag");
        let expected = if tagged { "no-store, no-transform" } else { "no-store" };
        assert_eq!(response.headers()["cache-control"], expected, "{asked}");
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless || *request.method() == Method::HEAD {
        assert!(response.body().is_empty(), "{asked}");
        return;
    }
    if status.is_success() && response.headers()["content-type"] == "text/html; charset=utf-8" {
        assert!(request.uri().path().ends_with("/docs"), "{asked}");
        return;
    }
    if status.is_success() && response.headers()["content-type"] == ripple_core::sheet::MEDIA_TYPE {
        assert!(request.uri().query().is_some_and(|query| query.contains("format")), "{asked}");
        return;
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_else(|error| panic!("{error}\n{asked}"));
    if status.is_success() {
        assert_eq!(response.headers()["content-type"], "application/json", "{asked}");
    } else {
        problem(&body, response, &asked);
    }
}

/// Checks a complete problem (RFC 9457), with ripple's additional members.
fn problem(body: &Value, response: &Response<Bytes>, asked: &str) {
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{asked}");
    assert_eq!(body["status"], response.status().as_u16(), "{asked}");
    for name in ["type", "title", "detail", "code", "message"] {
        assert!(body[name].as_str().is_some_and(|text| !text.is_empty()), "no {name}\n{asked}");
    }
}
