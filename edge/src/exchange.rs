//! The runtime's requests and responses, as the core has them.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::{Headers, ResponseInit};

const SESSION: HeaderName = HeaderName::from_static("ripple-session");

/// What the API looks at in a request. Each costs a call into JavaScript, all of them cost more.
static HEADERS: [HeaderName; 9] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("accept"),
    HeaderName::from_static("cache-control"),
    HeaderName::from_static("content-type"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("if-match"),
    HeaderName::from_static("if-none-match"),
    SESSION,
    HeaderName::from_static("x-request-id"),
];

/// A request without its body: what is answered here has none. `None`: method or path cannot be read.
pub(crate) fn request(raw: &web_sys::Request) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = raw.method().parse::<Method>().ok()?;
    *request.uri_mut() = target(&raw.url())?;
    let (sent, headers) = (raw.headers(), request.headers_mut());
    for name in &HEADERS {
        if let Ok(Some(value)) = sent.get(name.as_str()) {
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
    }
    Some(request)
}

/// Path and query of a URL, as the client wrote them.
fn target(url: &str) -> Option<Uri> {
    let (_, rest) = url.split_once("://")?;
    let target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    // A URL's fragment is never sent, but the runtime would keep one.
    target.split('#').next()?.parse().ok()
}

/// A response for the runtime to send. Its bytes are copied once.
pub(crate) fn response(response: &Response<Bytes>) -> Result<web_sys::Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in response.headers() {
        // What the core and the edge write is ASCII.
        headers.append(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    assembled(response.status(), &headers, response.body())
}

/// Status of a response of the origin's, and of its headers those that tell what was written.
pub(crate) fn head(response: &web_sys::Response) -> (StatusCode, HeaderMap) {
    let status = StatusCode::from_u16(response.status()).unwrap_or_default();
    let session = response.headers().get(SESSION.as_str()).ok().flatten();
    let session = session.and_then(|token| HeaderValue::from_str(&token).ok());
    (status, session.map(|token| (SESSION, token)).into_iter().collect())
}

/// A response whose body was read, with that body.
pub(crate) fn with_body(read: &web_sys::Response, body: &[u8]) -> Result<web_sys::Response, JsValue> {
    let status = StatusCode::from_u16(read.status()).unwrap_or_default();
    assembled(status, &read.headers(), body)
}

fn assembled(status: StatusCode, headers: &Headers, body: &[u8]) -> Result<web_sys::Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(status.as_u16());
    init.set_headers(headers);
    let empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = (!empty).then(|| Uint8Array::from(body));
    web_sys::Response::new_with_opt_buffer_source_and_init(body.as_deref(), &init)
}
