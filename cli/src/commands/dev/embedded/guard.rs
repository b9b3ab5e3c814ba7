//! A guard before the engine: it passes requests of programs on this machine, and refuses those of web pages.
//!
//! The engine accepts any credentials and allows every origin. So any page in a browser on this machine could read and
//! write the database. A browser sends `Origin` with such a request. A page whose own name resolves to 127.0.0.1 sends
//! that name as `Host`.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

use crate::commands::dev::connections;

const NOT_FOR_PAGES: &str = "the embedded DynamoDB refuses requests of web pages: this request has an Origin header";
const NOT_FOR_NAMES: &str =
    "the embedded DynamoDB accepts only localhost or a loopback address as Host: this request has another one";

/// The destination of requests that pass.
#[derive(Clone)]
struct Onward {
    client: Client<HttpConnector, Body>,
    engine: Authority,
}

/// Serves until it is told to stop.
pub(super) async fn serve(listener: TcpListener, engine: SocketAddr, stop: impl Future<Output = ()>) {
    let engine = Authority::try_from(engine.to_string()).expect("an address is an authority");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let app = Router::new().fallback(answer).with_state(Onward { client, engine });
    connections::serve(listener, app, stop).await;
}

async fn answer(State(onward): State<Onward>, mut request: Request) -> Response<Body> {
    if let Some(why) = refusal(request.headers()) {
        return refused(StatusCode::FORBIDDEN, "AccessDeniedException", why);
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(onward.engine);
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).expect("the URI has a scheme, an authority and a path");
    match onward.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "the database engine does not respond")
        }
    }
}

/// Returns why a request is refused. Returns `None` if it passes.
fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    if headers.contains_key(ORIGIN) {
        return Some(NOT_FOR_PAGES);
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none());
    let loopback = host.and_then(|host| host.to_str().ok()).is_some_and(is_loopback);
    (!loopback).then_some(NOT_FOR_NAMES)
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Returns an error in the form of DynamoDB, without the headers that would let a page read it.
fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let code = format!("com.amazon.coral.service#{code}");
    let body = serde_json::json!({ "__type": code, "Message": message, "message": message });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_through(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        refusal(&map).is_none()
    }

    #[test]
    fn programs_of_this_machine_are_let_through() {
        for host in ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.9.8.7"] {
            assert!(let_through(&[("host", host)]), "{host}");
        }
    }

    #[test]
    fn web_pages_are_refused() {
        for origin in ["http://evil.example", "http://127.0.0.1:8000", "null", ""] {
            assert!(!let_through(&[("host", "127.0.0.1:8000"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn a_name_that_only_resolves_to_this_machine_is_refused() {
        for host in
            ["evil.example:8000", "127.0.0.1.evil.example", "localhost.", "10.0.0.7", "a@localhost", "", "[::2]"]
        {
            assert!(!let_through(&[("host", host)]), "{host}");
        }
        assert!(!let_through(&[]));
        assert!(!let_through(&[("host", "localhost"), ("host", "evil.example")]));
    }
}
