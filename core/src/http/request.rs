//! A request on its way through an operation: what a handler asks of it.

use bytes::Bytes;
use http::{Request, StatusCode};

use super::address::{self, NoRecord};
use super::answer::{Answer, Documents};
use super::author::author;
use super::body::{self, RECORD};
use super::conditional::{Preconditions, strong};
use super::headers::{REPLAYED, SESSION};
use super::idempotency;
use super::routes::{Target, id_parameter};
use super::{Error, Fault};
use crate::auth::{Caller, Scope};
use crate::feed::signature::Secrets;
use crate::limits;
use crate::random::Random;
use crate::record::decide::Change;
use crate::record::{Person, RecordId};
use crate::service::{self, Author, Context, Metrics};
use crate::session::Session;
use crate::store::{IdempotencyKey, Source, Store};
use crate::time::Timestamp;

/// A request on its way through an operation.
pub(crate) struct Call<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) path: &'a Target,
    /// What the operation needs.
    pub(crate) scope: Option<Scope>,
    pub(crate) documents: Option<&'a Documents>,
    /// What tickets are signed with, if the host has a live channel.
    pub(crate) tickets: Option<&'a Secrets>,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    pub(crate) random: &'a mut Random,
    pub(crate) preconditions: Preconditions,
    pub(crate) session: Session,
    /// The person on whose behalf a write is made.
    pub(crate) person: Option<Person>,
    /// The identity of the write, if it carries an `Idempotency-Key`.
    pub(crate) idempotency: Option<IdempotencyKey>,
    pub(crate) metrics: &'a mut Metrics,
}

impl<S: Source> Call<'_, S> {
    /// Returns the operation's answer, conditions of the request applied.
    pub(crate) fn finish(self, answer: Answer) -> Result<Answer, Error> {
        match (&answer.etag, self.scope) {
            (Some(tag), Some(Scope::Read)) if self.preconditions.not_modified(&strong(tag))? => {
                Ok(Answer { status: StatusCode::NOT_MODIFIED, body: Bytes::new(), ..answer })
            }
            (_, Some(Scope::Write)) => {
                let answer = answer.with_header(SESSION, &self.session.to_token());
                Ok(if self.metrics.replayed { answer.with_header(REPLAYED, "true") } else { answer })
            }
            _ => Ok(answer),
        }
    }
}

impl<S: Store> Call<'_, S> {
    /// Makes a change, and returns the record and the receipt.
    pub(crate) async fn save(&mut self, id: &RecordId, change: &Change) -> Result<Answer, Error> {
        let (mut context, preconditions) = self.context();
        let saved = service::save(&mut context, id, change, preconditions).await?;
        Ok(Answer::saved(&saved, self.store.resource()))
    }

    /// Reads the author and the identity of a write.
    pub(crate) fn identify(&mut self) -> Result<(), Error> {
        if self.scope == Some(Scope::Write) {
            self.person = author(self.request.headers(), self.caller)?;
            self.idempotency = idempotency::identity(self.request, &self.store.resource().name, &self.caller.lineage)?;
        }
        Ok(())
    }

    /// Returns the first answer of a write again if it was done before.
    pub(crate) async fn replayed(&mut self) -> Result<Option<Answer>, Error> {
        let (mut context, _) = self.context();
        let saved = service::replay(&mut context).await?;
        Ok(saved.map(|saved| Answer::saved(&saved, self.store.resource())))
    }

    pub(crate) fn context(&mut self) -> (Context<'_, S>, &Preconditions) {
        let Call { store, now, caller, random, person, idempotency, session, metrics, preconditions, .. } = self;
        let author = Author { name: &caller.name, person: person.as_ref(), lineage: &caller.lineage };
        let idempotency = idempotency.as_ref();
        (Context { store, author, now: *now, random, idempotency, session, metrics }, preconditions)
    }

    /// Returns the version in the body of an operation that takes nothing else.
    pub(crate) fn stated_version(&self) -> Result<Option<i64>, Error> {
        if self.request.body().is_empty() {
            return Ok(None);
        }
        body::stated_version(body::object(self.request, RECORD)?, self.store.names())
    }
}

impl<S: Source> Call<'_, S> {
    /// Returns the record's id in the path.
    pub(crate) fn record_id(&self) -> Result<RecordId, Error> {
        let segment = self.path.record().unwrap_or_default();
        address::read(segment, self.store.names()).map_err(|why| match why {
            NoRecord::Reserved(address) => Error::ReservedAddress { address },
            NoRecord::Invalid(detail) => {
                let name = id_parameter(self.path.resource().unwrap_or_default());
                Error::InvalidRequest(vec![Fault::parameter(name, detail)])
            }
        })
    }
}

impl<S> Call<'_, S> {
    /// Returns the version in the path.
    pub(crate) fn version(&self) -> Result<u64, Error> {
        let text = self.path.parameter("version").unwrap_or_default();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::InvalidRequest(vec![Fault::parameter("version", "must be a whole number")]));
        }
        // No record has a version above the greatest one.
        Ok(text.parse().unwrap_or(u64::MAX).min(limits::VERSION + 1))
    }

    /// Returns the query's parameters, decoded, without those whose names begin with `_`. Clients add such parameters to
    /// bypass caches.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let query = form_urlencoded::parse(self.request.uri().query().unwrap_or_default().as_bytes());
        query.into_owned().filter(|(name, _)| !name.starts_with('_')).collect()
    }

    /// Refuses every parameter of the query.
    pub(crate) fn no_parameters(&self) -> Result<(), Error> {
        let faults = self.parameters().into_iter().map(|(name, _)| Fault::parameter(name, "is not a parameter here"));
        let faults: Vec<Fault> = faults.collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::InvalidRequest(faults)) }
    }

    /// Returns the `Link` to the next page: this query with the parameter `name` set to `cursor`.
    pub(crate) fn next_link(&self, name: &str, cursor: &str) -> String {
        self.link("next", name, Some(cursor))
    }

    /// Returns a `Link` to this query with the parameter `name` set to `cursor`, or without it. It is relative, so that
    /// it holds behind any stage or base path.
    pub(crate) fn link(&self, relation: &str, name: &str, cursor: Option<&str>) -> String {
        let kept = query_without(self.request, &[name]);
        let mut query = form_urlencoded::Serializer::new(kept);
        if let Some(cursor) = cursor {
            query.append_pair(name, cursor);
        }
        let query = query.finish();
        let separator = if query.is_empty() { "" } else { "?" };
        format!("<{}{separator}{query}>; rel=\"{relation}\"", self.path.last_segment())
    }
}

/// The parameters that a `Link` sets.
const CURSORS: [&str; 2] = ["cursor", "since"];

/// Returns the query without some parameters. They are ordered by name, since API Gateway's events keep no order.
fn query_without(request: &Request<Bytes>, names: &[&str]) -> String {
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let mut kept: Vec<(String, String)> = query.into_owned().collect();
    kept.retain(|(name, _)| !names.contains(&name.as_str()));
    kept.sort();
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

pub(super) fn check_target(request: &Request<Bytes>) -> Result<(), Error> {
    // Measured as a `Link` has it and without the cursor: a client that gets the first page gets all of them.
    if query_without(request, &CURSORS).len() > limits::QUERY {
        let detail = format!("is longer than {} characters", limits::QUERY);
        return Err(Error::InvalidRequest(vec![Fault::parameter("?", detail)]));
    }
    if request.body().len() > limits::BODY {
        return Err(Error::BodyTooLarge);
    }
    Ok(())
}
