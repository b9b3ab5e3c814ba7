//! # ripple-lambda
//!
//! ripple in AWS Lambda: an event in, a response out.
//!
//! ```text
//!  Runtime API ──event──▶ event ──request──▶ ripple-core ──response──▶ reply ──▶ Runtime API
//!                                               │
//!                                        DynamoDB client (config)
//! ```
//!
//! In scope: what API Gateway's events look like, the client's configuration from the environment, logs.
//! Out of scope: everything that a request means; that is `ripple-core`'s.
//!
//! The library is the function; the binary `bootstrap` runs it under Lambda's runtime loop, and `ripple dev` under an
//! HTTP front of its own.

mod address;
pub mod config;
pub mod delivery;
mod event;
pub mod log;
pub mod metrics;
mod reply;
mod stream;
mod user_agent;

use std::sync::Arc;
use std::time::Instant;

use ripple_core::auth::{Limiter, Trust};
use ripple_core::feed::signature::Secrets;
use ripple_core::http::origin_secret::OriginSecret;
use ripple_core::http::trace::Trace;
use ripple_core::record::schema::Resource;
use ripple_core::store::Store;
use ripple_core::store::dynamodb::stream as batch;
use ripple_core::{Api, Documents, RequestContext};
use serde_json::value::RawValue;

pub use delivery::{Delivery, DeliveryError};
pub use event::EventError;
pub use reply::FunctionError;

/// One invocation of the function.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Lambda's request id.
    pub id: &'a str,
    /// The trace of the invocation, in the form of `X-Amzn-Trace-Id`.
    pub trace: Option<&'a str>,
}

impl Invocation<'_> {
    /// Returns the invocation's trace, or begins one.
    pub(crate) fn trace(&self) -> Trace {
        self.trace.and_then(Trace::parse).unwrap_or_else(|| Trace::of_text(None, ripple_host::random()))
    }
}

/// The function that Lambda calls for each event.
#[derive(Debug)]
pub struct Function<S> {
    api: Api<S>,
    delivery: Option<Arc<Delivery>>,
}

impl<S: Store> Function<S> {
    /// Returns a function that answers with an API, which these documents describe.
    pub fn new(api: Api<S>, documents: Documents) -> Function<S> {
        Function { api: api.documented(documents), delivery: None }
    }

    /// Limits the requests of each key. Lambda's many processes leave that to API Gateway.
    #[must_use]
    pub fn limited(self, limiter: Limiter) -> Function<S> {
        Function { api: self.api.limited(limiter), ..self }
    }

    /// Sets how long key lookups are trusted.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Function<S> {
        Function { api: self.api.trusting(trust), ..self }
    }

    /// Requires the edge's secret of every request that needs it, if there is one.
    #[must_use]
    pub fn behind_edge(self, secret: Option<OriginSecret>) -> Function<S> {
        Function { api: self.api.behind_edge(secret), ..self }
    }

    /// Issues tickets for a live channel, if the host has one. Lambda has none.
    #[must_use]
    pub fn with_live(self, tickets: Option<Secrets>) -> Function<S> {
        Function { api: self.api.with_live(tickets), ..self }
    }

    /// Returns the API that the function answers with.
    pub fn api(&self) -> &Api<S> {
        &self.api
    }

    /// Tells these receivers what batches of a stream tell.
    #[must_use]
    pub fn delivering(self, delivery: Option<Arc<Delivery>>) -> Function<S> {
        Function { delivery, ..self }
    }

    /// Returns the resources, the default one first.
    fn resources(&self) -> Vec<&Resource> {
        self.api.stores().iter().map(|store| &**store.resource()).collect()
    }

    /// Returns the store of the first resource.
    pub fn store(&self) -> &S {
        self.api.store()
    }

    /// Answers an event: the proxy events of API Gateway's REST and HTTP APIs and of function URLs, and the
    /// mapping-template event of the legacy function. A batch of DynamoDB Streams is followed: what other programs did is
    /// adopted. The answer to an event of a schedule, or one with a member `warmer`, is `{}`.
    ///
    /// # Errors
    /// If the event is none of these, or if the answer to a mapping-template event is an error. API Gateway's
    /// integration responses recognize such errors by their text.
    pub async fn handle(&self, event: &RawValue, invocation: Invocation<'_>) -> Result<Box<RawValue>, FunctionError> {
        let started = Instant::now();
        if let Some(batch) = batch::read(event.get()) {
            return Ok(stream::follow(&self.api, self.delivery.as_deref(), batch, invocation).await);
        }
        let event =
            event::parse(event.get(), &self.resources()).inspect_err(|error| log::refused(error, invocation))?;
        let Some(event::Event { mut request, caller, shape }) = event else { return Ok(reply::to_ping()) };
        if Trace::named(request.headers()).is_none() {
            request.extensions_mut().insert(invocation.trace());
        }
        let moment = RequestContext { caller, ..ripple_host::request_context() };
        let response = self.api.answer(request, moment).await;
        let took = started.elapsed();
        log::answered(&response, invocation, took);
        metrics::answered(&response, took);
        reply::render(response, shape)
    }
}
