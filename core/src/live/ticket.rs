//! Tickets: how a browser opens a socket without the API key. A ticket is valid for 30 s, for one resource and one use.
//!
//! ```text
//! ticket = base64url(P) "." base64url(HMAC-SHA256(secret, "ripple.ticket.v1\n" P))
//! P      = [1, resource, key id, name of the author, id of the author, end in seconds, nonce]
//! ```
//!
//! Every host with the secret can issue a ticket. The host of the sockets remembers which ones were used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::TICKET_LIFE;
use crate::feed::signature::Secrets;
use crate::record::Person;
use crate::time::Timestamp;

const FORMAT: u8 = 1;
/// What is signed before the content. The secret signs nothing else that begins so.
const CONTEXT: &str = "ripple.ticket.v1\n";
/// The length of a ticket, in characters.
const LENGTH: usize = 1024;
/// The length of a nonce: 128 bits in base64url.
const NONCE: usize = 22;

/// What a ticket says.
///
/// ```
/// use ripple_core::Timestamp;
/// use ripple_core::feed::signature::Secrets;
/// use ripple_core::live::Ticket;
///
/// let secrets = Secrets::parse(&Secrets::generate(&[7; 32])).unwrap();
/// let now = Timestamp(1_800_000_000_000);
/// let ticket = Ticket::issue("prj", "key_1", None, now, [1; 16]);
/// let text = ticket.sign(&secrets);
/// assert_eq!(Ticket::verify(&text, &secrets, now), Ok(ticket));
/// assert!(Ticket::verify(&text, &secrets, Timestamp(now.0 + 31_000)).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The name of the resource.
    pub resource: String,
    /// The id of the key with which the ticket was fetched.
    pub key_id: String,
    /// The person for whom it was fetched.
    pub person: Option<Person>,
    /// When it expires, in seconds since 1970 UTC.
    pub expires: u64,
    /// What makes it different from every other one.
    pub nonce: String,
}

/// The text is no valid ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ticket is forged or has expired")]
pub struct TicketError;

#[derive(Serialize, Deserialize)]
struct Content(u8, String, String, String, String, u64, String);

impl Ticket {
    /// Returns a new ticket. `nonce` must come from a cryptographic source.
    #[must_use]
    pub fn issue(resource: &str, key_id: &str, person: Option<Person>, now: Timestamp, nonce: [u8; 16]) -> Ticket {
        let expires = now.after(TICKET_LIFE).0 / 1000;
        let (resource, key_id) = (resource.to_owned(), key_id.to_owned());
        Ticket { resource, key_id, person, expires, nonce: URL_SAFE_NO_PAD.encode(nonce) }
    }

    /// Returns the text of the ticket, in characters that a subprotocol may have.
    #[must_use]
    pub fn sign(&self, secrets: &Secrets) -> String {
        let Ticket { resource, key_id, person, expires, nonce } = self;
        let name = person.as_ref().map_or("", Person::name).to_owned();
        let id = person.as_ref().and_then(Person::id).unwrap_or_default().to_owned();
        let content = Content(FORMAT, resource.clone(), key_id.clone(), name, id, *expires, nonce.clone());
        let content = serde_json::to_string(&content).expect("strings and numbers serialise");
        let code = secrets.code(&[CONTEXT.as_bytes(), content.as_bytes()]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(content), URL_SAFE_NO_PAD.encode(code))
    }

    /// Reads a ticket that one of the secrets has signed and that has not expired.
    ///
    /// # Errors
    /// If it is not such a ticket.
    pub fn verify(text: &str, secrets: &Secrets, now: Timestamp) -> Result<Ticket, TicketError> {
        Self::read(text, secrets).filter(|ticket| now.0 < ticket.expires.saturating_mul(1000)).ok_or(TicketError)
    }

    fn read(text: &str, secrets: &Secrets) -> Option<Ticket> {
        let (content, code) = text.split_once('.').filter(|_| text.len() <= LENGTH)?;
        let (content, code) = (URL_SAFE_NO_PAD.decode(content).ok()?, URL_SAFE_NO_PAD.decode(code).ok()?);
        if !secrets.admit(&[CONTEXT.as_bytes(), &content], &code) {
            return None;
        }
        let Content(format, resource, key_id, name, id, expires, nonce) = serde_json::from_slice(&content).ok()?;
        let person = match (&*name, &*id) {
            ("", _) => None,
            (name, "") => Some(Person::new(name, None).ok()?),
            (name, id) => Some(Person::new(name, Some(id)).ok()?),
        };
        (format == FORMAT && nonce.len() == NONCE).then_some(Ticket { resource, key_id, person, expires, nonce })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn secrets(seed: u8) -> Secrets {
        Secrets::parse(&Secrets::generate(&[seed; 32])).expect("a secret")
    }

    fn ticket() -> Ticket {
        let person = Person::new("Bo Müller", Some("u7")).expect("a person");
        Ticket::issue("prj", "key_1", Some(person), NOW, [7; 16])
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let text = ticket().sign(&secrets(1));
        let content = URL_SAFE_NO_PAD.decode(text.split_once('.').expect("two parts").0).expect("base64url");
        let expected = r#"[1,"prj","key_1","Bo Müller","u7",1800000030,"BwcHBwcHBwcHBwcHBwcHBw"]"#;
        assert_eq!(String::from_utf8(content).expect("UTF-8"), expected);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    }

    #[test]
    fn a_ticket_of_either_secret_is_valid_until_it_expires() {
        let (old, new) = (Secrets::generate(&[1; 32]), Secrets::generate(&[2; 32]));
        let both = Secrets::parse(&format!("{new},{old}")).expect("secrets");
        let text = ticket().sign(&secrets(1));
        assert_eq!(Ticket::verify(&text, &both, Timestamp(NOW.0 + 29_999)), Ok(ticket()));
        assert_eq!(Ticket::verify(&text, &both, Timestamp(NOW.0 + 30_000)), Err(TicketError));
        assert_eq!(Ticket::verify(&text, &secrets(2), NOW), Err(TicketError));
        assert_eq!(Ticket::verify(&ticket().sign(&both), &secrets(2), NOW), Ok(ticket()));
    }

    #[test]
    fn a_forged_ticket_is_refused() {
        let text = ticket().sign(&secrets(1));
        let (content, code) = text.split_once('.').expect("two parts");
        let other = URL_SAFE_NO_PAD.encode(r#"[1,"prj","key_2","","",9999999999,"BwcHBwcHBwcHBwcHBwcHBw"]"#);
        let long = format!("{content}{}.{code}", "A".repeat(LENGTH));
        let forged =
            [format!("{other}.{code}"), format!("{content}."), content.to_owned(), long, String::new(), ".".into()];
        for text in forged {
            assert_eq!(Ticket::verify(&text, &secrets(1), NOW), Err(TicketError), "{text}");
        }
    }

    #[test]
    fn the_longest_ticket_fits() {
        let person = Person::new(&"李".repeat(60), Some(&"a".repeat(64))).expect("a person");
        let ticket = Ticket::issue(&"r".repeat(64), &"k".repeat(64), Some(person), NOW, [7; 16]);
        let text = ticket.sign(&secrets(1));
        assert!(text.len() <= LENGTH, "{}", text.len());
        assert_eq!(Ticket::verify(&text, &secrets(1), NOW), Ok(ticket));
    }
}
