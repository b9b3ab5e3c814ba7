//! What the API can do: one row and one file a method.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::conditional::Preconditions;
use crate::error::{Error, Fault};
use crate::key::{Caller, Scope};
use crate::project::{ContentHash, Project, ProjectId, Timestamp};
use crate::route::{Resource, Route};
use crate::session::Session;
use crate::store::{Capacity, Store};

/// From its rows follow the modules, the route table and the dispatch.
macro_rules! methods {
    ($($name:ident: $verb:ident $resource:literal, $scope:expr, $summary:literal;)*) => {
        $(mod $name;)*

        pub(crate) const ROUTES: &[Route] = &[$(Route {
            name: stringify!($name),
            verb: Method::$verb,
            resource: $resource,
            scope: $scope,
            summary: $summary,
        }),*];

        /// Runs the method of a route.
        pub(crate) async fn run<S: Store>(route: &Route, call: &mut Call<'_, S>) -> Result<Answer, Error> {
            match route.name {
                $(stringify!($name) => $name::run(call).await,)*
                _ => Err(Error::NoSuchResource), // routes come from the table alone
            }
        }
    };
}

methods! {
    search:  GET    "/prj",          Some(Scope::Read),  "List and search projects";
    create:  POST   "/prj",          Some(Scope::Write), "Create a project";
    changes: GET    "/prj/_changes", Some(Scope::Read),  "What has changed since a cursor";
    get:     GET    "/prj/{prjid}",  Some(Scope::Read),  "Read a project";
    update:  PUT    "/prj/{prjid}",  Some(Scope::Write), "Save a whole project";
    patch:   PATCH  "/prj/{prjid}",  Some(Scope::Write), "Change some members of a project";
    delete:  DELETE "/prj/{prjid}",  Some(Scope::Write), "Delete a project";
    health:  GET    "/health",       None,               "Whether this host answers";
}

/// One request on its way through a method.
pub(crate) struct Call<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) resource: &'a Resource,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    pub(crate) random: Random,
    pub(crate) preconditions: Preconditions,
    pub(crate) session: Session,
    pub(crate) cost: Capacity,
}

/// What a method answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Without its quotes.
    pub(crate) etag: Option<String>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(body: impl Into<Bytes>) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), etag: None, body: body.into() }
    }

    /// A record with its entity tag.
    pub(crate) fn project(project: &Project) -> Answer {
        let body = project.to_json();
        let etag = Some(ContentHash::of(&body).to_text());
        Answer { etag, ..Answer::json(body) }
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

impl<S> Call<'_, S> {
    /// The project in the path.
    pub(crate) fn project_id(&self) -> Result<ProjectId, Error> {
        let text = self.resource.parameters.iter().find(|(name, _)| *name == "prjid").map_or("", |(_, text)| text);
        ProjectId::parse(text).map_err(|why| Error::InvalidRequest(vec![Fault::parameter("prjid", why.to_string())]))
    }

    /// The query's parameters, decoded.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let query = self.request.uri().query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// Refuses parameters of the query, which this method has none of.
    pub(crate) fn no_parameters(&self) -> Result<(), Error> {
        let faults = self.parameters().into_iter().map(|(name, _)| Fault::parameter(name, "is not a parameter here"));
        let faults: Vec<Fault> = faults.collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::InvalidRequest(faults)) }
    }

    /// The `Link` to the next page of this resource: this query with the parameter `name` set to `cursor`.
    /// It is relative, so that it holds behind any stage or base path; parameters are ordered by name, since
    /// API Gateway's events keep no order.
    pub(crate) fn next_link(&self, name: &str, cursor: &str) -> String {
        let mut kept = self.parameters();
        kept.retain(|(other, _)| other != name);
        kept.sort();
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair(name, cursor).finish();
        let segment = self.resource.path.rsplit('/').next().unwrap_or_default();
        format!("<{segment}?{query}>; rel=\"next\"")
    }
}

/// The host's random bytes, stretched: whoever has the same bytes gets the same sequence.
#[derive(Debug)]
pub(crate) struct Random {
    seed: [u8; 32],
    count: u64,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Random {
        Random { seed, count: 0 }
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        self.count += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.count.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes
    }
}
