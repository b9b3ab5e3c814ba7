//! The edge: the state that an isolate keeps between requests, and the handling of a request.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use ripple_core::auth::Scope;
use ripple_core::http::Operation;
use ripple_core::http::edge::{ListValidator, answers};
use ripple_core::http::trace::Trace;
use ripple_core::record::schema::Resource;
use ripple_core::replica::Replica;
use ripple_core::{AccessLog, Api, Authorized, Timestamp};
use ripple_gate::config::{Config, ConfigError};
use ripple_gate::feed::Heard;
use ripple_gate::gate::{self, Gate, resources, variable};
use ripple_gate::log::{self, Cached};
use ripple_platform::clock::{self, Clock};
use ripple_platform::fetch::FetchError;
use ripple_platform::store::ReadOnly;
use ripple_platform::{exchange, random};
use worker::{Context, Env};

use crate::cache::SharedCopy;
use crate::coding;
use crate::config::Tables;
use crate::list::{Asked, List, shows_list};

/// The state of an isolate.
pub(crate) struct Edge {
    gate: Gate<Replica<ReadOnly, Clock, SharedCopy>>,
    /// The whole list of each resource.
    lists: Vec<(String, List)>,
}

thread_local! {
    /// Created at the first request, since a starting Worker has no variables, clock or randomness.
    static EDGE: OnceCell<Result<&'static Edge, ConfigError>> = const { OnceCell::new() };
}

impl Edge {
    /// Returns the edge of this isolate. The edge, or the error in its configuration, lives as long as the isolate.
    pub(crate) fn of(env: &Env, url: &str) -> Result<&'static Edge, ConfigError> {
        EDGE.with(|edge| edge.get_or_init(|| Edge::new(env, url).map(|edge| &*Box::leak(Box::new(edge)))).clone())
    }

    /// Creates the edge. `url` is that of the first request.
    fn new(env: &Env, url: &str) -> Result<Edge, ConfigError> {
        let variable = |name: &str| variable(env, name);
        let (tables, config) = (Tables::read(variable)?, Config::read(variable)?);
        if gate::replica(env).is_some() {
            return Err(ConfigError::ReplicaUnused);
        }
        let resources = resources()?;
        let replica = |resource: &Arc<Resource>| {
            let fresh = resource.fresh_seconds.map_or(tables.fresh, |seconds| Duration::from_secs(seconds.into()));
            Replica::new(ReadOnly::new(&tables.access, &tables.table_names, Arc::clone(resource)), Clock, fresh)
                .stale_for(config.trust.stale)
                .fed(config.feed.is_some())
                .with_shared_cache(SharedCopy::new(&tables, resource, url))
        };
        let lists = resources.iter().map(|resource| (resource.name.clone(), List::default())).collect();
        let api = Api::of(&resources, replica);
        Ok(Edge { gate: Gate::new(env, config, api), lists })
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
        let api = &self.gate.api;
        let list = api.whole_list(resource, key, now)?;
        let body = || api.whole_list_body(resource);
        let (status, response) = self.list_of(resource)?.at_once(list.validator, &asked, body, context)?;
        api.limiter().take(&list.key.key_id, now).ok()?;
        self.gate.count(&list.key.key_id, context);
        if self.gate.logs() {
            let key_id = Some(list.key.key_id.clone());
            let method = Some(ListValidator::METHOD);
            let trace = asked.trace.map(String::from);
            let trace = Some(Trace::of_text(trace.as_deref(), random::bytes()));
            let (resource, request_id) = (Some(resource.to_owned()), asked.request_id.into());
            let report = AccessLog { method, resource, request_id, trace, key_id, ..AccessLog::default() };
            let cached = Cached { status: list.validator.cache_status(), age: Some(list.validator.age()) };
            self.gate.log(&report, status.as_u16(), "edge", now, Some(cached));
        }
        Some(response)
    }

    /// Answers a request: parse, check the key, check the rate limit, then route.
    pub(crate) async fn answer(
        &'static self,
        raw: web_sys::Request,
        context: &Context,
    ) -> Result<web_sys::Response, FetchError> {
        let (gate, started) = (&self.gate, clock::now());
        let request = match gate::read(&raw) {
            Ok(request) => request,
            Err(answered) => return gate.finish(&answered, started),
        };
        if let Some(secrets) = gate.feed_secrets(&request) {
            let refusal = gate.hear(&raw, secrets, started).await.map(|heard| self.hear(&heard, context)).err();
            return gate.heard(refusal.as_ref(), started);
        }
        let authorized = match gate.authorize(&request, started, context).await {
            Ok(authorized) => authorized,
            Err(answered) => return gate.finish(&answered, started),
        };
        if !answers(authorized.route, request.uri()) {
            return self.forward(&raw, &request, &authorized, started).await;
        }
        let is_list = authorized.route.operation == Operation::Search;
        let list = authorized.resource().filter(|_| is_list).and_then(|resource| self.list_of(resource));
        let response = self.read(&request, authorized, context).await;
        if let Some(list) = list.filter(|_| shows_list(&request, &response)) {
            gate.log_answer(&response, started);
            let gzip = exchange::accepted_codings(&raw).is_some_and(|accepted| coding::accepts_gzip(&accepted));
            return Ok(list.send(response, gzip, context)?);
        }
        gate.finish(&response, started)
    }

    /// Refreshes the lists that a message of the feed tells of.
    fn hear(&'static self, heard: &Heard, context: &Context) {
        let named = |(name, _): &&(String, List)| heard.resource.as_ref().is_none_or(|resource| resource == name);
        for (name, _) in self.lists.iter().filter(named) {
            if let Some(refresh) = self.gate.api.hasten(name) {
                context.wait_until(async move {
                    let outcome = self.gate.api.refresh(refresh).await;
                    log::refreshed(outcome, None, self.gate.config.log);
                });
            }
        }
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
        let answer = self.gate.api.read(request, authorized).await;
        if let Some(refresh) = answer.behind {
            context.wait_until(async move {
                let outcome = self.gate.api.refresh(refresh).await;
                log::refreshed(outcome, trace, self.gate.config.log);
            });
        }
        answer.response
    }

    /// Forwards a request to the origin, and applies what a write has written to the isolate's own list.
    async fn forward(
        &'static self,
        raw: &web_sys::Request,
        request: &Request<Bytes>,
        authorized: &Authorized,
        started: Timestamp,
    ) -> Result<web_sys::Response, FetchError> {
        let writes = authorized.route.scope == Some(Scope::Write);
        let (response, body) = self.gate.forward(raw, request, authorized.log(), writes, started).await?;
        let Some(body) = body else { return Ok(response) };
        let (status, headers) = exchange::outcome(&response);
        self.gate.api.apply_write(request.method(), request.uri().path(), status, &headers, &body);
        Ok(exchange::with_body(&response, &body)?)
    }
}
