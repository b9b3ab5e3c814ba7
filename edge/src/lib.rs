//! # ripple-edge
//!
//! ripple in a Cloudflare Worker: it checks API keys and serves lists near users, and forwards writes to the origin.
//!
//! ```text
//!             ┌ edge ──────────────────────────────┐
//!  request ──▶│ gate ─▶ list, or read (ripple-core) │──▶ response
//!             └───┼──────────────┼──────┼──────────┘
//!                 │            cache  store
//!                 │              │      │
//!            API Gateway       cache  DynamoDB
//! ```
//!
//! In scope: the lists that an isolate keeps, and the data centre's cache. Out of scope: the meaning of requests, which is
//! `ripple-core`'s, keys and the origin, which are `ripple-gate`'s, and the runtime, which is `ripple-platform`'s. In front
//! of a replica, `ripple-near` takes the place of this worker.

// A Worker's platform is JavaScript. On other platforms the crate has no use. Only the parts without JavaScript are
// built, for tests.
#![cfg(any(target_arch = "wasm32", test))]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod coding;
mod config;

#[cfg(target_arch = "wasm32")]
mod cache;
#[cfg(target_arch = "wasm32")]
mod edge;
#[cfg(target_arch = "wasm32")]
mod gzip;
#[cfg(target_arch = "wasm32")]
mod list;

/// edge/worker.js calls this before the first request.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn set_resources(summaries: String) {
    ripple_gate::gate::set_resources(summaries);
}

/// The runtime calls this for the plain request for the whole list (edge/worker.js). It returns an answer at once, or
/// `None` if [`fetch`] must answer.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn list_at_once(
    resource: &str,
    key: &str,
    if_none_match: Option<String>,
    accept_encoding: Option<String>,
    request_id: Option<js_sys::JsString>,
    trace: Option<js_sys::JsString>,
    context: worker::worker_sys::Context,
) -> Option<web_sys::Response> {
    let edge = edge::Edge::ready()?;
    let request_id = request_id.filter(|id| ripple_core::http::is_request_id(&String::from(id)));
    let asked = list::Asked {
        if_none_match,
        gzip: accept_encoding.is_some_and(|accepted| coding::accepts_gzip(&accepted)),
        request_id: request_id.unwrap_or_else(ripple_platform::random::id),
        trace,
    };
    edge.at_once(resource, key, asked, ripple_platform::clock::now(), &worker::Context::new(context))
}

/// The runtime calls this for every other request.
#[cfg(target_arch = "wasm32")]
#[worker::event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: worker::Env,
    context: worker::Context,
) -> Result<web_sys::Response, ripple_platform::fetch::FetchError> {
    match edge::Edge::of(&env, &request.url()) {
        Ok(edge) => edge.answer(request, &context).await,
        Err(error) => ripple_gate::gate::misconfigured(&error, &request),
    }
}
