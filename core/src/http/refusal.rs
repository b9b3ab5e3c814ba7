//! What a host answers if the API cannot.

use bytes::Bytes;
use http::{Method, Response};

use super::problem::{self, Kind};
use super::response::{AccessLog, respond};

/// Why the API cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The origin cannot be reached.
    BadGateway,
    /// The origin, or DynamoDB, did not answer in time.
    GatewayTimeout,
    /// The request cannot be read.
    Unreadable,
    /// The host is not configured.
    Misconfigured,
    /// The message of the feed has no valid signature.
    Unsigned,
    /// The message of the feed is larger than a message can be.
    TooLarge,
    /// The message of the feed could not be applied now, or the live channel is not ready.
    Unapplied,
}

impl Refusal {
    /// Returns the response to the request with this id, in the form of the API's own.
    #[must_use]
    pub fn answer(self, request_id: String) -> Response<Bytes> {
        let (kind, detail) = match self {
            Refusal::BadGateway => (
                Kind::BAD_GATEWAY,
                "the origin cannot be reached, or its answer broke off; a write may or may not have been made, and can be sent again",
            ),
            Refusal::GatewayTimeout => (
                Kind::GATEWAY_TIMEOUT,
                "no answer came in time; a write may or may not have been made, and can be sent again",
            ),
            Refusal::Unreadable => (Kind::INVALID_REQUEST, "the request cannot be read"),
            Refusal::Unsigned => (Kind::UNSIGNED, "the message has no valid signature of the last five minutes"),
            Refusal::TooLarge => (Kind::BODY_TOO_LARGE, "the message is larger than 1 MB"),
            Refusal::Unapplied => (Kind::UNAVAILABLE, "this cannot be done now; it can be sent again"),
            Refusal::Misconfigured => (Kind::INTERNAL, problem::INTERNAL_DETAIL),
        };
        respond(&Method::GET, problem::plain(kind, detail), AccessLog { request_id, ..AccessLog::default() })
    }
}
