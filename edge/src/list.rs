//! The whole list as the runtime sends it. The headers and bytes that most requests need are kept in JavaScript and
//! created only once. Copying them out of WebAssembly would be most of the cost of a request.

use std::cell::{OnceCell, RefCell};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use http::{Request, Response, StatusCode};
use js_sys::JsString;
use ripple_core::http::edge::ListValidator;
use wasm_bindgen::JsValue;
use web_sys::{Blob, ResponseInit};
use worker::Context;

use crate::{coding, gzip};
use ripple_platform::exchange::{self, blob, respond};

/// A plain request for the whole list.
pub(crate) struct Asked {
    pub(crate) if_none_match: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) request_id: JsString,
    /// The trace of the request: a `traceparent`, or AWS's header.
    pub(crate) trace: Option<JsString>,
}

/// Reports whether an answer is the whole list, or says that the list has not changed.
pub(crate) fn shows_list(request: &Request<Bytes>, response: &Response<Bytes>) -> bool {
    let shows = matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED);
    shows && request.uri().query().is_none_or(str::is_empty)
}

/// The list that an isolate keeps.
#[derive(Default)]
pub(crate) struct List {
    kept: RefCell<Option<Kept>>,
    encoded: RefCell<Encoded>,
}

/// The list at one point in time.
struct Kept {
    validator: ListValidator,
    etag: String,
    body: OnceCell<Blob>,
    /// The heads of a `Response`: for found and not modified, each plain and in gzip.
    heads: [[OnceCell<ResponseInit>; 2]; 2],
}

/// The list in gzip, by its tag. It is made after an answer, when the list is requested for a second time. So a list
/// that changes between any two requests is never encoded in vain.
#[derive(Default)]
enum Encoded {
    #[default]
    Unasked,
    Asked(String),
    Underway(String),
    Ready(String, Blob),
}

impl List {
    /// Answers a request for the list that can be sent at once. `render` returns its bytes if they are not kept.
    /// Returns `None` if the API must answer.
    pub(crate) fn at_once(
        &'static self,
        validator: ListValidator,
        asked: &Asked,
        render: impl FnOnce() -> Option<Bytes>,
        context: &Context,
    ) -> Option<(StatusCode, web_sys::Response)> {
        let mut kept = self.kept.borrow_mut();
        let kept = Kept::renewed(&mut kept, validator);
        let status = match &asked.if_none_match {
            None => StatusCode::OK,
            Some(tag) if coding::is_tag(tag, &kept.etag) => StatusCode::NOT_MODIFIED,
            Some(_) => return None,
        };
        let plain = match status {
            StatusCode::OK => Some(kept.body(render)?),
            _ => None,
        };
        let encoded = asked.gzip.then(|| self.encoded(&kept.etag, plain, context)).flatten();
        let head = kept.head(status, encoded.is_some()).ok()?;
        let body = plain.map(|plain| encoded.as_ref().unwrap_or(plain));
        Some((status, respond(body, head, Some(&asked.request_id))))
    }

    /// Sends an answer of the API with the whole list, in the form in which it would be sent at once.
    pub(crate) fn send(
        &'static self,
        mut response: Response<Bytes>,
        gzip: bool,
        context: &Context,
    ) -> Result<web_sys::Response, JsValue> {
        let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let plain = (!response.body().is_empty()).then(|| self.plain(etag, response.body())).transpose()?;
        let encoded = gzip.then(|| self.encoded(etag, plain.as_ref(), context)).flatten();
        coding::mark(&mut response, encoded.is_some());
        if let (Some(encoded), true) = (&encoded, response.headers().contains_key(CONTENT_LENGTH)) {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(encoded.size() as u64));
        }
        let body = plain.map(|plain| encoded.unwrap_or(plain));
        Ok(respond(body.as_ref(), &exchange::head(&response)?, None))
    }

    /// Returns the list with this tag, whose bytes are given.
    fn plain(&self, etag: &str, bytes: &Bytes) -> Result<Blob, JsValue> {
        let kept = self.kept.borrow();
        let kept = kept.as_ref().filter(|kept| kept.etag == etag).and_then(|kept| kept.body.get());
        kept.map_or_else(|| blob(bytes), |kept| Ok(kept.clone()))
    }

    /// Returns the list with this tag in gzip, if it is ready. Otherwise it is made from the plain bytes after the
    /// answer.
    fn encoded(&'static self, etag: &str, plain: Option<&Blob>, context: &Context) -> Option<Blob> {
        let mut encoded = self.encoded.borrow_mut();
        match (&*encoded, plain) {
            (Encoded::Ready(tag, bytes), _) if tag == etag => return Some(bytes.clone()),
            (Encoded::Underway(tag), _) if tag == etag => {}
            (Encoded::Asked(tag), Some(plain)) if tag == etag => {
                *encoded = Encoded::Underway(etag.to_owned());
                let (etag, plain) = (etag.to_owned(), plain.clone());
                context.wait_until(async move {
                    // If this fails, the list is sent plain until it changes, and then compression is tried again.
                    if let Ok(bytes) = gzip::encode(&plain).await {
                        self.put(etag, bytes);
                    }
                });
            }
            (_, Some(_)) => *encoded = Encoded::Asked(etag.to_owned()),
            (_, None) => {}
        }
        None
    }

    /// Stores the encoded bytes, unless the list has changed meanwhile.
    fn put(&self, etag: String, bytes: Blob) {
        let mut encoded = self.encoded.borrow_mut();
        if matches!(&*encoded, Encoded::Underway(tag) if *tag == etag) {
            *encoded = Encoded::Ready(etag, bytes);
        }
    }
}

impl Kept {
    /// Returns the kept list, renewed if it is of another time. Its bytes stay while the content is the same.
    fn renewed(kept: &mut Option<Kept>, validator: ListValidator) -> &Kept {
        if kept.as_ref().is_none_or(|kept| kept.validator != validator) {
            let etag = validator.etag();
            let body = kept.take().filter(|kept| kept.etag == etag).map(|kept| kept.body).unwrap_or_default();
            *kept = Some(Kept { validator, etag, body, heads: Default::default() });
        }
        kept.as_ref().expect("it was there or has been made")
    }

    fn body(&self, render: impl FnOnce() -> Option<Bytes>) -> Option<&Blob> {
        if self.body.get().is_none() {
            let _ = self.body.set(blob(&render()?).ok()?); // no other code has set it in between
        }
        self.body.get()
    }

    fn head(&self, status: StatusCode, gzip: bool) -> Result<&ResponseInit, JsValue> {
        let head = &self.heads[usize::from(status == StatusCode::OK)][usize::from(gzip)];
        if head.get().is_none() {
            let mut response = self.validator.head(status);
            coding::mark(&mut response, gzip);
            let _ = head.set(exchange::head(&response)?); // no other code has set it in between
        }
        Ok(head.get().expect("it was there or has been made"))
    }
}
