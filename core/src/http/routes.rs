//! The operations of the API: one table, from which follow dispatch, 405 and `Allow`, the scope that a key needs, the
//! OpenAPI document, API Gateway's resources and the names of the legacy function's events.

use http::Method;

use super::Error;
use super::answer::Answer;
use super::contract::Contract;
use super::handlers::{
    batch, changes, create, delete, docs, get, health, list, live, openapi, patch, replace, restore, sheet, ticket,
    version, versions,
};
use super::request::Call;
use super::router::PathMatch;
use crate::auth::Scope;
use crate::record::schema::Access;
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
    Ticket,
    Live,
    Update,
    Patch,
    Delete,
    History,
    Version,
    Restore,
    Batch,
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
    /// The path, such as `/{resource}/{id}`.
    pub path: &'static str,
    /// What the client's key must allow. `None` if no key is needed.
    pub scope: Option<Scope>,
    /// Which hosts answer it.
    pub served: Served,
    /// What it does, in a line, with the placeholders of [`contract`](super::contract).
    pub summary: &'static str,
}

const READ: Option<Scope> = Some(Scope::Read);
const WRITE: Option<Scope> = Some(Scope::Write);
const GET: Method = Method::GET;
const POST: Method = Method::POST;

/// Every operation there is.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    route(Operation::Search,  "search",  GET, "/{resource}",         READ, Served::Replica, "List and search {many}"),
    route(Operation::Get,     "get",     GET, "/{resource}/{id}", READ, Served::Replica, "Read {a}"),
    route(Operation::Health,  "health",  GET, "/health",      None, Served::Replica, "Whether this host answers"),

    route(Operation::Create,  "create",  POST,           "/{resource}",          WRITE, Served::Primary, "Create {a}"),
    route(Operation::Changes, "changes", GET,            "/{resource}/_changes", READ,  Served::Primary, "What has changed since a cursor"),
    route(Operation::Ticket,  "ticket",  POST,           "/{resource}/_ticket",  READ,  Served::Primary, "Get a ticket for the live channel"),
    route(Operation::Live,    "live",    GET,            "/{resource}/_live",    READ,  Served::Primary, "Hear of changes over a WebSocket"),
    route(Operation::Update,  "update",  Method::PUT,    "/{resource}/{id}",  WRITE, Served::Primary, "Save a whole {one}"),
    route(Operation::Patch,   "patch",   Method::PATCH,  "/{resource}/{id}",  WRITE, Served::Primary, "Change some members of {a}"),
    route(Operation::Delete,  "delete",  Method::DELETE, "/{resource}/{id}",  WRITE, Served::Primary, "Delete {a}"),
    route(Operation::History, "history", GET,            "/{resource}/{id}/versions",           READ,  Served::Primary, "Who changed what"),
    route(Operation::Version, "version", GET,            "/{resource}/{id}/versions/{version}", READ,  Served::Primary, "Read {a} as it was"),
    route(Operation::Restore, "restore", POST,           "/{resource}/{id}/versions/{version}", WRITE, Served::Primary, "Bring a state back"),
    route(Operation::Batch,   "batch",   POST,           "/{resource}/_batch",   WRITE, Served::Primary, "Make several changes"),
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

/// Runs an operation of the live channel.
pub(crate) async fn run_near<S: Source>(operation: Operation, call: &mut Call<'_, S>) -> Result<Answer, Error> {
    match operation {
        Operation::Changes => changes::run(call).await,
        Operation::Ticket => ticket::run(call),
        Operation::Live => live::run(call),
        _ => Err(Error::NoSuchResource), // the host answers reads with `run_on_replica`, and sends on the others
    }
}

/// Runs an operation.
pub(crate) async fn run<S: Store>(operation: Operation, call: &mut Call<'_, S>) -> Result<Answer, Error> {
    match operation {
        Operation::Search if sheet::is_asked_for(call.request.uri()) => sheet::run(call).await,
        Operation::Search | Operation::Get | Operation::Health => run_on_replica(operation, call).await,
        Operation::Create => create::run(call).await,
        Operation::Changes => changes::run(call).await,
        Operation::Ticket => ticket::run(call),
        Operation::Live => live::run(call),
        Operation::Update => replace::run(call).await,
        Operation::Patch => patch::run(call).await,
        Operation::Delete => delete::run(call).await,
        Operation::History => versions::run(call).await,
        Operation::Version => version::run(call).await,
        Operation::Restore => restore::run(call).await,
        Operation::Batch => batch::run(call).await,
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
            Operation::Ticket => &ticket::CONTRACT,
            Operation::Live => &live::CONTRACT,
            Operation::Update => &replace::CONTRACT,
            Operation::Patch => &patch::CONTRACT,
            Operation::Delete => &delete::CONTRACT,
            Operation::History => &versions::CONTRACT,
            Operation::Version => &version::CONTRACT,
            Operation::Restore => &restore::CONTRACT,
            Operation::Batch => &batch::CONTRACT,
            Operation::Openapi => &openapi::CONTRACT,
            Operation::Docs => &docs::CONTRACT,
        }
    }

    /// Returns the path for one resource, such as `/prj/{prjid}`.
    #[must_use]
    pub fn path_of(&self, resource: &str) -> String {
        path_of(self.path, resource)
    }

    /// Returns the route of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.name == name)
    }
}

/// Returns a route's path for one resource. Its parameter for the id has the name that it has in API Gateway.
fn path_of(path: &str, resource: &str) -> String {
    path.replace("{resource}", resource).replace("{id}", &format!("{{{}}}", id_parameter(resource)))
}

/// Returns the name of the parameter for a record's id, such as `prjid`.
pub(crate) fn id_parameter(resource: &str) -> String {
    format!("{resource}id")
}

/// What a path addresses.
#[derive(Debug)]
pub struct Target {
    matched: PathMatch,
    /// Whether the resource has no writes.
    read_only: bool,
}

impl Target {
    /// Returns the target of a path. Its resource may be one that this host does not have.
    #[must_use]
    pub fn find(path: &str) -> Option<Target> {
        let matched = PathMatch::find(ROUTES.iter().map(|route| route.path), path)?;
        Some(Target { matched, read_only: false })
    }

    /// Returns the target, with what its resource allows.
    pub(crate) fn allowing(self, access: Access) -> Target {
        Target { read_only: access == Access::ReadOnly, ..self }
    }

    /// Returns the name of the resource. Returns `None` for a path of the site.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.parameter("resource")
    }

    /// Returns the value of a parameter of the path, percent-decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.matched.parameters.iter().find(|(parameter, _)| *parameter == name).map(|(_, text)| text.as_str())
    }

    /// Returns the segment of a record, as it arrived.
    pub(crate) fn record(&self) -> Option<&str> {
        self.matched.record.as_deref()
    }

    /// Returns the path as API Gateway's template has it, such as `/prj/{prjid}`, and the values of its parameters.
    #[must_use]
    pub fn template(&self) -> (String, Vec<(String, String)>) {
        let Some(resource) = self.resource() else { return (self.matched.pattern.to_owned(), Vec::new()) };
        let others = self.matched.parameters.iter().filter(|(name, _)| *name != "resource");
        let named = |name: &str| if name == "id" { id_parameter(resource) } else { name.to_owned() };
        let parameters = others.map(|(name, value)| (named(name), value.clone())).collect();
        (path_of(self.matched.pattern, resource), parameters)
    }

    /// Returns the last segment of the path, as a relative link repeats it.
    pub(crate) fn last_segment(&self) -> &str {
        match self.matched.pattern {
            "/{resource}" => self.resource().unwrap_or_default(),
            pattern => pattern.rsplit('/').next().unwrap_or_default(),
        }
    }

    /// Returns the operations.
    pub fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let (path, read_only) = (self.matched.pattern, self.read_only);
        let allowed = move |route: &Route| !(read_only && route.scope == Some(Scope::Write));
        ROUTES.iter().filter(move |route| route.path == path && allowed(route))
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
    fn found(path: &str, template: Option<&str>) {
        assert_eq!(Target::find(path).map(|found| found.template().0).as_deref(), template, "{path}");
    }

    #[test]
    fn paths_find_their_targets() {
        found("/prj", Some("/prj"));
        found("/prj/a", Some("/prj/{prjid}"));
        found("/prj/a%2Fb", Some("/prj/{prjid}"));
        found("/prj/_changes", Some("/prj/_changes"));
        found("/prj/_live", Some("/prj/_live"));
        found("/prj/a/versions", Some("/prj/{prjid}/versions"));
        found("/prj/a/versions/3", Some("/prj/{prjid}/versions/{version}"));
        found("/prj/./a", Some("/prj/{prjid}"));
        found("/x/%2E./prj", Some("/prj"));
        found("/task/a", Some("/task/{taskid}"));
        found("/health", Some("/health"));
        for nothing in ["", "/", "/prj/", "/prj//", "/prj/a/b", "prj", "/prj/.", "/prj/%2e%2E", "/.."] {
            found(nothing, None);
        }
    }

    #[test]
    fn allow_lists_what_follows_from_the_table() {
        let target = |path| Target::find(path).expect("a target");
        assert_eq!(target("/prj").allow(), "GET, HEAD, POST, OPTIONS");
        assert_eq!(target("/prj/a").allow(), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
        assert_eq!(target("/prj/a/versions/3").allow(), "GET, HEAD, POST, OPTIONS");
        assert_eq!(target("/prj/a").allowing(Access::ReadOnly).allow(), "GET, HEAD, OPTIONS");
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
