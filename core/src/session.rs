//! The session token: which versions a client has written lately, so that its reads see them on any host.
//!
//! Opaque to clients. Not authenticated: a forged one makes at most [`limits::SESSION`] strongly consistent
//! reads, which its bearer's key could ask for one by one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use http::{HeaderMap, HeaderName};

use crate::error::{Error, Fault};
use crate::limits;
use crate::record::{Record, RecordId};

pub(crate) const SESSION: HeaderName = HeaderName::from_static("ripple-session");

/// Told apart from tokens that later versions of ripple may give.
const FORMAT: u8 = 1;

/// What a client has written lately, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    writes: Vec<(RecordId, u64)>,
}

impl Session {
    /// The one in a request's headers.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Session, Error> {
        let Some(token) = headers.get(SESSION) else { return Ok(Session::default()) };
        let session = token.to_str().ok().and_then(Session::parse);
        session.ok_or_else(|| Error::InvalidRequest(vec![Fault::header("ripple-session", "is no token of ripple's")]))
    }

    /// Reads a token; `None` when it is none of ripple's.
    #[must_use]
    pub fn parse(token: &str) -> Option<Session> {
        const LONGEST: usize = limits::SESSION * (limits::ID + 32) * 4 / 3;
        if token.len() > LONGEST {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (format, pairs): (u8, Vec<(String, u64)>) = serde_json::from_slice(&json).ok()?;
        if format != FORMAT || pairs.len() > limits::SESSION {
            return None;
        }
        let write = |(id, version): (String, u64)| Some((RecordId::parse(&id).ok()?, version));
        pairs.into_iter().map(write).collect::<Option<_>>().map(|writes| Session { writes })
    }

    /// The token to hand out.
    #[must_use]
    pub fn to_token(&self) -> String {
        let pairs: Vec<(&str, u64)> = self.writes.iter().map(|(id, version)| (id.as_str(), *version)).collect();
        let json = serde_json::to_vec(&(FORMAT, pairs)).expect("strings and numbers serialise");
        URL_SAFE_NO_PAD.encode(json)
    }

    /// Takes in a write; the oldest goes when there are too many.
    pub fn wrote(&mut self, id: &RecordId, version: u64) {
        self.writes.retain(|(written, _)| written != id);
        if self.writes.len() == limits::SESSION {
            self.writes.remove(0);
        }
        self.writes.push((id.clone(), version));
    }

    /// Whether `found`, read under `id`, is older than what the client wrote.
    #[must_use]
    pub fn outdates(&self, id: &RecordId, found: Option<&Record>) -> bool {
        let seen = found.map_or(0, |project| project.version);
        self.writes.iter().any(|(written, version)| written == id && *version > seen)
    }

    /// The records written, and their versions.
    pub fn writes(&self) -> impl Iterator<Item = (&RecordId, u64)> {
        self.writes.iter().map(|(id, version)| (id, *version))
    }

    /// The records written.
    pub fn ids(&self) -> impl Iterator<Item = &RecordId> {
        self.writes.iter().map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RecordId {
        RecordId::parse(text).expect("a valid id")
    }

    #[test]
    fn a_token_round_trips_and_stays_bounded() {
        let mut session = Session::default();
        for n in 0..40 {
            session.wrote(&id(&format!("{n}-{}", "x".repeat(120))), u64::MAX);
        }
        session.wrote(&id("last"), 7);
        let token = session.to_token();
        assert_eq!(Session::parse(&token), Some(session.clone()));
        assert_eq!(session.ids().count(), limits::SESSION);
        assert!(session.outdates(&id("last"), None));
        assert!(!session.outdates(&id("other"), None));
    }

    #[test]
    fn anything_else_is_no_token() {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let too_many = format!("[1,[{}]]", vec![r#"["a",1]"#; limits::SESSION + 1].join(","));
        for token in ["", "?", &encode("[2,[]]"), &encode(r#"[1,[["_a",1]]]"#), &encode(&too_many), &"A".repeat(9000)] {
            assert_eq!(Session::parse(token), None, "{token}");
        }
    }
}
