//! What the API can do: one row and one file a method.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};

use crate::body::{self, RECORD};
use crate::conditional::{Preconditions, strong};
use crate::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, DELETED as DELETED_NOW, GONE, STALE, Shape, Success,
    TOO_LARGE,
};
use crate::error::{Error, Fault};
use crate::idempotency;
use crate::key::{Caller, Scope};
use crate::limits;
use crate::receipt;
use crate::record::change::Edit;
use crate::record::decide::Change;
use crate::record::outcome::OutcomeKind;
use crate::record::{ContentHash, InvalidId, PRJ_ID, Record, RecordId, VERSION, check_sent, take_own};
use crate::route::{Resource, Route};
use crate::service::{self, Author, Context, Metrics, Random, Saved};
use crate::session::{SESSION, Session};
use crate::store::{IdempotencyKey, Source, Store};
use crate::time::Timestamp;
use crate::value::{Members, Value};

const RECEIPT: HeaderName = HeaderName::from_static("ripple-receipt");

/// From its rows follow the modules, the route table, the dispatch, and with each method's `CONTRACT` the OpenAPI
/// document and API Gateway's resources (deploy/). `near` are the methods that a host answers
/// which only reads records, near its readers; the others are answered where records are written.
macro_rules! methods {
    (
        near { $($near:ident: $near_verb:ident $near_resource:literal, $near_scope:expr, $near_summary:literal;)* }
        origin { $($name:ident: $verb:ident $resource:literal, $scope:expr, $summary:literal;)* }
    ) => {
        $(mod $near;)*
        $(mod $name;)*

        pub(crate) const ROUTES: &[Route] = &[
            $(methods!(@route $near, $near_verb, $near_resource, $near_scope, $near_summary, true),)*
            $(methods!(@route $name, $verb, $resource, $scope, $summary, false),)*
        ];

        /// What the method with this name takes and answers.
        pub(crate) fn contract(name: &str) -> Option<&'static Contract> {
            match name {
                $(stringify!($near) => Some(&$near::CONTRACT),)*
                $(stringify!($name) => Some(&$name::CONTRACT),)*
                _ => None,
            }
        }

        /// Runs the method of a call that is answered near its readers.
        pub(crate) async fn run_near<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
            match call.route.name {
                $(stringify!($near) => $near::run(call).await,)*
                _ => Err(Error::NoSuchResource), // the host sends the others to the origin
            }
        }

        /// Runs the method of a call.
        pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
            match call.route.name {
                $(stringify!($name) => $name::run(call).await,)*
                _ => run_near(call).await,
            }
        }
    };
    (@route $name:ident, $verb:ident, $resource:literal, $scope:expr, $summary:literal, $near:literal) => {
        Route {
            name: stringify!($name),
            verb: Method::$verb,
            resource: $resource,
            scope: $scope,
            summary: $summary,
            near: $near,
        }
    };
}

methods! {
    near {
        search:  GET    "/prj",          Some(Scope::Read),  "List and search projects";
        get:     GET    "/prj/{prjid}",  Some(Scope::Read),  "Read a project";
        health:  GET    "/health",       None,               "Whether this host answers";
    }
    origin {
        create:  POST   "/prj",          Some(Scope::Write), "Create a project";
        changes: GET    "/prj/_changes", Some(Scope::Read),  "What has changed since a cursor";
        update:  PUT    "/prj/{prjid}",  Some(Scope::Write), "Save a whole project";
        patch:   PATCH  "/prj/{prjid}",  Some(Scope::Write), "Change some members of a project";
        delete:  DELETE "/prj/{prjid}",  Some(Scope::Write), "Delete a project";
        history: GET    "/prj/{prjid}/versions",           Some(Scope::Read),  "Who changed what";
        version: GET    "/prj/{prjid}/versions/{version}", Some(Scope::Read),  "Read a project as it was";
        restore: POST   "/prj/{prjid}/versions/{version}", Some(Scope::Write), "Bring a state back";
        openapi: GET    "/openapi.json", None,              "This API as an OpenAPI document";
        docs:    GET    "/docs",         None,              "This API as a page to read and to try";
    }
}

/// One request on its way through a method.
pub(crate) struct Call<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) route: &'static Route,
    pub(crate) resource: &'a Resource,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    pub(crate) random: &'a mut Random,
    pub(crate) preconditions: Preconditions,
    pub(crate) session: Session,
    /// A write's, if it carries an `Idempotency-Key`.
    pub(crate) idempotency: Option<IdempotencyKey>,
    pub(crate) metrics: &'a mut Metrics,
}

/// What a method answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Without its quotes.
    pub(crate) etag: Option<String>,
    /// Whether the entity tag is one that `If-Match` may name.
    pub(crate) exact: bool,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(body: impl Into<Bytes>) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), etag: None, exact: false, body: body.into() }
    }

    /// A record with its entity tag.
    pub(crate) fn record(record: &Record) -> Answer {
        let body = record.to_json();
        let etag = Some(ContentHash::of(&body).to_text());
        Answer { etag, exact: true, ..Answer::json(body) }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Answer {
        Answer { status, ..self }
    }

    /// `value` is made of ids and cursors, which are visible ASCII.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Answer {
        self.headers.insert(name, HeaderValue::from_str(value).expect("visible ASCII"));
        self
    }
}

/// What a call is made of beside its request.
pub(crate) struct Parts<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) route: &'static Route,
    pub(crate) resource: &'a Resource,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    pub(crate) random: &'a mut Random,
    pub(crate) metrics: &'a mut Metrics,
}

impl<'a, S> Call<'a, S> {
    /// A call of a route's method: its request's limits and headers checked.
    pub(crate) fn of(request: &'a Request<Bytes>, parts: Parts<'a, S>) -> Result<Self, Error> {
        check_target(request)?;
        let Parts { store, route, resource, caller, now, random, metrics } = parts;
        let writes = route.scope == Some(Scope::Write);
        Ok(Call {
            store,
            request,
            route,
            resource,
            caller,
            now,
            random,
            preconditions: Preconditions::parse(request.headers())?,
            session: Session::of(request.headers())?,
            idempotency: if writes { idempotency::identity(request, &caller.lineage)? } else { None },
            metrics,
        })
    }

    /// The method's answer, conditions of the request applied.
    pub(crate) fn finish(self, answer: Answer) -> Result<Answer, Error> {
        match (&answer.etag, self.route.scope) {
            (Some(tag), Some(Scope::Read)) if self.preconditions.not_modified(&strong(tag))? => {
                Ok(Answer { status: StatusCode::NOT_MODIFIED, body: Bytes::new(), ..answer })
            }
            (_, Some(Scope::Write)) => Ok(answer.with_header(SESSION, &self.session.to_token())),
            _ => Ok(answer),
        }
    }
}

impl<S: Store> Call<'_, S> {
    /// Makes a change, and answers with the record and the receipt.
    pub(crate) async fn save(&mut self, id: &RecordId, change: &Change) -> Result<Answer, Error> {
        let (mut context, preconditions) = self.context();
        Ok(service::save(&mut context, id, change, preconditions).await?.into())
    }

    /// The first answer again, if the write was done before.
    pub(crate) async fn replayed(&mut self) -> Result<Option<Answer>, Error> {
        let (mut context, _) = self.context();
        Ok(service::replay(&mut context).await?.map(Answer::from))
    }

    fn context(&mut self) -> (Context<'_, S>, &Preconditions) {
        let Call { store, now, caller, random, idempotency, session, metrics, preconditions, .. } = self;
        let author = Author { name: &caller.name, lineage: &caller.lineage };
        let idempotency = idempotency.as_ref();
        (Context { store, author, now: *now, random, idempotency, session, metrics }, preconditions)
    }

    /// The version in the body of a method that takes nothing else.
    fn stated_version(&self) -> Result<Option<i64>, Error> {
        if self.request.body().is_empty() {
            return Ok(None);
        }
        let mut members = body::object(self.request, RECORD)?;
        let others = members.keys().filter(|name| *name != VERSION);
        let faults: Vec<Fault> = others.map(|name| Fault::member(name, "is not taken here")).collect();
        if faults.is_empty() { Ok(take_own(&mut members)?.base) } else { Err(Error::InvalidBody(faults)) }
    }
}

impl From<Saved> for Answer {
    fn from(saved: Saved) -> Self {
        let Saved { record, outcome } = saved;
        let answer = match outcome.kind {
            OutcomeKind::Deleted => Answer::json(Vec::new()).with_status(StatusCode::NO_CONTENT),
            OutcomeKind::Created => Answer::record(&record)
                .with_status(StatusCode::CREATED)
                .with_header(http::header::LOCATION, &format!("prj/{}", record.id)),
            _ => Answer::record(&record),
        };
        answer.with_header(RECEIPT, &receipt::header(&outcome, record.version))
    }
}

impl<S> Call<'_, S> {
    /// The record's id in the path.
    pub(crate) fn record_id(&self) -> Result<RecordId, Error> {
        let detail = format!("must have 1 to {} bytes", limits::STORED_ID);
        let fault = |_: InvalidId| Error::InvalidRequest(vec![Fault::parameter("prjid", detail)]);
        RecordId::addressed(self.segment("prjid")).map_err(fault)
    }

    /// The version in the path.
    pub(crate) fn version(&self) -> Result<u64, Error> {
        let text = self.segment("version");
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::InvalidRequest(vec![Fault::parameter("version", "must be a whole number")]));
        }
        // A number past the greatest version is one that no record has come to.
        Ok(text.parse().unwrap_or(u64::MAX).min(limits::VERSION + 1))
    }

    fn segment(&self, name: &str) -> &str {
        self.resource.parameters.iter().find(|(parameter, _)| *parameter == name).map_or("", |(_, text)| text)
    }

    /// The query's parameters, decoded, without those whose names begin with `_`: clients add such ones to get past
    /// caches.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let query = form_urlencoded::parse(self.request.uri().query().unwrap_or_default().as_bytes());
        query.into_owned().filter(|(name, _)| !name.starts_with('_')).collect()
    }

    /// Refuses parameters of the query, which this method has none of.
    pub(crate) fn no_parameters(&self) -> Result<(), Error> {
        let faults = self.parameters().into_iter().map(|(name, _)| Fault::parameter(name, "is not a parameter here"));
        let faults: Vec<Fault> = faults.collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::InvalidRequest(faults)) }
    }

    /// The `Link` to the next page of this resource: this query with the parameter `name` set to `cursor`.
    /// It is relative, so that it holds behind any stage or base path.
    pub(crate) fn next_link(&self, name: &str, cursor: &str) -> String {
        let kept = query_without(self.request, &[name]);
        let query = form_urlencoded::Serializer::new(kept).append_pair(name, cursor).finish();
        let segment = self.resource.path.rsplit('/').next().unwrap_or_default();
        format!("<{segment}?{query}>; rel=\"next\"")
    }
}

/// The parameters by which a `Link` leads on.
const CURSORS: [&str; 2] = ["cursor", "since"];

/// The query but for some parameters, as a `Link` has it: ordered by name, since API Gateway's events keep no order.
fn query_without(request: &Request<Bytes>, names: &[&str]) -> String {
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let mut kept: Vec<(String, String)> = query.into_owned().collect();
    kept.retain(|(name, _)| !names.contains(&name.as_str()));
    kept.sort();
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

/// What `PUT` and `PATCH` take and answer.
const fn edit_contract(content: &'static [(&'static str, Shape)]) -> Contract {
    Contract {
        headers: CONDITIONS,
        body: Some(Body { content, required: true }),
        refusals: &[ABSENT, GONE, DELETED_NOW, STALE, CONDITION_FAILED, TOO_LARGE],
        ..Contract::of(Success::record(200, "The record as it is now."))
    }
}

/// `PUT` and `PATCH`: the members sent, as `edit` understands them.
async fn edit<S: Store>(call: &mut Call<'_, S>, mut sent: Members, edit: fn(Members) -> Edit) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    if sent.get(PRJ_ID).is_some_and(|sent| *sent != Value::from(id.as_str())) {
        return Err(Error::InvalidBody(vec![Fault::member(PRJ_ID, "is not the one in the path")]));
    }
    let own = take_own(&mut sent)?;
    check_sent(&sent)?;
    call.save(&id, &Change::Edit { edit: edit(sent), base: own.base, revive: own.revive }).await
}

fn check_target(request: &Request<Bytes>) -> Result<(), Error> {
    // As a `Link` has it, and without its cursor: whoever was let in can go on to the end.
    if query_without(request, &CURSORS).len() > limits::QUERY {
        let detail = format!("is longer than {} characters", limits::QUERY);
        return Err(Error::InvalidRequest(vec![Fault::parameter("?", detail)]));
    }
    if request.body().len() > limits::BODY {
        return Err(Error::BodyTooLarge);
    }
    Ok(())
}
