//! A request whose client may ask for its operation.

use bytes::Bytes;
use http::{Method, Request, Response};

use super::Error;
use super::answer::Answer;
use super::api::Api;
use super::headers::api_key;
use super::response::{AccessLog, fail, options, respond};
use super::routes::{Operation, Route, Target};
use super::upgrade::{elements, ticket_in};
use crate::auth::{Caller, Scope, Scopes};
use crate::random::Random;
use crate::record::schema::Resource;
use crate::service::authenticate::{Authenticated, KeyUse};
use crate::store::{Capacity, Keys};
use crate::time::Timestamp;

/// What a host passes in with each request. The core has no clock, randomness or gateway of its own.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The time.
    pub now: Timestamp,
    /// Bytes from a cryptographic source, new for each request.
    pub random: [u8; 32],
    /// The client, if API Gateway has checked its key. Otherwise the core checks it.
    pub caller: Option<Caller>,
}

/// A request whose client may ask for its operation.
#[derive(Debug)]
pub struct Authorized {
    /// The operation that it asks for.
    pub route: &'static Route,
    /// The client.
    pub caller: Caller,
    pub(super) target: Target,
    /// The place of the resource's store.
    pub(super) store: usize,
    pub(super) now: Timestamp,
    pub(super) random: Random,
    pub(super) log: AccessLog,
    /// The use of the client's key, if the core has checked it.
    pub(super) key_use: Option<KeyUse>,
}

impl Authorized {
    /// Returns what the host's log is told so far.
    #[must_use]
    pub fn log(&self) -> &AccessLog {
        &self.log
    }

    /// Returns the response, from what the operation answered.
    pub(crate) fn into_response(
        self,
        method: &Method,
        resource: &Resource,
        result: Result<Answer, Error>,
    ) -> Response<Bytes> {
        match result {
            Ok(answer) => respond(method, answer, self.log),
            Err(error) => fail(method, &error, resource, self.log),
        }
    }

    /// Returns the name of the resource. Returns `None` for an operation of the site.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.target.resource()
    }

    /// Returns the client's key as a host passes it on to the object of a live channel: its id, and, if the core has
    /// checked it, its hash and the only author that it may name.
    #[must_use]
    pub fn key(&self) -> String {
        let hash = self.key_use.as_ref().map_or_else(String::new, KeyUse::hash);
        let author = self.caller.author.as_deref().unwrap_or_default();
        [&self.caller.key_id, &*hash, author].join(" ")
    }

    /// Returns the place of the resource's store.
    pub(crate) fn place(&self) -> usize {
        self.store
    }

    /// Counts capacity that was consumed for this request before its operation runs.
    pub(crate) fn add_cost(&mut self, cost: Capacity) {
        self.log.metrics.capacity.read += cost.read;
        self.log.metrics.capacity.write += cost.write;
    }
}

impl<S: Keys> Api<S> {
    /// Checks the path, then the key, then the scope. Without a key only operations are answered that need none. A host
    /// that sends some operations to another host calls this first.
    ///
    /// # Errors
    /// The response, if there is no operation to run: a refusal, or the answer to `OPTIONS`.
    pub async fn authorize(
        &self,
        request: &Request<Bytes>,
        context: RequestContext,
    ) -> Result<Authorized, Response<Bytes>> {
        let mut random = Random::new(context.random);
        let mut log = AccessLog::of(request, &mut random);
        let Some((target, store)) = self.target(request.uri().path()) else {
            return Err(fail(request.method(), &Error::NoSuchResource, self.store().resource(), log));
        };
        log.resource = target.resource().map(str::to_owned);
        if request.method() == Method::OPTIONS {
            return Err(respond(request.method(), options(&target.allow()), log));
        }
        match self.check_key(request, &target, context.caller, context.now, &mut log).await {
            Ok((route, caller, key_use)) => {
                Ok(Authorized { route, target, store, caller, now: context.now, random, log, key_use })
            }
            Err(error) => Err(fail(request.method(), &error, self.stores()[store].resource(), log)),
        }
    }

    /// Lets a request for the live channel with a ticket pass to the host that checks the ticket. `protocols`: the value
    /// of its header `Sec-WebSocket-Protocol`. The client has no rights here, and its address counts. Returns `None` for
    /// any other request.
    ///
    /// # Errors
    /// The response, if the address sends too many requests.
    pub fn pass_ticket(
        &self,
        request: &Request<Bytes>,
        protocols: &str,
        context: &RequestContext,
    ) -> Option<Result<Authorized, Response<Bytes>>> {
        ticket_in(elements(protocols))?;
        let (target, store) = self.target(request.uri().path())?;
        let route = target.route(request.method()).filter(|route| route.operation == Operation::Live)?;
        let (now, mut random) = (context.now, Random::new(context.random));
        let mut log = AccessLog::of(request, &mut random);
        (log.resource, log.method) = (target.resource().map(str::to_owned), Some(route.name));
        if let Err(often) = self.authenticator().count_stranger(request.extensions().get(), now) {
            return Some(Err(fail(request.method(), &often.into(), self.stores()[store].resource(), log)));
        }
        Some(Ok(Authorized { route, target, store, caller: anyone(), now, random, log, key_use: None }))
    }

    async fn check_key(
        &self,
        request: &Request<Bytes>,
        target: &Target,
        known: Option<Caller>,
        now: Timestamp,
        log: &mut AccessLog,
    ) -> Result<(&'static Route, Caller, Option<KeyUse>), Error> {
        let route = target.route(request.method());
        // 405 tells which methods there are, so it needs a key unless all of them are free.
        let free =
            route.map_or_else(|| target.routes().all(|route| route.scope.is_none()), |route| route.scope.is_none());
        let (caller, key_use) = match (free, known) {
            (true, _) => {
                self.authenticator().count_stranger(request.extensions().get(), now)?;
                (anyone(), None)
            }
            (_, Some(caller)) => (caller, None),
            (_, None) => {
                let reads = route.is_none_or(|route| route.scope != Some(Scope::Write));
                let (key, address) = (api_key(request.headers()), request.extensions().get());
                let cost = &mut log.metrics.capacity;
                let known = self.authenticator().authenticate(self.store(), key, address, reads, now, cost).await?;
                let Authenticated { caller, key_use } = known;
                (caller, key_use)
            }
        };
        let route = route.ok_or_else(|| Error::MethodNotAllowed(target.allow()))?;
        log.method = Some(route.name);
        if let Some(scope) = route.scope {
            log.key_id = Some(caller.key_id.clone());
            self.limiter().take(&caller.key_id, now)?;
            let resource = target.resource().unwrap_or_default();
            if !caller.scopes.allow(scope, resource) {
                let only_one = self.stores().len() == 1;
                return Err(Error::InsufficientScope { scope, resource: (!only_one).then(|| resource.to_owned()) });
            }
        }
        Ok((route, caller, key_use))
    }
}

/// The caller of an operation that needs no key.
fn anyone() -> Caller {
    Caller {
        key_id: String::new(),
        lineage: String::new(),
        name: String::new(),
        author: None,
        scopes: Scopes::default(),
    }
}
