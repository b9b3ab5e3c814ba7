//! Answers.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

/// The answer to a request.
pub struct Answer {
    asked: String,
    response: Response<Bytes>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: String = self.text().chars().take(1000).collect();
        write!(f, "{}: {} {:?}\n{body}", self.asked, self.response.status(), self.response.headers())
    }
}

impl Answer {
    /// Creates the answer to a request. `asked` names the request in messages.
    #[must_use]
    pub fn new(asked: String, response: Response<Bytes>) -> Answer {
        Answer { asked, response }
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns this answer.
    ///
    /// # Panics
    /// If it has another status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status(), status, "{self:?}");
        self
    }

    /// Checks that this is the problem with this status and code.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) {
        assert_eq!((self.status().as_u16(), &self.json()["code"]), (status, &json!(code)), "{self:?}");
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns a header, or an empty text if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Returns what a save did.
    #[must_use]
    pub fn receipt(&self) -> &str {
        self.header("ripple-receipt")
    }

    /// Returns the session token.
    #[must_use]
    pub fn token(&self) -> String {
        self.header("ripple-session").to_owned()
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.response.body()
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the version of a record.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn version(&self) -> i64 {
        self.json()["version"].as_i64().unwrap_or_else(|| panic!("there should be a version: {self:?}"))
    }
}
