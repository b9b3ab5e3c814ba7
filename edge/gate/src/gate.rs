//! What every edge worker does with a request before and behind its reads: it checks the key and the rate limits, forwards
//! to the origin, and logs.

use std::borrow::Cow;
use std::cell::RefCell;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::AGE;
use http::{Request, Response};
use ripple_core::auth::Limiter;
use ripple_core::feed::key::{KeyChange, Rights};
use ripple_core::http::edge::CACHE_STATUS;
use ripple_core::http::trace::Trace;
use ripple_core::record::schema::Resources;
use ripple_core::store::Keys;
use ripple_core::{AccessLog, Api, Authorized, Refusal, RequestContext, Timestamp};
use ripple_platform::fetch::FetchError;
use ripple_platform::{clock, exchange, random};
use wasm_bindgen::JsValue;
use worker::{Context, Env, RateLimiter};

use crate::config::{Config, ConfigError};
use crate::feed::{self, Heard};
use crate::log::{self, Cached, Level, Line};
use crate::origin;

/// The name of the replica's binding in wrangler.toml.
const REPLICA: &str = "REPLICA";
/// The name of the rate-limit binding in wrangler.toml.
const RATE_LIMITER: &str = "RATE_LIMITER";
/// How long a refusal of the binding applies: the shortest period that it counts.
const REFUSED: Duration = Duration::from_secs(10);

thread_local! {
    /// The summaries of the resources as text, until the worker is created.
    static RESOURCES: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Hands in the summaries of the resources, which the bundle has as text.
pub fn set_resources(summaries: String) {
    RESOURCES.set(summaries);
}

/// Returns the resources that were handed in.
///
/// # Errors
/// If their summaries are none.
pub fn resources() -> Result<Resources, ConfigError> {
    // A line for each resource, with tabs between its texts.
    let summaries = RESOURCES.take().lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    Resources::of_summaries(summaries).ok_or(ConfigError::Resources)
}

/// Returns a variable or secret of a worker.
#[must_use]
pub fn variable(env: &Env, name: &str) -> Option<String> {
    js_sys::Reflect::get(env, &name.into()).ok()?.as_string()
}

/// Returns what the core is told of a request that arrived at a time. The core checks the client.
#[must_use]
pub fn arrival(at: Timestamp) -> RequestContext {
    RequestContext { now: at, random: random::bytes(), caller: None }
}

/// Returns the replica's objects, if they are bound.
#[must_use]
pub fn replica(env: &Env) -> Option<JsValue> {
    js_sys::Reflect::get(env, &REPLICA.into()).ok().filter(JsValue::is_object)
}

/// Reads a request, except for its body.
///
/// # Errors
/// The answer, if method or path cannot be read.
pub fn read(raw: &web_sys::Request) -> Result<Request<Bytes>, Response<Bytes>> {
    let mut request = exchange::request(raw).ok_or_else(|| Refusal::Unreadable.answer(random::id().into()))?;
    if let Some(address) = exchange::client_address(raw) {
        request.extensions_mut().insert(address);
    }
    Ok(request)
}

/// Returns the answer of a worker whose configuration has an error.
///
/// # Errors
/// If the runtime refuses it.
pub fn misconfigured(error: &ConfigError, request: &web_sys::Request) -> Result<web_sys::Response, FetchError> {
    let id = String::from(random::id());
    let trace = exchange::request(request)
        .map_or_else(|| Trace::of_text(None, random::bytes()), |request| Trace::of(request.headers(), random::bytes()));
    log::error(error, &id, trace);
    Ok(exchange::response(&Refusal::Misconfigured.answer(id))?)
}

/// The response to a forwarded request: that of the origin, or the edge's own if the origin did not answer.
#[derive(Debug)]
pub struct Forwarded {
    /// The response, for the client.
    pub response: web_sys::Response,
    /// The body of a success, if the worker reads it.
    pub body: Option<Vec<u8>>,
    /// Why the origin gave no answer, for the log.
    pub error: Option<String>,
}

/// Returns the log of a request with the error of its origin, if there is one.
#[must_use]
pub fn with_error(report: &AccessLog, error: Option<String>) -> Cow<'_, AccessLog> {
    match error {
        None => Cow::Borrowed(report),
        error => Cow::Owned(AccessLog { error, ..report.clone() }),
    }
}

/// Returns work as a function of its own. A new isolate compiles a function when it first runs: what few requests need is
/// not to be compiled with what each needs.
pub fn apart<'a, T>(work: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(work)
}

/// The state of an isolate that all edge workers have. `S`: where keys are looked up, and records if they are.
pub struct Gate<S> {
    /// The API.
    pub api: Api<S>,
    /// The configuration.
    pub config: Config,
    /// The rate-limit binding, if there is one.
    shared_limiter: Option<RateLimiter>,
}

impl<S: Keys> Gate<S> {
    /// Returns the gate to an API.
    pub fn new(env: &Env, config: Config, api: Api<S>) -> Gate<S> {
        let api = api
            .limited(Limiter::new(config.rate))
            .limiting_strangers(Limiter::of_addresses(config.strangers))
            .trusting(config.trust);
        Gate { api, config, shared_limiter: env.get_binding(RATE_LIMITER).ok() }
    }

    /// Returns the secrets that a request is to be checked with, if it brings a message of the feed. An edge without secrets
    /// takes none.
    #[must_use]
    pub fn feed_secrets(&self, request: &Request<Bytes>) -> Option<&str> {
        self.config.feed.as_ref().filter(|_| feed::is_message(request))?.to_str().ok()
    }

    /// Returns the message that a request brings from the feed, or why it is refused. What it tells of keys is applied.
    ///
    /// # Errors
    /// Why the message is refused.
    pub async fn hear(&self, raw: &web_sys::Request, secrets: &str, now: Timestamp) -> Result<Heard, Refusal> {
        let heard = feed::receive(raw, secrets, now).await?;
        for (key_hash, revoked) in &heard.keys {
            let rights = if *revoked { Rights::Revoked } else { Rights::Reduced };
            self.api.key_changed(&KeyChange { key_hash: key_hash.clone(), key_id: None, rights }, now);
        }
        Ok(heard)
    }

    /// Answers a message of the feed. `refusal`: why it was not applied.
    ///
    /// # Errors
    /// If the runtime refuses the answer.
    pub fn heard(&self, refusal: Option<&Refusal>, started: Timestamp) -> Result<web_sys::Response, FetchError> {
        let id = String::from(random::id());
        self.finish(&refusal.map_or_else(feed::applied, |refusal| refusal.answer(id)), started)
    }

    /// Checks the path, the key, its scope and the rate limits.
    ///
    /// # Errors
    /// The answer, if there is no operation to run.
    pub async fn authorize(
        &'static self,
        request: &Request<Bytes>,
        started: Timestamp,
        context: &Context,
    ) -> Result<Authorized, Response<Bytes>> {
        let authorized = self.api.authorize(request, arrival(started)).await?;
        if let Some(key_id) = &authorized.log().key_id {
            self.count(key_id, context);
        }
        Ok(authorized)
    }

    /// Lets the binding count a request that the isolate's own limiter allowed.
    pub fn count(&'static self, key_id: &str, context: &Context) {
        if let Some(binding) = &self.shared_limiter {
            let key_id = key_id.to_owned();
            context.wait_until(async move {
                // If the binding fails, it limits nothing.
                if binding.limit(key_id.clone()).await.is_ok_and(|outcome| !outcome.success) {
                    let now = clock::now();
                    self.api.limiter().refuse(&key_id, now, now.after(REFUSED));
                }
            });
        }
    }

    /// Forwards a request to the origin, and logs its answer. `reads`: the body of a success is returned beside the
    /// answer, whose own body is used up then.
    ///
    /// # Errors
    /// If the runtime refuses the answer.
    pub async fn forward(
        &self,
        raw: &web_sys::Request,
        request: &Request<Bytes>,
        report: &AccessLog,
        reads: bool,
        started: Timestamp,
    ) -> Result<(web_sys::Response, Option<Vec<u8>>), FetchError> {
        let Forwarded { response, body, error } = self.reach(raw, request, report, reads).await?;
        self.log(&with_error(report, error), response.status(), "origin", started, None);
        Ok((response, body))
    }

    /// Forwards a request as [`forward`](Self::forward) does, and logs nothing.
    ///
    /// # Errors
    /// If the runtime refuses the answer.
    pub async fn reach(
        &self,
        raw: &web_sys::Request,
        request: &Request<Bytes>,
        report: &AccessLog,
        reads: bool,
    ) -> Result<Forwarded, FetchError> {
        match origin::forward(&self.config, raw, request.uri(), report, reads).await {
            Ok((response, body)) => Ok(Forwarded { response, body, error: None }),
            Err(error) => {
                let response = exchange::response(&error.refusal.answer(report.request_id.clone()))?;
                Ok(Forwarded { response, body: None, error: Some(error.to_string()) })
            }
        }
    }

    /// Logs an answer of the edge itself, and passes it to the runtime.
    ///
    /// # Errors
    /// If the runtime refuses it.
    pub fn finish(&self, response: &Response<Bytes>, started: Timestamp) -> Result<web_sys::Response, FetchError> {
        self.log_answer(response, started);
        Ok(exchange::response(response)?)
    }

    /// Logs an answer of the edge itself.
    pub fn log_answer(&self, response: &Response<Bytes>, started: Timestamp) {
        if let Some(report) = response.extensions().get::<AccessLog>() {
            let told = |name| response.headers().get(name)?.to_str().ok();
            let age = told(AGE).and_then(|age| age.parse().ok());
            let cached = told(CACHE_STATUS).map(|status| Cached { status: status.to_owned(), age });
            self.log(report, response.status().as_u16(), "edge", started, cached);
        }
    }

    /// Logs an answer. `by`: what has answered.
    pub fn log(&self, report: &AccessLog, status: u16, by: &'static str, started: Timestamp, cached: Option<Cached>) {
        let line = Line {
            message: "answered",
            request_id: &report.request_id,
            trace_id: report.trace.map(|trace| trace.id.to_string()),
            method: report.method,
            resource: report.resource.as_deref(),
            status,
            key_id: report.key_id.as_deref(),
            by,
            cache_status: cached.as_ref().map(|cached| cached.status.as_str()),
            age: cached.as_ref().and_then(|cached| cached.age),
            duration_ms: clock::now().0.saturating_sub(started.0),
            capacity_read: report.metrics.capacity.read,
            capacity_write: report.metrics.capacity.write,
            error: report.error.as_deref(),
        };
        log::write(&line, self.config.log);
    }

    /// Reports whether answers are logged.
    pub fn logs(&self) -> bool {
        self.config.log >= Level::Info
    }
}
