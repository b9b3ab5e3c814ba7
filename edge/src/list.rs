//! The whole list as the runtime sends it. What most requests ask for is JavaScript's, headers and bytes, and made once
//! for all of them: copying it out of WebAssembly is most of what a request would cost.

use std::cell::{OnceCell, RefCell};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use http::{Response, StatusCode};
use js_sys::JsString;
use ripple_core::http::edge::ListValidator;
use wasm_bindgen::JsValue;
use web_sys::{Blob, ResponseInit};
use worker::Context;

use crate::exchange::{self, blob, respond};
use crate::{coding, gzip};

/// A request for the list that asks for nothing more.
pub(crate) struct Asked {
    pub(crate) if_none_match: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) request_id: JsString,
    /// What names its trace: a `traceparent`, or AWS's header.
    pub(crate) trace: Option<JsString>,
}

/// What an isolate keeps of the list.
#[derive(Default)]
pub(crate) struct List {
    kept: RefCell<Option<Kept>>,
    encoded: RefCell<Encoded>,
}

/// The list at one moment.
struct Kept {
    validator: ListValidator,
    etag: String,
    body: OnceCell<Blob>,
    /// What a `Response` is made with: found and not modified, plain and in gzip.
    heads: [[OnceCell<ResponseInit>; 2]; 2],
}

/// The list in gzip, by its tag. It is made behind an answer, when the list is asked for a second time: one that changes
/// between any two requests is never encoded for nothing.
#[derive(Default)]
enum Encoded {
    #[default]
    Unasked,
    Asked(String),
    Underway(String),
    Ready(String, Blob),
}

impl List {
    /// Answers a request for the list that can be sent at once; `render` gives its bytes, where they are not kept.
    /// `None`: the API has to look at it.
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

    /// Sends an answer of the API's that is the whole list, in the form in which it would be sent at once.
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

    /// The list of that tag, which is these bytes.
    fn plain(&self, etag: &str, bytes: &Bytes) -> Result<Blob, JsValue> {
        let kept = self.kept.borrow();
        let kept = kept.as_ref().filter(|kept| kept.etag == etag).and_then(|kept| kept.body.get());
        kept.map_or_else(|| blob(bytes), |kept| Ok(kept.clone()))
    }

    /// The list of that tag in gzip, if it is there; else it is made behind the answer, of its plain bytes.
    fn encoded(&'static self, etag: &str, plain: Option<&Blob>, context: &Context) -> Option<Blob> {
        let mut encoded = self.encoded.borrow_mut();
        match (&*encoded, plain) {
            (Encoded::Ready(tag, bytes), _) if tag == etag => return Some(bytes.clone()),
            (Encoded::Underway(tag), _) if tag == etag => {}
            (Encoded::Asked(tag), Some(plain)) if tag == etag => {
                *encoded = Encoded::Underway(etag.to_owned());
                let (etag, plain) = (etag.to_owned(), plain.clone());
                context.wait_until(async move {
                    // Where it fails the list goes out plain, and is tried again when it has changed.
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

    /// Unless the list has changed meanwhile.
    fn put(&self, etag: String, bytes: Blob) {
        let mut encoded = self.encoded.borrow_mut();
        if matches!(&*encoded, Encoded::Underway(tag) if *tag == etag) {
            *encoded = Encoded::Ready(etag, bytes);
        }
    }
}

impl Kept {
    /// What is kept, made anew where it is of another moment. The bytes stay while the content does.
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
            let _ = self.body.set(blob(&render()?).ok()?); // nobody has in between
        }
        self.body.get()
    }

    fn head(&self, status: StatusCode, gzip: bool) -> Result<&ResponseInit, JsValue> {
        let head = &self.heads[usize::from(status == StatusCode::OK)][usize::from(gzip)];
        if head.get().is_none() {
            let mut response = self.validator.head(status);
            coding::mark(&mut response, gzip);
            let _ = head.set(exchange::head(&response)?); // nobody has in between
        }
        Ok(head.get().expect("it was there or has been made"))
    }
}
