//! The API's resources and methods: ONE table, from which follow dispatch, 405 and `Allow`, the scope a
//! caller needs, and the names of the article's events.

use std::borrow::Cow;

use http::Method;

use crate::contract::Contract;
use crate::key::Scope;
use crate::method;

/// One method of one resource.
#[derive(Debug)]
pub struct Route {
    /// What the core calls it, and the article's events: `search`, `get`, `create`, …
    pub name: &'static str,
    /// The HTTP method. `HEAD` follows from `GET`.
    pub verb: Method,
    /// The path, with `{prjid}` for a parameter.
    pub resource: &'static str,
    /// What the caller's key must allow; `None`: no key is asked for.
    pub scope: Option<Scope>,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Whether a host that only reads records answers it, rather than the origin.
    pub near: bool,
}

/// Every method there is.
pub static ROUTES: &[Route] = method::ROUTES;

/// A path's resource and the values of its parameters, percent-decoded.
#[derive(Debug)]
pub struct Resource {
    /// The path as in [`Route::resource`].
    pub path: &'static str,
    /// Names and values.
    pub parameters: Vec<(&'static str, String)>,
}

impl Resource {
    /// The resource at a path. A literal segment comes before a parameter.
    #[must_use]
    pub fn find(path: &str) -> Option<Resource> {
        let path = &*without_dots(path);
        let matching = ROUTES.iter().filter_map(|route| Some((route.resource, parameters(route.resource, path)?)));
        let (path, parameters) = matching.min_by_key(|(_, parameters)| parameters.len())?;
        Some(Resource { path, parameters })
    }

    /// Its methods.
    pub fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let path = self.path;
        ROUTES.iter().filter(move |route| route.resource == path)
    }

    /// The route of an HTTP method.
    #[must_use]
    pub fn route(&self, verb: &Method) -> Option<&'static Route> {
        let verb = if verb == Method::HEAD { &Method::GET } else { verb };
        self.routes().find(|route| route.verb == verb)
    }

    /// The `Allow` header (RFC 9110 §10.2.1).
    #[must_use]
    pub fn allow(&self) -> String {
        let mut verbs = Vec::new();
        for route in self.routes() {
            verbs.push(route.verb.as_str());
            if route.verb == Method::GET {
                verbs.push("HEAD");
            }
        }
        verbs.push("OPTIONS");
        verbs.join(", ")
    }
}

impl Route {
    /// The route with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.name == name)
    }

    /// What its method takes and answers.
    #[must_use]
    pub fn contract(&self) -> &'static Contract {
        method::contract(self.name).expect("every row has a method")
    }
}

/// The path without `.` and `..`, escaped or not: some hosts remove them before anybody is asked (RFC 3986 §5.2.4, and
/// the URL Standard of browsers and Workers), so all do.
fn without_dots(path: &str) -> Cow<'_, str> {
    let dots = |segment: &str| match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
        "." => Some(1),
        ".." => Some(2),
        _ => None,
    };
    if !path.split('/').any(|segment| dots(segment).is_some()) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dots(segment) {
            None => kept.push(segment),
            Some(count) => {
                if count == 2 {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

fn parameters(resource: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    let (mut wanted, mut given) = (resource.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(_) if given.is_empty() => return None,
                Some(name) => {
                    let value = percent_encoding::percent_decode_str(given).decode_utf8_lossy();
                    parameters.push((name, value.into_owned()));
                }
                None if wanted == given => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(path: &str, resource: Option<&str>) {
        assert_eq!(Resource::find(path).map(|found| found.path), resource, "{path}");
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
                assert_ne!((&route.verb, route.resource), (&other.verb, other.resource));
            }
        }
    }
}
