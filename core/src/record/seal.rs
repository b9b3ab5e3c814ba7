//! The seal, by which ripple distinguishes its own states from those of other writers.
//!
//! > A state whose seal matches is ripple's and has the number that the item states. Every other state is external:
//! > another writer left it, whatever its attributes say.
//!
//! The seal is a hash of id, number, deletion and content. So the seal does not match if another program edits a state,
//! restores it from an old copy with another number, or copies it to another id. The seal protects against accidents,
//! not against forgery: a program that can write to the table can write anything.
//!
//! An external state has no number yet. It is shown under a number below zero that is derived from its content. So a
//! client that sends the number back refers to exactly that state.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::encode::{Encoder, Write};
use sha2::{Digest as _, Sha256};

use super::RecordId;
use crate::value::cbor::ToCbor;

/// The length of a seal in bytes. It is long enough that no two states of a record have the same seal.
const SEAL: usize = 12;

/// The SHA-256 of a record's id and content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content([u8; 32]);

impl Content {
    /// Hashes an id and the attributes that are not ripple's.
    pub(crate) fn of(id: &RecordId, attributes: &impl ToCbor) -> Content {
        let mut encoder = Encoder::new(Hashing(Sha256::new()));
        encoder.str(id.as_str()).and_then(|encoder| attributes.write(encoder)).expect("a hash takes every byte");
        Content(encoder.into_writer().0.finalize().into())
    }

    /// Returns the seal of this content under a number.
    pub(crate) fn seal(&self, number: u64, deleted: bool) -> String {
        let hash = Sha256::new().chain_update(self.0).chain_update(number.to_be_bytes()).chain_update([deleted.into()]);
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..SEAL])
    }

    /// Returns the number under which the content is shown while it is external: -2^49 to -1. Every reader of JSON
    /// represents it exactly (RFC 8259 §6), and a structured field can hold it (RFC 9651 §3.3.1).
    pub(crate) fn external_number(&self) -> i64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        -1 - (u64::from_be_bytes(first) >> 15).cast_signed()
    }
}

struct Hashing(Sha256);

impl Write for Hashing {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.update(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Members, Value};

    fn content(id: &str, value: Value) -> Content {
        let id = RecordId::stored(id.to_owned());
        Content::of(&id, &Members::from([("a".to_owned(), value)]))
    }

    #[test]
    fn a_seal_is_of_id_content_number_and_deletion() {
        let list = Value::List(vec!["x".into()]);
        let seal = content("p", list.clone()).seal(1, false);
        assert_eq!(seal.len(), 16);
        assert_eq!(seal, content("p", list.clone()).seal(1, false));
        let set = Value::Strings(["x".to_owned()].into());
        for other in [
            content("p", list.clone()).seal(2, false),
            content("p", list.clone()).seal(1, true),
            content("q", list).seal(1, false),
            content("p", set).seal(1, false),
        ] {
            assert_ne!(seal, other);
        }
    }

    #[test]
    fn external_numbers_are_below_zero_and_exact_in_json() {
        for number in 0..1000 {
            let shown = content("p", number.into()).external_number();
            assert!((-(1_i64 << 49)..0).contains(&shown), "{shown}");
        }
    }
}
