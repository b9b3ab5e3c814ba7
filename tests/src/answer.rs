//! A response, and the assertions of cases.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{ETAG, LINK};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

/// A response. A failed assertion panics with the whole exchange.
pub struct Answer {
    asked: String,
    path: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(crate) fn new(request: &Request<Bytes>, response: Response<Bytes>) -> Answer {
        let path = request.uri().path().to_owned();
        let asked = format!("{} {}", request.method(), request.uri());
        let (head, body) = response.into_parts();
        Answer { asked, path, status: head.status, headers: head.headers, body }
    }

    /// Returns the request, for messages.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the bytes of the body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Panics with the whole exchange.
    #[track_caller]
    pub(crate) fn fail(&self, why: impl AsRef<str>) -> ! {
        let head: String = self.headers.iter().map(|(name, value)| format!("\n  {name}: {value:?}")).collect();
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(2000).collect();
        panic!("{}\n  {}: {}{head}\n\n  {body}\n", why.as_ref(), self.asked, self.status)
    }

    /// Asserts the status, and returns this response.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        if self.status() != status {
            self.fail(format!("the status should be {status}"));
        }
        self
    }

    /// Returns a header that occurs at most once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() {
            self.fail(format!("{name} comes twice"));
        }
        match value.to_str() {
            Ok(text) => Some(text),
            Err(_) => self.fail(format!("{name} is not ASCII")),
        }
    }

    /// Returns the entity tag.
    #[track_caller]
    pub fn etag(&self) -> String {
        match self.header(ETAG.as_str()) {
            Some(tag) => tag.to_owned(),
            None => self.fail("there should be an ETag"),
        }
    }

    /// Returns the body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(_) => self.fail("the body should be UTF-8"),
        }
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => self.fail(format!("the body should be JSON: {error}")),
        }
    }

    /// Returns the entries of a body that is an array.
    #[track_caller]
    pub fn array(&self) -> Vec<Value> {
        match self.json() {
            Value::Array(entries) => entries,
            _ => self.fail("the body should be an array"),
        }
    }

    /// Returns the text of a member, with every digit of its numbers.
    #[track_caller]
    pub fn raw(&self, name: &str) -> &str {
        let members: BTreeMap<&str, &RawValue> = match serde_json::from_str(self.text()) {
            Ok(members) => members,
            Err(error) => self.fail(format!("the body should be an object: {error}")),
        };
        match members.get(name) {
            Some(raw) => raw.get(),
            None => self.fail(format!("the body should have {name:?}")),
        }
    }

    /// Returns the record's version.
    #[track_caller]
    pub fn version(&self) -> u64 {
        match self.json()["version"].as_u64() {
            Some(version) => version,
            None => self.fail("the body should have a version"),
        }
    }

    /// Returns the target of `Link: <…>; rel="next"` as a path. The target must be a relative reference.
    #[track_caller]
    pub fn next(&self) -> Option<String> {
        self.link("next")
    }

    /// Returns the target of the link with a relation as a path. The targets must be relative references.
    #[track_caller]
    pub fn link(&self, relation: &str) -> Option<String> {
        let mut found = None;
        // No target has a space: a query is percent-encoded.
        for link in self.header(LINK.as_str())?.split(", ") {
            let parts = link.strip_prefix('<').and_then(|rest| rest.strip_suffix('"')?.split_once(r#">; rel=""#));
            let Some((reference, of)) = parts else { self.fail(r#"Link should be <…>; rel="…""#) };
            let target = self.resolve(reference);
            if of == relation && found.replace(target).is_some() {
                self.fail(format!("there should be one link {relation}"));
            }
        }
        found
    }

    /// Returns `Ripple-Count`.
    #[track_caller]
    pub fn count(&self) -> Option<usize> {
        let count = self.header("ripple-count")?;
        match count.parse() {
            Ok(count) => Some(count),
            Err(_) => self.fail("Ripple-Count should be a number"),
        }
    }

    /// Resolves a relative reference (RFC 3986 §4.2, a path without a leading slash) against the requested path.
    #[track_caller]
    pub fn resolve(&self, reference: &str) -> String {
        let first_segment = reference.split(['/', '?']).next().unwrap_or_default();
        if first_segment.is_empty() || first_segment == "." || first_segment == ".." || first_segment.contains(':') {
            self.fail(format!("{reference:?} should be relative to the folder that was asked in"));
        }
        let folder = self.path.rfind('/').map_or(0, |slash| slash + 1);
        format!("{}{reference}", &self.path[..folder])
    }

    /// Asserts a problem with this status and code. (The laws check that every problem is complete.)
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        if self.status() != status {
            self.fail(format!("the status should be {status} {code}"));
        }
        let problem = self.json();
        if problem["code"] != code {
            self.fail(format!("the code should be {code:?}"));
        }
        problem
    }

    /// Asserts that the problem names this place (`pointer`, `parameter` or `header`) as one at fault.
    #[track_caller]
    pub fn blames(&self, kind: &str, place: &str) -> &Answer {
        let problem = self.json();
        let faults = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
        let named = |fault: &Value| {
            fault[kind].as_str().is_some_and(|at| match kind {
                "header" => at.eq_ignore_ascii_case(place),
                _ => at == place,
            })
        };
        if !faults.iter().any(named) {
            self.fail(format!("errors should have the {kind} {place:?}"));
        }
        self
    }
}
