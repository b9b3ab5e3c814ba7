//! The content coding of the whole list: gzip, if the client accepts it (RFC 9110 §8.4, §12.5.3).
//!
//! The tag of the encoded form is the list's tag, marked weak. Its bytes differ, so it may not have the strong tag
//! (§8.8.3.3). A tag of any host, weak or strong, matches at every other host.

use http::header::{CONTENT_ENCODING, ETAG, HeaderValue, VARY};
use http::{HeaderMap, Response, StatusCode};

/// Reports whether an `Accept-Encoding` allows an answer in gzip.
pub(crate) fn accepts_gzip(accepted: &str) -> bool {
    let accepts = |wanted: &str| {
        accepted.split(',').find_map(|entry| {
            let (coding, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let weight = weight.trim().trim_start_matches(['q', 'Q', '=']);
            // A weight that consists only of zeros refuses the coding.
            coding
                .trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| weight.bytes().any(|digit| (b'1'..=b'9').contains(&digit)))
        })
    };
    accepts("gzip").or_else(|| accepts("*")).unwrap_or(false)
}

/// Marks an answer with the whole list: the form in which it is sent, and that there are two forms.
pub(crate) fn mark<B>(response: &mut Response<B>, gzip: bool) {
    let found = response.status() == StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        if found {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        weaken(headers);
    }
}

fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(weak) = strong.and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok()) {
        headers.insert(ETAG, weak);
    }
}

/// Reports whether an `If-None-Match` is exactly this strong tag, or its weak form. The API reads any other value.
pub(crate) fn is_tag(if_none_match: &str, etag: &str) -> bool {
    if_none_match.strip_prefix("W/").unwrap_or(if_none_match) == etag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_where_it_is_named_and_not_refused() {
        for accepted in ["gzip", "br, GZIP", "gzip;q=0.5, *;q=0", "gzip ; q=0.001", "deflate, *", "br, *;Q=1"] {
            assert!(accepts_gzip(accepted), "{accepted}");
        }
        for accepted in ["", "identity", "br", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "gzipped", "gzip;q=x"] {
            assert!(!accepts_gzip(accepted), "{accepted}");
        }
    }

    #[test]
    fn the_encoded_form_has_the_weak_tag() {
        let answer = |status: StatusCode, gzip| {
            let mut response = Response::builder().status(status).header(ETAG, "\"a\"").body(()).expect("valid");
            mark(&mut response, gzip);
            let header = |name| response.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
            [header(ETAG), header(CONTENT_ENCODING), header(VARY)].map(Option::unwrap_or_default)
        };
        assert_eq!(answer(StatusCode::OK, false), ["\"a\"", "", "accept-encoding"]);
        assert_eq!(answer(StatusCode::OK, true), ["W/\"a\"", "gzip", "accept-encoding"]);
        assert_eq!(answer(StatusCode::NOT_MODIFIED, true), ["W/\"a\"", "", "accept-encoding"]);
    }

    #[test]
    fn a_tag_matches_itself_weak_or_strong() {
        assert!(is_tag("\"a\"", "\"a\"") && is_tag("W/\"a\"", "\"a\""));
        assert!(!is_tag("\"b\"", "\"a\"") && !is_tag("\"a\", \"b\"", "\"a\"") && !is_tag("*", "\"a\""));
    }
}
