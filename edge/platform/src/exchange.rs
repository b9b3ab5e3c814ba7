//! Conversion between the runtime's requests and responses and those of the core.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use js_sys::{Array, JsString, Uint8Array};
use ripple_core::auth::ClientAddress;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ResponseInit};

#[wasm_bindgen(inline_js = r#"
    export function response_init(status, fields) {
        const headers = new Headers();
        for (const field of fields.split("\n")) {
            const colon = field.indexOf(":");
            headers.append(field.slice(0, colon), field.slice(colon + 1));
        }
        // A body with a content coding is encoded already.
        return { status, headers, encodeBody: headers.has("content-encoding") ? "manual" : "automatic" };
    }

    // `bytes` is for edge/watch.js: a response itself does not show the length of its body.
    export function assembled(head, body) {
        return Object.assign(new Response(body, head), { bytes: body?.length ?? 0 });
    }

    export function respond(body, head, id) {
        const response = Object.assign(new Response(body?.stream(), head), { bytes: body?.size ?? 0 });
        if (id !== undefined) response.headers.set("x-request-id", id);
        return response;
    }
"#)]
extern "C" {
    /// Creates a response's head. The headers are passed as one text, since each separate string would be decoded
    /// separately.
    #[wasm_bindgen(catch)]
    fn response_init(status: u16, fields: &str) -> Result<ResponseInit, JsValue>;

    /// Returns a response with this head and body.
    #[wasm_bindgen(catch)]
    fn assembled(head: &ResponseInit, body: Option<&Uint8Array>) -> Result<web_sys::Response, JsValue>;

    /// Returns a response, with its request's id if it has none. This is one call into JavaScript instead of four.
    pub fn respond(body: Option<&Blob>, head: &ResponseInit, id: Option<&JsString>) -> web_sys::Response;
}

#[wasm_bindgen]
extern "C" {
    /// [`web_sys::Headers`] with names that are JavaScript strings. Rust strings would be decoded at each use.
    type Headers;
    #[wasm_bindgen(method, structural)]
    fn get(this: &Headers, name: &JsString) -> Option<String>;
}

thread_local! {
    static API_KEY: JsString = "x-api-key".into();
    static ACCEPT_ENCODING: JsString = "accept-encoding".into();
    static CLIENT_ADDRESS: JsString = "cf-connecting-ip".into();
    static CACHE_CONTROL: JsString = "cache-control".into();
    static IF_MATCH: JsString = "if-match".into();
    static IF_NONE_MATCH: JsString = "if-none-match".into();
    static SESSION: JsString = "ripple-session".into();
    static REQUEST_ID: JsString = "x-request-id".into();
    static TRACE: JsString = "traceparent".into();
    static AMAZON_TRACE: JsString = "x-amzn-trace-id".into();
}

/// The headers that the API uses in a read. Each costs a call into JavaScript, but reading all headers costs more.
static HEADERS: [HeaderName; 8] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("cache-control"),
    HeaderName::from_static("if-match"),
    HeaderName::from_static("if-none-match"),
    HeaderName::from_static("ripple-session"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-amzn-trace-id"),
];

/// The size in bytes from which a body is a `Blob`'s stream. The runtime copies the bytes of an array for each
/// response, and keeps them, unaccounted for, until the next garbage collection. It sends those of a `Blob` directly.
const LARGE: usize = 16 * 1024;

/// Returns the content codings that the client accepts.
#[must_use]
pub fn accepted_codings(raw: &web_sys::Request) -> Option<String> {
    let sent: Headers = raw.headers().unchecked_into();
    ACCEPT_ENCODING.with(|name| sent.get(name))
}

/// Converts a request without its body, since no request answered here has one. Returns `None` if method or path cannot
/// be read.
#[must_use]
pub fn request(raw: &web_sys::Request) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = raw.method().parse::<Method>().ok()?;
    *request.uri_mut() = target(&raw.url())?;
    let (sent, headers) = (raw.headers().unchecked_into::<Headers>(), request.headers_mut());
    let values = [&API_KEY, &CACHE_CONTROL, &IF_MATCH, &IF_NONE_MATCH, &SESSION, &REQUEST_ID, &TRACE, &AMAZON_TRACE];
    for (name, text) in HEADERS.iter().zip(values) {
        if let Some(value) = text.with(|text| sent.get(text)) {
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
    }
    Some(request)
}

/// Returns the client's address, as Cloudflare states it.
/// <https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip>
#[must_use]
pub fn client_address(raw: &web_sys::Request) -> Option<ClientAddress> {
    let sent: Headers = raw.headers().unchecked_into();
    Some(ClientAddress::of(&CLIENT_ADDRESS.with(|name| sent.get(name))?))
}

/// Returns path and query of a URL, as the client wrote them.
fn target(url: &str) -> Option<Uri> {
    let (_, rest) = url.split_once("://")?;
    let target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    // A client never sends a URL's fragment, but the runtime would keep one.
    target.split('#').next()?.parse().ok()
}

/// Converts a response for the runtime.
///
/// # Errors
/// If the runtime refuses it.
pub fn response(response: &Response<Bytes>) -> Result<web_sys::Response, JsValue> {
    let (head, body) = (head(response)?, response.body());
    if body.len() >= LARGE {
        return Ok(respond(Some(&blob(body)?), &head, None));
    }
    let empty = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    assembled(&head, (!empty).then(|| Uint8Array::from(&body[..])).as_ref())
}

/// Returns bytes in the runtime's memory, which can be sent any number of times.
///
/// # Errors
/// If the runtime refuses it.
pub fn blob(bytes: &[u8]) -> Result<Blob, JsValue> {
    Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))
}

/// Returns the head of a response.
///
/// # Errors
/// If the runtime refuses it.
pub fn head(response: &Response<Bytes>) -> Result<ResponseInit, JsValue> {
    let mut fields = String::with_capacity(512);
    for (name, value) in response.headers() {
        // The core and the edge write only ASCII.
        fields.extend([name.as_str(), ":", value.to_str().unwrap_or_default(), "\n"]);
    }
    response_init(response.status().as_u16(), fields.trim_end())
}

/// Returns the status of the origin's response, and those headers that describe a write.
#[must_use]
pub fn outcome(response: &web_sys::Response) -> (StatusCode, HeaderMap) {
    let status = StatusCode::from_u16(response.status()).unwrap_or_default();
    let headers: Headers = response.headers().unchecked_into();
    let session = SESSION.with(|name| headers.get(name)).and_then(|token| HeaderValue::from_str(&token).ok());
    (status, session.map(|token| (HeaderName::from_static("ripple-session"), token)).into_iter().collect())
}

/// Returns a response whose body was read, with that body.
///
/// # Errors
/// If the runtime refuses it.
pub fn with_body(read: &web_sys::Response, body: &[u8]) -> Result<web_sys::Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(read.status());
    init.set_headers(&read.headers());
    let empty = matches!(read.status(), 204 | 304);
    let body = (!empty).then(|| Uint8Array::from(body));
    assembled(&init, body.as_ref())
}
