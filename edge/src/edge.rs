//! The edge: the state that an isolate keeps between requests, and the handling of a request.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AGE;
use http::{Request, Response};
use ripple_core::auth::{Caller, Limiter, Scope};
use ripple_core::feed::key::{KeyChange, Rights};
use ripple_core::http::Operation;
use ripple_core::http::edge::{CACHE_STATUS, ListValidator, answers};
use ripple_core::http::trace::Trace;
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::replica::Replica;
use ripple_core::{AccessLog, Api, Authorized, Refusal, RequestContext, Timestamp};
use worker::{Context, Env, RateLimiter};

use crate::cache::SharedCopy;
use crate::clock::{self, Clock};
use crate::config::{Config, ConfigError};
use crate::feed::Heard;
use crate::fetch::FetchError;
use crate::list::{Asked, List};
use crate::log::{self, Cached, Level, Line};
use crate::replica::{Answered, Objects};
use crate::store::ReadOnly;
use crate::{exchange, feed, origin, random};

/// The name of the rate-limit binding in wrangler.toml.
const RATE_LIMITER: &str = "RATE_LIMITER";
/// The key of a client that brings a ticket, for the isolate's limit and log.
const TICKET: &str = "ticket";
/// How long a refusal of the binding applies: the shortest period that it counts.
const REFUSED: Duration = Duration::from_secs(10);

/// The state of an isolate.
pub(crate) struct Edge {
    config: Config,
    api: Api<Replica<ReadOnly, Clock, SharedCopy>>,
    /// The whole list of each resource.
    lists: Vec<(String, List)>,
    /// The rate-limit binding, if there is one.
    shared_limiter: Option<RateLimiter>,
    /// What answers reads, if it is bound.
    objects: Option<Objects>,
}

thread_local! {
    /// The summaries of the resources as text, until the edge is created.
    static RESOURCES: RefCell<String> = const { RefCell::new(String::new()) };
    /// Created at the first request, since a starting Worker has no variables, clock or randomness.
    static EDGE: OnceCell<Result<&'static Edge, ConfigError>> = const { OnceCell::new() };
}

/// Hands in the summaries of the resources, which the bundle has as text.
pub(crate) fn set_resources(summaries: String) {
    RESOURCES.set(summaries);
}

fn resources() -> Result<Resources, ConfigError> {
    // A line for each resource, with tabs between its texts.
    let summaries = RESOURCES.take().lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    Resources::of_summaries(summaries).ok_or(ConfigError::Resources)
}

impl Edge {
    /// Returns the edge of this isolate. The edge, or the error in its configuration, lives as long as the isolate.
    pub(crate) fn of(env: &Env, url: &str) -> Result<&'static Edge, ConfigError> {
        EDGE.with(|edge| edge.get_or_init(|| Edge::new(env, url).map(|edge| &*Box::leak(Box::new(edge)))).clone())
    }

    /// Creates the edge. `url` is that of the first request.
    fn new(env: &Env, url: &str) -> Result<Edge, ConfigError> {
        let variable = |name: &str| js_sys::Reflect::get(env, &name.into()).ok()?.as_string();
        let config = Config::read(variable)?;
        let resources = resources()?;
        let replica = |resource: &Arc<Resource>| {
            let fresh = resource.fresh_seconds.map_or(config.fresh, |seconds| Duration::from_secs(seconds.into()));
            Replica::new(ReadOnly::new(&config.access, &config.layout, Arc::clone(resource)), Clock, fresh)
                .stale_for(config.trust.stale)
                .fed(config.feed.is_some())
                .with_shared_cache(SharedCopy::new(&config, resource, url))
        };
        let shared_limiter = env.get_binding(RATE_LIMITER).ok();
        let objects = Objects::of(env, &config.access.region);
        let lists = resources.iter().map(|resource| (resource.name.clone(), List::default())).collect();
        let api = Api::of(&resources, replica)
            .limited(Limiter::new(config.rate))
            .limiting_strangers(Limiter::of_addresses(config.strangers))
            .trusting(config.trust);
        Ok(Edge { api, lists, shared_limiter, objects, config })
    }

    /// Returns the edge of this isolate. Returns `None` if it has answered no request before.
    pub(crate) fn ready() -> Option<&'static Edge> {
        EDGE.with(|edge| edge.get().and_then(|edge| edge.as_ref().ok().copied()))
    }

    /// Answers the most frequent request from the current state. Returns `None` if more work is needed.
    pub(crate) fn at_once(
        &'static self,
        resource: &str,
        key: &str,
        asked: Asked,
        now: Timestamp,
        context: &Context,
    ) -> Option<web_sys::Response> {
        let list = self.api.whole_list(resource, key, now)?;
        let body = || self.api.whole_list_body(resource);
        let (status, response) = self.list_of(resource)?.at_once(list.validator, &asked, body, context)?;
        self.api.limiter().take(&list.key.key_id, now).ok()?;
        self.count(&list.key.key_id, context);
        if self.config.log >= Level::Info {
            let key_id = Some(list.key.key_id.clone());
            let method = Some(ListValidator::METHOD);
            let trace = asked.trace.map(String::from);
            let trace = Some(Trace::of_text(trace.as_deref(), random::bytes()));
            let (resource, request_id) = (Some(resource.to_owned()), asked.request_id.into());
            let report = AccessLog { method, resource, request_id, trace, key_id, ..AccessLog::default() };
            let cached = Cached { status: list.validator.cache_status(), age: Some(list.validator.age()) };
            self.log(&report, status.as_u16(), "edge", now, Some(cached));
        }
        Some(response)
    }

    /// Answers a request: parse, check the key, check the rate limit, then route.
    pub(crate) async fn answer(
        &'static self,
        raw: web_sys::Request,
        context: &Context,
    ) -> Result<web_sys::Response, FetchError> {
        let started = clock::now();
        let Some(mut request) = exchange::request(&raw) else {
            return Ok(exchange::response(&Refusal::Unreadable.answer(random::id().into()))?);
        };
        if let Some(address) = exchange::client_address(&raw) {
            request.extensions_mut().insert(address);
        }
        let secrets = self.config.feed.as_ref().filter(|_| feed::is_message(&request));
        if let Some(secrets) = secrets.and_then(|secrets| secrets.to_str().ok()) {
            let id = String::from(random::id());
            let refusal = match feed::receive(&raw, secrets, started).await {
                Ok(heard) => self.hear(heard, started, context).await,
                Err(refusal) => Some(refusal),
            };
            let response = refusal.map_or_else(feed::applied, |refusal| refusal.answer(id));
            self.log_answer(&response, started);
            return Ok(exchange::response(&response)?);
        }
        // A ticket is checked by the object that issued it.
        let caller = self.brings_ticket(&raw, &request).then(|| Caller::checked_by_gateway(TICKET));
        let authorized = match self
            .api
            .authorize(&request, RequestContext { now: started, random: random::bytes(), caller })
            .await
        {
            Ok(authorized) => authorized,
            Err(answered) => return self.finish(&answered, started),
        };
        if let Some(key_id) = &authorized.log().key_id {
            self.count(key_id, context);
        }
        let operation = authorized.route.operation;
        let is_live = self.objects.is_some() && matches!(operation, Operation::Ticket | Operation::Live);
        let is_read = answers(authorized.route, request.uri());
        if !is_read && !is_live && (self.objects.is_none() || operation != Operation::Changes) {
            return self.forward(&raw, &request, &authorized, started, context).await;
        }
        if let (Some(objects), Some(resource)) = (&self.objects, authorized.resource()) {
            let report = authorized.log();
            let is_list = operation == Operation::Search;
            let answer = objects.answer(resource, &raw, &authorized.key(), report, is_list, started).await;
            if let Some(Answered { response, keys_changed }) = answer {
                if keys_changed {
                    self.api.doubt_keys(started);
                }
                let told = |name: &str| response.headers().get(name).ok().flatten();
                let age = told("age").and_then(|age| age.parse().ok());
                let cached = told("cache-status").map(|status| Cached { status, age });
                self.log(report, response.status(), "replica", started, cached);
                return Ok(response);
            }
        }
        if is_live {
            return self.finish(&Refusal::Unapplied.answer(authorized.log().request_id.clone()), started);
        }
        if !is_read {
            return self.forward(&raw, &request, &authorized, started, context).await;
        }
        let is_list = operation == Operation::Search;
        let list = authorized.resource().filter(|_| is_list).and_then(|resource| self.list_of(resource));
        let response = self.read(&request, authorized, context).await;
        if let Some(list) = list.filter(|_| exchange::shows_list(&request, &response)) {
            self.log_answer(&response, started);
            return Ok(list.send(response, exchange::accepts_gzip(&raw), context)?);
        }
        self.finish(&response, started)
    }

    /// Reports whether a request brings a ticket for the live channel. No other operation takes one: of the paths with
    /// two slashes, only that of the channel ends so.
    fn brings_ticket(&self, raw: &web_sys::Request, request: &Request<Bytes>) -> bool {
        let path = request.uri().path();
        let is_live = path.ends_with("/_live") && path.bytes().filter(|byte| *byte == b'/').count() == 2;
        let offered = || raw.headers().get("sec-websocket-protocol").ok().flatten();
        self.objects.is_some() && is_live && offered().is_some_and(|offered| offered.contains("ripple.ticket."))
    }

    /// Applies a message of the feed. Returns why it cannot be applied.
    async fn hear(&'static self, heard: Heard, now: Timestamp, context: &Context) -> Option<Refusal> {
        let Heard { body, resource, keys } = heard;
        for (key_hash, revoked) in &keys {
            let rights = if *revoked { Rights::Revoked } else { Rights::Reduced };
            self.api.key_changed(&KeyChange { key_hash: key_hash.clone(), key_id: None, rights }, now);
        }
        let named = |(name, _): &&(String, List)| resource.as_ref().is_none_or(|resource| resource == name);
        for (name, _) in self.lists.iter().filter(named) {
            if let Some(objects) = &self.objects {
                if !objects.tell(name, &body).await {
                    return Some(Refusal::Unapplied);
                }
            } else if let Some(refresh) = self.api.hasten(name) {
                context.wait_until(async move {
                    let outcome = self.api.refresh(refresh).await;
                    log::refreshed(outcome, None, self.config.log);
                });
            }
        }
        None
    }

    /// Returns the list of a resource.
    fn list_of(&'static self, resource: &str) -> Option<&'static List> {
        self.lists.iter().find(|(name, _)| name == resource).map(|(_, list)| list)
    }

    /// Answers a read at the edge.
    async fn read(
        &'static self,
        request: &Request<Bytes>,
        authorized: Authorized,
        context: &Context,
    ) -> Response<Bytes> {
        let trace = authorized.log().trace;
        let answer = self.api.read(request, authorized).await;
        if let Some(refresh) = answer.behind {
            context.wait_until(async move {
                let outcome = self.api.refresh(refresh).await;
                log::refreshed(outcome, trace, self.config.log);
            });
        }
        answer.response
    }

    /// Lets the binding count a request that the isolate's own limiter allowed.
    fn count(&'static self, key_id: &str, context: &Context) {
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

    /// Forwards a request to the origin. The object hears of a write at once, and not only from the feed.
    async fn forward(
        &'static self,
        raw: &web_sys::Request,
        request: &Request<Bytes>,
        authorized: &Authorized,
        started: Timestamp,
        context: &Context,
    ) -> Result<web_sys::Response, FetchError> {
        let report = authorized.log();
        let writes = authorized.route.scope == Some(Scope::Write);
        match origin::forward(&self.config, raw, request.uri(), report, writes).await {
            Ok((response, body)) => {
                self.log(report, response.status(), "origin", started, None);
                let Some(body) = body else { return Ok(response) };
                let (status, headers) = exchange::outcome(&response);
                if let (Some(objects), Some(resource)) = (&self.objects, authorized.resource()) {
                    objects.written(resource, &response, context);
                }
                self.api.apply_write(request.method(), request.uri().path(), status, &headers, &body);
                Ok(exchange::with_body(&response, &body)?)
            }
            Err(error) => {
                let response = error.refusal.answer(report.request_id.clone());
                let report = AccessLog { error: Some(error.to_string()), ..report.clone() };
                self.log(&report, response.status().as_u16(), "origin", started, None);
                Ok(exchange::response(&response)?)
            }
        }
    }

    /// Logs an answer of the edge itself, and passes it to the runtime.
    fn finish(&self, response: &Response<Bytes>, started: Timestamp) -> Result<web_sys::Response, FetchError> {
        self.log_answer(response, started);
        Ok(exchange::response(response)?)
    }

    fn log_answer(&self, response: &Response<Bytes>, started: Timestamp) {
        if let Some(report) = response.extensions().get::<AccessLog>() {
            let told = |name| response.headers().get(name)?.to_str().ok();
            let age = told(AGE).and_then(|age| age.parse().ok());
            let cached = told(CACHE_STATUS).map(|status| Cached { status: status.to_owned(), age });
            self.log(report, response.status().as_u16(), "edge", started, cached);
        }
    }

    fn log(&self, report: &AccessLog, status: u16, by: &'static str, started: Timestamp, cached: Option<Cached>) {
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
}
