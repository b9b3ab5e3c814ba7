//! API keys: their form, how they are stored, and what they allow.
//!
//! A key is `rpl_`, 30 random characters of base62, and 6 characters with the CRC-32 of those, in base62. With the
//! checksum a host refuses a mistyped key without a lookup. Secret scanners recognize the form. Only the SHA-256 of a
//! key is stored. A key has 178 bits of randomness and cannot be guessed, so no slow hash is needed.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Scope, Scopes};
use crate::time::Timestamp;

const PREFIX: &str = "rpl_";
const RANDOM: usize = 30;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key, the secret itself. `Debug` never shows it. The program that creates it shows it once.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Parses a key. Returns `None` if its form or its checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<ApiKey> {
        let rest = text.strip_prefix(PREFIX)?.as_bytes();
        if rest.len() != RANDOM + CHECK || !rest.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let (random, check) = rest.split_at(RANDOM);
        (check == checksum(random)).then(|| ApiKey(text.to_owned()))
    }

    /// Generates a key from `random` bytes, which must come from a cryptographic source. Bytes past the last whole
    /// multiple of 62 are skipped, so that each character is equally likely. Returns `None` if too few bytes are left,
    /// which happens once in 10^24 for 64 bytes.
    #[must_use]
    pub fn generate(random: &[u8; 64]) -> Option<ApiKey> {
        let fair = |byte: &&u8| **byte < 248;
        let letters: Vec<u8> =
            random.iter().filter(fair).take(RANDOM).map(|byte| ALPHABET[usize::from(byte % 62)]).collect();
        let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        (letters.len() == RANDOM).then(|| ApiKey(format!("{PREFIX}{}{}", text(&letters), text(&checksum(&letters)))))
    }

    /// Returns the hash that is stored and looked up.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// Returns the secret, for showing it once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

fn checksum(random: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(random);
    let mut check = [b'0'; CHECK];
    for place in check.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    check
}

/// The SHA-256 of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, PartialOrd, Ord)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Returns the hash of a text. If the text is not a key, no key has this hash.
    #[must_use]
    pub(crate) fn of(text: &str) -> KeyHash {
        KeyHash(Sha256::digest(text.as_bytes()).into())
    }

    /// Parses the hash as in the table. Returns `None` if the text is not 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<KeyHash> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let digits: [u8; 64] = text.as_bytes().try_into().ok()?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(KeyHash(hash))
    }

    /// Returns the hash as in the table: 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.digits().into_iter().map(char::from).collect()
    }

    fn digits(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|place| {
            let byte = self.0[place / 2];
            DIGITS[usize::from(if place % 2 == 0 { byte >> 4 } else { byte & 15 })]
        })
    }
}

/// The record of an API key in the table `<site>_key`: everything except the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The partition key, [`KeyHash::to_hex`].
    pub key_hash: String,
    /// The name by which people and logs refer to the key.
    pub key_id: String,
    /// The owner or purpose of the key, which is the `updated_by` of its writes.
    pub name: String,
    /// The scopes of the key.
    pub scopes: Scopes,
    /// When the key was created, in milliseconds.
    pub created: u64,
    /// When the key expires, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// When the key was revoked, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
    /// The id of the first in the series of keys that this key replaces. With it, a retry under the new key finds a
    /// write made under the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// The only person on whose behalf the key may write: the id in `Ripple-Author`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When the backend last noted a use of the key, in milliseconds. The last use may be
    /// [`limits::KEY_USE`](crate::limits::KEY_USE) later, or more if no other request came after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<u64>,
}

impl KeyRecord {
    /// Reports whether this is the record of the key with this hash, and valid.
    #[must_use]
    pub fn admits(&self, hash: &KeyHash, now: Timestamp) -> bool {
        self.is_of(hash) && self.is_valid(now)
    }

    /// Reports whether this is the record of the key with this hash. The comparison takes the same time wherever the
    /// two differ.
    pub(crate) fn is_of(&self, hash: &KeyHash) -> bool {
        self.key_hash.as_bytes().ct_eq(&hash.digits()).into()
    }

    /// Reports whether the key is neither revoked nor expired.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now.0 < expires)
    }
}

/// An authenticated client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key's id, for logs.
    pub key_id: String,
    /// An id that all keys share which replaced one another. Idempotency records are stored under it.
    pub lineage: String,
    /// The key's name, for `updated_by`.
    pub name: String,
    /// The only person on whose behalf the client may write.
    pub author: Option<String>,
    /// The client's scopes.
    pub scopes: Scopes,
}

impl Caller {
    /// Returns a client that API Gateway has checked. API Gateway's keys have no scopes, so the client has all scopes.
    #[must_use]
    pub fn checked_by_gateway(key_id: &str) -> Caller {
        let scopes = vec![Scope::Read, Scope::Write].into();
        let name = || key_id.to_owned();
        Caller { key_id: name(), lineage: name(), name: name(), author: None, scopes }
    }
}

impl From<&KeyRecord> for Caller {
    fn from(record: &KeyRecord) -> Self {
        Caller {
            key_id: record.key_id.clone(),
            lineage: record.lineage.clone().unwrap_or_else(|| record.key_id.clone()),
            name: record.name.clone(),
            author: record.author.clone(),
            scopes: record.scopes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::generate(&[7; 64]).expect("enough fair bytes")
    }

    #[test]
    fn a_generated_key_parses_and_a_damaged_one_does_not() {
        let text = key().reveal().to_owned();
        assert_eq!(text.len(), 40);
        assert_eq!(ApiKey::parse(&text), Some(key()));
        for at in 4..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(ApiKey::parse(&String::from_utf8(damaged).expect("ASCII")), None, "at {at}");
        }
        assert_eq!(ApiKey::parse(&text[..39]), None);
        assert_eq!(ApiKey::parse(&text.replace("rpl_", "abc_")), None);
        assert_eq!(ApiKey::parse("rpl_é00000000000000000000000000000000000"), None);
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = key().hash();
        assert_eq!(KeyHash::from_hex(&hash.to_hex()), Some(hash));
        for text in ["", &hash.to_hex()[1..], &hash.to_hex().replace(|digit: char| digit.is_ascii_alphabetic(), "A")] {
            assert_eq!(KeyHash::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn unfair_bytes_are_passed_over() {
        assert_eq!(ApiKey::generate(&[250; 64]), None);
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        assert!(!format!("{:?}", key()).contains(&key().reveal()[4..]));
    }

    #[test]
    fn a_record_admits_its_own_key_until_revoked_or_expired() {
        let hash = key().hash();
        let record = KeyRecord {
            key_hash: hash.to_hex(),
            key_id: "k".into(),
            name: "n".into(),
            scopes: Scopes::default(),
            created: 0,
            expires: None,
            revoked: None,
            lineage: None,
            author: None,
            last_used: None,
        };
        let other = ApiKey::generate(&[9; 64]).expect("enough fair bytes").hash();
        assert!(record.admits(&hash, Timestamp(5)));
        assert!(!record.admits(&other, Timestamp(5)));
        assert!(!KeyRecord { revoked: Some(1), ..record.clone() }.admits(&hash, Timestamp(5)));
        let expiring = KeyRecord { expires: Some(5), ..record };
        assert!(expiring.admits(&hash, Timestamp(4)) && !expiring.admits(&hash, Timestamp(5)));
    }
}
