//! The state that an isolate keeps between requests, and the handling of a request.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use ripple_core::auth::{KeyHash, KeyRecord, Scope};
use ripple_core::http::edge::answers;
use ripple_core::http::{Operation, Target};
use ripple_core::record::schema::Resource;
use ripple_core::store::{Capacity, Keys, StoreError};
use ripple_core::{AccessLog, Api, Authorized, Refusal, Timestamp};
use ripple_gate::config::{Config, ConfigError};
use ripple_gate::feed::Heard;
use ripple_gate::gate::{self, Forwarded, Gate, apart, arrival, resources, variable, with_error};
use ripple_gate::log::Cached;
use ripple_platform::clock;
use ripple_platform::fetch::FetchError;
use worker::{Context, Env};

use crate::objects::{Answered, Asked, Objects};

/// The state of an isolate.
pub(crate) struct Near {
    gate: Gate<Remote>,
    objects: &'static Objects,
}

/// A resource whose records and keys are read by the objects.
struct Remote {
    resource: Arc<Resource>,
    objects: &'static Objects,
}

impl Keys for Remote {
    fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    async fn key(&self, hash: &KeyHash, cost: &mut Capacity) -> Result<Option<KeyRecord>, StoreError> {
        apart(self.objects.key(&self.resource.name, hash, cost)).await
    }
}

thread_local! {
    /// Created at the first request, since a starting Worker has no variables, clock or randomness.
    static NEAR: OnceCell<Result<&'static Near, ConfigError>> = const { OnceCell::new() };
}

impl Near {
    /// Returns the state of this isolate. It, or the error in its configuration, lives as long as the isolate.
    pub(crate) fn of(env: &Env) -> Result<&'static Near, ConfigError> {
        NEAR.with(|near| near.get_or_init(|| Near::new(env).map(|near| &*Box::leak(Box::new(near)))).clone())
    }

    // Within the caller, it would make the function large that each request runs: see `apart`.
    #[inline(never)]
    fn new(env: &Env) -> Result<Near, ConfigError> {
        let config = Config::read(|name| variable(env, name))?;
        let objects: &'static Objects = Box::leak(Box::new(Objects::of(env)?));
        let remote = |resource: &Arc<Resource>| Remote { resource: Arc::clone(resource), objects };
        Ok(Near { gate: Gate::new(env, config, Api::of(&resources()?, remote)), objects })
    }

    /// Answers a request: parse, check the key, check the rate limit, then ask the object or the origin.
    pub(crate) async fn answer(
        &'static self,
        raw: web_sys::Request,
        context: &Context,
    ) -> Result<web_sys::Response, FetchError> {
        let (gate, started) = (&self.gate, clock::now());
        self.objects.meet(&raw);
        let request = match gate::read(&raw) {
            Ok(request) => request,
            Err(answered) => return gate.finish(&answered, started),
        };
        if let Some(secrets) = gate.feed_secrets(&request) {
            return apart(self.hear(&raw, secrets, started)).await;
        }
        let authorized = match self.pass_ticket(&raw, &request, started) {
            Some(passed) => passed,
            None => apart(gate.authorize(&request, started, context)).await,
        };
        let authorized = match authorized {
            Ok(authorized) => authorized,
            Err(answered) => {
                // The object could not look the key up. The origin checks it too, but has no live channel.
                let is_forwarded = answered.status() == StatusCode::SERVICE_UNAVAILABLE && !asks_for_live(&request);
                let report = answered.extensions().get::<AccessLog>();
                return match report.filter(|_| is_forwarded) {
                    Some(report) => {
                        let Forwarded { response, error, .. } = gate.reach(&raw, &request, report, false).await?;
                        Ok(self.instead(&with_error(report, error), response, started))
                    }
                    None => gate.finish(&answered, started),
                };
            }
        };
        match authorized.route.operation {
            Operation::Health => gate.finish(&gate.api.health(&request, authorized), started),
            _ => apart(self.pass_on(&raw, &request, &authorized, started, context)).await,
        }
    }

    /// Lets a request with a ticket pass, which is checked by the object that issued it.
    fn pass_ticket(
        &self,
        raw: &web_sys::Request,
        request: &Request<Bytes>,
        started: Timestamp,
    ) -> Option<Result<Authorized, Response<Bytes>>> {
        let is_of_channel = request.uri().path().ends_with("/_live");
        let protocols = is_of_channel.then(|| raw.headers().get("sec-websocket-protocol").ok().flatten())??;
        self.gate.api.pass_ticket(request, &protocols, &arrival(started))
    }

    /// Lets the object or the origin answer.
    async fn pass_on(
        &self,
        raw: &web_sys::Request,
        request: &Request<Bytes>,
        authorized: &Authorized,
        started: Timestamp,
        context: &Context,
    ) -> Result<web_sys::Response, FetchError> {
        let (gate, operation, report) = (&self.gate, authorized.route.operation, authorized.log());
        let is_live = is_live(operation);
        let is_near = is_live || operation == Operation::Changes || answers(authorized.route, request.uri());
        let resource = authorized.resource();
        if let Some(resource) = resource.filter(|_| is_near) {
            let asked = Asked { resource, raw, key: &authorized.key(), operation, report };
            if let Some(Answered { response, keys_changed }) = self.objects.answer(&asked, started).await {
                if keys_changed {
                    gate.api.doubt_keys(started);
                }
                self.log(report, &response, started);
                return Ok(response);
            }
        }
        if is_live {
            return gate.finish(&Refusal::Unapplied.answer(report.request_id.clone()), started);
        }
        let Forwarded { response, error, .. } = gate.reach(raw, request, report, false).await?;
        let report = &with_error(report, error);
        if response.status() >= 500
            && let Some(resource) = resource.filter(|_| operation == Operation::Search)
            && let Some(held) = self.objects.held(resource, raw, report, gate.config.trust.stale)
        {
            let error = report.error.clone().unwrap_or_else(|| format!("the origin answered {}", response.status()));
            self.log(&with_error(report, Some(error)), &held, started);
            if let Some(body) = response.body() {
                // An origin that has gone has none to cancel.
                let _ = body.cancel();
            }
            return Ok(held);
        }
        if is_near {
            return Ok(self.instead(report, response, started));
        }
        gate.log(report, response.status(), "origin", started, None);
        // The object hears of a write at once, and not only from the feed.
        if let Some(resource) = resource.filter(|_| authorized.route.scope == Some(Scope::Write) && response.ok()) {
            self.objects.written(resource, &response, context);
        }
        Ok(response)
    }

    /// Returns an answer of the origin in place of an object's, and logs it.
    fn instead(&self, report: &AccessLog, answer: web_sys::Response, started: Timestamp) -> web_sys::Response {
        let (response, cached) = self.objects.instead(answer, started);
        self.gate.log(report, response.status(), "origin", started, cached);
        response
    }

    /// Logs an answer of the replica, or a list that the isolate keeps of its answers.
    fn log(&self, report: &AccessLog, response: &web_sys::Response, started: Timestamp) {
        let told = |name: &str| response.headers().get(name).ok().flatten();
        let age = told("age").and_then(|age| age.parse().ok());
        let cached = told("cache-status").map(|status| Cached { status, age });
        self.gate.log(report, response.status(), "replica", started, cached);
    }

    /// Answers a message of the feed.
    async fn hear(
        &self,
        raw: &web_sys::Request,
        secrets: &str,
        started: Timestamp,
    ) -> Result<web_sys::Response, FetchError> {
        let refusal = match self.gate.hear(raw, secrets, started).await {
            Ok(heard) => self.tell(&heard).await,
            Err(refusal) => Some(refusal),
        };
        self.gate.heard(refusal.as_ref(), started)
    }

    /// Tells a message of the feed to the objects. Returns why it was not applied.
    async fn tell(&self, Heard { body, resource, .. }: &Heard) -> Option<Refusal> {
        for store in self.gate.api.stores() {
            let name = &store.resource().name;
            let is_named = resource.as_ref().is_none_or(|resource| resource == name);
            if is_named && !self.objects.tell(name, body).await {
                return Some(Refusal::Unapplied);
            }
        }
        None
    }
}

/// Reports whether only an object answers an operation.
fn is_live(operation: Operation) -> bool {
    matches!(operation, Operation::Ticket | Operation::Live)
}

/// Reports whether only an object answers a request.
fn asks_for_live<B>(request: &Request<B>) -> bool {
    let route = Target::find(request.uri().path()).and_then(|target| target.route(request.method()));
    route.is_some_and(|route| is_live(route.operation))
}
