//! The origins of the pages that may open a socket of the live channel (RFC 6454).
//!
//! Any page can open a socket to any host, and a browser tells the host only the page's origin. A socket requires a key
//! or a ticket. A list of origins is a second check. A client that sends no `Origin` is not a browser, and passes.

use http::HeaderMap;
use http::header::ORIGIN;

/// The setting with the list.
pub const VARIABLE: &str = "RIPPLE_ORIGINS";
/// What the setting must be.
pub const FORM: &str = "origins between commas, such as https://app.example.com,http://127.0.0.1:5000";

/// A list of origins. Without one, pages of any origin may open a socket.
///
/// ```
/// use ripple_core::http::origins::Origins;
///
/// assert!(Origins::parse("https://app.example.com, http://127.0.0.1:5000").is_some());
/// assert!(Origins::parse("https://app.example.com/page").is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Origins(Option<Vec<String>>);

impl Origins {
    /// Parses a list. Returns `None` if an entry is no origin: a scheme, a host, and perhaps a port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Origins> {
        let entry = |entry: &str| {
            // Browsers send scheme and host in lower case, and no slash after them.
            let origin = entry.trim().to_ascii_lowercase();
            let (scheme, host) = origin.split_once("://")?;
            let is_origin = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
                && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@,*".contains(&byte));
            (!scheme.is_empty() && !host.is_empty() && is_origin).then_some(origin)
        };
        text.split(',').map(entry).collect::<Option<_>>().map(|all| Origins(Some(all)))
    }

    /// Reports whether the page that sends a request may open a socket.
    pub(super) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(listed) = &self.0 else { return true };
        let is_listed = |origin: &http::HeaderValue| listed.iter().any(|entry| origin == entry);
        headers.get_all(ORIGIN).iter().all(is_listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &str, origins: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, http::HeaderValue::from_static(origin));
        }
        Origins::parse(list).expect("a list").allow(&headers)
    }

    #[test]
    fn only_a_page_of_a_listed_origin_opens_a_socket() {
        let list = "https://app.example.com, HTTP://Localhost:5000";
        assert!(allows(list, &["https://app.example.com"]) && allows(list, &["http://localhost:5000"]));
        for other in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.example",
            "https://evil.example",
            "http://localhost",
            "null",
            "",
        ] {
            assert!(!allows(list, &[other]), "{other}");
        }
        assert!(!allows(list, &["https://app.example.com", "https://evil.example"]), "two origins");
        assert!(allows(list, &[]), "no browser");
        let mut headers = HeaderMap::new();
        headers.append(ORIGIN, http::HeaderValue::from_static("https://evil.example"));
        assert!(Origins::default().allow(&headers), "no list");
    }

    #[test]
    fn what_is_no_origin_is_no_list() {
        for text in
            ["", "app.example.com", "https://", "https://a.example/", "https://a.example,", "*", "https://*.a.example"]
        {
            assert!(Origins::parse(text).is_none(), "{text}");
        }
    }
}
