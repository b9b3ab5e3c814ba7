//! A request under construction.

use bytes::Bytes;
use http::header::{AsHeaderName, CONTENT_TYPE, HeaderMap, IntoHeaderName};
use http::{HeaderValue, Method, Request};
use serde_json::Value;

use crate::{Answer, Target, laws};

/// A request. It has the target's key and session token, unless a method changes them.
#[must_use = "a call is sent with `send`"]
pub struct Call<'t> {
    target: &'t Target,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl<'t> Call<'t> {
    pub(crate) fn new(target: &'t Target, method: Method, path: String) -> Call<'t> {
        let call = Call { target, method, path, headers: HeaderMap::new(), body: Bytes::new() };
        call.header("x-api-key", &target.host().keys.key)
    }

    /// Sets a header.
    pub fn header(mut self, name: impl IntoHeaderName, value: impl AsRef<[u8]>) -> Self {
        self.headers.insert(name, header_value(value));
        self
    }

    /// Adds a header with another value.
    pub fn also(mut self, name: impl IntoHeaderName, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(name, header_value(value));
        self
    }

    /// Removes a header.
    pub fn without(mut self, name: impl AsHeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sets the body to a JSON text.
    pub fn json(self, body: impl Body) -> Self {
        self.body(body.into_text()).header(CONTENT_TYPE, "application/json")
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request, and checks the laws of every response.
    #[track_caller]
    pub fn send(self) -> Answer {
        let Call { target, method, path, mut headers, body } = self;
        if let Some(token) = target.session() {
            headers.entry("ripple-session").or_insert(token);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap_or_else(|error| panic!("{path:?} is no path: {error}"));
        *request.headers_mut() = headers;

        let response = target.host().send(request.clone());
        let answer = Answer::new(&request, response);
        laws::check(&request, &answer);
        if let Some(token) = answer.headers().get("ripple-session") {
            target.remember_session(token.clone());
        }
        answer
    }
}

/// A JSON text, or a value that is written as one.
pub trait Body {
    /// Returns the text.
    fn into_text(self) -> String;
}

impl Body for String {
    fn into_text(self) -> String {
        self
    }
}

impl Body for &str {
    fn into_text(self) -> String {
        self.to_owned()
    }
}

impl Body for &Value {
    fn into_text(self) -> String {
        self.to_string()
    }
}

impl Body for Value {
    fn into_text(self) -> String {
        self.to_string()
    }
}

#[track_caller]
fn header_value(value: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(value.as_ref()).expect("a header's value has no control characters")
}
