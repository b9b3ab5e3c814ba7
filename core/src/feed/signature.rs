//! Signatures of what the feed sends, in the form of Standard Webhooks.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
//!
//! A message has an id, a time and a body. The signature is HMAC-SHA256 of `id.timestamp.body`. During a rotation there
//! are two secrets: the sender signs with both, and a receiver accepts a signature of either.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::time::Timestamp;

/// The header of a message's id.
pub const ID: &str = "webhook-id";
/// The header of the time at which a message was sent, in seconds.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of a message's signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// How far the time of a message may be from the receiver's. Standard Webhooks leaves it to the receiver.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// The version of the signatures, before each of them.
const VERSION: &str = "v1,";
/// The prefix of a secret.
const PREFIX: &str = "whsec_";
/// Bytes of a secret, as Standard Webhooks recommends.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The number of secrets at once: the old one and the new one.
const SECRETS: usize = 2;
/// The number of signatures that are compared. A sender has one for each secret.
pub const SIGNATURES: usize = 2 * SECRETS;

/// The text is not a list of secrets. The error does not show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one secret, or two during a rotation, separated by a comma; a secret is {PREFIX} and {} to {} bytes in \
     base64",
    BYTES.start(),
    BYTES.end()
)]
pub struct SecretsError;

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A header is missing, or the time is not a number of seconds.
    #[error("a header of the signature is missing or has another form")]
    Malformed,
    /// The message is too old, or from the future.
    #[error("the message was not sent within the last five minutes")]
    Late,
    /// No signature is one of the secrets.
    #[error("no signature matches")]
    Forged,
}

/// The secrets that a sender and a receiver share. There is at least one.
///
/// ```
/// use ripple_core::Timestamp;
/// use ripple_core::feed::signature::{Secrets, Signed};
///
/// let secrets = Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
/// let now = Timestamp(1_800_000_000_000);
/// let signature = secrets.sign("msg_1", now, b"{}");
/// let signed = Signed { id: "msg_1", timestamp: "1800000000", signature: &signature };
/// assert!(secrets.verify(signed, b"{}", now).is_ok());
/// assert!(secrets.verify(signed, b"[]", now).is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<Vec<u8>>);

/// The headers of a message that a receiver checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The value of [`ID`].
    pub id: &'a str,
    /// The value of [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// The value of [`SIGNATURE`].
    pub signature: &'a str,
}

impl Secrets {
    /// Reads one secret, or two separated by a comma.
    ///
    /// # Errors
    /// If there are more, or one has another form.
    pub fn parse(text: &str) -> Result<Secrets, SecretsError> {
        let secret = |text: &str| {
            let bytes = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
            BYTES.contains(&bytes.len()).then_some(bytes)
        };
        let secrets: Option<Vec<Vec<u8>>> = text.split(',').map(secret).collect();
        secrets.filter(|secrets| secrets.len() <= SECRETS).map(Secrets).ok_or(SecretsError)
    }

    /// Returns the text of a secret made of random bytes, which must come from a cryptographic source.
    #[must_use]
    pub fn generate(random: &[u8; 32]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(random))
    }

    /// Returns the value of [`SIGNATURE`]: one signature for each secret.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let timestamp = seconds(at).to_string();
        let sign = |secret: &Vec<u8>| {
            let code = code(secret, &signed_parts(id, &timestamp, body)).finalize();
            format!("{VERSION}{}", STANDARD.encode(code.into_bytes()))
        };
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }

    /// Returns the code of some parts under the first secret.
    pub(crate) fn code(&self, parts: &[&[u8]]) -> [u8; 32] {
        code(&self.0[0], parts).finalize().into_bytes().into()
    }

    /// Reports whether a code is that of some parts, under one of the secrets.
    pub(crate) fn admit(&self, parts: &[&[u8]], sent: &[u8]) -> bool {
        // The comparison takes the same time wherever the two differ.
        self.0.iter().any(|secret| code(secret, parts).verify_slice(sent).is_ok())
    }

    /// Checks that a message was signed with one of the secrets within [`WINDOW`] of `now`.
    ///
    /// # Errors
    /// If it was not.
    pub fn verify(&self, signed: Signed<'_>, body: &[u8], now: Timestamp) -> Result<(), Unverified> {
        let Signed { id, timestamp, signature } = signed;
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|digit| digit.is_ascii_digit());
        let at: u64 = timestamp.parse().ok().filter(|_| is_number && !id.is_empty()).ok_or(Unverified::Malformed)?;
        if seconds(now).abs_diff(at) > WINDOW.as_secs() {
            return Err(Unverified::Late);
        }
        // Signatures of other versions are skipped, as Standard Webhooks requires.
        let signatures = signature.split(' ').filter_map(|signature| signature.strip_prefix(VERSION));
        let matches = |signature: &str| {
            let Ok(signature) = STANDARD.decode(signature) else { return false };
            self.admit(&signed_parts(id, timestamp, body), &signature)
        };
        if signatures.take(SIGNATURES).any(matches) { Ok(()) } else { Err(Unverified::Forged) }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Returns the time in seconds, as in [`TIMESTAMP`].
#[must_use]
pub fn seconds(at: Timestamp) -> u64 {
    at.0 / 1000
}

/// Returns what is signed of a message.
fn signed_parts<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

fn code(secret: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut code = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| code.update(part));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const AT: Timestamp = Timestamp(1_614_265_330_500);
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(text).expect("secrets")
    }

    fn signed<'a>(timestamp: &'a str, signature: &'a str) -> Signed<'a> {
        Signed { id: ID, timestamp, signature }
    }

    #[test]
    fn the_signature_is_that_of_other_libraries_of_standard_webhooks() {
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(secrets(OLD).sign(ID, AT, BODY), expected);
        assert_eq!(secrets(OLD).verify(signed("1614265330", expected), BODY, AT), Ok(()));
    }

    #[test]
    fn a_rotation_works_in_either_order() {
        let both = secrets(&format!("{NEW}, {OLD}"));
        for (sender, receiver) in [(&both, secrets(OLD)), (&both, secrets(NEW)), (&secrets(OLD), both.clone())] {
            let signature = sender.sign(ID, AT, BODY);
            assert_eq!(receiver.verify(signed("1614265330", &signature), BODY, AT), Ok(()));
        }
        let signature = secrets(OLD).sign(ID, AT, BODY);
        assert_eq!(secrets(NEW).verify(signed("1614265330", &signature), BODY, AT), Err(Unverified::Forged));
    }

    #[test]
    fn what_was_changed_is_refused() {
        let both = secrets(OLD);
        let signature = both.sign(ID, AT, BODY);
        for (id, timestamp, signature, body) in [
            ("msg_other", "1614265330", &*signature, BODY),
            (ID, "1614265331", &signature, BODY),
            (ID, "1614265330", &signature, b"{}"),
            (ID, "1614265330", "", BODY),
            (ID, "1614265330", &signature.replace("v1,", "v2,"), BODY),
            (ID, "1614265330", &signature.replace("v1,", ""), BODY),
            (ID, "1614265330", "v1,", BODY),
            (ID, "1614265330", "v1,!", BODY),
        ] {
            assert_eq!(
                both.verify(Signed { id, timestamp, signature }, body, AT),
                Err(Unverified::Forged),
                "{signature}"
            );
        }
        // Each signature takes a pass over the body.
        let many = format!("{}{signature}", "v1,AAAA ".repeat(SIGNATURES));
        assert_eq!(both.verify(signed("1614265330", &many), BODY, AT), Err(Unverified::Forged));
        assert_eq!(both.verify(signed("1614265330", &many["v1,AAAA ".len()..]), BODY, AT), Ok(()));
        // A signature of a later version beside one that is known.
        assert!(both.verify(signed("1614265330", &format!("v1a,xyz {signature}")), BODY, AT).is_ok());
    }

    #[test]
    fn a_message_counts_for_five_minutes() {
        let both = secrets(OLD);
        let signature = both.sign(ID, AT, BODY);
        let at = |offset: i64| Timestamp(AT.0.saturating_add_signed(offset * 1000));
        for offset in [-300, 0, 300] {
            assert_eq!(both.verify(signed("1614265330", &signature), BODY, at(offset)), Ok(()), "{offset}");
        }
        for offset in [-301, 301, 1_000_000_000] {
            assert_eq!(both.verify(signed("1614265330", &signature), BODY, at(offset)), Err(Unverified::Late));
        }
        for timestamp in ["", "+1614265330", "-1", "1614265330.5", "now", "99999999999999999999"] {
            assert_eq!(both.verify(signed(timestamp, &signature), BODY, AT), Err(Unverified::Malformed), "{timestamp}");
        }
    }

    #[test]
    fn what_cannot_be_secrets_is_refused_without_showing_it() {
        let three = [OLD, NEW, OLD].join(",");
        for text in ["", ",", "whsec_", "whsec_c2hvcnQ=", &OLD[6..], &three, &format!("{OLD},")] {
            let error = Secrets::parse(text).expect_err(text).to_string();
            assert!(text.len() < 20 || !error.contains(text), "{error}");
        }
        assert_eq!(format!("{:?}", secrets(OLD)), "Secrets(…)");
        assert!(Secrets::parse(&Secrets::generate(&[7; 32])).is_ok());
    }
}
