//! The whole list as the runtime sends it. What most requests ask for is JavaScript's, headers and bytes, and made once
//! for all of them: copying it out of WebAssembly is most of what a request would cost.

use std::cell::{OnceCell, RefCell};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use http::{Response, StatusCode};
use js_sys::{JsString, Uint8Array};
use ripple_core::edge::WholeList;
use wasm_bindgen::prelude::*;
use web_sys::ResponseInit;
use worker::Context;

use crate::{coding, exchange, gzip};

#[wasm_bindgen(inline_js = r#"
    export function respond(body, head, id) {
        const response = new Response(body, head);
        response.headers.set("x-request-id", id);
        return response;
    }
"#)]
extern "C" {
    /// One call into JavaScript in the place of three.
    fn respond(body: Option<&Uint8Array>, head: &ResponseInit, id: &JsString) -> web_sys::Response;
}

/// A request for the list that asks for nothing more.
pub(crate) struct Asked {
    pub(crate) if_none_match: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) request_id: JsString,
}

/// What an isolate keeps of the list.
#[derive(Default)]
pub(crate) struct List {
    kept: RefCell<Option<Kept>>,
    encoded: RefCell<Encoded>,
}

/// The list at one moment.
struct Kept {
    list: WholeList,
    etag: String,
    body: OnceCell<Uint8Array>,
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
    Ready(String, Uint8Array),
}

impl List {
    /// Answers a request for the list that can be sent at once; `render` gives its bytes, where they are not kept.
    /// `None`: the API has to look at it.
    pub(crate) fn at_once(
        &'static self,
        list: &WholeList,
        asked: &Asked,
        render: impl FnOnce() -> Option<Bytes>,
        context: &Context,
    ) -> Option<(StatusCode, web_sys::Response)> {
        let mut kept = self.kept.borrow_mut();
        let kept = Kept::renewed(&mut kept, list);
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
        Some((status, respond(body, head, &asked.request_id)))
    }

    /// Sends an answer of the API's that is the whole list, in the form in which it would be sent at once.
    pub(crate) fn send(
        &'static self,
        mut response: Response<Bytes>,
        gzip: bool,
        context: &Context,
    ) -> Result<web_sys::Response, JsValue> {
        let plain = (!response.body().is_empty()).then(|| Uint8Array::from(&response.body()[..]));
        let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let encoded = gzip.then(|| self.encoded(etag, plain.as_ref(), context)).flatten();
        coding::mark(&mut response, encoded.is_some());
        if let (Some(encoded), true) = (&encoded, response.headers().contains_key(CONTENT_LENGTH)) {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(encoded.length()));
        }
        let body = plain.map(|plain| encoded.unwrap_or(plain));
        exchange::assembled(&exchange::head(&response)?, body.as_ref())
    }

    /// The list of that tag in gzip, if it is there; else it is made behind the answer, of its plain bytes.
    fn encoded(&'static self, etag: &str, plain: Option<&Uint8Array>, context: &Context) -> Option<Uint8Array> {
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
    fn put(&self, etag: String, bytes: Uint8Array) {
        let mut encoded = self.encoded.borrow_mut();
        if matches!(&*encoded, Encoded::Underway(tag) if *tag == etag) {
            *encoded = Encoded::Ready(etag, bytes);
        }
    }
}

impl Kept {
    /// What is kept, made anew where it is of another moment. The bytes stay while the content does.
    fn renewed<'a>(kept: &'a mut Option<Kept>, list: &WholeList) -> &'a Kept {
        if kept.as_ref().is_none_or(|kept| kept.list.stamp != list.stamp) {
            let etag = list.etag();
            let body = kept.take().filter(|kept| kept.etag == etag).map(|kept| kept.body).unwrap_or_default();
            *kept = Some(Kept { list: list.clone(), etag, body, heads: Default::default() });
        }
        kept.as_ref().expect("it was there or has been made")
    }

    fn body(&self, render: impl FnOnce() -> Option<Bytes>) -> Option<&Uint8Array> {
        if self.body.get().is_none() {
            let _ = self.body.set(Uint8Array::from(&render()?[..])); // nobody has in between
        }
        self.body.get()
    }

    fn head(&self, status: StatusCode, gzip: bool) -> Result<&ResponseInit, JsValue> {
        let head = &self.heads[usize::from(status == StatusCode::OK)][usize::from(gzip)];
        if head.get().is_none() {
            let mut response = self.list.head(status);
            coding::mark(&mut response, gzip);
            let _ = head.set(exchange::head(&response)?); // nobody has in between
        }
        Ok(head.get().expect("it was there or has been made"))
    }
}
