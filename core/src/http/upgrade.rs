//! Upgrades: requests for a socket of the live channel (RFC 6455).
//!
//! A client that can set headers sends its key. A browser cannot, and sends a ticket as a subprotocol. A browser cannot
//! read why an upgrade was refused either. So a request with a bad ticket is upgraded, and its socket closed with the
//! reason.

use bytes::Bytes;
use form_urlencoded::parse;
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, Method, Request, Response};

use super::api::Api;
use super::author::author;
use super::authorized::{Authorized, RequestContext};
use super::request::check_target;
use super::response::{AccessLog, fail};
use super::routes::{Operation, Target};
use super::{Error, Fault};
use crate::feed::signature::Secrets;
use crate::live::{Close, PROTOCOL, Reader, TICKET_PROTOCOL, Ticket};
use crate::random::Random;
use crate::store::{Source, Store};
use crate::time::Timestamp;

const SINCE: &str = "since";
/// The version of RFC 6455.
const VERSION: &str = "13";

/// A request that is to be upgraded.
#[derive(Debug)]
pub struct Upgrade {
    /// The name of the resource.
    pub resource: String,
    /// Who opens the socket, or why it is to be closed at once.
    pub reader: Result<Reader, Close>,
    /// Where the reader goes on.
    pub since: Option<String>,
    /// What the host's log is told.
    pub log: AccessLog,
}

/// Reports whether a request is one for a WebSocket of the live channel.
#[must_use]
pub fn is_asked_for<B>(request: &Request<B>) -> bool {
    let route = Target::find(request.uri().path()).and_then(|target| target.route(request.method()));
    let is_live = route.is_some_and(|route| route.operation == Operation::Live);
    is_live && request.method() == Method::GET && list(request.headers(), &UPGRADE).any(is_websocket)
}

fn is_websocket(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("websocket")
}

/// Returns the elements of a header that is a list.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(elements)
}

/// Returns the elements of a list.
pub(super) fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// Returns the ticket among the subprotocols of a request.
pub(super) fn ticket_in<'a>(mut protocols: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    protocols.find_map(|protocol| protocol.strip_prefix(TICKET_PROTOCOL))
}

impl<S: Store> Api<S> {
    /// Checks a request for which [`is_asked_for`] holds.
    ///
    /// # Errors
    /// The response, if the request is not to be upgraded.
    pub async fn upgrade(&self, request: &Request<Bytes>, context: RequestContext) -> Result<Upgrade, Response<Bytes>> {
        if let Some(refusal) = self.refuse_without_secret(request, &context) {
            return Err(refusal);
        }
        if let Some(ticket) = ticket(request) {
            return self.upgrade_with_ticket(request, ticket, &context).map_err(|refusal| *refusal);
        }
        let authorized = self.authorize(request, context).await?;
        self.count_use(&authorized).await;
        self.upgrade_with_key(request, &authorized).map_err(|refusal| *refusal)
    }
}

/// Returns the ticket that a request brings.
fn ticket(request: &Request<Bytes>) -> Option<&str> {
    ticket_in(list(request.headers(), &SEC_WEBSOCKET_PROTOCOL))
}

impl<S: Source> Api<S> {
    /// Does the same on a host behind an edge, which only reads.
    ///
    /// # Errors
    /// The response, if the request is not to be upgraded.
    pub async fn upgrade_near(
        &self,
        request: &Request<Bytes>,
        context: RequestContext,
    ) -> Result<Upgrade, Response<Bytes>> {
        let upgraded = match ticket(request) {
            Some(ticket) => self.upgrade_with_ticket(request, ticket, &context),
            None => self.upgrade_with_key(request, &self.authorize(request, context).await?),
        };
        upgraded.map_err(|refusal| *refusal)
    }

    fn upgrade_with_key(
        &self,
        request: &Request<Bytes>,
        authorized: &Authorized,
    ) -> Result<Upgrade, Box<Response<Bytes>>> {
        let result = self.handshake(request).and_then(|(_, since)| {
            let person = author(request.headers(), &authorized.caller)?;
            Ok((since, Reader { key_id: authorized.caller.key_id.clone(), person, ticket: None }))
        });
        let log = authorized.log().clone();
        let resource = self.store_for(authorized).resource();
        match result {
            Ok((since, reader)) => Ok(Upgrade { resource: resource.name.clone(), reader: Ok(reader), since, log }),
            Err(error) => Err(Box::new(fail(request.method(), &error, resource, log))),
        }
    }

    fn upgrade_with_ticket(
        &self,
        request: &Request<Bytes>,
        ticket: &str,
        context: &RequestContext,
    ) -> Result<Upgrade, Box<Response<Bytes>>> {
        let mut log = AccessLog::of(request, &mut Random::new(context.random));
        let refused = |error: &Error, resource, log| Box::new(fail(request.method(), error, resource, log));
        let Some((target, place)) = self.target(request.uri().path()) else {
            return Err(refused(&Error::NoSuchResource, self.store().resource(), log));
        };
        let resource = self.stores()[place].resource();
        log.resource = target.resource().map(str::to_owned);
        log.method = target.route(request.method()).map(|route| route.name);
        match self.check_ticket(request, ticket, &resource.name, context.now) {
            Ok((since, reader)) => {
                log.key_id = reader.as_ref().ok().map(|reader| reader.key_id.clone());
                Ok(Upgrade { resource: resource.name.clone(), reader, since, log })
            }
            Err(error) => Err(refused(&error, resource, log)),
        }
    }

    fn check_ticket(
        &self,
        request: &Request<Bytes>,
        ticket: &str,
        resource: &str,
        now: Timestamp,
    ) -> Result<(Option<String>, Result<Reader, Close>), Error> {
        self.authenticator().count_stranger(request.extensions().get(), now)?;
        let (secrets, since) = self.handshake(request)?;
        let reader = match Ticket::verify(ticket, secrets, now) {
            Err(_) => Err(Close::Ticket),
            Ok(ticket) if ticket.resource != resource => Err(Close::Resource),
            Ok(ticket) => {
                self.limiter().take(&ticket.key_id, now)?;
                let (key_id, person) = (ticket.key_id.clone(), ticket.person.clone());
                Ok(Reader { key_id, person, ticket: Some(ticket) })
            }
        };
        Ok((since, reader))
    }

    /// Checks the headers of an upgrade, and returns the secrets of tickets and the reader's position.
    fn handshake(&self, request: &Request<Bytes>) -> Result<(&Secrets, Option<String>), Error> {
        let secrets = self.tickets().ok_or(Error::NoLive)?;
        if !self.origins().allow(request.headers()) {
            return Err(Error::OriginNotAllowed);
        }
        check_target(request)?;
        let headers = request.headers();
        let mut faults = Vec::new();
        if list(headers, &SEC_WEBSOCKET_VERSION).ne([VERSION]) {
            faults.push(Fault::header("sec-websocket-version", "must be 13"));
        }
        if list(headers, &SEC_WEBSOCKET_KEY).filter(|key| !key.is_empty()).count() != 1 {
            faults.push(Fault::header("sec-websocket-key", "must be there once"));
        }
        if !list(headers, &SEC_WEBSOCKET_PROTOCOL).any(|protocol| protocol == PROTOCOL) {
            faults.push(Fault::header("sec-websocket-protocol", "must have ripple.v1"));
        }
        let mut since = None;
        for (name, value) in parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned() {
            match &*name {
                SINCE if since.is_some() => faults.push(Fault::parameter(name, "occurs more than once")),
                SINCE => since = Some(value),
                _ if name.starts_with('_') => {}
                _ => faults.push(Fault::parameter(name, "is not a parameter here")),
            }
        }
        if faults.is_empty() { Ok((secrets, since)) } else { Err(Error::InvalidRequest(faults)) }
    }
}
