//! A request's body: its type, its length, and the JSON object it must be.

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;

use crate::error::Error;
use crate::limits;
use crate::value::{self, Malformed, Members, Value};

/// Media types a method takes, and the header that tells so when another came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) types: &'static [&'static str],
    header: &'static str,
}

/// A record.
pub(crate) const RECORD: Accepted = Accepted { types: &["application/json"], header: "accept" };
/// A record to create.
pub(crate) const NEW_RECORD: Accepted = Accepted { header: "accept-post", ..RECORD };
/// A merge patch; plain JSON is understood as one.
pub(crate) const MERGE_PATCH: Accepted =
    Accepted { types: &["application/merge-patch+json", "application/json"], header: "accept-patch" };

/// The body as an object. A request without `Content-Type` is taken at its word (RFC 9110 §8.3).
pub(crate) fn object(request: &Request<Bytes>, accepted: Accepted) -> Result<Members, Error> {
    if request.body().len() > limits::BODY {
        return Err(Error::BodyTooLarge);
    }
    // An empty one is none: some hosts pass it on, some do not.
    let mut sent = request.headers().get_all(CONTENT_TYPE).iter().filter(|value| !value.is_empty());
    let essence = |value: &http::HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    };
    let accepts = |value| accepted.types.contains(&essence(value).as_str());
    if !sent.all(accepts) {
        return Err(Error::UnsupportedMediaType { accepted: accepted.types, header: accepted.header });
    }
    match value::parse(request.body())? {
        Value::Map(members) => Ok(members),
        _ => Err(Malformed { pointer: String::new(), detail: "must be a JSON object".to_owned() }.into()),
    }
}
