//! # ripple-edge
//!
//! ripple in a Cloudflare Worker: it checks API keys and serves lists near users, and forwards writes to the origin.
//!
//! ```text
//!             ┌ edge ─────────────────────────────────────────────┐
//!  request ──▶│ exchange ─▶ key ─▶ rate ─▶ read (ripple-core)     │──▶ response
//!             │                      │       │                    │
//!             └──────────────────────┼─────┼──────┼─────────────┘
//!                                 origin cache  fetch
//!                                    │     │      │
//!                            API Gateway   cache  DynamoDB
//! ```
//!
//! In scope: the services of a Worker's platform, each in its module: `fetch`, `cache`, `clock`, `config`, `log`. Out
//! of scope: the meaning of requests, which is `ripple-core`'s.

// A Worker's platform is JavaScript. On other platforms the crate has no use. Only the parts without JavaScript are
// built, for tests.
#![cfg(any(target_arch = "wasm32", test))]
// Only the edge worker uses all of them.
#![cfg_attr(not(all(target_arch = "wasm32", feature = "worker")), allow(dead_code))]

mod coding;
#[cfg(feature = "worker")]
mod config;
#[cfg(feature = "worker")]
mod log;

// The platform of a Worker, which the worker of the replica has too.
#[cfg(target_arch = "wasm32")]
pub mod client;
#[cfg(target_arch = "wasm32")]
pub mod clock;
#[cfg(target_arch = "wasm32")]
pub mod exchange;
#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(target_arch = "wasm32")]
pub mod random;
#[cfg(target_arch = "wasm32")]
pub mod store;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod cache;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod edge;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod feed;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod gzip;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod list;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod origin;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod replica;

/// edge/worker.js calls this before the first request.
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn set_resources(summaries: String) {
    edge::set_resources(summaries);
}

/// The runtime calls this for the plain request for the whole list (edge/worker.js). It returns an answer at once, or
/// `None` if [`fetch`] must answer.
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
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
        request_id: request_id.unwrap_or_else(random::id),
        trace,
    };
    edge.at_once(resource, key, asked, clock::now(), &worker::Context::new(context))
}

/// The runtime calls this for every other request.
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
#[worker::event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: worker::Env,
    context: worker::Context,
) -> Result<web_sys::Response, fetch::FetchError> {
    match edge::Edge::of(&env, &request.url()) {
        Ok(edge) => edge.answer(request, &context).await,
        Err(error) => {
            let id = String::from(random::id());
            let trace = exchange::request(&request).map_or_else(
                || ripple_core::http::trace::Trace::of_text(None, random::bytes()),
                |request| ripple_core::http::trace::Trace::of(request.headers(), random::bytes()),
            );
            log::error(&error, &id, trace);
            Ok(exchange::response(&ripple_core::Refusal::Misconfigured.answer(id))?)
        }
    }
}
