//! ripple's header fields, and the values that are read from them.

use http::HeaderMap;
use http::header::HeaderName;
use uuid::Builder;

use super::{Error, Fault};
use crate::limits;
use crate::random::Random;
use crate::session::Session;

pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const CAPACITY: HeaderName = HeaderName::from_static("ripple-capacity");
pub(crate) const COUNT: HeaderName = HeaderName::from_static("ripple-count");
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
pub(crate) const RECEIPT: HeaderName = HeaderName::from_static("ripple-receipt");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const SESSION: HeaderName = HeaderName::from_static("ripple-session");

/// Returns the API key that a request carries, whatever its form. Returns `None` if there is none, or more than one.
pub(crate) fn api_key(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(API_KEY).iter();
    match (sent.next(), sent.next()) {
        (Some(text), None) => text.to_str().ok(),
        _ => None,
    }
}

/// Returns what the client has written lately, by its session token, for a request to a resource.
pub(crate) fn session(headers: &HeaderMap, resource: &str) -> Result<Session, Error> {
    let Some(token) = headers.get(SESSION) else { return Ok(Session::new(resource)) };
    let session = token.to_str().ok().and_then(|token| Session::parse(token, resource));
    session.ok_or_else(|| Error::InvalidRequest(vec![Fault::header("ripple-session", "is no token of ripple's")]))
}

/// Returns the client's request id, if it is fit for a log; otherwise a new one.
pub(crate) fn request_id(headers: &HeaderMap, random: &mut Random) -> String {
    let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match sent.filter(|id| is_request_id(id)) {
        Some(id) => id.to_owned(),
        None => Builder::from_random_bytes(random.bytes()).into_uuid().to_string(),
    }
}

/// Reports whether a client's request id is fit to be echoed and logged.
#[must_use]
pub fn is_request_id(text: &str) -> bool {
    (1..=limits::REQUEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
