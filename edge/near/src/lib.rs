//! # ripple-near
//!
//! The edge worker in front of a replica: it checks API keys, lets the replica's objects answer reads, and forwards writes
//! to the origin. It has no records, and neither DynamoDB's client nor its credentials, so an isolate starts sooner than
//! one of `ripple-edge`.
//!
//! ```text
//!             ┌ near ───────────────────┐
//!  request ──▶│ gate ─▶ ask the objects │──▶ response
//!             └───┼────────────┼────────┘
//!            API Gateway    Durable Objects (replica/)
//! ```
//!
//! In scope: which object is asked, and what happens while it is away. Out of scope: keys, limits and the origin, which are
//! `ripple-gate`'s, and what an answer is, which is `ripple-core`'s in the object. objects.js keeps lists that it has
//! answered.

// A Worker's platform is JavaScript. On other platforms the crate has no use.
#![cfg(target_arch = "wasm32")]

mod near;
mod objects;

/// worker.js calls this before the first request.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn set_resources(summaries: String) {
    ripple_gate::gate::set_resources(summaries);
}

/// The runtime calls this for every request.
#[worker::event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: worker::Env,
    context: worker::Context,
) -> Result<web_sys::Response, ripple_platform::fetch::FetchError> {
    match near::Near::of(&env) {
        Ok(near) => near.answer(request, &context).await,
        Err(error) => ripple_gate::gate::misconfigured(&error, &request),
    }
}
