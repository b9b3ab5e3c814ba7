//! Answers of the edge's own: where it cannot answer as the API would.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue,
};
use http::{Response, StatusCode};
use serde::Serialize;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The origin cannot be reached.
    BadGateway,
    /// The origin did not answer in time.
    GatewayTimeout,
    /// The request cannot be read.
    Unreadable,
    /// The Worker is not configured.
    Misconfigured,
}

/// Problem details (RFC 9457), in the shape that the API's own have.
#[derive(Serialize)]
struct Problem {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
    message: &'static str,
}

impl Refusal {
    /// Status, code, what API Gateway would say, and one sentence.
    fn kind(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Refusal::BadGateway => (
                StatusCode::BAD_GATEWAY,
                "bad_gateway",
                "Internal server error",
                "the origin cannot be reached; a write may or may not have been made, and can be sent again",
            ),
            Refusal::GatewayTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "gateway_timeout",
                "Endpoint request timed out",
                "the origin did not answer in time; a write may or may not have been made, and can be sent again",
            ),
            Refusal::Unreadable => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "Bad Request",
                "the request's method or path cannot be read",
            ),
            Refusal::Misconfigured => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Internal server error",
                "something is wrong on the server; its log has the cause under this request's id",
            ),
        }
    }

    /// The answer to the request with this id.
    pub(crate) fn answer(self, request_id: &str) -> Response<Bytes> {
        let (status, code, message, detail) = self.kind();
        let problem = Problem {
            r#type: format!("urn:problem-type:ripple:{code}"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail,
            code,
            message,
        };
        let body = serde_json::to_vec(&problem).expect("strings and numbers serialise");
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id")),
            (REQUEST_ID, HeaderValue::from_str(request_id).expect("an id that is fit for a log")),
        ]);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_problem_that_nobody_keeps() {
        let response = Refusal::BadGateway.answer("r");
        assert_eq!(response.status(), 502);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[REQUEST_ID], "r");
        let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(problem["type"], "urn:problem-type:ripple:bad_gateway");
        assert_eq!(problem["title"], "Bad Gateway");
    }
}
