//! The origin, API Gateway: what the edge does not answer itself goes there as it came.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::Uri;
use ripple_core::http::origin_secret::ORIGIN_SECRET;
use ripple_core::{AccessLog, Refusal};
use web_sys::{Headers, Request, RequestCache, RequestInit, RequestRedirect, Response};
use worker::Delay;

use crate::config::Config;
use crate::fetch::{self, FetchError};
use crate::random;

/// How long the origin may take to begin its answer, and to end that of a write: API Gateway itself gives up after 29 s.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
const TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that are about the connection and not the request (RFC 9110 §7.6.1), and `host`, which names the edge.
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

/// Why there is no answer of the origin's: for the caller, and for the log.
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

/// The origin's answer, as it came. Its body passes through and is never held, but that of a write that was made, which is
/// read: whoever is to learn of the write gets both.
pub(crate) async fn forward(
    config: &Config,
    request: &Request,
    target: &Uri,
    report: &AccessLog,
    writes: bool,
) -> Result<(Response, Option<Vec<u8>>), OriginError> {
    let init = init(config, request, report)?;
    let target = target.path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{}{target}", config.origin);
    let answered = pin!(async {
        let (response, abort) = fetch::send(&url, &init).await?;
        let response = of_the_origin(response)?;
        let body = if writes && response.ok() { Some(fetch::body(&response).await?) } else { None };
        // From here on the runtime hands the body on; the caller may take their time.
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
            // A name that is none takes no header along.
            let _ = headers.delete(name.trim());
        }
    }
    for name in NOT_FORWARDED {
        headers.delete(name)?;
    }
    // The caller's own, where it is fit for a log: then both logs have the same.
    headers.set("x-request-id", &report.request_id)?;
    // The edge's own, or none: a client cannot send one through it.
    match config.origin_secret.as_ref().and_then(|secret| secret.to_str().ok()) {
        Some(secret) => headers.set(ORIGIN_SECRET.as_str(), secret)?,
        None => headers.delete(ORIGIN_SECRET.as_str())?,
    }
    if let Some(trace) = report.trace {
        // The edge's own span. Its name is in no log: what the origin does is all that belongs to it.
        headers.set("traceparent", &trace.traceparent(random::bytes()))?;
        if !trace.has_state() {
            headers.delete("tracestate")?;
        }
    }

    let init = RequestInit::new();
    init.set_method(&request.method());
    init.set_headers(&headers);
    init.set_body_opt_readable_stream(request.body().as_ref());
    // An answer of the origin's is somebody's own: neither redirected nor kept on the way.
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    Ok(init)
}

/// An origin that cannot be reached shows, on Cloudflare's network, as a page of Cloudflare's with a status of its own.
/// <https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>
fn of_the_origin(response: Response) -> Result<Response, OriginError> {
    let refusal = match response.status() {
        522 | 524 => Refusal::GatewayTimeout,
        520..=530 => Refusal::BadGateway,
        _ => return Ok(response),
    };
    Err(OriginError { refusal, cause: format!("Cloudflare's status {}", response.status()) })
}
