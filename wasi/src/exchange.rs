//! Requests and responses between the host and the core.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use ripple_core::http::is_request_id;
use ripple_core::limits;
use wasip2::exports::http::incoming_handler::{IncomingRequest, ResponseOutparam};
use wstd::http::request::try_from_incoming;
use wstd::http::server::Responder;
use wstd::http::{Body, BodyExt as _};

/// The request with its body. Of one that is longer than ripple takes, one byte more than it takes is enough to say so.
/// `None`: its method or path cannot be read, or its body broke off.
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

/// The id that the caller gave it, where it is fit for a log.
pub(crate) fn request_id(request: &Request<Bytes>) -> Option<String> {
    let id = request.headers().get("x-request-id")?.to_str().ok()?;
    is_request_id(id).then(|| id.to_owned())
}

/// Hands a response to the host.
pub(crate) async fn respond(mut response: Response<Bytes>, outparam: ResponseOutparam) {
    // A host holds a body to its Content-Length. Without a body it may be left out (RFC 9110 §8.6), after HEAD as well.
    if response.body().is_empty() {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    // Whoever has gone is told nothing.
    let _ = Responder::new(outparam).respond(response.map(Body::from)).await;
}
