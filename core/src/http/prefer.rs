//! `Prefer: wait=25` (RFC 7240): how long a client waits for changes.

use std::time::Duration;

use http::HeaderMap;

/// The header of a request.
pub const PREFER: &str = "prefer";
/// The header of an answer that was held, or would have been.
pub const APPLIED: &str = "preference-applied";
/// The longest wait, in seconds. Cloudflare ends a worker's request after 30 s.
pub const WAIT: u64 = 25;

/// Returns how long a client prefers to wait, in whole seconds, at most [`WAIT`]. Returns `None` if it does not say so
/// exactly once, or not at all.
///
/// ```
/// use http::HeaderMap;
/// use ripple_core::http::prefer::wait;
///
/// let headers = HeaderMap::from_iter([(http::HeaderName::from_static("prefer"), "wait=60".parse().unwrap())]);
/// assert_eq!(wait(&headers), Some(std::time::Duration::from_secs(25)));
/// ```
#[must_use]
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    let mut found = None;
    for value in headers.get_all(PREFER) {
        for preference in value.to_str().ok()?.split(',') {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            if !name.trim().eq_ignore_ascii_case("wait") {
                continue;
            }
            if found.is_some() {
                return None;
            }
            found = Some(value.trim().trim_matches('"'));
        }
    }
    let digits = found.filter(|text| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()))?;
    let seconds = digits.parse().unwrap_or(u64::MAX).min(WAIT);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn preferred(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        wait(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_read_wherever_it_stands() {
        for (values, expected) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, Wait = 10; x=y"], Some(10)),
            (&["respond-async", "wait=\"10\""], Some(10)),
            (&["wait=99999999999999999999999"], Some(25)),
            (&["wait=0"], None),
            (&["wait"], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            (&["wait=5, wait=5"], None),
            (&["wait=5", "wait=5"], None),
            (&["await=5"], None),
            (&[], None),
        ] {
            assert_eq!(preferred(values), expected, "{values:?}");
        }
    }
}
