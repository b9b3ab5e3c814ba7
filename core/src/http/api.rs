//! A request in, a response out.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::Error;
use super::answer::Documents;
use super::authorized::{Authorized, RequestContext};
use super::conditional::Preconditions;
use super::headers::session;
use super::origin_secret::OriginSecret;
use super::origins::Origins;
use super::request::{Call, check_target};
use super::response::{AccessLog, fail};
use super::routes::{self, Operation, Target};
use crate::auth::{KeyRecord, Limiter, Scope, Trust};
use crate::feed::key::KeyChange;
use crate::feed::signature::Secrets;
use crate::random::Random;
use crate::record::schema::{Resource, Resources};
use crate::service::authenticate::Authenticator;
use crate::store::{Keys, Source, Store};
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
    /// Returns a call of the operation that a request is authorized for, the limits and headers of the request checked.
    pub(crate) fn call<'a>(
        &'a self,
        request: &'a Request<Bytes>,
        authorized: &'a mut Authorized,
    ) -> Result<Call<'a, S>, Error> {
        check_target(request)?;
        let store = self.store_for(authorized);
        let Authorized { route, caller, target, now, random, log, .. } = authorized;
        Ok(Call {
            store,
            request,
            path: target,
            scope: route.scope,
            documents: self.documents.as_ref(),
            tickets: self.tickets.as_ref(),
            caller,
            now: *now,
            random,
            preconditions: Preconditions::parse(request.headers(), store.names())?,
            session: session(request.headers(), &store.resource().name)?,
            person: None,
            idempotency: None,
            metrics: &mut log.metrics,
        })
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
