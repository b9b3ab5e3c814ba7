//! Opaque tokens: cursors and session tokens, which clients keep and send back.
//!
//! A token is JSON in base64url without padding, a pair of a format number and a value. Another format number is another
//! token: what an older or a newer version of ripple handed out is not read as something else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns the token of a value, in visible ASCII.
pub(crate) fn encode(format: u8, value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(format, value)).expect("strings and numbers serialise"))
}

/// Reads a token. Returns `None` if the text is no token of this format.
pub(crate) fn decode<T: DeserializeOwned>(format: u8, text: &str) -> Option<T> {
    let (found, value): (u8, T) = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    (found == format).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_format() {
        let token = encode(1, &("a", 2));
        assert_eq!(decode::<(String, u8)>(1, &token), Some(("a".to_owned(), 2)));
        assert_eq!(decode::<(String, u8)>(2, &token), None);
        assert_eq!(decode::<(String, u8)>(1, "?"), None);
    }
}
