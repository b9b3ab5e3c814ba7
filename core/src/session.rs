//! The session token: the versions that a client has written recently, so that its reads see them on any host.
//!
//! The token names the last [`limits::SESSION`] writes, and fewer if their ids are long, since API Gateway limits the
//! headers of a request. A read that may miss an earlier write is made strongly consistent.
//!
//! It is opaque to clients and not authenticated. A forged token causes at most [`limits::SESSION`] strongly consistent
//! reads of records, or one of the table, which the client's key could request anyway.

use crate::limits;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::token;

/// The format of a session token.
const FORMAT: u8 = 5;
/// The length of all ids in a token, in bytes. One id is shorter.
const IDS: usize = 3_000;

/// The recent writes of a client, as a request to one resource needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The resource of the request.
    resource: String,
    /// The writes to all resources, the latest last.
    writes: Vec<Write>,
    /// When the newest of the writes that are no longer named was made.
    unnamed: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Write {
    resource: String,
    id: RecordId,
    version: u64,
    /// When it was made.
    at: Timestamp,
}

impl Session {
    /// Returns the session of a client that has written nothing, for a request to a resource.
    #[must_use]
    pub fn new(resource: &str) -> Session {
        Session { resource: resource.to_owned(), ..Session::default() }
    }

    /// Reads a token for a request to a resource. Returns `None` if the text is not a token of ripple.
    #[must_use]
    pub fn parse(token: &str, resource: &str) -> Option<Session> {
        // JSON writes a byte of an id as six at most.
        const LONGEST: usize = (6 * IDS + (limits::SESSION + 1) * 128) * 4 / 3;
        if token.len() > LONGEST {
            return None;
        }
        let (writes, unnamed): (Vec<(String, u64, u64)>, Option<u64>) = token::decode(FORMAT, token)?;
        if writes.len() > limits::SESSION {
            return None;
        }
        let fits = |id: &str| (1..=limits::STORED_ID).contains(&id.len());
        let write = |(path, version, at): (String, u64, u64)| {
            let (resource, id) = path.split_once('/').filter(|(_, id)| fits(id))?;
            let (resource, id) = (resource.to_owned(), RecordId::stored(id.to_owned()));
            Some(Write { resource, id, version, at: Timestamp(at) })
        };
        let writes = writes.into_iter().map(write).collect::<Option<_>>()?;
        Some(Session { writes, unnamed: unnamed.map(Timestamp), ..Session::new(resource) })
    }

    /// Returns the token for the client.
    #[must_use]
    pub fn to_token(&self) -> String {
        // The name of a resource has no slash.
        let write = |write: &Write| (format!("{}/{}", write.resource, write.id), write.version, write.at.0);
        let writes: Vec<(String, u64, u64)> = self.writes.iter().map(write).collect();
        let unnamed = self.unnamed.map(|at| at.0);
        token::encode(FORMAT, &(writes, unnamed))
    }

    /// Adds a write made at `now`. The version of a record never decreases, since a repeated write may be answered with
    /// an older one. If there are too many writes, the oldest are no longer named.
    pub fn wrote(&mut self, id: &RecordId, version: u64, now: Timestamp) {
        let known = self.writes.iter().position(|write| write.resource == self.resource && write.id == *id);
        let version = known.map_or(version, |place| self.writes.remove(place).version.max(version));
        self.writes.push(Write { resource: self.resource.clone(), id: id.clone(), version, at: now });
        let length = |writes: &[Write]| writes.iter().map(|write| write.id.as_str().len()).sum::<usize>();
        while self.writes.len() > limits::SESSION || length(&self.writes) > IDS {
            let oldest = self.writes.remove(0);
            self.unnamed = self.unnamed.max(Some(oldest.at));
        }
    }

    /// Reports whether `found`, read under `id`, is older than the client's write.
    #[must_use]
    pub fn outdates(&self, id: &RecordId, found: Option<&Record>) -> bool {
        let seen = found.and_then(Record::number).unwrap_or(0);
        self.writes().any(|(written, version)| written == id && version > seen)
    }

    /// Reports whether a state as of `known` may lack a write that is no longer named.
    #[must_use]
    pub fn outruns(&self, known: Timestamp) -> bool {
        self.unnamed.is_some_and(|at| known < at.after(limits::LAG))
    }

    /// Returns the ids of the resource's records that were written, and their versions.
    pub fn writes(&self) -> impl Iterator<Item = (&RecordId, u64)> {
        let own = self.writes.iter().filter(|write| write.resource == self.resource);
        own.map(|write| (&write.id, write.version))
    }

    /// Returns the ids of the resource's records that were written.
    pub fn ids(&self) -> impl Iterator<Item = &RecordId> {
        self.writes().map(|(id, _)| id)
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
        let mut session = Session::new("prj");
        for n in 0..40 {
            session.wrote(&id(&format!("{n}-{}", "x".repeat(120))), u64::MAX, Timestamp(n));
        }
        session.wrote(&id("last"), 7, Timestamp(50_000));
        session.wrote(&id("last"), 6, Timestamp(50_001));
        let token = session.to_token();
        assert_eq!(Session::parse(&token, "prj"), Some(session.clone()));
        assert_eq!(session.ids().count(), limits::SESSION);
        assert!(session.outdates(&id("last"), None));
        assert!(!session.outdates(&id("other"), None));
        // 16 of 41 are named, and the newest of the others was made at 24.
        assert!(session.outruns(Timestamp(24)) && !session.outruns(Timestamp(24).after(limits::LAG)));
        assert!(session.writes().any(|(written, version)| *written == id("last") && version == 7));
    }

    #[test]
    fn a_token_of_long_ids_fits_into_a_header() {
        let mut session = Session::new("prj");
        for n in 0..limits::SESSION as u64 {
            session.wrote(&RecordId::stored(format!("{n}{}", "\u{1}".repeat(1_900))), 1, Timestamp(n));
        }
        let token = session.to_token();
        assert!(session.ids().count() == 1 && session.outruns(Timestamp(0)), "the last is named");
        assert_eq!(Session::parse(&token, "prj"), Some(session));
        let mut session = Session::new("prj");
        for n in 0..limits::SESSION as u64 {
            session.wrote(&RecordId::stored(format!("{n}{}", "x".repeat(1_900))), 1, Timestamp(n));
        }
        // API Gateway takes 10,240 bytes of headers.
        assert!(session.to_token().len() < 5_000);
    }

    #[test]
    fn a_write_is_in_doubt_for_as_long_as_a_read_may_miss_it() {
        let mut session = Session::new("prj");
        for n in 0..100 {
            session.wrote(&id(&n.to_string()), 1, Timestamp(n * 10_000));
        }
        // Somebody who saves every ten seconds: what is no longer named was made 160 s ago.
        assert!(!session.outruns(Timestamp(99 * 10_000).before(std::time::Duration::from_secs(60))));
    }

    #[test]
    fn anything_else_is_no_token() {
        let encode = |writes: &[(&str, u64, u64)]| token::encode(FORMAT, &(writes, None::<u64>));
        let earlier = token::encode(FORMAT - 1, &([("a", 1)], None::<u64>));
        let too_many = encode(&[("prj/a", 1, 1); limits::SESSION + 1]);
        for token in ["", "?", &earlier, &encode(&[("prj/", 1, 1)]), &too_many, &"A".repeat(30_000)] {
            assert_eq!(Session::parse(token, "prj"), None, "{token}");
        }
    }

    #[test]
    fn writes_to_another_resource_are_carried_and_do_not_count() {
        let mut session = Session::new("prj");
        session.wrote(&id("a"), 7, Timestamp(1));
        let mut other = Session::parse(&session.to_token(), "task").expect("a token");
        assert!(!other.outdates(&id("a"), None) && other.ids().next().is_none());
        other.wrote(&id("a"), 1, Timestamp(2));
        let back = Session::parse(&other.to_token(), "prj").expect("a token");
        assert_eq!(back.writes().map(|(_, version)| version).collect::<Vec<_>>(), [7]);
    }
}
