//! The runtime's requests and responses, as the core has them.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use js_sys::{JsString, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::ResponseInit;

use crate::coding;

#[wasm_bindgen]
extern "C" {
    /// [`web_sys::Headers`] by names that are JavaScript's: one of Rust's would be decoded at each use.
    type Headers;
    #[wasm_bindgen(method, structural)]
    fn get(this: &Headers, name: &JsString) -> Option<String>;
}

thread_local! {
    static API_KEY: JsString = "x-api-key".into();
    static ACCEPT_ENCODING: JsString = "accept-encoding".into();
    static CACHE_CONTROL: JsString = "cache-control".into();
    static IF_MATCH: JsString = "if-match".into();
    static IF_NONE_MATCH: JsString = "if-none-match".into();
    static SESSION: JsString = "ripple-session".into();
    static REQUEST_ID: JsString = "x-request-id".into();
}

/// What the API looks at in a read. Each costs a call into JavaScript, all of them cost more.
static HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("cache-control"),
    HeaderName::from_static("if-match"),
    HeaderName::from_static("if-none-match"),
    HeaderName::from_static("ripple-session"),
    HeaderName::from_static("x-request-id"),
];

/// The path of the list.
const LIST: &str = "/prj";

/// Whether an answer is the whole list, or that it has not changed.
pub(crate) fn shows_list(request: &Request<Bytes>, response: &Response<Bytes>) -> bool {
    let shows = matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED);
    shows && request.uri().path() == LIST && request.uri().query().is_none_or(str::is_empty)
}

/// Whether the answer may be in gzip.
pub(crate) fn accepts_gzip(raw: &web_sys::Request) -> bool {
    let sent: Headers = raw.headers().unchecked_into();
    ACCEPT_ENCODING.with(|name| sent.get(name)).is_some_and(|accepted| coding::accepts_gzip(&accepted))
}

/// A request without its body: what is answered here has none. `None`: method or path cannot be read.
pub(crate) fn request(raw: &web_sys::Request) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = raw.method().parse::<Method>().ok()?;
    *request.uri_mut() = target(&raw.url())?;
    let (sent, headers) = (raw.headers().unchecked_into::<Headers>(), request.headers_mut());
    let values = [&API_KEY, &CACHE_CONTROL, &IF_MATCH, &IF_NONE_MATCH, &SESSION, &REQUEST_ID];
    for (name, text) in HEADERS.iter().zip(values) {
        if let Some(value) = text.with(|text| sent.get(text)) {
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
    let empty = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = (!empty).then(|| Uint8Array::from(&response.body()[..]));
    assembled(&head(response)?, body.as_ref())
}

/// What a response is made with beside its body.
pub(crate) fn head(response: &Response<Bytes>) -> Result<ResponseInit, JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in response.headers() {
        // What the core and the edge write is ASCII.
        headers.append(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    let init = ResponseInit::new();
    init.set_status(response.status().as_u16());
    init.set_headers(&headers);
    if response.headers().contains_key(http::header::CONTENT_ENCODING) {
        // It is encoded already: https://developers.cloudflare.com/workers/runtime-apis/response/
        Reflect::set(&init, &"encodeBody".into(), &"manual".into())?;
    }
    Ok(init)
}

/// A response of those two.
pub(crate) fn assembled(head: &ResponseInit, body: Option<&Uint8Array>) -> Result<web_sys::Response, JsValue> {
    web_sys::Response::new_with_opt_buffer_source_and_init(body.map(|body| &**body), head)
}

/// Status of a response of the origin's, and of its headers those that tell what was written.
pub(crate) fn outcome(response: &web_sys::Response) -> (StatusCode, HeaderMap) {
    let status = StatusCode::from_u16(response.status()).unwrap_or_default();
    let headers: Headers = response.headers().unchecked_into();
    let session = SESSION.with(|name| headers.get(name)).and_then(|token| HeaderValue::from_str(&token).ok());
    (status, session.map(|token| (HeaderName::from_static("ripple-session"), token)).into_iter().collect())
}

/// A response whose body was read, with that body.
pub(crate) fn with_body(read: &web_sys::Response, body: &[u8]) -> Result<web_sys::Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(read.status());
    init.set_headers(&read.headers());
    let empty = matches!(read.status(), 204 | 304);
    let body = (!empty).then(|| Uint8Array::from(body));
    assembled(&init, body.as_ref())
}
