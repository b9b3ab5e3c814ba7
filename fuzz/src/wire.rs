//! Requests as text, similar to their form in HTTP, several in one file.
//!
//! ```text
//! PATCH /prj/a?x=y
//! if-match: "…"
//!
//! {"goal":"Peas"}
//! %%
//! GET /prj
//! ```

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// The largest number of requests. More would reveal nothing new.
const MOST: usize = 8;
/// The separator of two requests.
const BETWEEN: &[u8] = b"\n%%\n";
/// Characters that no client can send unencoded.
const UNFIT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'#').add(b'`').add(b'{').add(b'}');

/// Returns the requests in a text. Returns `None` if one of them cannot be sent.
pub fn requests(mut text: &[u8]) -> Option<Vec<Request<Bytes>>> {
    let mut requests = Vec::new();
    while requests.len() < MOST {
        match find(text, BETWEEN) {
            Some(end) => {
                requests.push(request(&text[..end])?);
                text = &text[end + BETWEEN.len()..];
            }
            None => {
                requests.push(request(text)?);
                break;
            }
        }
    }
    Some(requests)
}

fn request(text: &[u8]) -> Option<Request<Bytes>> {
    let (head, body) = match find(text, b"\n\n") {
        Some(end) => (&text[..end], &text[end + 2..]),
        None => (text.strip_suffix(b"\n").unwrap_or(text), &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.next()?;
    let space = find(line, b" ")?;
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = Method::from_bytes(&line[..space]).ok()?;
    *request.uri_mut() = target(&line[space + 1..])?;
    for line in lines {
        let colon = find(line, b": ")?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(&line[colon + 2..]).ok()?);
    }
    Some(request)
}

/// Returns a path and a query, with bytes escaped that cannot be sent.
pub fn target(text: &[u8]) -> Option<Uri> {
    let uri: Uri = percent_encode(text, UNFIT).to_string().parse().ok()?;
    uri.path().starts_with('/').then_some(uri)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
