//! API Gateway's part for a REST API with proxy integration: it converts a request into an event of payload 1.0, and
//! the function's answer into a response.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ripple_core::http::{Target, upgrade};
use ripple_core::limits;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_host::random;
use ripple_lambda::{Function, Invocation};
use serde_json::value::{RawValue, to_raw_value};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::connections;
use super::live::{self, Held, Live};
use super::site::Current;

/// API Gateway's quota for a payload.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
const PAYLOAD: usize = 10 * 1024 * 1024;
/// API Gateway's default quota for an integration.
const TIMEOUT: Duration = Duration::from_secs(29);

/// The reason why there is no page /app.
pub(super) const NO_PAGES: &str =
    "the page is a part of a release's archive, and `cargo xtask dev` builds it; --pages names its folder";

const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The static files of the edge, with their media types. The function has none of them.
const FILES: [(&str, &str); 5] = [
    ("docs/page.js", SCRIPT),
    ("docs/scalar.js", SCRIPT),
    ("app/app.js", SCRIPT),
    ("app/app.css", "text/css; charset=utf-8"),
    ("app/icon.svg", "image/svg+xml"),
];

/// The size up to which a body counts as small.
const SMALL_BODY: usize = 64 * 1024;
/// The number of large bodies held at once. It bounds memory, and further requests are throttled.
static LARGE_BODIES: Semaphore = Semaphore::const_new(64);

/// Serves the API until it is told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    current: Current,
    live: Option<Arc<Live>>,
    pages: Option<PathBuf>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut app = Router::new().fallback(answer);
    if let Some(folder) = pages {
        for (name, media_type) in FILES {
            let path = folder.join(name);
            let headers = [("content-type", media_type), ("cache-control", "no-cache")];
            app = app.route(&format!("/{name}"), get(move || file(path, headers)));
        }
        let worker = folder.join("app/offline.js");
        let headers = [("content-type", SCRIPT), ("cache-control", "no-cache"), ripple_deploy::APP_WORKER];
        app = app.route("/app/offline.js", get(move || file(worker, headers)));
        app = app.route("/app", get(move || file(folder.join("app.html"), ripple_deploy::APP)));
    } else {
        app = app.route("/app", get(async || message(StatusCode::NOT_FOUND, NO_PAGES)));
    }
    let app = app.with_state(Front { current, live, stopped: stopped.clone() });
    let stop = async move {
        // This also ends if the sender is dropped.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    connections::serve(listener, app, stop).await;
}

/// What answers requests.
#[derive(Clone)]
struct Front {
    current: Current,
    /// `None` where no feed tells of changes.
    live: Option<Arc<Live>>,
    stopped: watch::Receiver<bool>,
}

async fn answer(State(front): State<Front>, request: Request) -> Response<Body> {
    if is_of_browser(&request) {
        return page(ripple_deploy::FIRST_PAGE.as_bytes().to_vec(), ripple_deploy::FIRST);
    }
    let serving = Arc::clone(&front.current.borrow());
    let function = &serving.function;
    let Some(live) = &front.live else { return timed(function, request).await };
    if upgrade::is_asked_for(&request) {
        return live::upgrade(live, &serving, request).await;
    }
    let (parts, body) = request.into_parts();
    if let Some(held) = Held::of(&parts) {
        let ask = || timed(function, Request::from_parts(parts.clone(), Body::empty()));
        return live::hold(live, &held, front.stopped, ask).await;
    }
    let writes = !parts.method.is_safe();
    let response = timed(function, Request::from_parts(parts, body)).await;
    if writes && response.status().is_success() {
        live.saved();
    }
    response
}

async fn timed(function: &Function<DynamoDb>, request: Request) -> Response<Body> {
    let id = uuid::Builder::from_random_bytes(random()).into_uuid().to_string();
    let mut response = match tokio::time::timeout(TIMEOUT, invoke(function, request, &id)).await {
        Ok(response) => response,
        Err(_) => message(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"),
    };
    let id = HeaderValue::from_str(&id).expect("a UUID is visible ASCII");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}

async fn invoke(function: &Function<DynamoDb>, request: Request, id: &str) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut large = None;
    let mut chunks = body.into_data_stream();
    let (mut body, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        // The client has disconnected and does not see this answer.
        let Ok(chunk) = chunk else { return message(StatusCode::BAD_REQUEST, "Bad Request") };
        length += chunk.len();
        if length > PAYLOAD {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
        }
        if length > SMALL_BODY && large.is_none() {
            let Ok(place) = LARGE_BODIES.try_acquire() else {
                return message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
            };
            large = Some(place);
        }
        // If a body is too long, one byte beyond the limit is enough to refuse it.
        let room = limits::BODY + 1 - body.len();
        body.extend_from_slice(&chunk[..room.min(chunk.len())]);
    }
    // Like API Gateway, which creates a trace if there is none.
    let trace = parts.headers.get("x-amzn-trace-id").and_then(|trace| trace.to_str().ok());
    let answered = match event(&parts, &body, id) {
        Ok(event) => function.handle(&event, Invocation { id, trace }).await.ok(),
        Err(_) => None,
    };
    let reply = answered.and_then(|reply| serde_json::from_str::<ApiGatewayProxyResponse>(reply.get()).ok());
    reply.and_then(response).unwrap_or_else(|| message(StatusCode::BAD_GATEWAY, "Internal server error"))
}

/// Returns an event. <https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event>
fn event(parts: &http::request::Parts, body: &[u8], id: &str) -> serde_json::Result<Box<RawValue>> {
    let path = parts.uri.path();
    let mut event = ApiGatewayProxyRequest::default();
    event.path = Some(path.to_owned());
    match Target::find(path) {
        Some(found) => {
            let (template, parameters) = found.template();
            event.resource = Some(template);
            let encoded = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
            event.path_parameters = parameters.into_iter().map(|(name, value)| (name, encoded(&value))).collect();
        }
        None => {
            event.resource = Some("/{proxy+}".to_owned());
            let rest = path.strip_prefix('/').unwrap_or(path).to_owned();
            event.path_parameters = HashMap::from([("proxy".to_owned(), rest)]);
        }
    }
    event.http_method = parts.method.clone();
    event.multi_value_headers = parts.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    event.headers = event.multi_value_headers.clone();
    let query = parts.uri.query().unwrap_or_default();
    let mut several: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        several.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    event.multi_value_query_string_parameters = several.into();
    event.request_context.http_method = parts.method.clone();
    event.request_context.request_id = Some(id.to_owned());
    event.request_context.stage = Some("dev".to_owned());
    event.request_context.resource_path = event.resource.clone();
    event.request_context.path = event.path.clone();
    event.request_context.identity.source_ip = Some("127.0.0.1".to_owned());
    if !body.is_empty() {
        let text = std::str::from_utf8(body).map(str::to_owned);
        event.is_base64_encoded = text.is_err();
        event.body = Some(text.unwrap_or_else(|_| STANDARD.encode(body)));
    }
    to_raw_value(&event)
}

/// Returns a header's value as text, since an event is JSON. A value that is not UTF-8 is read as ISO-8859-1 (RFC 9110
/// §5.5). If it were left out, it could not be refused.
fn text(value: &HeaderValue) -> HeaderValue {
    if std::str::from_utf8(value.as_bytes()).is_ok() {
        return value.clone();
    }
    let text: String = value.as_bytes().iter().copied().map(char::from).collect();
    HeaderValue::from_str(&text).expect("what was a header's value has no control characters, nor has its UTF-8")
}

fn response(reply: ApiGatewayProxyResponse) -> Option<Response<Body>> {
    let bytes = match reply.body {
        Some(aws_lambda_events::encodings::Body::Text(text)) => text.into_bytes(),
        Some(aws_lambda_events::encodings::Body::Binary(bytes)) => bytes,
        _ => Vec::new(),
    };
    let status = u16::try_from(reply.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok())?;
    // axum adds the length of a body if it is known. A 304's length would have to be that of the record (RFC 9110
    // §8.6).
    let body = if status == StatusCode::NOT_MODIFIED {
        Body::from_stream(futures_util::stream::empty::<std::io::Result<Vec<u8>>>())
    } else {
        Body::from(bytes)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = reply.headers;
    response.headers_mut().extend(reply.multi_value_headers);
    Some(response)
}

async fn file<const N: usize>(path: PathBuf, headers: [(&'static str, &'static str); N]) -> Response<Body> {
    match std::fs::read(&path) {
        Ok(text) => page(text, headers),
        Err(error) => message(StatusCode::NOT_FOUND, &format!("{}: {error}", path.display())),
    }
}

fn page<const N: usize>(text: Vec<u8>, headers: [(&'static str, &'static str); N]) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Reports whether a browser asks for `/`, where the API has nothing. Other clients get the API's answer.
fn is_of_browser(request: &Request) -> bool {
    let takes_pages = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().path() == "/"
        && request.headers().get_all(ACCEPT).iter().any(takes_pages)
}

/// Returns an answer of API Gateway itself.
fn message(status: StatusCode, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    response
}
