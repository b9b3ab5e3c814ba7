//! Conversion of requests and responses between the host and the core.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use ripple_core::http::is_request_id;
use ripple_core::limits;
use wasip2::exports::http::incoming_handler::{IncomingRequest, ResponseOutparam};
use wstd::http::request::try_from_incoming;
use wstd::http::server::Responder;
use wstd::http::{Body, BodyExt as _};

/// Converts a request with its body. If the body is too long, only one byte beyond the limit is read, which is enough
/// to refuse it. Returns `None` if method or path cannot be read, or the body is incomplete.
pub(crate) async fn request(incoming: IncomingRequest) -> Option<Request<Bytes>> {
    let (head, body) = try_from_incoming(incoming).ok()?.into_parts();
    let mut body = body.into_boxed_body();
    let mut bytes = Vec::new();
    while bytes.len() <= limits::BODY {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame.ok()?.into_data() else { continue };
        let room = limits::BODY + 1 - bytes.len();
        bytes.extend_from_slice(&data[..room.min(data.len())]);
    }
    Some(Request::from_parts(head, bytes.into()))
}

/// Returns the client's id of the request, if it is fit for a log.
pub(crate) fn request_id(request: &Request<Bytes>) -> Option<String> {
    let id = request.headers().get("x-request-id")?.to_str().ok()?;
    is_request_id(id).then(|| id.to_owned())
}

/// Passes a response to the host.
pub(crate) async fn respond(mut response: Response<Bytes>, outparam: ResponseOutparam) {
    // A host checks a body against its Content-Length. Without a body the header may be omitted (RFC 9110 §8.6), after
    // HEAD as well.
    if response.body().is_empty() {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    // A client that has disconnected gets no answer.
    let _ = Responder::new(outparam).respond(response.map(Body::from)).await;
}
