//! Events: requests in four forms, and events that only keep the function warm.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ripple_core::RecordId;
use ripple_core::auth::Caller;
use ripple_core::http::Route;
use ripple_core::record::schema::{KeyType, Resource};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A request, and the form of its answer.
pub(crate) struct Event {
    pub(crate) request: Request<Bytes>,
    /// The client, if API Gateway has authenticated it.
    pub(crate) caller: Option<Caller>,
    pub(crate) shape: Shape,
}

/// The form of the answer that the function's caller expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// API Gateway REST API: proxy integration, payload 1.0.
    RestProxy,
    /// API Gateway HTTP API and function URL: payload 2.0.
    HttpApi,
    /// The legacy function's mapping template: the plain item or list.
    Plain,
}

/// Why ripple does not accept an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The event has neither a request context nor a method.
    #[error("the event is neither an API Gateway or function URL event nor {{\"method\": …}}")]
    Unknown,
    /// The event names an unknown method.
    #[error("there is no method {0:?}; the methods are {1}")]
    NoSuchMethod(String, String),
    /// The event has a known form, but is not valid.
    #[error("the event is not as it must be: {0}")]
    Malformed(String),
}

impl From<serde_json::Error> for EventError {
    fn from(error: serde_json::Error) -> Self {
        EventError::Malformed(error.to_string())
    }
}

/// The members that distinguish the forms.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    version: Option<IgnoredAnyOrText>,
    request_context: Option<IgnoredAny>,
    method: Option<IgnoredAnyOrText>,
    /// The source of an event of EventBridge: its rules, or its scheduler.
    source: Option<IgnoredAnyOrText>,
    warmer: Option<IgnoredAny>,
}

impl Marks {
    /// Reports whether the event comes from a schedule, or from a plugin that keeps functions warm.
    fn is_ping(&self) -> bool {
        let scheduled = matches!(
            &self.source,
            Some(IgnoredAnyOrText::Text(source)) if source == "aws.events" || source == "aws.scheduler"
        );
        self.request_context.is_none() && self.method.is_none() && (scheduled || self.warmer.is_some())
    }
}

/// Any JSON. A record in a mapping-template event may have its own `version`.
#[derive(Deserialize)]
#[serde(untagged)]
enum IgnoredAnyOrText {
    Text(String),
    Other(IgnoredAny),
}

/// Parses an event for a site with these resources, the default one first. Returns `None` if it requests nothing.
pub(crate) fn parse(event: &str, resources: &[&Resource]) -> Result<Option<Event>, EventError> {
    let marks: Marks = serde_json::from_str(event).map_err(|_| EventError::Unknown)?;
    if marks.is_ping() {
        return Ok(None);
    }
    let event = match (marks.request_context, marks.version, marks.method) {
        (Some(_), Some(IgnoredAnyOrText::Text(version)), _) if version == "2.0" => http_api(event),
        (Some(_), ..) => rest_proxy(event),
        (None, _, Some(IgnoredAnyOrText::Text(method))) => plain(event, &method, resources),
        (None, _, Some(IgnoredAnyOrText::Other(_))) => Err(EventError::Malformed("its method is no string".to_owned())),
        (None, _, None) => Err(EventError::Unknown),
    };
    event.map(Some)
}

fn rest_proxy(event: &str) -> Result<Event, EventError> {
    let event: ApiGatewayProxyRequest = serde_json::from_str(event)?;
    let path = match (&event.resource, &event.path) {
        (Some(resource), Some(path)) if is_of(path, resource) => last_segments(path, resource).to_owned(),
        (Some(resource), _) if resource.starts_with('/') => substitute(resource, &event.path_parameters),
        // An HTTP API with payload 1.0 has one route for everything.
        (_, Some(path)) => {
            let context = &event.request_context;
            without_stage(path, context.stage.as_deref(), context.domain_name.as_deref()).to_owned()
        }
        _ => "/".to_owned(),
    };
    let several = &event.multi_value_query_string_parameters;
    let parameters = if several.is_empty() { &event.query_string_parameters } else { several };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.iter()).finish();
    let headers = if event.multi_value_headers.is_empty() { event.headers } else { event.multi_value_headers };
    let key_id = event.request_context.identity.api_key_id.filter(|id| !id.is_empty());
    Ok(Event {
        request: request(event.http_method, &path, &query, headers, body(event.body, event.is_base64_encoded)?)?,
        caller: key_id.map(|id| Caller::checked_by_gateway(&id)),
        shape: Shape::RestProxy,
    })
}

/// Reports whether a path has at least the segments of a resource, such as `/prj/{prjid}`. `{proxy+}` may have any number.
fn is_of(path: &str, resource: &str) -> bool {
    resource.starts_with('/') && !resource.contains("+}") && path.split('/').count() >= resource.split('/').count()
}

/// Returns the last segments of a path, as many as the resource has. Behind a custom domain, `path` begins with the base
/// path, which ripple does not know. The segments are those that the client sent: `pathParameters` are decoded.
fn last_segments<'a>(path: &'a str, resource: &str) -> &'a str {
    let count = resource.split('/').count() - 1;
    let begin = path.rmatch_indices('/').nth(count.saturating_sub(1)).map_or(0, |(place, _)| place);
    &path[begin..]
}

/// Returns the resource's path with its parameters' values: `{prjid}`, and `{proxy+}`, which may contain slashes.
fn substitute(resource: &str, parameters: &std::collections::HashMap<String, String>) -> String {
    let segment = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name.and_then(|name| parameters.get(name.trim_end_matches('+'))) {
            Some(value) => value.clone(),
            None => segment.to_owned(),
        }
    };
    resource.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn http_api(event: &str) -> Result<Event, EventError> {
    let event: ApiGatewayV2httpRequest = serde_json::from_str(event)?;
    let path = event.raw_path.as_deref().unwrap_or("/");
    let context = &event.request_context;
    let path = without_stage(path, context.stage.as_deref(), context.domain_name.as_deref());
    let query = event.raw_query_string.unwrap_or_default();
    let method = event.request_context.http.method;
    Ok(Event {
        request: request(method, path, &query, event.headers, body(event.body, event.is_base64_encoded)?)?,
        caller: None,
        shape: Shape::HttpApi,
    })
}

/// Returns the path of an HTTP API without its stage. The path begins with a named stage, but not at a custom domain,
/// which names the stage itself. It does not begin with `$default`, nor with that of a function URL.
fn without_stage<'a>(path: &'a str, stage: Option<&str>, domain: Option<&str>) -> &'a str {
    if domain.is_some_and(|domain| !domain.contains(".execute-api.")) {
        return path;
    }
    let stage = stage.unwrap_or("$default");
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
    rest.filter(|path| path.starts_with('/')).unwrap_or(path)
}

/// Converts an event such as `{"method": "get", "prj_id": "a"}` into a request of the route with that name. The record's
/// key and the path's other parameters have their names. All other members are the query or the body. API Gateway and
/// IAM decide before which callers may send such an event.
///
/// The event names its resource as in `{"method": "task.get"}` or `{"method": "get", "resource": "task"}`. Otherwise it is
/// for the default resource, or the only one. A `resource` that is none of the site's is a member like any other.
fn plain(event: &str, method: &str, resources: &[&Resource]) -> Result<Event, EventError> {
    let named = |name: &str| resources.iter().copied().find(|resource| resource.name == name);
    let by_method = method.split_once('.').and_then(|(name, method)| Some((named(name)?, method)));
    let (resource, method) = by_method.map_or((None, method), |(resource, method)| (Some(resource), method));
    let route = Route::named(method).ok_or_else(|| EventError::NoSuchMethod(method.to_owned(), known_methods()))?;
    // The values stay raw text, so numbers keep their digits.
    let mut raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(event)?;
    raw.remove("method");
    let by_member = |raw: &BTreeMap<String, Box<RawValue>>| {
        let name: String = serde_json::from_str(raw.get("resource")?.get()).ok()?;
        named(&name)
    };
    let resource = resource.or_else(|| {
        let found = by_member(&raw)?;
        raw.remove("resource");
        Some(found)
    });
    let only = resources.first().copied().filter(|first| first.is_default || resources.len() == 1);
    let mut path = String::new();
    for segment in route.path.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => {
                let resource = resource.or(only).ok_or_else(|| no_resource(resources))?;
                let value = match name {
                    "resource" => resource.name.clone(),
                    "id" => record(&mut raw, resource)?,
                    name => parameter(&mut raw, name)?,
                };
                path.extend(utf8_percent_encode(&value, SEGMENT));
            }
            None => path.push_str(segment),
        }
    }
    let takes_body = matches!(route.method, Method::POST | Method::PUT | Method::PATCH);
    let (query, body) = if takes_body {
        (String::new(), serde_json::to_vec(&raw)?)
    } else {
        let mut members: Map<String, Value> = Map::new();
        for (name, value) in raw {
            members.insert(name, serde_json::from_str(value.get())?);
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs = members.iter().map(|(name, value)| (name, text(value)));
        (form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish(), Vec::new())
    };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    Ok(Event {
        request: request(route.method.clone(), &path, &query, headers, body.into())?,
        caller: Some(Caller::checked_by_gateway("mapping-template")),
        shape: Shape::Plain,
    })
}

fn no_resource(resources: &[&Resource]) -> EventError {
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    EventError::Malformed(format!("it names no resource; there are {}", names.join(" and ")))
}

/// Takes the members of a record's key out of an event, and returns the record's segment of the path.
fn record(members: &mut BTreeMap<String, Box<RawValue>>, resource: &Resource) -> Result<String, EventError> {
    let mut parts = Vec::new();
    for (name, kind) in resource.names.keys() {
        let value = members.remove(name).ok_or_else(|| EventError::Malformed(format!("{name} is missing")))?;
        let part = match (kind, serde_json::from_str(value.get())?) {
            // Any text is a key, and the segment of some texts means something else.
            (KeyType::String, Value::String(text)) => match RecordId::parse(&text) {
                Ok(_) => text,
                Err(_) => format!("_~{}", URL_SAFE_NO_PAD.encode(text)),
            },
            (KeyType::String, _) => return Err(EventError::Malformed(format!("{name} must be a string"))),
            (KeyType::Number, Value::Number(_)) => value.get().to_owned(),
            (KeyType::Number, _) => return Err(EventError::Malformed(format!("{name} must be a number"))),
        };
        parts.push(part);
    }
    Ok(parts.join(","))
}

/// Takes the member for a parameter of the path out of an event.
fn parameter(members: &mut BTreeMap<String, Box<RawValue>>, member: &str) -> Result<String, EventError> {
    let value = members.remove(member).ok_or_else(|| EventError::Malformed(format!("{member} is missing")))?;
    match serde_json::from_str(value.get())? {
        Value::String(text) => Ok(text),
        Value::Number(_) => Ok(value.get().to_owned()),
        _ => Err(EventError::Malformed(format!("{member} must be a number, or a string of one"))),
    }
}

fn known_methods() -> String {
    ripple_core::http::ROUTES.iter().map(|route| route.name).collect::<Vec<_>>().join(", ")
}

fn body(body: Option<String>, base64: bool) -> Result<Bytes, EventError> {
    match body {
        None => Ok(Bytes::new()),
        Some(text) if base64 => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|_| EventError::Malformed("its body is not base64".to_owned())),
        Some(text) => Ok(text.into()),
    }
}

/// The characters that a path must not contain unencoded. `%` is not one of them, since paths arrive encoded.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'?').add(b'#').add(b'`').add(b'{').add(b'}');
/// The characters to encode in a value that becomes a segment of a path. It arrives unencoded.
const SEGMENT: &AsciiSet = &PATH.add(b'%').add(b'/');

fn request(
    method: Method,
    path: &str,
    query: &str,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Bytes>, EventError> {
    let path = utf8_percent_encode(path, PATH).to_string();
    let query = utf8_percent_encode(query, PATH).to_string();
    let target = if query.is_empty() { path } else { format!("{path}?{query}") };
    let uri: Uri = target.parse().map_err(|error| EventError::Malformed(format!("its path: {error}")))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}
