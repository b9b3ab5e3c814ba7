//! # ripple-edge
//!
//! ripple in a Cloudflare Worker: API keys checked and lists served near users, writes sent on to the origin.
//!
//! ```text
//!             ┌ edge ─────────────────────────────────────────────┐
//!  request ──▶│ exchange ─▶ key ─▶ rate ─▶ read (ripple-core)     │──▶ response
//!             │                      │       │                    │
//!             └──────────────────────┼───────┼────────────────────┘
//!                                 origin   fetch
//!                                    │       │
//!                               API Gateway  DynamoDB
//! ```
//!
//! In scope: what a Worker's platform offers, a room for each service of it: `fetch`, `clock`, `config`, `log`.
//! Out of scope: everything that a request means; that is `ripple-core`'s.

// A Worker's platform is JavaScript's. On any other the crate has no use; what needs none of it is still built for tests.
#![cfg(any(target_arch = "wasm32", test))]
// Their only user is the platform's part.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod config;
mod log;
mod refusal;

#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod edge;
#[cfg(target_arch = "wasm32")]
mod exchange;
#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(target_arch = "wasm32")]
mod origin;
#[cfg(target_arch = "wasm32")]
mod random;
#[cfg(target_arch = "wasm32")]
mod store;

/// What the runtime calls.
#[cfg(target_arch = "wasm32")]
#[worker::event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: worker::Env,
    context: worker::Context,
) -> worker::Result<web_sys::Response> {
    match edge::Edge::of(&env) {
        Ok(edge) => edge.answer(request, &env, &context).await,
        Err(error) => {
            let id = random::id();
            log::error(&error, &id);
            Ok(exchange::response(&refusal::Refusal::Misconfigured.answer(&id))?)
        }
    }
}
