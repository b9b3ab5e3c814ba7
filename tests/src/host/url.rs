//! Any ripple at a base URL, over HTTP/1.1.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime;

use super::{Host, Keys};

/// API Gateway gives up after 29 s, so a later response does not count.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an idle connection is kept. It is less than any host keeps one: otherwise the host might close it just as
/// the next request is sent. (`ripple dev` keeps it for 30 s, a load balancer of AWS for 60 s.)
const IDLE: Duration = Duration::from_secs(2);

pub(super) fn host(base: &str, keys: Keys, served: Vec<String>) -> Result<Host, String> {
    let base = base.trim_end_matches('/').to_owned();
    let whole = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    let valid = base.parse().is_ok_and(whole);
    if !valid {
        return Err(format!("RIPPLE_URL is {base}; it must be like https://host/stage"));
    }
    // One thread drives all connections. The cases wait on their own threads.
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| format!("no TLS: {error}"))?
        .https_or_http()
        .enable_http1()
        .build();
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
    let client: Client<_, Full<Bytes>> = client.build(connector);

    let send = move |mut request: Request<Bytes>| -> Response<Bytes> {
        let asked = format!("{} {base}{}", request.method(), request.uri());
        *request.uri_mut() = format!("{base}{}", request.uri()).parse().expect("a base URL and a path make a URI");
        let exchange = async {
            let (head, body) = client.request(request.map(Full::new)).await.map_err(|e| chain(&e))?.into_parts();
            let body = body.collect().await.map_err(|e| chain(&e))?.to_bytes();
            Ok::<_, String>(Response::from_parts(head, body))
        };
        match runtime.block_on(async { tokio::time::timeout(PATIENCE, exchange).await }) {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => panic!("{asked}: {error}"),
            Err(_) => panic!("{asked}: no answer within {} s", PATIENCE.as_secs()),
        }
    };
    Ok(Host { name: "url", keys, served, send: Box::new(send) })
}

/// Returns an error with its causes: hyper's own text only says that something failed.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
