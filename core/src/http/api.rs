//! A request in, a response out.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};

use super::Error;
use super::answer::{Answer, Documents};
use super::headers::api_key;
use super::origin_secret::OriginSecret;
use super::origins::Origins;
use super::request::{Call, Parts};
use super::response::{AccessLog, fail, options, respond};
use super::routes::{self, Operation, Route, Target};
use super::upgrade::{elements, ticket_in};
use crate::auth::{Caller, KeyRecord, Limiter, Scope, Scopes, Trust};
use crate::feed::key::KeyChange;
use crate::feed::signature::Secrets;
use crate::random::Random;
use crate::record::schema::{Resource, Resources};
use crate::service::authenticate::{Authenticated, Authenticator, KeyUse};
use crate::store::{Capacity, Keys, Source, Store};
use crate::time::Timestamp;

/// The API of a site: over the store of each resource.
#[derive(Debug)]
pub struct Api<S> {
    /// There is at least one. The first also has the API keys, which are the site's.
    stores: Vec<S>,
    authenticator: Authenticator,
    documents: Option<Documents>,
    secret: Option<OriginSecret>,
    tickets: Option<Secrets>,
    origins: Origins,
}

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
    target: Target,
    /// The place of the resource's store.
    store: usize,
    now: Timestamp,
    random: Random,
    log: AccessLog,
    /// The use of the client's key, if the core has checked it.
    key_use: Option<KeyUse>,
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
    /// Returns an API over the store of one resource. It remembers no keys yet.
    pub fn new(store: S) -> Api<S> {
        Api::over(vec![store])
    }

    /// Returns an API over the store that `store` makes for each resource.
    pub fn of(resources: &Resources, store: impl FnMut(&Arc<Resource>) -> S) -> Api<S> {
        Api::over(resources.iter().map(store).collect())
    }

    fn over(stores: Vec<S>) -> Api<S> {
        Api {
            stores,
            authenticator: Authenticator::default(),
            documents: None,
            secret: None,
            tickets: None,
            origins: Origins::default(),
        }
    }

    /// Limits the requests of each key on this host.
    #[must_use]
    pub fn limited(self, limiter: Limiter) -> Api<S> {
        Api { authenticator: self.authenticator.limiting_keys(limiter), ..self }
    }

    /// Limits the requests of each client address that carry no valid key which is remembered.
    #[must_use]
    pub fn limiting_strangers(self, strangers: Limiter) -> Api<S> {
        Api { authenticator: self.authenticator.limiting_strangers(strangers), ..self }
    }

    /// Sets how long a key counts that was looked up.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Api<S> {
        Api { authenticator: self.authenticator.trusting(trust), ..self }
    }

    /// Sets the documents that `/openapi.json` and `/docs` answer with.
    #[must_use]
    pub fn documented(self, documents: Documents) -> Api<S> {
        Api { documents: Some(documents), ..self }
    }

    /// Issues tickets for the live channel of this host, signed with the first of these secrets.
    #[must_use]
    pub fn with_live(self, tickets: Option<Secrets>) -> Api<S> {
        Api { tickets, ..self }
    }

    /// Lets only pages of these origins open sockets of the live channel.
    #[must_use]
    pub fn with_origins(self, origins: Origins) -> Api<S> {
        Api { origins, ..self }
    }

    /// Returns the origins whose pages may open sockets.
    pub(super) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Returns what tickets are signed with, if the host has a live channel.
    pub(super) fn tickets(&self) -> Option<&Secrets> {
        self.tickets.as_ref()
    }

    pub(super) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Returns what counts the keys' requests.
    pub fn limiter(&self) -> &Limiter {
        self.authenticator.limiter()
    }

    /// Returns the store of the first resource, the default one if there is a default. It also has the site's keys.
    pub fn store(&self) -> &S {
        &self.stores[0]
    }

    /// Returns the store of each resource, the default resource first.
    pub fn stores(&self) -> &[S] {
        &self.stores
    }

    /// Returns the store of a resource.
    #[must_use]
    pub fn store_of(&self, resource: &str) -> Option<&S> {
        self.stores.iter().find(|store| store.resource().name == resource)
    }

    /// Returns the store of the records that a request is for.
    pub(crate) fn store_for(&self, authorized: &Authorized) -> &S {
        &self.stores[authorized.store]
    }

    /// Returns the target of a path, and the place of its store. Returns `None` if this site has no such target.
    pub(super) fn target(&self, path: &str) -> Option<(Target, usize)> {
        let target = Target::find(path)?;
        let Some(name) = target.resource() else { return Some((target, 0)) };
        let place = self.stores.iter().position(|store| store.resource().name == name)?;
        Some((target.allowing(self.stores[place].resource().access), place))
    }

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
            Err(error) => Err(fail(request.method(), &error, self.stores[store].resource(), log)),
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
        if let Err(often) = self.authenticator.count_stranger(request.extensions().get(), now) {
            return Some(Err(fail(request.method(), &often.into(), self.stores[store].resource(), log)));
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
                self.authenticator.count_stranger(request.extensions().get(), now)?;
                (anyone(), None)
            }
            (_, Some(caller)) => (caller, None),
            (_, None) => {
                let reads = route.is_none_or(|route| route.scope != Some(Scope::Write));
                let (key, address) = (api_key(request.headers()), request.extensions().get());
                let cost = &mut log.metrics.capacity;
                let known = self.authenticator.authenticate(self.store(), key, address, reads, now, cost).await?;
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
                let only_one = self.stores.len() == 1;
                return Err(Error::InsufficientScope { scope, resource: (!only_one).then(|| resource.to_owned()) });
            }
        }
        Ok((route, caller, key_use))
    }

    /// Forgets what is remembered of a key that lost rights, and refuses a revoked key.
    pub fn key_changed(&self, change: &KeyChange, now: Timestamp) {
        self.authenticator.key_changed(change, now);
    }

    /// Looks every remembered key up again at its next request: some key has lost rights.
    pub fn doubt_keys(&self, now: Timestamp) {
        self.authenticator.doubt_keys(now);
    }

    /// Returns the record of a key that is remembered and valid.
    pub(crate) fn remembered(&self, key: &str, now: Timestamp) -> Option<Arc<KeyRecord>> {
        self.authenticator.remembered(key, now)
    }
}

impl<S: Source> Api<S> {
    /// Returns a call of the operation that a request is authorized for.
    pub(crate) fn call<'a>(
        &'a self,
        request: &'a Request<Bytes>,
        authorized: &'a mut Authorized,
    ) -> Result<Call<'a, S>, Error> {
        let store = self.store_for(authorized);
        let Authorized { route, caller, target, now, random, log, .. } = authorized;
        Call::of(
            request,
            Parts {
                store,
                path: target,
                scope: route.scope,
                documents: self.documents.as_ref(),
                tickets: self.tickets.as_ref(),
                caller,
                now: *now,
                random,
                metrics: &mut log.metrics,
            },
        )
    }
}

impl<S: Store> Api<S> {
    /// Answers only requests that carry the edge's secret, or need none, if there is a secret.
    #[must_use]
    pub fn behind_edge(self, secret: Option<OriginSecret>) -> Api<S> {
        Api { secret, ..self }
    }

    /// Answers a request. Every request gets an answer.
    pub async fn answer(&self, request: Request<Bytes>, context: RequestContext) -> Response<Bytes> {
        if let Some(refusal) = self.refuse_without_secret(&request, &context) {
            return refusal;
        }
        match self.authorize(&request, context).await {
            Ok(authorized) => self.answer_authorized(&request, authorized).await,
            Err(answered) => answered,
        }
    }

    /// Returns the refusal of a request that does not come through the edge, if there is a secret.
    pub(super) fn refuse_without_secret(
        &self,
        request: &Request<Bytes>,
        context: &RequestContext,
    ) -> Option<Response<Bytes>> {
        let refused = self.secret.as_ref().is_some_and(|secret| !secret.admits(request));
        refused.then(|| {
            let log = AccessLog::of(request, &mut Random::new(context.random));
            fail(request.method(), &Error::Forbidden, self.store().resource(), log)
        })
    }

    /// Counts the use of the key of an authorized request.
    pub(super) async fn count_use(&self, authorized: &Authorized) {
        if let Some(key_use) = &authorized.key_use {
            let writes = authorized.route.scope == Some(Scope::Write);
            self.authenticator.count_use(self.store(), key_use, writes, authorized.now).await;
        }
    }

    /// Runs the operation that a request is authorized for.
    pub async fn answer_authorized(&self, request: &Request<Bytes>, mut authorized: Authorized) -> Response<Bytes> {
        self.count_use(&authorized).await;
        let operation = authorized.route.operation;
        let result = async {
            let mut call = self.call(request, &mut authorized)?;
            call.identify()?;
            // Each operation of a batch has its own first answer.
            let replayed = if operation == Operation::Batch { None } else { call.replayed().await? };
            let answer = match replayed {
                Some(answer) => answer,
                None => routes::run(operation, &mut call).await?,
            };
            call.finish(answer)
        };
        let result = result.await;
        let resource = self.store_for(&authorized).resource();
        authorized.into_response(request.method(), resource, result)
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
