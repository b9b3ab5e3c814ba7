//! A request's body: its type, its length, and the JSON object it must be.

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::http::{Error, Fault};
use crate::limits;
use crate::record::{Names, take_own};
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
/// A merge patch (RFC 7396).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
/// An edit that brings what its author saw.
pub(crate) const SEEN_EDIT: &str = "application/vnd.ripple.edit+json";
/// A sheet of records (RFC 4180).
pub(crate) const SHEET: &str = "text/csv";
/// Operations on records, or a sheet of them.
pub(crate) const BATCH: Accepted = Accepted { types: &["application/json", SHEET], header: "accept-post" };
/// Changes of a record; plain JSON is understood as a merge patch.
pub(crate) const PATCH: Accepted =
    Accepted { types: &[MERGE_PATCH, "application/json", SEEN_EDIT], header: "accept-patch" };

/// Checks the length and the type of a body.
pub(crate) fn check(request: &Request<Bytes>, accepted: Accepted) -> Result<(), Error> {
    if request.body().len() > limits::BODY {
        return Err(Error::BodyTooLarge);
    }
    if is_encoded(request) {
        return Err(Error::UnsupportedContentEncoding);
    }
    if !media_types(request).all(|sent| accepted.types.contains(&sent.as_str())) {
        return Err(Error::UnsupportedMediaType { accepted: accepted.types, header: accepted.header });
    }
    Ok(())
}

/// The body as an object. A request without `Content-Type` is taken at its word (RFC 9110 §8.3).
pub(crate) fn object(request: &Request<Bytes>, accepted: Accepted) -> Result<Members, Error> {
    check(request, accepted)?;
    // The record of an edit that says what was seen is a level deeper.
    let levels = usize::from(is_of_type(request, SEEN_EDIT));
    match value::parse_within(request.body(), levels)? {
        Value::Map(members) => Ok(members),
        _ => Err(Malformed { pointer: String::new(), detail: "must be a JSON object".to_owned() }.into()),
    }
}

/// Returns the version in a body that takes nothing else.
pub(crate) fn stated_version(mut members: Members, names: &Names) -> Result<Option<i64>, Error> {
    let others = members.keys().filter(|name| **name != names.version);
    let faults: Vec<Fault> = others.map(|name| Fault::member(name, "is not taken here")).collect();
    if faults.is_empty() { Ok(take_own(&mut members, names)?.base) } else { Err(Error::InvalidBody(faults)) }
}

/// Checks that the body of a deletion states a version.
pub(crate) fn need_version(version: Option<i64>, has_body: bool, names: &Names) -> Result<(), Error> {
    let is_missing = version.is_none() && has_body;
    if is_missing {
        Err(Error::InvalidBody(vec![Fault::member(&names.version, "is required in a body")]))
    } else {
        Ok(())
    }
}

/// Reports whether a request states a content coding (RFC 9110 §8.4). Some hosts would decode it and some would not.
fn is_encoded(request: &Request<Bytes>) -> bool {
    let is_none = |coding: &str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    let fields = request.headers().get_all(CONTENT_ENCODING).iter();
    !fields
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
        .all(|coding| is_none(str::from_utf8(coding.trim_ascii()).unwrap_or("not text")))
}

/// Returns the media types that a request states. An empty field counts as none: some hosts pass it on, some do not.
fn media_types(request: &Request<Bytes>) -> impl Iterator<Item = String> {
    let essence = |value: &http::HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    };
    request.headers().get_all(CONTENT_TYPE).iter().filter(|value| !value.is_empty()).map(essence)
}

/// Reports whether a request states this media type.
pub(crate) fn is_of_type(request: &Request<Bytes>, media_type: &str) -> bool {
    media_types(request).any(|sent| sent == media_type)
}
