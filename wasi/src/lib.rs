//! # ripple-wasi
//!
//! ripple as a WASI 0.2 HTTP component: the whole API, in any host that serves `wasi:http/incoming-handler`.
//!
//! ```text
//!  host ──wasi:http──▶ exchange ──request──▶ ripple-core ──response──▶ exchange ──▶ host
//!                                                │
//!                                  DynamoDB client (config) ──wasi:http──▶ host
//! ```
//!
//! In scope: what a WASI host offers: requests, an HTTP client, time, randomness, environment, standard error.
//! Out of scope: everything that a request means; that is `ripple-core`'s.
//!
//! Some hosts make an instance for each request, others keep one for many. Nothing here counts on either: an instance
//! that is kept remembers keys, as a Lambda process does, and one that is not looks them up.

// On other platforms the crate has no use.
#![cfg(target_os = "wasi")]

mod config;
mod exchange;
mod log;

use std::cell::OnceCell;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use ripple_core::auth::Trust;
use ripple_core::http::origin_secret::OriginSecret;
use ripple_core::http::trace::Trace;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::{Api, Refusal, limits};
use ripple_host::random;
use uuid::Builder;
use wasip2::exports::http::incoming_handler::{Guest, IncomingRequest, ResponseOutparam};
use wstd::future::FutureExt as _;

use crate::config::ConfigError;

thread_local! {
    /// Created at the first request: an instance that a host prepares in advance has no environment yet.
    static API: OnceCell<Result<&'static Api<DynamoDb>, ConfigError>> = const { OnceCell::new() };
}

/// The entry point that the host calls.
struct Component;

wasip2::http::proxy::export!(Component);

impl Guest for Component {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        wstd::runtime::block_on(async {
            let started = Instant::now();
            let request = exchange::request(request).await;
            let trace = match &request {
                Some(request) => Trace::of(request.headers(), random()),
                None => Trace::of_text(None, random()),
            };
            let response = match request {
                Some(request) => answer(request, trace).await,
                None => Refusal::Unreadable.answer(new_id()),
            };
            log::answered(&response, trace, started.elapsed());
            exchange::respond(response, outparam).await;
        });
    }
}

async fn answer(mut request: Request<Bytes>, trace: Trace) -> Response<Bytes> {
    let id = exchange::request_id(&request).unwrap_or_else(new_id);
    request.extensions_mut().insert(trace);
    match api() {
        Ok(api) => {
            // Some hosts wait for ever, but readers of changes do not.
            let limit = wstd::time::Duration::from(limits::REQUEST);
            let response = api.answer(request, ripple_host::request_context()).timeout(limit).await;
            response.unwrap_or_else(|_| Refusal::GatewayTimeout.answer(id))
        }
        Err(error) => {
            log::misconfigured(&error, &id, trace);
            Refusal::Misconfigured.answer(id)
        }
    }
}

fn new_id() -> String {
    Builder::from_random_bytes(random()).into_uuid().to_string()
}

/// Returns this instance's API. An error in its configuration stays as long as the instance.
fn api() -> Result<&'static Api<DynamoDb>, ConfigError> {
    let env = ripple_host::environment;
    let new = || {
        let api = config::api(env)?.trusting(Trust::read(env)?).behind_edge(OriginSecret::read(env)?);
        Ok(&*Box::leak(Box::new(api)))
    };
    API.with(|api| api.get_or_init(new).clone())
}
