//! The runtime's requests and responses, as the core has them.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use js_sys::{Array, JsString, Uint8Array};
use ripple_core::auth::ClientAddress;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ResponseInit};

use crate::coding;

#[wasm_bindgen(inline_js = r#"
    export function response_init(status, fields) {
        const headers = new Headers();
        for (const field of fields.split("\n")) {
            const colon = field.indexOf(":");
            headers.append(field.slice(0, colon), field.slice(colon + 1));
        }
        // What has a content coding is encoded already.
        return { status, headers, encodeBody: headers.has("content-encoding") ? "manual" : "automatic" };
    }

    // `bytes` is for edge/watch.js: a response itself does not tell how long its body is.
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
    /// Headers go over as one text: each by itself would be decoded by itself.
    #[wasm_bindgen(catch)]
    fn response_init(status: u16, fields: &str) -> Result<ResponseInit, JsValue>;

    /// A response of its head and its body.
    #[wasm_bindgen(catch)]
    pub(crate) fn assembled(head: &ResponseInit, body: Option<&Uint8Array>) -> Result<web_sys::Response, JsValue>;

    /// A response, its request's id set where it has none. One call into JavaScript in the place of four.
    pub(crate) fn respond(body: Option<&Blob>, head: &ResponseInit, id: Option<&JsString>) -> web_sys::Response;
}

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
    static CLIENT_ADDRESS: JsString = "cf-connecting-ip".into();
    static CACHE_CONTROL: JsString = "cache-control".into();
    static IF_MATCH: JsString = "if-match".into();
    static IF_NONE_MATCH: JsString = "if-none-match".into();
    static SESSION: JsString = "ripple-session".into();
    static REQUEST_ID: JsString = "x-request-id".into();
    static TRACE: JsString = "traceparent".into();
    static AMAZON_TRACE: JsString = "x-amzn-trace-id".into();
}

/// What the API looks at in a read. Each costs a call into JavaScript, all of them cost more.
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

/// From so many bytes on a body is a `Blob`'s stream. The bytes of an array the runtime copies for each response, and
/// keeps, unaccounted for, until the next collection of garbage; those of a `Blob` it sends as they are.
const LARGE: usize = 16 * 1024;

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
    let values = [&API_KEY, &CACHE_CONTROL, &IF_MATCH, &IF_NONE_MATCH, &SESSION, &REQUEST_ID, &TRACE, &AMAZON_TRACE];
    for (name, text) in HEADERS.iter().zip(values) {
        if let Some(value) = text.with(|text| sent.get(text)) {
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
    }
    Some(request)
}

/// Whose request it is, as Cloudflare says.
/// <https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip>
pub(crate) fn client_address(raw: &web_sys::Request) -> Option<ClientAddress> {
    let sent: Headers = raw.headers().unchecked_into();
    Some(ClientAddress::of(&CLIENT_ADDRESS.with(|name| sent.get(name))?))
}

/// Path and query of a URL, as the client wrote them.
fn target(url: &str) -> Option<Uri> {
    let (_, rest) = url.split_once("://")?;
    let target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    // A URL's fragment is never sent, but the runtime would keep one.
    target.split('#').next()?.parse().ok()
}

/// A response for the runtime to send.
pub(crate) fn response(response: &Response<Bytes>) -> Result<web_sys::Response, JsValue> {
    let (head, body) = (head(response)?, response.body());
    if body.len() >= LARGE {
        return Ok(respond(Some(&blob(body)?), &head, None));
    }
    let empty = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    assembled(&head, (!empty).then(|| Uint8Array::from(&body[..])).as_ref())
}

/// Bytes in the runtime's hands, to be sent any number of times.
pub(crate) fn blob(bytes: &[u8]) -> Result<Blob, JsValue> {
    Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))
}

/// What a response is made with beside its body.
pub(crate) fn head(response: &Response<Bytes>) -> Result<ResponseInit, JsValue> {
    let mut fields = String::with_capacity(512);
    for (name, value) in response.headers() {
        // What the core and the edge write is ASCII.
        fields.extend([name.as_str(), ":", value.to_str().unwrap_or_default(), "\n"]);
    }
    response_init(response.status().as_u16(), fields.trim_end())
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
