//! HTTP from a Worker: `fetch`, and the SDK's HTTP client that uses it.
//!
//! A request that is no longer awaited is aborted. The SDK's timeouts drop the future of an attempt, which closes the
//! connection. A Worker has only a few connections.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestInit, Response, WorkerGlobalScope};
use worker::send::SendFuture;

/// Why there is no response: what the runtime threw. The text is for the log. `worker::Error` would be 2 KB of the bundle.
#[derive(Debug, thiserror::Error)]
#[error("fetch: {0}")]
pub struct FetchError(String);

impl From<JsValue> for FetchError {
    fn from(thrown: JsValue) -> Self {
        let message = thrown.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
        FetchError(message.or_else(|| thrown.as_string()).unwrap_or_else(|| "no error was thrown".to_owned()))
    }
}

/// Aborts a request when dropped.
#[derive(Debug)]
pub struct Abort(Option<AbortController>);

impl Abort {
    /// Stops aborting: another owner now decides about the request.
    pub fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

/// Sends a request. The returned [`Abort`] aborts the rest of it when dropped.
///
/// # Errors
/// If the runtime throws.
pub async fn send(url: &str, init: &RequestInit) -> Result<(Response, Abort), FetchError> {
    let controller = AbortController::new()?;
    init.set_signal(Some(&controller.signal()));
    let abort = Abort(Some(controller));
    let worker: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(worker.fetch_with_str_and_init(url, init)).await?;
    Ok((response.unchecked_into(), abort))
}

/// Returns the whole body of a response.
///
/// # Errors
/// If the runtime throws.
pub async fn body(response: &Response) -> Result<Vec<u8>, FetchError> {
    let buffer: ArrayBuffer = JsFuture::from(response.array_buffer()?).await?.unchecked_into();
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The SDK's HTTP client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetch;

impl HttpClient for Fetch {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // The settings are timeouts of sockets, which a Worker does not have. The timeouts of attempts and operations
        // apply.
        SharedHttpConnector::new(*self)
    }
}

impl HttpConnector for Fetch {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(SendFuture::new(exchange(request)))
    }
}

async fn exchange(request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let init = init(&request)?;
    // A lost connection or a similar error, which the SDK retries.
    let lost = |error: FetchError| ConnectorError::io(error.into());
    let (response, abort) = send(request.uri(), &init).await.map_err(lost)?;
    let bytes = body(&response).await.map_err(lost)?;
    abort.release();

    let status = StatusCode::try_from(response.status()).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut answer = HttpResponse::new(status, SdkBody::from(bytes));
    for name in RESPONSE_HEADERS {
        if let Ok(Some(value)) = response.headers().get(name) {
            answer.headers_mut().insert(*name, value);
        }
    }
    Ok(answer)
}

/// The headers of DynamoDB's response that the SDK uses. Each costs a call into JavaScript, but reading all headers
/// costs more.
const RESPONSE_HEADERS: &[&str] =
    &["content-type", "content-length", "x-amzn-requestid", "x-amz-crc32", "x-amzn-errortype", "retry-after", "date"];

fn init(request: &HttpRequest) -> Result<RequestInit, ConnectorError> {
    let unfit = |error: JsValue| ConnectorError::user(FetchError::from(error).into());
    let headers = Headers::new().map_err(unfit)?;
    for (name, value) in request.headers() {
        headers.append(name, value).map_err(unfit)?;
    }
    let init = RequestInit::new();
    init.set_method(request.method());
    init.set_headers(&headers);
    match request.body().bytes() {
        Some([]) => {}
        Some(bytes) => init.set_body(&Uint8Array::from(bytes)),
        None => return Err(ConnectorError::user("a streamed body: DynamoDB's operations have none".into())),
    }
    Ok(init)
}
