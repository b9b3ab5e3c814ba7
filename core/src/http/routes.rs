//! The operations of the API: ONE table, from which follow dispatch, 405 and `Allow`, the scope that a key needs, the OpenAPI
//! document, API Gateway's resources and the names of the legacy function's events.

use http::Method;

use super::Error;
use super::answer::Answer;
use super::contract::Contract;
use super::handlers::{
    changes, create, delete, docs, get, health, list, openapi, patch, replace, restore, version, versions,
};
use super::request::Call;
use super::router::PathMatch;
use crate::auth::Scope;
use crate::store::{Source, Store};

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table says what each does")]
pub enum Operation {
    Search,
    Get,
    Health,
    Create,
    Changes,
    Update,
    Patch,
    Delete,
    History,
    Version,
    Restore,
    Openapi,
    Docs,
}

/// Which hosts answer an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Each host: it only reads records, so a replica near the readers has all that it needs.
    Replica,
    /// The hosts where records are written.
    Primary,
}

/// One operation on one resource.
#[derive(Debug)]
pub struct Route {
    /// The operation.
    pub operation: Operation,
    /// Its name, in the OpenAPI document, in logs and in the legacy function's events: `search`, `get`, `create`, …
    pub name: &'static str,
    /// The HTTP method. `HEAD` follows from `GET`.
    pub method: Method,
    /// The path, with `{prjid}` for a parameter.
    pub path: &'static str,
    /// What the client's key must allow. `None` if no key is needed.
    pub scope: Option<Scope>,
    /// Which hosts answer it.
    pub served: Served,
    /// What it does, in a line.
    pub summary: &'static str,
}

const READ: Option<Scope> = Some(Scope::Read);
const WRITE: Option<Scope> = Some(Scope::Write);
const GET: Method = Method::GET;
const POST: Method = Method::POST;

/// Every operation there is.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    route(Operation::Search,  "search",  GET, "/prj",         READ, Served::Replica, "List and search projects"),
    route(Operation::Get,     "get",     GET, "/prj/{prjid}", READ, Served::Replica, "Read a project"),
    route(Operation::Health,  "health",  GET, "/health",      None, Served::Replica, "Whether this host answers"),

    route(Operation::Create,  "create",  POST,           "/prj",          WRITE, Served::Primary, "Create a project"),
    route(Operation::Changes, "changes", GET,            "/prj/_changes", READ,  Served::Primary, "What has changed since a cursor"),
    route(Operation::Update,  "update",  Method::PUT,    "/prj/{prjid}",  WRITE, Served::Primary, "Save a whole project"),
    route(Operation::Patch,   "patch",   Method::PATCH,  "/prj/{prjid}",  WRITE, Served::Primary, "Change some members of a project"),
    route(Operation::Delete,  "delete",  Method::DELETE, "/prj/{prjid}",  WRITE, Served::Primary, "Delete a project"),
    route(Operation::History, "history", GET,            "/prj/{prjid}/versions",           READ,  Served::Primary, "Who changed what"),
    route(Operation::Version, "version", GET,            "/prj/{prjid}/versions/{version}", READ,  Served::Primary, "Read a project as it was"),
    route(Operation::Restore, "restore", POST,           "/prj/{prjid}/versions/{version}", WRITE, Served::Primary, "Bring a state back"),
    route(Operation::Openapi, "openapi", GET,            "/openapi.json", None, Served::Primary, "This API as an OpenAPI document"),
    route(Operation::Docs,    "docs",    GET,            "/docs",         None, Served::Primary, "This API as a page to read and to try"),
];

/// Runs an operation that each host answers.
pub(crate) async fn run_on_replica<S: Source>(operation: Operation, call: &mut Call<'_, S>) -> Result<Answer, Error> {
    match operation {
        Operation::Search => list::run(call).await,
        Operation::Get => get::run(call).await,
        Operation::Health => health::run(call),
        _ => Err(Error::NoSuchResource), // the host sends the others to the origin
    }
}

/// Runs an operation.
pub(crate) async fn run<S: Store>(operation: Operation, call: &mut Call<'_, S>) -> Result<Answer, Error> {
    match operation {
        Operation::Search | Operation::Get | Operation::Health => run_on_replica(operation, call).await,
        Operation::Create => create::run(call).await,
        Operation::Changes => changes::run(call).await,
        Operation::Update => replace::run(call).await,
        Operation::Patch => patch::run(call).await,
        Operation::Delete => delete::run(call).await,
        Operation::History => versions::run(call).await,
        Operation::Version => version::run(call).await,
        Operation::Restore => restore::run(call).await,
        Operation::Openapi => openapi::run(call),
        Operation::Docs => docs::run(call),
    }
}

const fn route(
    operation: Operation,
    name: &'static str,
    method: Method,
    path: &'static str,
    scope: Option<Scope>,
    served: Served,
    summary: &'static str,
) -> Route {
    Route { operation, name, method, path, scope, served, summary }
}

impl Route {
    /// Returns what the operation takes and answers. A host does not ask for it, so the linker leaves the texts out of a
    /// host.
    #[must_use]
    pub fn contract(&self) -> &'static Contract {
        match self.operation {
            Operation::Search => &list::CONTRACT,
            Operation::Get => &get::CONTRACT,
            Operation::Health => &health::CONTRACT,
            Operation::Create => &create::CONTRACT,
            Operation::Changes => &changes::CONTRACT,
            Operation::Update => &replace::CONTRACT,
            Operation::Patch => &patch::CONTRACT,
            Operation::Delete => &delete::CONTRACT,
            Operation::History => &versions::CONTRACT,
            Operation::Version => &version::CONTRACT,
            Operation::Restore => &restore::CONTRACT,
            Operation::Openapi => &openapi::CONTRACT,
            Operation::Docs => &docs::CONTRACT,
        }
    }

    /// Returns the route of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.name == name)
    }
}

/// What a path addresses.
#[derive(Debug)]
pub struct Resource {
    /// The path's pattern and parameters.
    pub matched: PathMatch,
}

impl Resource {
    /// Returns the resource at a path.
    #[must_use]
    pub fn find(path: &str) -> Option<Resource> {
        PathMatch::find(ROUTES.iter().map(|route| route.path), path).map(|matched| Resource { matched })
    }

    /// Returns its operations.
    pub fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let path = self.matched.pattern;
        ROUTES.iter().filter(move |route| route.path == path)
    }

    /// Returns the route of an HTTP method.
    #[must_use]
    pub fn route(&self, method: &Method) -> Option<&'static Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes().find(|route| route.method == method)
    }

    /// Returns the `Allow` header (RFC 9110 §10.2.1).
    #[must_use]
    pub fn allow(&self) -> String {
        let mut methods = Vec::new();
        for route in self.routes() {
            methods.push(route.method.as_str());
            if route.method == Method::GET {
                methods.push("HEAD");
            }
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(path: &str, resource: Option<&str>) {
        assert_eq!(Resource::find(path).map(|found| found.matched.pattern), resource, "{path}");
    }

    #[test]
    fn paths_find_their_resources() {
        found("/prj", Some("/prj"));
        found("/prj/a", Some("/prj/{prjid}"));
        found("/prj/a%2Fb", Some("/prj/{prjid}"));
        found("/prj/_changes", Some("/prj/_changes"));
        found("/prj/a/versions", Some("/prj/{prjid}/versions"));
        found("/prj/a/versions/3", Some("/prj/{prjid}/versions/{version}"));
        found("/prj/./a", Some("/prj/{prjid}"));
        found("/x/%2E./prj", Some("/prj"));
        for nothing in ["", "/", "/prj/", "/prj//", "/prj/a/b", "/PRJ", "prj", "/prj/.", "/prj/%2e%2E", "/.."] {
            found(nothing, None);
        }
    }

    #[test]
    fn allow_lists_what_follows_from_the_table() {
        let allow = |path| Resource::find(path).expect("a resource").allow();
        assert_eq!(allow("/prj"), "GET, HEAD, POST, OPTIONS");
        assert_eq!(allow("/prj/a"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
        assert_eq!(allow("/prj/a/versions/3"), "GET, HEAD, POST, OPTIONS");
    }

    #[test]
    fn no_route_stands_twice() {
        for (index, route) in ROUTES.iter().enumerate() {
            for other in &ROUTES[index + 1..] {
                assert_ne!(route.name, other.name);
                assert_ne!((&route.method, route.path), (&other.method, other.path));
            }
        }
    }
}
