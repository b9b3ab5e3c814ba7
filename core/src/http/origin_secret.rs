//! The secret that an edge and its origin share, so that the origin answers requests that came through the edge alone.
//!
//! It is no key: it says which way a request came, and not from which author. During a rotation the origin takes two.

use std::fmt;

use http::header::HeaderName;
use http::{HeaderMap, Method, Request};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// The header that carries the secret from the edge to the origin.
pub const ORIGIN_SECRET: HeaderName = HeaderName::from_static("x-ripple-origin");
/// The variable that holds the secret at both.
pub const VARIABLE: &str = "RIPPLE_ORIGIN_SECRET";

/// Paths that need no secret: what watches the origin itself.
const OPEN_PATHS: [&str; 1] = ["/health"];
/// Methods that need none: a browser sends a preflight without headers of its own.
const OPEN_METHODS: [Method; 1] = [Method::OPTIONS];

/// Characters of one value. 32 are 128 bits if they are hexadecimal digits.
const LENGTH: std::ops::RangeInclusive<usize> = 32..=128;
/// The values that are taken at once: the old one and the new one.
const VALUES: usize = 2;

/// The variable has no usable value. The text does not show what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{VARIABLE} must be one value, or two during a rotation, separated by a comma; a value has {} to {} letters, digits \
     and signs of ASCII",
    LENGTH.start(),
    LENGTH.end()
)]
pub struct OriginSecretError;

/// The values that an origin takes. It holds their hashes: a comparison then takes the same time for every text.
///
/// ```
/// use http::Request;
/// use ripple_core::http::origin_secret::OriginSecret;
///
/// let secret = OriginSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
/// let request = |value| Request::get("/prj").header("x-ripple-origin", value).body(()).unwrap();
/// assert!(secret.admits(&request("0123456789abcdef0123456789abcdef")));
/// assert!(!secret.admits(&request("another")));
/// assert!(secret.admits(&Request::get("/health").body(()).unwrap()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OriginSecret(Vec<[u8; 32]>);

impl OriginSecret {
    /// Reads the variable's value: one secret, or two separated by a comma.
    ///
    /// # Errors
    /// When there are more, or one has another form.
    pub fn parse(text: &str) -> Result<OriginSecret, OriginSecretError> {
        let values: Vec<&str> = text.split(',').map(str::trim).collect();
        let fit = values.len() <= VALUES && values.iter().all(|value| is_secret(value));
        fit.then(|| OriginSecret(values.into_iter().map(hash).collect())).ok_or(OriginSecretError)
    }

    /// Reads `RIPPLE_ORIGIN_SECRET` from a host's environment. Returns `None` if it is not set.
    ///
    /// # Errors
    /// If it has no usable value.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Option<OriginSecret>, OriginSecretError> {
        env(VARIABLE).map(|text| OriginSecret::parse(&text)).transpose()
    }

    /// Reports whether a request may be answered: it carries the secret, or needs none.
    pub fn admits<B>(&self, request: &Request<B>) -> bool {
        OPEN_METHODS.contains(request.method())
            || OPEN_PATHS.contains(&request.uri().path())
            || self.is_in(request.headers())
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(ORIGIN_SECRET).iter();
        let (Some(value), None) = (sent.next(), sent.next()) else { return false };
        let sent = hash(value.as_bytes());
        // Each is compared, whichever is the one.
        self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&sent)).into()
    }
}

impl fmt::Debug for OriginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginSecret(…)")
    }
}

/// Reports whether a text can be one value of the secret.
#[must_use]
pub fn is_secret(text: &str) -> bool {
    LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

fn hash(value: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(value).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn request(method: Method, path: &str, values: &[&str]) -> Request<()> {
        let mut request = Request::builder().method(method).uri(path);
        for value in values {
            request = request.header(ORIGIN_SECRET, *value);
        }
        request.body(()).expect("valid")
    }

    #[test]
    fn both_values_are_taken_during_a_rotation() {
        let get = |values: &[&str]| request(Method::GET, "/prj", values);
        let both = OriginSecret::parse(&format!("{NEW}, {OLD}")).expect("two values");
        assert!(both.admits(&get(&[OLD])) && both.admits(&get(&[NEW])));
        let new = OriginSecret::parse(NEW).expect("one value");
        assert!(new.admits(&get(&[NEW])));
        for others in [&[] as &[&str], &[OLD], &[""], &[NEW, NEW], &[&NEW[..31]], &[&format!("{NEW},{OLD}")]] {
            assert!(!new.admits(&get(others)), "{others:?}");
        }
    }

    #[test]
    fn a_preflight_and_the_health_need_none() {
        let secret = OriginSecret::parse(NEW).expect("one value");
        assert!(secret.admits(&request(Method::OPTIONS, "/prj", &[])));
        assert!(secret.admits(&request(Method::HEAD, "/health", &[])));
        for path in ["/", "/health/", "/docs", "/openapi.json", "/prj/health"] {
            assert!(!secret.admits(&request(Method::GET, path, &[])), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_without_showing_it() {
        let three = [OLD, NEW, OLD].join(",");
        let spaced = OLD.replace('8', " ");
        for text in ["", ",", "short", &three, &spaced, &format!("{OLD},"), &format!(",{OLD}"), &"é".repeat(32)] {
            let error = OriginSecret::parse(text).expect_err(text).to_string();
            assert!(error.starts_with(VARIABLE) && (text.len() < 6 || !error.contains(text)), "{error}");
        }
        assert!(!format!("{:?}", OriginSecret::parse(OLD)).contains(&OLD[..8]));
    }
}
