//! The origin, API Gateway. Requests that the edge does not answer are forwarded to it.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::Uri;
use ripple_core::http::origin_secret::ORIGIN_SECRET;
use ripple_core::{AccessLog, Refusal};
use ripple_platform::fetch::{self, FetchError};
use ripple_platform::random;
use web_sys::{Headers, Request, RequestCache, RequestInit, RequestRedirect, Response};
use worker::Delay;

use crate::config::Config;

/// How long the origin may take to begin its answer, and to end one that is read. API Gateway gives up after 29 s.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
const TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that describe the connection and not the request (RFC 9110 §7.6.1), and `host`, which names the edge.
const NOT_FORWARDED: &[&str] = &[
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why the origin gave no answer: for the client, and for the log.
#[derive(Debug, thiserror::Error)]
#[error("origin: {cause}")]
pub(crate) struct OriginError {
    pub(crate) refusal: Refusal,
    cause: String,
}

impl From<FetchError> for OriginError {
    fn from(error: FetchError) -> Self {
        OriginError { refusal: Refusal::BadGateway, cause: error.to_string() }
    }
}

/// Returns the origin's answer unchanged. Its body is passed through and not held in memory, unless it is that of a
/// success and the worker `reads` it.
///
/// # Errors
/// If the origin gives no answer.
pub(crate) async fn forward(
    config: &Config,
    request: &Request,
    target: &Uri,
    report: &AccessLog,
    reads: bool,
) -> Result<(Response, Option<Vec<u8>>), OriginError> {
    let init = init(config, request, report)?;
    let target = target.path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{}{target}", config.origin);
    let answered = pin!(async {
        let (response, abort) = fetch::send(&url, &init).await?;
        let response = of_the_origin(response)?;
        let body = if reads && response.ok() { Some(fetch::body(&response).await?) } else { None };
        // From here on the runtime passes the body on, and the client may take any time.
        abort.release();
        Ok((response, body))
    });
    match select(answered, Delay::from(TIMEOUT)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(OriginError {
            refusal: Refusal::GatewayTimeout,
            cause: format!("no answer in {} s", TIMEOUT.as_secs()),
        }),
    }
}

fn init(config: &Config, request: &Request, report: &AccessLog) -> Result<RequestInit, FetchError> {
    let headers = Headers::new_with_headers(&request.headers())?;
    if let Some(named) = headers.get("connection")? {
        for name in named.split(',') {
            // An invalid name removes no header.
            let _ = headers.delete(name.trim());
        }
    }
    for name in NOT_FORWARDED {
        headers.delete(name)?;
    }
    // The client's own id is used if it is fit for a log. Then both logs have the same.
    headers.set("x-request-id", &report.request_id)?;
    // The edge sets its own secret or none. A client cannot send one through the edge.
    match config.origin_secret.as_ref().and_then(|secret| secret.to_str().ok()) {
        Some(secret) => headers.set(ORIGIN_SECRET.as_str(), secret)?,
        None => headers.delete(ORIGIN_SECRET.as_str())?,
    }
    if let Some(trace) = report.trace {
        // The edge's own span. Its name is in no log, since only the origin's work belongs to it.
        headers.set("traceparent", &trace.traceparent(random::bytes()))?;
        if !trace.has_state() {
            headers.delete("tracestate")?;
        }
    }

    let init = RequestInit::new();
    init.set_method(&request.method());
    init.set_headers(&headers);
    init.set_body_opt_readable_stream(request.body().as_ref());
    // An answer of the origin belongs to one client: it is neither redirected nor cached on the way.
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    Ok(init)
}

/// Converts Cloudflare's error pages. On Cloudflare's network, an origin that cannot be reached appears as a page of
/// Cloudflare with its own status.
/// <https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>
fn of_the_origin(response: Response) -> Result<Response, OriginError> {
    let refusal = match response.status() {
        522 | 524 => Refusal::GatewayTimeout,
        520..=530 => Refusal::BadGateway,
        _ => return Ok(response),
    };
    Err(OriginError { refusal, cause: format!("Cloudflare's status {}", response.status()) })
}
