//! One WebSocket: its upgrade, its frames, its end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ripple_core::http::upgrade::Upgrade;
use ripple_core::live::{Close, PROTOCOL};
use ripple_core::store::Source as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Live, Place, Told};
use crate::commands::dev::site::Serving;

/// The size of a message that is read at all. The protocol has a smaller limit, and an answer to what exceeds it.
const MESSAGE: usize = 64 * 1024;
/// How long a client may take to receive one text.
const SEND: Duration = Duration::from_secs(30);
/// How long a client may take to confirm a close.
const FAREWELL: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Answers a request for a socket. The socket is served by a task of its own.
pub(in crate::commands::dev) async fn upgrade(
    live: &Arc<Live>,
    serving: &Serving,
    mut request: Request,
) -> Response<Body> {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let request = http::Request::from_parts(parts, Bytes::new());
    let upgrade = match serving.function.api().upgrade(&request, ripple_host::request_context()).await {
        Ok(upgrade) => upgrade,
        Err(response) => return response.map(Body::from),
    };
    let shards = serving.function.api().store_of(&upgrade.resource).map_or(1, |store| store.shards());
    let accept = key.and_then(|key| HeaderValue::from_str(&key).ok()).expect("the key was checked, and this is base64");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    let permit = Arc::clone(&live.places).try_acquire_owned().ok();
    tokio::spawn(serve(Arc::clone(live), on_upgrade, upgrade, shards, permit));
    response
}

/// Serves a socket to its end. It keeps its place among the sockets until then.
async fn serve(
    live: Arc<Live>,
    on_upgrade: OnUpgrade,
    upgrade: Upgrade,
    shards: u16,
    permit: Option<OwnedSemaphorePermit>,
) {
    let Upgrade { resource, reader, since, log } = upgrade;
    let started = ripple_host::now();
    // The client has disconnected.
    let Ok(upgraded) = on_upgrade.await else { return };
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE)).max_frame_size(Some(MESSAGE));
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let opened = reader.and_then(|reader| {
        let _place = permit.as_ref().ok_or(Close::Full)?;
        live.open(&resource, shards, &reader, since.as_deref())
    });
    let close = match opened {
        Ok(mut place) => {
            let close = exchange(&live, &mut place, &mut socket).await;
            live.closed(&place);
            close
        }
        Err(close) => Some(close),
    };
    let seconds = ripple_host::now().0.saturating_sub(started.0) / 1000;
    tracing::info!(
        target: "ripple", request_id = log.request_id, method = log.method, resource, key_id = log.key_id, seconds,
        close = close.map(Close::code), "socket closed"
    );
    if let Some(close) = close {
        // A client that does not confirm it is left.
        let _ = tokio::time::timeout(FAREWELL, end(socket, close)).await;
    }
}

/// Passes texts in both directions. Returns why the host closes the socket. Returns `None` if the client did.
async fn exchange(live: &Live, place: &mut Place, socket: &mut Socket) -> Option<Close> {
    loop {
        tokio::select! {
            told = place.told.recv() => match told {
                Some(Told::Text(text)) => {
                    let message = Message::text(&*text);
                    match tokio::time::timeout(SEND, socket.send(message)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return None,
                        Err(_) => return Some(Close::Slow),
                    }
                }
                Some(Told::Close(close)) => return Some(close),
                None => return Some(Close::Slow),
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => live.receive(place, text.as_str()),
                // The protocol has only texts. An empty one is malformed.
                Some(Ok(Message::Binary(_))) => live.receive(place, ""),
                Some(Ok(Message::Close(_))) | None => return None,
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(_))) => return Some(Close::FrameTooLarge),
                Some(Err(_)) => return None,
            },
        }
    }
}

/// Closes a socket, and waits until the client has confirmed it.
async fn end(mut socket: Socket, close: Close) {
    let frame = CloseFrame { code: CloseCode::from(close.code()), reason: close.reason().into() };
    if socket.close(Some(frame)).await.is_err() {
        return;
    }
    loop {
        match socket.next().await {
            Some(Ok(_)) => {}
            None | Some(Err(Error::ConnectionClosed)) => return,
            Some(Err(_)) => break,
        }
    }
    // A connection that ends with unread bytes is reset, and the client may not see why it was closed.
    let _ = tokio::io::copy(socket.get_mut(), &mut tokio::io::sink()).await;
}
