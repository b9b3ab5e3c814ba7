//! Conditional requests (RFC 9110 §13).

use headers::{ETag, Header, IfMatch, IfNoneMatch};
use http::{HeaderMap, HeaderValue};

use super::{Error, Fault};
use crate::record::decide::Precondition;
use crate::record::{ContentHash, Names, Record};

/// `If-Match` and `If-None-Match`, and the version that a deletion names.
#[derive(Debug)]
pub(crate) struct Preconditions {
    if_match: Option<IfMatch>,
    if_none_match: Option<IfNoneMatch>,
    /// By which a record is rendered.
    names: Names,
    /// The record must be at this version.
    pub(crate) version: Option<i64>,
    /// The history must have the base of an edit.
    requires_base: bool,
}

impl Precondition for Preconditions {
    /// Where there is no record, no state is there that `If-Match` could name.
    fn allows(&self, current: Option<&Record>) -> bool {
        let Some(current) = current else { return self.if_match.is_none() };
        if self.version.is_some_and(|version| !current.is_version(version)) {
            return false;
        }
        if self.if_match.is_none() && self.if_none_match.is_none() {
            return true; // a record is not hashed for nothing
        }
        let tag = strong(&ContentHash::of(&current.to_json(&self.names)).to_text());
        let matches = self.if_match.as_ref().is_none_or(|condition| condition.precondition_passes(&tag));
        matches && self.if_none_match.as_ref().is_none_or(|condition| condition.precondition_passes(&tag))
    }

    fn names_current(&self) -> bool {
        self.if_match.as_ref().is_some_and(|condition| *condition != IfMatch::any())
    }

    fn requires_base(&self) -> bool {
        self.requires_base
    }
}

impl Preconditions {
    pub(crate) fn parse(headers: &HeaderMap, names: &Names) -> Result<Preconditions, Error> {
        Ok(Preconditions {
            if_match: condition(headers, "if-match")?,
            if_none_match: condition(headers, "if-none-match")?,
            names: names.clone(),
            version: None,
            requires_base: false,
        })
    }

    /// Returns no condition but this version, if there is one.
    pub(crate) fn of_version(version: Option<i64>, names: &Names) -> Preconditions {
        Preconditions { if_match: None, if_none_match: None, names: names.clone(), version, requires_base: false }
    }

    /// Requires that the history has the base of an edit, too.
    pub(crate) fn with_base(self, requires_base: bool) -> Preconditions {
        Preconditions { requires_base, ..self }
    }

    /// Returns the header of a condition, for an operation that takes none.
    pub(crate) fn header(&self) -> Option<&'static str> {
        match (&self.if_match, &self.if_none_match) {
            (Some(_), _) => Some("if-match"),
            (None, Some(_)) => Some("if-none-match"),
            (None, None) => None,
        }
    }

    /// For a representation with this tag: whether it is the one the caller has already.
    pub(crate) fn not_modified(&self, tag: &ETag) -> Result<bool, Error> {
        if self.if_match.as_ref().is_some_and(|condition| !condition.precondition_passes(tag)) {
            return Err(Error::PreconditionFailed);
        }
        Ok(self.if_none_match.as_ref().is_some_and(|condition| !condition.precondition_passes(tag)))
    }
}

/// A header that is empty is none: some hosts pass it on, some do not.
fn condition<H: Header>(headers: &HeaderMap, name: &'static str) -> Result<Option<H>, Error> {
    if headers.get(name).is_none_or(HeaderValue::is_empty) {
        return Ok(None);
    }
    let bad = |_| Error::InvalidRequest(vec![Fault::header(name, "is no list of entity tags")]);
    let values: Vec<HeaderValue> = headers.get_all(name).iter().map(without_spaced_tags).collect();
    H::decode(&mut values.iter()).map(Some).map_err(bad)
}

/// A tag with a space in it is none (RFC 9110 §8.8.3), and one that nothing has once there is another character in its
/// place. `headers` holds that no caller sends it: it panics where debug assertions are on, and else takes it.
fn without_spaced_tags(value: &HeaderValue) -> HeaderValue {
    let mut quoted = false;
    let fit = |byte: &u8| {
        quoted ^= *byte == b'"';
        if quoted && matches!(byte, b' ' | b'\t') { b'^' } else { *byte }
    };
    let bytes: Vec<u8> = value.as_bytes().iter().map(fit).collect();
    HeaderValue::from_bytes(&bytes).expect("a caret may stand wherever a space may")
}

/// A strong entity tag of text in base64url.
pub(crate) fn strong(text: &str) -> ETag {
    format!("\"{text}\"").parse().expect("quoted base64url is an entity tag")
}
